import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * What events say of their owners, each combination once with what all of its events were charged. A batch has far
 * fewer combinations than events. What was held on a grant is another share of each event, so these stay apart.
 */
const SUMMED = `
  SELECT organization_id, named, group_ids, route_group_id, project_id,
    CASE WHEN named LIKE '%ly:____-__-__"%' THEN billing.owner_day(started_at, named::jsonb)
      ELSE (started_at AT TIME ZONE 'UTC')::date END AS day,
    CASE WHEN named LIKE '%"heldNanoUsd"%' THEN request_id END AS request_id,
    sum(charge_nano_usd) AS charge
  FROM (SELECT *, accounts::text AS named FROM booked OFFSET 0) AS read
  GROUP BY 1, 2, 3, 4, 5, 6, 7`;

/** For whom a combination counts by what it says of its key and its route. */
const SAID = `
  SELECT 'group' AS owner_kind, group_id AS owner_id, charge AS share
    FROM jsonb_array_elements_text(
      CASE WHEN route_group_id IS NULL AND jsonb_typeof(group_ids) = 'array' THEN group_ids ELSE '[]' END) AS group_id
  UNION SELECT 'group', route_group_id, charge WHERE route_group_id IS NOT NULL
  UNION SELECT 'project', project_id, charge WHERE project_id IS NOT NULL`;

/** For whom it counts by what it was held on. Grants pay in their order, each at most what was held on it. */
const HELD = `
  SELECT split_part(account_id, ':', 1),
    CASE WHEN account_id LIKE 'group:%' OR account_id LIKE 'project:%'
      THEN regexp_replace(rest, ':(daily|weekly|monthly):\\d{4}-\\d\\d-\\d\\d$', '') ELSE rest END,
    CASE WHEN held IS NULL THEN charge ELSE least(held, greatest(0, charge - before)) END
  FROM (
    SELECT account_id, substr(account_id, strpos(account_id, ':') + 1) AS rest, held,
      coalesce(sum(held) OVER (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM jsonb_array_elements(named::jsonb) WITH ORDINALITY AS named_account (account, place)
      CROSS JOIN LATERAL (
        SELECT account->>'accountId' AS account_id, (account->>'heldNanoUsd')::numeric AS held) AS read
  ) AS accounts
  WHERE account_id ~ '^(group|project|grant|subscription|payg):'`;

const UP = [
  // Written as billing.add_owner_usage, which goes on for what version 2 adds to events of version 1.
  `CREATE FUNCTION billing.add_owner_usage_of_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       INSERT INTO billing.owner_usage_day AS known (organization_id, owner_kind, owner_id, day, charge_nano_usd)
       SELECT organization_id, owner_kind, owner_id, day, sum(share)::bigint
       FROM (${SUMMED}) AS summed CROSS JOIN LATERAL (${SAID} UNION ${HELD}) AS owners
       GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
       ON CONFLICT (organization_id, owner_kind, owner_id, day) DO UPDATE SET
         charge_nano_usd = known.charge_nano_usd + EXCLUDED.charge_nano_usd;
       RETURN NULL;
     END $$`,
  'REVOKE ALL ON FUNCTION billing.add_owner_usage_of_events() FROM PUBLIC',
  `CREATE OR REPLACE TRIGGER usage_event_of_owners AFTER INSERT ON billing.usage_event REFERENCING NEW TABLE AS booked
     FOR EACH STATEMENT EXECUTE FUNCTION billing.add_owner_usage_of_events()`,
];

const DOWN = [
  `CREATE OR REPLACE TRIGGER usage_event_of_owners AFTER INSERT ON billing.usage_event REFERENCING NEW TABLE AS booked
     FOR EACH STATEMENT EXECUTE FUNCTION billing.add_owner_usage()`,
  'DROP FUNCTION billing.add_owner_usage_of_events()',
];

/**
 * The sums of groups, projects, grants and subscriptions come from sums of equal events. Read one by one, with a join
 * to find each event again, they were a third of what a booking cost the database.
 */
export class OwnerUsageBySums1798329600001 implements Migration {
  name = 'OwnerUsageBySums1798329600001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}
