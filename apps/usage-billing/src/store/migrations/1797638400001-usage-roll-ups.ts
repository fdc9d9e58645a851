import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import {
  HISTOGRAM_COLUMNS,
  SPARSE_COLUMNS,
  SUM_COLUMNS,
  type Grain,
  type RollUpUnit,
} from '../../usage/roll-ups/roll-up-columns.js';
import {
  added,
  ALL_FACTS,
  dimensionsOf,
  idOf,
  ROLL_UP_SUMS,
  startOf,
  sumOfRows,
  summedEvents,
} from '../../usage/roll-ups/roll-up-sql.js';

/** The tables that this migration makes, and the grains that each had then. */
const UNITS = ['minute', 'quarter', 'hour', 'day', 'month'] as const satisfies readonly RollUpUnit[];
type Unit = (typeof UNITS)[number];
const GRAINS: Readonly<Record<Unit, readonly Grain[]>> = {
  minute: ['full', 'models'],
  quarter: ['full', 'models'],
  hour: ['full', 'models'],
  day: ['full', 'models', 'owners'],
  month: ['models', 'owners'],
};

const DIMENSIONS = [
  // Facts that rows of the roll-ups have in common. The id follows from the facts, so that no look-up comes before the
  // insert. What a grain does not tell apart is null. group_ids are all groups of the key: a call counts once in the
  // totals, and once in each of its groups.
  `CREATE TABLE billing.usage_dimension (
    dimension_id uuid CONSTRAINT usage_dimension_pk PRIMARY KEY,
    organization_id text NOT NULL,
    grain text NOT NULL CONSTRAINT usage_dimension_grain_known CHECK (grain IN ('full', 'models', 'owners')),
    outcome text NOT NULL,
    model text, provider text, route text,
    api_key_id text, project_id text, member_id text, group_ids text[]
  )`,
  'CREATE INDEX usage_dimension_by_grain ON billing.usage_dimension (organization_id, grain)',
  "CREATE INDEX usage_dimension_by_key ON billing.usage_dimension (organization_id, api_key_id) WHERE grain <> 'models'",
  ...tenantTableSql({ schema: 'billing', table: 'usage_dimension', service: 'SELECT', allTenants: 'SELECT' }),
];

/** Rows are updated many times while their time lasts: the space left in a page keeps that away from the indexes. */
const tableSql = (unit: Unit): readonly string[] => [
  `CREATE TABLE billing.usage_${unit} (
    dimension_id uuid NOT NULL,
    at timestamptz NOT NULL,
    organization_id text NOT NULL,
    ${SUM_COLUMNS.map((column) => `${column} bigint NOT NULL`).join(', ')},
    ${SPARSE_COLUMNS.map((column) => `${column} bigint`).join(', ')},
    ${HISTOGRAM_COLUMNS.map((column) => `${column} numeric`).join(', ')},
    CONSTRAINT usage_${unit}_pk PRIMARY KEY (dimension_id, at)
  ) WITH (fillfactor = 60)`,
  // Of old rows, which are deleted.
  ...(unit === 'day' || unit === 'month' ? [] : [`CREATE INDEX usage_${unit}_by_time ON billing.usage_${unit} (at)`]),
  ...tenantTableSql({
    schema: 'billing',
    table: `usage_${unit}`,
    service: 'SELECT',
    allTenants: unit === 'day' || unit === 'month' ? 'SELECT' : 'SELECT, DELETE',
  }),
];

const clamped = (length: string): string =>
  `greatest(right(id, 10)::timestamp AT TIME ZONE 'UTC',
     least(started_at, (right(id, 10)::timestamp + interval '${length}') AT TIME ZONE 'UTC' - interval '1 millisecond'))`;

