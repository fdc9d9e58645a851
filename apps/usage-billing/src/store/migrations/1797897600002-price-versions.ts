import { commonTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** Each version of the price book is kept from the first time that it is seen. Prices are of no organisation. */
export class PriceVersions1797897600002 implements Migration {
  name = 'PriceVersions1797897600002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE billing.price_version (
         version text PRIMARY KEY,
         first_seen_at timestamptz NOT NULL DEFAULT now(),
         prices jsonb NOT NULL)`,
    );
    const rights = {
      schema: 'billing',
      table: 'price_version',
      service: 'SELECT',
      allTenants: 'SELECT, INSERT',
    } as const;
    for (const statement of commonTableSql(rights)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE billing.price_version');
  }
}
