import { LATENCY_SAMPLE_OF, TOKENS_OF } from './event-facts.js';
import {
  FACTS_OF,
  HISTOGRAM_COLUMNS,
  SPARSE_COLUMNS,
  SUM_COLUMNS,
  TOKEN_CLASSES,
  type Grain,
  type RollUpUnit,
  type TokenClass,
} from './roll-up-columns.js';

// Of what the migrations of the roll-ups are made. Some have run already: what they take from here never changes.

const AMOUNT_MAX = '9000000000000000000';

/** All facts, in the order of the columns of `billing.usage_dimension`. */
export const ALL_FACTS = FACTS_OF.full;

/** All columns of sums, in the order of the tables. */
export const ROLL_UP_SUMS = [...SUM_COLUMNS, ...SPARSE_COLUMNS, ...HISTOGRAM_COLUMNS] as const;
type SumName = (typeof ROLL_UP_SUMS)[number];

/** What events add to the sums is counted once, by minute; the rows of longer times are sums of these. */
const SUMS_OF_EVENTS: Readonly<Record<Exclude<SumName, 'unpriced_requests'>, string>> = {
  requests: 'count(*)',
  input_tokens: 'sum(input_tokens)::bigint',
  output_tokens: 'sum(output_tokens)::bigint',
  // Absurd reports of a provider must not make a sum overflow.
  cost_nano_usd: `least(sum(cost_nano_usd), ${AMOUNT_MAX})::bigint`,
  charge_nano_usd: 'sum(charge_nano_usd)::bigint',
  ...(Object.fromEntries(
    TOKEN_CLASSES.map((name) => [`${name}_tokens`, `nullif(sum(${TOKENS_OF[name]}), 0)::bigint`] as const),
  ) as Record<`${TokenClass}_tokens`, string>),
  first_byte: `sum(${LATENCY_SAMPLE_OF.first_byte})`,
  duration: `sum(${LATENCY_SAMPLE_OF.duration})`,
};

const isHistogram = (column: SumName): boolean => (HISTOGRAM_COLUMNS as readonly string[]).includes(column);

/** The sum of a column over rows of a shorter time. */
export const sumOfRows = (column: SumName): string => {
  if (isHistogram(column)) return `sum(${column})`;
  return column === 'cost_nano_usd' ? `least(sum(${column}), ${AMOUNT_MAX})::bigint` : `sum(${column})::bigint`;
};

/** What `ON CONFLICT` sets a column to where the row is there already: both sums. */
export const added = (column: SumName): string => {
  if (column === 'cost_nano_usd')
    return `${column} = least(known.${column}::numeric + EXCLUDED.${column}, ${AMOUNT_MAX})::bigint`;
  if ((SUM_COLUMNS as readonly string[]).includes(column)) return `${column} = known.${column} + EXCLUDED.${column}`;
  return `${column} = coalesce(known.${column} + EXCLUDED.${column}, known.${column}, EXCLUDED.${column})`;
};

/** The first moment of the time that a row sums up, from a moment in it. */
export const startOf = (unit: RollUpUnit, moment: string): string => {
  const length = LENGTHS[unit];
  return length === null ? `date_trunc('month', ${moment}, 'UTC')` : `date_bin('${length}', ${moment}, '2000-01-01Z')`;
};

const LENGTHS: Readonly<Record<RollUpUnit, string | null>> = {
  minute: '1 minute',
  quarter: '15 minutes',
  hour: '1 hour',
  six_hours: '6 hours',
  day: '1 day',
  month: null,
};

/** The id of the facts of a grain, which follows from them. */
export const idOf = (grain: Grain): string =>
  `md5(ROW('${grain}', ${['organization_id', 'outcome', ...FACTS_OF[grain]].join(', ')})::text)::uuid`;

/** The facts of a grain, each combination once, as rows of `billing.usage_dimension`. */
export const dimensionsOf = (grain: Grain, from = 'named'): string =>
  `SELECT DISTINCT ON (${grain}_id) ${grain}_id, organization_id, '${grain}', outcome, ${ALL_FACTS.map((fact) =>
    !FACTS_OF[grain].includes(fact)
      ? 'NULL'
      : fact === 'group_ids'
        ? 'ARRAY(SELECT jsonb_array_elements_text(group_ids) ORDER BY 1)'
        : fact,
  ).join(', ')} FROM ${from}`;

/** The common table expressions `counted` and `summed`: the events of `source`, and their sums by facts and minute. */
export const summedEvents = (source: string, unpriced: string): string => `
  counted AS (
    SELECT *, date_bin('1 minute', billing.counted_at(started_at, account_id, cap), '2000-01-01Z') AS minute
    FROM (SELECT *, accounts->0->>'accountId' AS account_id, accounts->0->>'capNanoUsd' AS cap FROM ${source} OFFSET 0) AS named),
  summed AS (
    SELECT organization_id, outcome, ${ALL_FACTS.join(', ')}, minute, ${ROLL_UP_SUMS.map(
      (column) => `${column === 'unpriced_requests' ? unpriced : SUMS_OF_EVENTS[column]} AS ${column}`,
    ).join(', ')}
    FROM counted GROUP BY organization_id, outcome, ${ALL_FACTS.join(', ')}, minute)`;
