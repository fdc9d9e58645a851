import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const TABLES = [
  // What groups and projects were charged by day, in UTC, and what was charged to grants and cycles of subscriptions,
  // whose owner id is the rest of the account's id. An event of a key in several groups counts for each of them, so
  // these sums are of accounts, and never add up to an organisation's.
  `CREATE TABLE billing.owner_usage_day (
    organization_id text NOT NULL,
    owner_kind text NOT NULL,
    owner_id text NOT NULL,
    day date NOT NULL,
    charge_nano_usd bigint NOT NULL,
    CONSTRAINT owner_usage_day_pk PRIMARY KEY (organization_id, owner_kind, owner_id, day)
  )`,
  ...tenantTableSql({ schema: 'billing', table: 'owner_usage_day', service: 'SELECT', allTenants: 'SELECT' }),
];

/** For whom events count by what they say of their key and their route. */
const OWNERS = `
  SELECT request_id, 'group' AS owner_kind, group_id AS owner_id, charge_nano_usd AS share FROM events
    CROSS JOIN LATERAL jsonb_array_elements_text(
      CASE WHEN route_group_id IS NULL AND jsonb_typeof(group_ids) = 'array' THEN group_ids ELSE '[]' END) AS group_id
  UNION SELECT request_id, 'group', route_group_id, charge_nano_usd FROM events WHERE route_group_id IS NOT NULL
  UNION SELECT request_id, 'project', project_id, charge_nano_usd FROM events WHERE project_id IS NOT NULL`;

/** For whom events count by what they were held on. Grants pay in their order, each at most what was held on it. */
const HELD = `
  SELECT request_id, split_part(account_id, ':', 1) AS owner_kind,
    CASE WHEN account_id LIKE 'group:%' OR account_id LIKE 'project:%'
      THEN regexp_replace(rest, ':(daily|weekly|monthly):\\d{4}-\\d\\d-\\d\\d$', '') ELSE rest END AS owner_id,
    CASE WHEN held IS NULL THEN charge_nano_usd ELSE least(held, greatest(0, charge_nano_usd - before)) END AS share
  FROM (
    SELECT request_id, charge_nano_usd, account_id, substr(account_id, strpos(account_id, ':') + 1) AS rest, held,
      coalesce(sum(held) OVER (PARTITION BY request_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM events CROSS JOIN LATERAL jsonb_array_elements(accounts) WITH ORDINALITY AS named (account, place)
      CROSS JOIN LATERAL (
        SELECT account->>'accountId' AS account_id, (account->>'heldNanoUsd')::numeric AS held) AS read
  ) AS accounts
  WHERE account_id ~ '^(group|project|grant|subscription|payg):'`;

/** Adds the charges of `events` to the sums of the owners in `owners`. */
const ADD = `
  INSERT INTO billing.owner_usage_day AS known (organization_id, owner_kind, owner_id, day, charge_nano_usd)
  SELECT organization_id, owner_kind, owner_id,
    CASE WHEN accounts::text LIKE '%ly:____-__-__"%' THEN billing.owner_day(started_at, accounts)
      ELSE (started_at AT TIME ZONE 'UTC')::date END,
    sum(share)::bigint
  FROM owners JOIN events USING (request_id) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (organization_id, owner_kind, owner_id, day) DO UPDATE SET
    charge_nano_usd = known.charge_nano_usd + EXCLUDED.charge_nano_usd`;

const OF_EVENTS = `WITH events AS (
    SELECT request_id, organization_id, accounts, started_at, charge_nano_usd, group_ids, route_group_id, project_id
    FROM booked WHERE group_ids IS NOT NULL OR route_group_id IS NOT NULL OR project_id IS NOT NULL
      OR accounts::text ~ '"(group|project|grant|subscription|payg):'
  ), owners AS (${OWNERS} UNION ${HELD}) ${ADD}`;

// Version 2 says of an event that was booked by version 1 whose it is. What it was held on is counted already.
const OF_FACTS = `WITH events AS (
    SELECT told.request_id, told.organization_id, event.accounts, event.started_at, event.charge_nano_usd,
      told.group_ids, told.route_group_id, told.project_id
    FROM booked AS told JOIN billing.usage_event AS event USING (request_id)
    WHERE told.group_ids IS NOT NULL OR told.route_group_id IS NOT NULL OR told.project_id IS NOT NULL
  ), owners AS ((${OWNERS}) EXCEPT ${HELD}) ${ADD}`;

const FUNCTIONS = [
  // The day, in UTC, whose cycles a call counts in for budgets: that of its start, moved into all cycles that its
  // credit was held in. They have the time of admission in common.
  `CREATE FUNCTION billing.owner_day(started_at timestamptz, accounts jsonb) RETURNS date LANGUAGE plpgsql IMMUTABLE
     SET search_path = pg_catalog, pg_temp AS $$
     DECLARE
       started date := (started_at AT TIME ZONE 'UTC')::date;
       first date;
       next date;
     BEGIN
       SELECT max(cycle[2]::date), min((cycle[2]::date + CASE cycle[1]
           WHEN 'daily' THEN interval '1 day' WHEN 'weekly' THEN interval '7 days' ELSE interval '1 month' END)::date)
         INTO first, next
       FROM jsonb_array_elements(accounts) AS account
         CROSS JOIN LATERAL regexp_match(account->>'accountId', ':(daily|weekly|monthly):([0-9]{4}-[0-9]{2}-[0-9]{2})$') AS cycle
       WHERE cycle IS NOT NULL AND account->>'capNanoUsd' IS NOT NULL;
       IF first IS NULL THEN RETURN started; END IF;
       RETURN greatest(first, least(started, next - 1));
     END $$`,
  `CREATE FUNCTION billing.add_owner_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       IF TG_TABLE_NAME = 'usage_event' THEN ${OF_EVENTS};
       ELSE ${OF_FACTS};
       END IF;
       RETURN NULL;
     END $$`,
  'REVOKE ALL ON FUNCTION billing.add_owner_usage() FROM PUBLIC',
  // Making a trigger stops bookings until the sums are filled.
  ...['usage_event', 'usage_event_facts'].map(
    (table) => `CREATE TRIGGER ${table}_of_owners AFTER INSERT ON billing.${table} REFERENCING NEW TABLE AS booked
     FOR EACH STATEMENT EXECUTE FUNCTION billing.add_owner_usage()`,
  ),
];

const FILLED = [
  OF_EVENTS.replace('FROM booked', 'FROM billing.usage_event'),
  OF_FACTS.replace('FROM booked AS told', 'FROM billing.usage_event_facts AS told'),
];

const TRANSFERS = [
  // The transfers of one account in the order in which they were written. The time is that of the statement, which runs
  // under the lock of the organisation: that of the transaction may lie before what is written already.
  'ALTER TABLE billing.transfer ALTER COLUMN created_at SET DEFAULT clock_timestamp()',
  'CREATE INDEX transfer_by_account ON billing.transfer (account_id, created_at, request_id, kind)',
  // An epoch is opened without reading cycles that have ended and grants that are closed.
  `CREATE INDEX account_open ON billing.account (organization_id, coalesce(closed_at, cycle_ends_at, 'infinity'))
     WHERE ceiling_nano_usd IS NOT NULL`,
  'DROP INDEX billing.account_in_force',
];

/** Budgets count what groups and projects were charged; transfers are found by their account. */
export class OwnerUsage1797379200002 implements Migration {
  name = 'OwnerUsage1797379200002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...FUNCTIONS, ...FILLED, ...TRANSFERS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('budgets would forget what was charged before them'));
  }
}
