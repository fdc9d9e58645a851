import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const TABLES = [
  // What the sums of a day were when its roll-ups and events were compared last: a day with other sums is compared
  // again within a minute.
  `CREATE TABLE billing.usage_check (
    organization_id text NOT NULL,
    at timestamptz NOT NULL,
    requests numeric NOT NULL,
    charge_nano_usd numeric NOT NULL,
    checked_at timestamptz NOT NULL,
    CONSTRAINT usage_check_pk PRIMARY KEY (organization_id, at)
  )`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'usage_check',
    service: 'SELECT',
    allTenants: 'SELECT, INSERT, UPDATE, DELETE',
  }),
  // Which book has other sums of a time than most others have. The columns that begin with has_ are its own, the others
  // what most have. times counts the comparisons in a row.
  `CREATE TABLE billing.usage_difference (
    organization_id text NOT NULL,
    book text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    sums text[] NOT NULL,
    requests numeric NOT NULL,
    has_requests numeric,
    charge_nano_usd numeric NOT NULL,
    has_charge_nano_usd numeric NOT NULL,
    events_nano_usd numeric,
    transfers_nano_usd numeric,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    times integer NOT NULL DEFAULT 1,
    CONSTRAINT usage_difference_pk PRIMARY KEY (organization_id, book, starts_at)
  )`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'usage_difference',
    service: 'SELECT',
    allTenants: 'SELECT, INSERT, UPDATE, DELETE',
  }),
  // Where the slow pass over all usage is: all of this organisation before this moment was compared.
  `ALTER TABLE billing.reconciliation
     ADD COLUMN usage_passed_organization text NOT NULL DEFAULT '',
     ADD COLUMN usage_passed_to timestamptz,
     ADD COLUMN usage_pass_ended_at timestamptz`,
];

const DELETED_EVENTS = [
  `ALTER TABLE billing.usage_deleted DROP CONSTRAINT usage_deleted_unit_known,
     ADD CONSTRAINT usage_deleted_unit_known CHECK (unit IN ('minute', 'hour', 'event'))`,
  // Months with usage and without a partition were taken away, or are of before there were partitions of months.
  `INSERT INTO billing.usage_deleted (unit, before)
   SELECT 'event', (max(month) + interval '1 month') AT TIME ZONE 'UTC' FROM (
     SELECT DISTINCT at AT TIME ZONE 'UTC' AS month FROM billing.usage_month) AS used
   WHERE month < billing.this_month() AND to_regclass('billing.usage_event_' || to_char(month, 'YYYY_MM')) IS NULL
   HAVING count(*) > 0`,
  // In the transaction that takes events away: nobody sees them missing without seeing this, whichever release does it.
  `DO $do$
    DECLARE
      definition text := pg_get_functiondef('billing.drop_usage_event_month(date)'::regprocedure);
      dropped text := $from$EXECUTE format('DROP TABLE billing.%I', name);$from$;
    BEGIN
      IF position(dropped IN definition) = 0 THEN RAISE 'billing.drop_usage_event_month drops no table'; END IF;
      EXECUTE replace(definition, dropped, dropped || $to$
       INSERT INTO billing.usage_deleted AS known (unit, before)
         VALUES ('event', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC')
         ON CONFLICT (unit) DO UPDATE SET before = greatest(known.before, EXCLUDED.before);$to$);
    END $do$`,
];

/** Usage events, roll-ups and the ledger are compared each minute; what was compared and what differed is kept. */
export class UsageChecks1799193600001 implements Migration {
  name = 'UsageChecks1799193600001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...DELETED_EVENTS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('which events were taken away would be forgotten'));
  }
}
