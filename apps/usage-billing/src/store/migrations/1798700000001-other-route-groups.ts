import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** Adds what `events` were charged to the sums of the other groups that opened their route, or takes it out of them. */
const added = (events: string, sign: '' | '-'): string => `
  INSERT INTO billing.owner_usage_day AS known (organization_id, owner_kind, owner_id, day, charge_nano_usd)
  SELECT organization_id, 'group', group_id,
    CASE WHEN accounts::text LIKE '%ly:____-__-__"%' THEN billing.owner_day(started_at, accounts)
      ELSE (started_at AT TIME ZONE 'UTC')::date END,
    ${sign}sum(charge_nano_usd)::bigint
  FROM (${events}) AS event
    CROSS JOIN LATERAL (SELECT DISTINCT jsonb_array_elements_text(other_route_group_ids) AS group_id) AS other
  WHERE group_id IS DISTINCT FROM route_group_id
    -- What was held on the budget of a group counts for it already.
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(accounts) AS account
      WHERE regexp_replace(account->>'accountId', ':(daily|weekly|monthly):\\d{4}-\\d\\d-\\d\\d$', '') = 'group:' || group_id)
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (organization_id, owner_kind, owner_id, day) DO UPDATE SET
    charge_nano_usd = known.charge_nano_usd + EXCLUDED.charge_nano_usd`;

const OF_EVENTS = `SELECT organization_id, accounts, started_at, charge_nano_usd, route_group_id, other_route_group_ids
  FROM booked WHERE other_route_group_ids IS NOT NULL`;
/** Version 2 says of an event that was booked by version 1 whose it is. */
const OF_FACTS = `SELECT e.organization_id, e.accounts, e.started_at, e.charge_nano_usd, told.route_group_id, told.other_route_group_ids
  FROM booked AS told JOIN billing.usage_event AS e USING (request_id) WHERE told.other_route_group_ids IS NOT NULL`;

const TABLES = [
  ['usage_event', OF_EVENTS],
  ['usage_event_facts', OF_FACTS],
] as const;

const UP = TABLES.flatMap(([table, events]) => [
  `ALTER TABLE billing.${table} ADD COLUMN other_route_group_ids jsonb`,
  `CREATE FUNCTION billing.count_other_groups_of_${table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       -- Nearly no batch has such events.
       IF NOT EXISTS (SELECT FROM booked WHERE other_route_group_ids IS NOT NULL) THEN RETURN NULL; END IF;
       IF TG_OP = 'DELETE' THEN ${added(events, '-')};
       ELSE ${added(events, '')};
       END IF;
       RETURN NULL;
     END $$`,
  `REVOKE ALL ON FUNCTION billing.count_other_groups_of_${table}() FROM PUBLIC`,
  ...(['INSERT', 'DELETE'] as const).map(
    (
      operation,
    ) => `CREATE TRIGGER ${table}_of_other_groups_${operation.toLowerCase()} AFTER ${operation} ON billing.${table}
     REFERENCING ${operation === 'INSERT' ? 'NEW' : 'OLD'} TABLE AS booked FOR EACH STATEMENT
     EXECUTE FUNCTION billing.count_other_groups_of_${table}()`,
  ),
]);

const DOWN = TABLES.flatMap(([table]) => [
  `DROP TRIGGER ${table}_of_other_groups_insert ON billing.${table}`,
  `DROP TRIGGER ${table}_of_other_groups_delete ON billing.${table}`,
  `DROP FUNCTION billing.count_other_groups_of_${table}()`,
  `ALTER TABLE billing.${table} DROP COLUMN other_route_group_ids`,
]);

/**
 * A call on a route that several groups of its key open counts for each of them, also where their budgets are set
 * later. The release before names the first of these groups alone.
 */
export class OtherRouteGroups1798700000001 implements Migration {
  name = 'OtherRouteGroups1798700000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}