const COUNTED_AT = [
  // The moment whose cycles a call counts in: what billing.counted_day says, to the millisecond. It is written so that
  // the planner puts it into the statement: a call for each event would be most of the cost of the roll-ups.
  `CREATE FUNCTION billing.counted_at(started_at timestamptz, id text, cap text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
     SELECT CASE
       WHEN cap IS NULL OR id NOT LIKE '%ly:____-__-__' OR translate(right(id, 10), '0123456789', '') <> '--' THEN started_at
       WHEN id LIKE '%:daily:__________' THEN ${clamped('1 day')}
       WHEN id LIKE '%:weekly:__________' THEN ${clamped('7 days')}
       WHEN id LIKE '%:monthly:__________' THEN ${clamped('1 month')}
       ELSE started_at END
   $$`,
];

const addTo = (
  unit: Unit,
): string => `INSERT INTO billing.usage_${unit} AS known (dimension_id, at, organization_id, ${ROLL_UP_SUMS.join(', ')})
   SELECT dimension_id, ${unit === 'minute' ? 'minute' : startOf(unit, 'minute')}, min(organization_id), ${ROLL_UP_SUMS.map(sumOfRows).join(', ')}
   FROM named CROSS JOIN LATERAL (VALUES ${GRAINS[unit].map((grain) => `(${grain}_id)`).join(', ')}) AS of_grain (dimension_id)
   GROUP BY 1, 2 ORDER BY 1, 2
   ON CONFLICT (dimension_id, at) DO UPDATE SET ${ROLL_UP_SUMS.map(added).join(', ')}`;

/**
 * Adds the events of `source` to all roll-ups: one statement, so each event is looked at once. Statements that do so at
 * once are of different organisations, whose locks the bookings have.
 */
const rollUpSql = (source: string): string => `
  WITH ${summedEvents(source, 'NULL::bigint')},
  named AS MATERIALIZED (SELECT *, ${(['full', 'models', 'owners'] as const).map((grain) => `${idOf(grain)} AS ${grain}_id`).join(', ')} FROM summed),
  dimensions AS (
    INSERT INTO billing.usage_dimension (dimension_id, organization_id, grain, outcome, ${ALL_FACTS.join(', ')})
    (${dimensionsOf('full')}) UNION ALL (${dimensionsOf('models')}) UNION ALL (${dimensionsOf('owners')})
    ON CONFLICT (dimension_id) DO NOTHING),
  ${UNITS.slice(0, -1)
    .map((unit) => `of_${unit} AS (${addTo(unit)})`)
    .join(',\n  ')}
  ${addTo('month')}`;

const FUNCTIONS = [
  // As billing.roll_up_events, it runs whoever books.
  `CREATE FUNCTION billing.roll_up_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       ${rollUpSql('booked')};
       RETURN NULL;
     END $$`,
  'REVOKE ALL ON FUNCTION billing.roll_up_usage() FROM PUBLIC',
  // Making the trigger stops bookings until the roll-ups are filled.
  `CREATE TRIGGER usage_event_rolled_up_by_time AFTER INSERT ON billing.usage_event REFERENCING NEW TABLE AS booked
     FOR EACH STATEMENT EXECUTE FUNCTION billing.roll_up_usage()`,
];

const EVENTS = [
  // For periods that begin or end within a minute.
  'CREATE INDEX usage_event_by_start ON billing.usage_event (organization_id, started_at)',
];

/**
 * Usage by minute, quarter-hour, hour, day and month, of models and of owners. A trigger keeps it, so that it has what
 * the release before books, and each event once. Quarter-hours are there for zones whose days begin within an hour.
 */
export class UsageRollUps1797638400001 implements Migration {
  name = 'UsageRollUps1797638400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const tables = UNITS.flatMap(tableSql);
    const filled = [rollUpSql('billing.usage_event')];
    for (const statement of [...DIMENSIONS, ...tables, ...COUNTED_AT, ...FUNCTIONS, ...filled, ...EVENTS])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TRIGGER usage_event_rolled_up_by_time ON billing.usage_event');
    await runner.query('DROP FUNCTION billing.roll_up_usage(), billing.counted_at(timestamptz, text, text)');
    await runner.query(
      `DROP TABLE billing.usage_dimension, ${UNITS.map((unit) => `billing.usage_${unit}`).join(', ')}`,
    );
    await runner.query('DROP INDEX billing.usage_event_by_start');
  }
}
