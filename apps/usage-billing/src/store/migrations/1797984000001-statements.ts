import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // Statements that were issued. A cycle is the first day of its month. What arrives after the issue makes a new
  // revision, so no row ever changes. The sums stand beside the content, to see quickly whether there is more now.
  `CREATE TABLE billing.statement (
    organization_id text NOT NULL,
    cycle date NOT NULL,
    revision integer NOT NULL CONSTRAINT statement_revision_positive CHECK (revision > 0),
    issued_at timestamptz NOT NULL DEFAULT now(),
    requests bigint NOT NULL,
    usage_nano_usd bigint NOT NULL,
    fees_nano_usd bigint NOT NULL,
    content jsonb NOT NULL,
    CONSTRAINT statement_pk PRIMARY KEY (organization_id, cycle, revision)
  )`,
  `CREATE TRIGGER statement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.statement
     FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change()`,
  // Few transfers are none of a call: they are found without reading those of calls.
  `CREATE INDEX transfer_of_credit ON billing.transfer (organization_id, created_at) WHERE kind IN ('grant', 'expire', 'fee')`,
  ...tenantTableSql({ schema: 'billing', table: 'statement', service: 'SELECT, INSERT', allTenants: 'SELECT' }),
  // What was charged to grants, to quotas of subscriptions and to their pay-as-you-go, by the month in which the calls
  // count: statements say who has paid for what.
  `CREATE TABLE billing.account_usage_month (
    organization_id text NOT NULL,
    account_id text NOT NULL,
    cycle date NOT NULL,
    charge_nano_usd bigint NOT NULL,
    CONSTRAINT account_usage_month_pk PRIMARY KEY (organization_id, account_id, cycle)
  )`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'account_usage_month',
    service: 'SELECT',
    allTenants: 'SELECT, INSERT, UPDATE',
  }),
];

/** Statements of organisations, and what they need to know of prepaid credit. */
export class Statements1797984000001 implements Migration {
  name = 'Statements1797984000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('statements that were issued are not dropped by a migration'));
  }
}
