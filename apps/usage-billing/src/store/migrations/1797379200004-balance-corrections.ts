import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // Balances that were corrected to what the transfers of their account add up to. Rows are only ever added.
  `CREATE TABLE billing.balance_correction (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT balance_correction_pk PRIMARY KEY,
    account_id text NOT NULL,
    organization_id text NOT NULL,
    before_nano_usd bigint NOT NULL,
    after_nano_usd bigint NOT NULL,
    corrected_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE TRIGGER balance_correction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.balance_correction
     FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change()`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'balance_correction',
    service: 'SELECT',
    allTenants: 'SELECT, INSERT',
  }),
];

/** Corrections of balances are kept. */
export class BalanceCorrections1797379200004 implements Migration {
  name = 'BalanceCorrections1797379200004';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE billing.balance_correction');
  }
}
