import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** Prices that the operator has set for one organisation: each version is kept for good, and one of them counts. */
export class OrganizationPrices1798156800001 implements Migration {
  name = 'OrganizationPrices1798156800001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [
      // json and not jsonb: the version is that of the text.
      `CREATE TABLE billing.organization_price_version (
         organization_id text NOT NULL,
         version text NOT NULL CONSTRAINT organization_price_version_form CHECK (version ~ '^[0-9a-f]{12}$'),
         first_set_at timestamptz NOT NULL DEFAULT now(),
         prices json NOT NULL,
         CONSTRAINT organization_price_version_pk PRIMARY KEY (organization_id, version))`,
      ...tenantTableSql({
        schema: 'billing',
        table: 'organization_price_version',
        service: 'SELECT, INSERT',
        allTenants: 'SELECT',
      }),
      // Null: the organisation pays what everybody does.
      'ALTER TABLE billing.organization_terms ADD COLUMN price_version text',
      `ALTER TABLE billing.organization_terms ADD CONSTRAINT organization_terms_price_version_known
         FOREIGN KEY (organization_id, price_version) REFERENCES billing.organization_price_version (organization_id, version)`,
    ])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.organization_terms DROP COLUMN price_version');
    await runner.query('DROP TABLE billing.organization_price_version');
  }
}
