import { rolesOf, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import { ADMITTED_WITHIN_MS_MAX } from '../../ledger/book-usage/implausible-event.js';
import { eventWithFacts } from '../../usage/roll-ups/event-facts.js';
import { ROLL_UP_SUMS, sumOfRows } from '../../usage/roll-ups/roll-up-sql.js';

const { allTenants } = rolesOf('billing');

/**
 * The events that count in a day, with what version 2 has told of them later: those of calls that began in it, or a
 * while before a cycle that begins with it.
 */
const EVENTS_OF_DAY = `(SELECT ${eventWithFacts('told')}
  FROM billing.usage_event AS e LEFT JOIN billing.usage_event_facts AS told USING (request_id, organization_id)
  WHERE e.organization_id = of_organization
    AND e.started_at >= of_day - interval '${ADMITTED_WITHIN_MS_MAX + 600_000} milliseconds'
    AND e.started_at < of_day + interval '24 hours 10 minutes'
    AND date_bin('24 hours', billing.counted_at(e.started_at, e.accounts->0->>'accountId', e.accounts->0->>'capNanoUsd'), of_day) = of_day
  ) AS booked`;

const ARGUMENTS = 'of_organization text, of_day timestamp with time zone';
/** What makes one of the function that adds the events of a statement: what that has, and what takes its place. */
const REPLACED: readonly (readonly [string, string])[] = [
  ['billing.roll_up_usage()', `billing.roll_up_usage_of_day(${ARGUMENTS})`],
  ['RETURNS trigger', 'RETURNS void'],
  ['FROM booked', `FROM ${EVENTS_OF_DAY}`],
  ['RETURN NULL', 'RETURN'],
];

const IN_DAY = `organization_id = of_organization AND at >= of_day AND at < of_day + interval '24 hours'`;
const SUMS = ROLL_UP_SUMS.join(', ');

const UP = [
  // Counts as the function does that counts what is booked. A migration that changes that one runs this again.
  `DO $do$
    DECLARE definition text := pg_get_functiondef('billing.roll_up_usage()'::regprocedure);
    BEGIN
      ${REPLACED.map(
        ([
          from,
          to,
        ]) => `IF position($from$${from}$from$ IN definition) = 0 THEN RAISE 'billing.roll_up_usage has no %', $from$${from}$from$; END IF;
      definition := replace(definition, $from$${from}$from$, $to$${to}$to$);`,
      ).join('\n      ')}
      EXECUTE definition;
    END $do$`,
  'REVOKE ALL ON FUNCTION billing.roll_up_usage_of_day(text, timestamptz) FROM PUBLIC',
  // Computes the sums of a month from those of its days.
  `CREATE FUNCTION billing.mend_usage_of_month(of_organization text, of_month timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       DELETE FROM billing.usage_month WHERE organization_id = of_organization AND at = of_month;
       INSERT INTO billing.usage_month (dimension_id, at, organization_id, ${SUMS})
       SELECT u.dimension_id, of_month, of_organization, ${ROLL_UP_SUMS.map((sum) => sumOfRows(sum).replace(sum, `u.${sum}`)).join(', ')}
       FROM billing.usage_dimension AS d JOIN billing.usage_day AS u USING (dimension_id)
       WHERE d.organization_id = of_organization AND d.grain IN ('models', 'owners') AND u.organization_id = of_organization
         AND u.at >= of_month AND u.at < (of_month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'
       GROUP BY 1;
     END $$`,
  // Computes all roll-ups of a day, and the sums of keys, from the events. The caller has the organisation's lock.
  `CREATE FUNCTION billing.mend_usage_of_day(${ARGUMENTS}) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       ${['minute', 'quarter', 'hour', 'day']
         .map((unit) => `DELETE FROM billing.usage_${unit} WHERE ${IN_DAY};`)
         .join('\n       ')}
       DELETE FROM billing.usage_series WHERE ${IN_DAY} AND grain IN ('models', 'total') AND minutes IN (15, 60, 360, 1440);
       PERFORM billing.roll_up_usage_of_day(of_organization, of_day);
       PERFORM billing.mend_usage_of_month(of_organization, date_trunc('month', of_day, 'UTC'));
       DELETE FROM billing.key_usage_day
       WHERE organization_id = of_organization AND day = (of_day AT TIME ZONE 'UTC')::date;
       INSERT INTO billing.key_usage_day (api_key_id, day, organization_id, requests, charge_nano_usd)
       SELECT api_key_id, (of_day AT TIME ZONE 'UTC')::date, of_organization, count(*), sum(charge_nano_usd)::bigint
       FROM ${EVENTS_OF_DAY} GROUP BY 1;
     END $$`,
  ...['mend_usage_of_month', 'mend_usage_of_day'].flatMap((name) => [
    `REVOKE ALL ON FUNCTION billing.${name}(text, timestamptz) FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION billing.${name}(text, timestamptz) TO ${allTenants}`,
  ]),
];

/** Roll-ups that do not agree with the events are computed from these again, where an operator says so. */
export class MendedUsage1799193600002 implements Migration {
  name = 'MendedUsage1799193600002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['mend_usage_of_day', 'mend_usage_of_month', 'roll_up_usage_of_day'])
      await runner.query(`DROP FUNCTION billing.${name}(text, timestamptz)`);
  }
}
