import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import {
  FACTS_OF,
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

/** Rows of models and in total that lie beside each other in their order of time. */
const SERIES = [
  // Its rows are as those of the other tables. What is read of them is a part of an organisation's time: its key finds
  // that at one place, where the other tables have the rows of a time among those of all keys.
  `CREATE TABLE billing.usage_series (
    organization_id text NOT NULL,
    grain text NOT NULL CONSTRAINT usage_series_grain_known CHECK (grain IN ('models', 'total')),
    minutes smallint NOT NULL,
    at timestamptz NOT NULL,
    dimension_id uuid NOT NULL,
    ${SUM_COLUMNS.map((column) => `${column} bigint NOT NULL`).join(', ')},
    ${SPARSE_COLUMNS.map((column) => `${column} bigint`).join(', ')},
    ${HISTOGRAM_COLUMNS.map((column) => `${column} numeric`).join(', ')},
    CONSTRAINT usage_series_pk PRIMARY KEY (organization_id, grain, minutes, at, dimension_id)
  ) WITH (fillfactor = 60)`,
  // Of old rows, which are deleted; those of days are kept for good. It is of another expression than reads have: the
  // planner would take it for an hour of an organisation, and read that of all.
  `CREATE INDEX usage_series_by_time ON billing.usage_series ((at AT TIME ZONE 'UTC')) WHERE minutes < 1440`,
  ...tenantTableSql({ schema: 'billing', table: 'usage_series', service: 'SELECT', allTenants: 'SELECT, DELETE' }),
];

/** The grains of each of the other tables. The release before reads those of models there. */
const UNITS = ['minute', 'quarter', 'hour', 'day', 'month'] as const satisfies readonly RollUpUnit[];
type Unit = (typeof UNITS)[number];
const GRAINS: Readonly<Record<Unit, readonly Exclude<Grain, 'total'>[]>> = {
  minute: ['full', 'models'],
  quarter: ['full', 'models'],
  hour: ['full', 'models'],
  day: ['full', 'models', 'owners'],
  month: ['models', 'owners'],
};
const COLUMNS = ROLL_UP_SUMS.join(', ');
const SUMS = ROLL_UP_SUMS.map((column) => `${sumOfRows(column)} AS ${column}`).join(', ');
const ADDED = `DO UPDATE SET ${ROLL_UP_SUMS.map(added).join(', ')}`;

/**
 * What the rows of a grain are sums of. `named` has a row for each combination of all facts and each minute, which may
 * be nearly as many as there are events: what has fewer rows is summed up from it once for all tables.
 */
const SUMMED_FROM: Readonly<Record<Grain, string>> = {
  full: 'named',
  models: 'of_models',
  owners: 'of_owners',
  total: 'of_models',
};

/** Sums of `named` by the facts of a grain and `moment`, with the ids of these grains. */
const summedBy = (by: Grain, moment: string, ids: readonly Grain[]): string => `
  SELECT *, ${ids.map((grain) => `${idOf(grain)} AS ${grain}_id`).join(', ')} FROM (
    SELECT organization_id, outcome, ${FACTS_OF[by].join(', ')}, ${moment} AS minute, ${SUMS} FROM named
    GROUP BY ${[...FACTS_OF[by], 'minute', 'outcome', 'organization_id'].map((_, n) => n + 1).join(', ')}) AS summed_by_${by}`;

function rowsOf(unit: Unit, grain: Exclude<Grain, 'total'>): string {
  const from = SUMMED_FROM[grain];
  if (unit === 'minute') return `SELECT ${grain}_id, minute, organization_id, ${COLUMNS} FROM ${from}`;
  return `SELECT ${grain}_id, ${startOf(unit, 'minute')} AS at, min(organization_id), ${SUMS} FROM ${from} GROUP BY 1, 2`;
}

const addTo = (unit: Unit): string => `
  INSERT INTO billing.usage_${unit} AS known (dimension_id, at, organization_id, ${COLUMNS})
  ${GRAINS[unit].map((grain) => `(${rowsOf(unit, grain)})`).join(' UNION ALL ')} ORDER BY 1, 2
  ON CONFLICT (dimension_id, at) ${ADDED}`;

const LENGTHS = '(VALUES (15), (60), (360), (1440)) AS length (minutes)';

const ADD_TO_SERIES = `
  INSERT INTO billing.usage_series AS known (organization_id, grain, minutes, at, dimension_id, ${COLUMNS})
  SELECT organization_id, grain, minutes, date_bin(minutes * interval '1 minute', minute, '2000-01-01Z') AS start, dimension_id, ${SUMS}
  FROM of_models CROSS JOIN ${LENGTHS}
    CROSS JOIN LATERAL (VALUES ('models', models_id), ('total', total_id)) AS of_grain (grain, dimension_id)
  GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (organization_id, grain, minutes, at, dimension_id) ${ADDED}`;

/** Adds the events of a batch to all roll-ups: one statement, so each event is looked at once. */
const ROLL_UP = `
  WITH ${summedEvents('booked', 'nullif(count(*) FILTER (WHERE unpriced), 0)::bigint')},
  named AS MATERIALIZED (SELECT *, ${idOf('full')} AS full_id FROM summed),
  of_models AS MATERIALIZED (${summedBy('models', 'minute', ['models', 'total'])}),
  of_owners AS MATERIALIZED (${summedBy('owners', startOf('day', 'minute'), ['owners'])}),
  dimensions AS (
    INSERT INTO billing.usage_dimension (dimension_id, organization_id, grain, outcome, ${ALL_FACTS.join(', ')})
    ${(['full', 'models', 'owners', 'total'] as const)
      .map((grain) => `(${dimensionsOf(grain, SUMMED_FROM[grain])})`)
      .join(' UNION ALL ')}
    ON CONFLICT (dimension_id) DO NOTHING),
  ${UNITS.map((unit) => `of_${unit} AS (${addTo(unit)})`).join(',')}
  ${ADD_TO_SERIES}`;

const UP = [
  // Bookings that are under way end first: what they add is filled in by the next migration, what comes later by the
  // trigger. Others wait for milliseconds.
  'LOCK TABLE billing.usage_event IN SHARE ROW EXCLUSIVE MODE',
  `ALTER TABLE billing.usage_dimension DROP CONSTRAINT usage_dimension_grain_known,
     ADD CONSTRAINT usage_dimension_grain_known CHECK (grain IN ('full', 'models', 'owners', 'total'))`,
  ...SERIES,
  `CREATE OR REPLACE FUNCTION billing.roll_up_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       ${ROLL_UP};
       RETURN NULL;
     END $$`,
];

/**
 * Usage by model and in total, by quarter-hour, hour, six hours and day: a year by day of any time zone is read from
 * few rows at few places. The trigger keeps them, also for the release before, which goes on reading what it knows.
 * `UsageSeriesFilled` fills them.
 */
export class UsageSeries1799020800001 implements Migration {
  name = 'UsageSeries1799020800001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('the roll-ups are not made coarser by a migration'));
  }
}
