import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // Keys that were booked while key-management could not say whether they exist. Each is asked about when it is used
  // again. Those that exist are forgotten then; the others stay, so that nothing more is booked of them.
  `CREATE TABLE billing.unasked_key (
    api_key_id text NOT NULL,
    organization_id text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT unasked_key_pk PRIMARY KEY (api_key_id, organization_id)
  )`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'unasked_key',
    service: 'SELECT',
    allTenants: 'SELECT, INSERT, DELETE',
  }),
];

/** A key that nobody has is not trusted for good because it was booked while nobody could be asked about it. */
export class UnaskedKeys1799280000001 implements Migration {
  name = 'UnaskedKeys1799280000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE billing.unasked_key');
  }
}
