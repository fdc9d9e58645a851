import { commonTableSql, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // Up to when the transfers of an account were summed up, and found to be what was posted. whole_at is when all of
  // them were read last, from the first one on.
  `CREATE TABLE billing.account_check (
    account_id text CONSTRAINT account_check_pk PRIMARY KEY,
    organization_id text NOT NULL,
    posted_nano_usd bigint NOT NULL,
    transfers bigint NOT NULL,
    summed_until timestamptz NOT NULL,
    whole_at timestamptz
  )`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'account_check',
    service: 'SELECT',
    allTenants: 'SELECT, INSERT, UPDATE, DELETE',
  }),
  // Where ledger, admission and events do not agree. A row that was seen once may be a call under way; times counts the
  // checks in a row.
  `CREATE TABLE billing.reconciliation_difference (
    account_id text NOT NULL,
    place text NOT NULL CONSTRAINT reconciliation_difference_place_known
      CHECK (place IN ('transfers', 'events', 'admission', 'holds')),
    organization_id text NOT NULL,
    ledger_nano_usd numeric NOT NULL,
    transfers_nano_usd numeric,
    events_nano_usd numeric,
    admission_nano_usd numeric,
    held_nano_usd numeric,
    difference_nano_usd numeric NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    times integer NOT NULL DEFAULT 1,
    CONSTRAINT reconciliation_difference_pk PRIMARY KEY (account_id, place)
  )`,
  'CREATE INDEX reconciliation_difference_by_organization ON billing.reconciliation_difference (organization_id)',
  ...tenantTableSql({
    schema: 'billing',
    table: 'reconciliation_difference',
    service: 'SELECT',
    allTenants: 'SELECT, INSERT, UPDATE, DELETE',
  }),
  // Lists of accounts are paged by their ids.
  'DROP INDEX billing.account_by_organization',
  'CREATE INDEX account_by_organization ON billing.account (organization_id, account_id)',
  // One row: of several processes the one that finds it due does the check. passed_to is the account that the slow pass
  // over all accounts has reached, and pass_ended_at when it last reached the end.
  `CREATE TABLE billing.reconciliation (
    single boolean CONSTRAINT reconciliation_pk PRIMARY KEY DEFAULT true CONSTRAINT reconciliation_one_row CHECK (single),
    due_at timestamptz NOT NULL,
    running_since timestamptz,
    checked_at timestamptz,
    checked_accounts bigint NOT NULL DEFAULT 0,
    passed_to text NOT NULL DEFAULT '',
    pass_ended_at timestamptz
  )`,
  `INSERT INTO billing.reconciliation (due_at) VALUES (now() + interval '1 minute')`,
  ...commonTableSql({ schema: 'billing', table: 'reconciliation', service: 'SELECT', allTenants: 'SELECT, UPDATE' }),
];

/** Ledger, admission and events are compared each minute; what was compared and what differed is kept. */
export class Reconciliation1797379200003 implements Migration {
  name = 'Reconciliation1797379200003';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX billing.account_by_organization');
    await runner.query('CREATE INDEX account_by_organization ON billing.account (organization_id)');
    for (const table of ['reconciliation', 'reconciliation_difference', 'account_check'])
      await runner.query(`DROP TABLE billing.${table}`);
  }
}
