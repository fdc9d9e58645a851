import { USAGE_OUTCOMES } from '@tollgate/contracts';
import { eventWithFacts, LATENCY_SAMPLE_OF, TOKENS_OF } from '../roll-ups/event-facts.js';
import {
  FACTS_OF,
  GRAINS_OF,
  HISTOGRAM_COLUMNS,
  SERIES_MINUTES,
  SPARSE_COLUMNS,
  SUM_COLUMNS,
  TOKEN_CLASSES,
  type Grain,
  type RollUpFact,
  type RollUpUnit,
} from '../roll-ups/roll-up-columns.js';
import { refusedGroups, refusedSql, type RefusedByCode, type RefusedSelection } from './read-refused.js';
import type { UsageField, UsageFilters } from './usage-fields.js';
import { momentOf, rowStarts, type PartSource, type Span, type UsagePart } from './usage-parts.js';
import type { UsageEdges, UsageReading } from './usage-reading.js';

/** A statement with its parameters. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** All sums, or only those that the cells of a series show: most of the time goes into sums. */
type SumsOfRows = 'all' | 'of cells';

/** Sums over calls by bucket and by group. */
export interface UsageSelection {
  readonly organizationId: string;
  readonly filters: UsageFilters;
  readonly groupBy: readonly UsageField[];
  /** What is read. */
  readonly reading: UsageReading;
  /** Calls that were refused, beside those that were served; null where they are not told apart as is asked. */
  readonly refused: RefusedSelection | null;
  /** What the rows are. */
  readonly sums: SumsOfRows;
  /** Which rows come first, and how many come; null for the order of buckets and groups, and for all. */
  readonly order: UsageOrder | null;
  readonly limit: number | null;
  /** Groups of the first bucket after this one in the order of their values, and all later buckets; null for all. */
  readonly after: readonly (string | null)[] | null;
  /** Only these groups, by the `place` of their rows; null for all. */
  readonly places: readonly string[] | null;
}

/** What the greatest groups are the greatest by. */
export const USAGE_ORDERS = ['cost_usd', 'requests', 'input_tokens', 'output_tokens'] as const;
export type UsageOrder = (typeof USAGE_ORDERS)[number];

const ORDER_COLUMNS: Readonly<Record<UsageOrder, CellSum>> = {
  cost_usd: 'charge_nano_usd',
  requests: 'requests',
  input_tokens: 'input_tokens',
  output_tokens: 'output_tokens',
};

const SUMS = [...SUM_COLUMNS, ...SPARSE_COLUMNS, ...HISTOGRAM_COLUMNS] as const;
type Sum = (typeof SUMS)[number];
const CELL_SUMS = ['requests', 'input_tokens', 'output_tokens', 'charge_nano_usd'] as const satisfies readonly Sum[];
type CellSum = (typeof CELL_SUMS)[number];

/** A row of the sums that a cell shows. All numbers come as text. */
export type CellRow = Readonly<Record<CellSum, string>> & {
  /** From 1 on. */
  readonly bucket: number;
  /** The values of the fields that are grouped by. */
  readonly g0?: string | null;
  readonly g1?: string | null;
  /** Refused calls by code, null for none; absent where they are not read. */
  readonly refused?: RefusedByCode | null;
};

/** A row of all sums; sparse ones are null where nothing was counted. */
export type UsageRow = CellRow & {
  /** What tells the groups of this row apart, for `places`. */
  readonly place: string;
} & Readonly<Record<Sum, string | null>> &
  Readonly<Record<`outcome_${(typeof USAGE_OUTCOMES)[number]}`, string | null>>;

/** The statement that reads a selection. Calls of one organisation alone are read, whatever the policies say. */
export function usageStatement(selection: UsageSelection): Statement {
  const parameters: unknown[] = [selection.organizationId];
  const add = (value: unknown): string => `$${parameters.push(value)}`;
  const groups = selection.groupBy.map((_, n) => `g${n}`);
  const { parts, edges, starts } = selection.reading;
  const bucket = starts.length === 1 ? '1' : `width_bucket(at, ${add(starts.map(momentOf))}::timestamptz[])`;
  const read = [
    ...parts.map((part) => partSql(part, bucket, selection, add)),
    ...edges.map((each) => edgesSql(each, selection, add)),
  ].map((rows) =>
    selection.refused === null ? rows : `SELECT *, NULL::text AS code, NULL::bigint AS calls FROM (${rows}) AS served`,
  );
  if (selection.refused !== null) read.push(refusedSql(selection.refused, selection, refusedColumns(selection), add));
  const chosen = [
    ...(selection.places === null ? [] : [`${placeOf(groups)} = ANY(${add(selection.places)}::text[])`]),
    ...(selection.after === null
      ? []
      : [
          `ROW(bucket, ${orderKey(groups)}) > ROW(1, ${orderKey(selection.after.map((each) => `${add(each)}::text`))})`,
        ]),
  ];
  const inOrder = [
    ...(selection.order === null ? ['bucket'] : [`${ORDER_COLUMNS[selection.order]} DESC`]),
    ...(groups.length === 0 ? [] : [orderKey(groups)]),
  ];
  const columns = [
    'bucket',
    ...groups,
    ...sumsOf(selection).map((column) => `sum(${column}) AS ${column}`),
    ...(selection.sums === 'all' ? [`${placeOf(groups)} AS place`, ...BY_OUTCOME] : []),
    ...(selection.refused === null ? [] : [BY_CODE]),
  ];
  const isRow = selection.refused === null ? 'sum(requests) > 0' : 'sum(requests) > 0 OR count(code) > 0';
  return {
    // What was taken away at an edge as a whole is no row.
    text: `SELECT ${columns.join(', ')} FROM (${read.join('\nUNION ALL ')}) AS part
      ${chosen.length === 0 ? '' : `WHERE ${chosen.join(' AND ')}`}
      GROUP BY ${['bucket', ...groups].join(', ')} HAVING ${isRow}
      ORDER BY ${inOrder.join(', ')} ${selection.limit === null ? '' : `LIMIT ${add(selection.limit)}`}`,
    parameters,
  };
}

/** Of a group and code there is one row of refused calls. */
const BY_CODE = 'jsonb_object_agg(code, calls) FILTER (WHERE code IS NOT NULL) AS refused';

const BY_OUTCOME = USAGE_OUTCOMES.map(
  (outcome) => `sum(requests) FILTER (WHERE outcome = '${outcome}') AS outcome_${outcome}`,
);

const sumsOf = ({ sums }: Pick<UsageSelection, 'sums'>): readonly Sum[] => (sums === 'of cells' ? CELL_SUMS : SUMS);
const placeOf = (groups: readonly string[]): string => `ROW(${groups.join(', ')})::text`;

/** Groups in the order of their values, byte by byte; those without a value come first. */
const orderKey = (values: readonly string[]): string =>
  values.map((value) => `${value} IS NOT NULL, coalesce(${value}, '') COLLATE "C"`).join(', ');

type AddParameter = (value: unknown) => string;
type Fields = Pick<UsageSelection, 'filters' | 'groupBy'>;
type Asked = Fields & Pick<UsageSelection, 'sums'>;

/** A refused call has no outcome and used nothing. What is sparse stays so. */
const refusedColumns = (asked: Asked): string[] => [
  ...(asked.sums === 'of cells' ? [] : ['NULL']),
  ...refusedGroups(asked.groupBy),
  ...sumsOf(asked).map((column) => ((SUM_COLUMNS as readonly Sum[]).includes(column) ? '0' : 'NULL')),
];

function partSql({ source, spans }: UsagePart, bucket: string, asked: Asked, add: AddParameter): string {
  const moment = (ms: number): string => `${add(momentOf(ms))}::timestamptz`;
  const rows =
    source === 'event'
      ? spans.map(({ fromMs, toMs }) => eventsSql(moment(fromMs), moment(toMs), asked, add)).join('\nUNION ALL ')
      : rollUpSql(source, within(source, spans, add), asked, add);
  return `SELECT ${[`${bucket} AS bucket`, ...keysOf(asked), ...sumsOf(asked)].join(', ')} FROM (${rows}) AS within`;
}

/** The columns that tell apart what is summed up. */
const keysOf = ({ groupBy, sums }: Asked): string[] => [
  ...(sums === 'of cells' ? [] : ['outcome']),
  ...groupBy.map((_, n) => `g${n}`),
];

/** What one bucket has too much at an edge, the next has too little: each span is summed up once, for both. */
function edgesSql({ source, spans }: UsageEdges, asked: UsageSelection, add: AddParameter): string {
  const [keys, sums] = [keysOf(asked), sumsOf(asked)];
  const of = (field: 'bound' | 'factor'): string => `(${add(spans.map((span) => span[field]))}::int[])[span]`;
  const bucket = 'bound + side.next';
  // Nothing is before the first bucket and behind the last one.
  return `SELECT ${[bucket, ...keys, ...sums.map((column) => `${column} * (factor * side.sign)`)].join(', ')}
    FROM (SELECT ${[`${of('bound')} AS bound`, `${of('factor')} AS factor`, ...keys, ...sums.map(spanSum)].join(', ')}
      FROM ${rowsOfSpans(source, spans, asked, add)} GROUP BY ${['span', ...keys].join(', ')}) AS summed
    CROSS JOIN (VALUES (0, 1), (1, -1)) AS side (next, sign)
    WHERE ${bucket} BETWEEN 1 AND ${add(asked.reading.starts.length)}`;
}

/**
 * Rows with the number of the span that each is in. Rows of series, and events, are looked up in an index for each
 * span: OFFSET keeps the planner from joining all rows with all spans, and from reading those of other organisations.
 */
function rowsOfSpans(source: PartSource, spans: readonly Span[], asked: Asked, add: AddParameter): string {
  if (source !== 'event' && !rowsOf(source, asked).isOfSeries && areApart(spans)) {
    const bounds = spans.flatMap(({ fromMs, toMs }) => [momentOf(fromMs), momentOf(toMs)]);
    const span = `(width_bucket(at, ${add(bounds)}::timestamptz[]) + 1) / 2 AS span`;
    return `(SELECT ${span}, within.* FROM (${rollUpSql(source, within(source, spans, add), asked, add)}) AS within) AS spanned`;
  }
  const moments = (field: 'fromMs' | 'toMs'): string =>
    `${add(spans.map((span) => momentOf(span[field])))}::timestamptz[]`;
  const all = `unnest(${moments('fromMs')}, ${moments('toMs')}) WITH ORDINALITY AS spans (lower, upper, span)`;
  const rows =
    source === 'event'
      ? eventsSql('spans.lower', 'spans.upper', asked, add)
      : rollUpSql(source, 'u.at >= spans.lower AND u.at < spans.upper', asked, add);
  return `${all} CROSS JOIN LATERAL (${rows} OFFSET 0) AS within`;
}

/** Whether no row is in two spans. The edges of two bounds that are rounded to one moment lie one over the other. */
const areApart = (spans: readonly Span[]): boolean =>
  spans.every(({ fromMs }, n) => n === 0 || fromMs >= spans[n - 1]!.toMs);

/** Sums of integers are numerics, whose sums cost more. Only costs may be beyond a bigint: rows are cut at its end. */
function spanSum(column: Sum): string {
  const isLarge = column === 'cost_nano_usd' || (HISTOGRAM_COLUMNS as readonly Sum[]).includes(column);
  return `sum(${column})${isLarge ? '' : '::bigint'} AS ${column}`;
}

function rollUpSql(unit: RollUpUnit, within: string, asked: Asked, add: AddParameter): string {
  const { grain, table, condition, isOfSeries } = rowsOf(unit, asked);
  const columns = ['u.at', ...sumsOf(asked).map((column) => `u.${column}`)];
  const ofTime = `${condition} AND ${within}`;
  // The rows of series lie at one place: OFFSET keeps the planner from looking for those of each dimension there.
  const rows = isOfSeries
    ? `(SELECT u.dimension_id, ${columns.join(', ')} FROM ${table} AS u WHERE ${ofTime} OFFSET 0)`
    : table;
  const dimensions = [`d.organization_id = $1 AND d.grain = '${grain}'`, ...conditions(asked, add)];
  return `SELECT ${[...columns, ...keyColumns(asked)].join(', ')}
    FROM billing.usage_dimension AS d JOIN ${rows} AS u ON u.dimension_id = d.dimension_id ${eachGroup(asked)}
    WHERE ${[...(isOfSeries ? [] : [ofTime]), ...dimensions].join(' AND ')}`;
}

/** Where the rows of a time are that tell apart what is asked for. */
interface RowsOfUnit {
  readonly grain: Grain;
  readonly table: string;
  /** Of the rows of the table, as `u`, those of this time and of the organisation. */
  readonly condition: string;
  readonly isOfSeries: boolean;
}

function rowsOf(unit: RollUpUnit, asked: Fields): RowsOfUnit {
  const grain = grainOf(unit, asked);
  const isOfSeries = unit in SERIES_MINUTES && (grain === 'models' || grain === 'total');
  const ofSeries = ` AND u.grain = '${grain}' AND u.minutes = ${SERIES_MINUTES[unit as keyof typeof SERIES_MINUTES]}`;
  return {
    grain,
    table: isOfSeries ? 'billing.usage_series' : `billing.usage_${unit}`,
    condition: `u.organization_id = $1${isOfSeries ? ofSeries : ''}`,
    isOfSeries,
  };
}

/** Where spans are a small part of a time, their rows are named one by one, up to so many. */
const NAMED_ROWS_MAX = 5_000;

/** The condition that a row lies in one of some spans. A join with spans would be read once for each of them. */
function within(unit: RollUpUnit, spans: readonly Span[], add: AddParameter): string {
  const [first, last] = [spans[0], spans.at(-1)];
  if (first === undefined || last === undefined) return 'false';
  const starts = unit === 'month' || spans.length === 1 ? null : rowStarts(unit, spans);
  if (starts !== null && starts.length <= NAMED_ROWS_MAX && isSparse(first.fromMs, last.toMs, spans))
    return `u.at = ANY(${add(starts.map(momentOf))}::timestamptz[])`;
  const all = `u.at >= ${add(momentOf(first.fromMs))}::timestamptz AND u.at < ${add(momentOf(last.toMs))}::timestamptz`;
  if (spans.length === 1) return all;
  const bounds = spans.flatMap(({ fromMs, toMs }) => [momentOf(fromMs), momentOf(toMs)]);
  // Between the first bound and the second, between the third and the fourth, and so on.
  return `${all} AND width_bucket(u.at, ${add(bounds)}::timestamptz[]) % 2 = 1`;
}

function isSparse(fromMs: number, toMs: number, spans: readonly Span[]): boolean {
  return spans.reduce((sum, span) => sum + span.toMs - span.fromMs, 0) < (toMs - fromMs) / 2;
}

/** By how much the moment that chose the cycle may differ from the start of a call: by two clocks. */
const CLOCKS_APART = `interval '5 minutes'`;

const SUMS_OF_EVENT: Readonly<Record<Sum, string>> = {
  requests: '1::bigint',
  input_tokens: 'input_tokens',
  output_tokens: 'output_tokens',
  cost_nano_usd: 'cost_nano_usd',
  charge_nano_usd: 'charge_nano_usd',
  unpriced_requests: 'CASE WHEN unpriced THEN 1::bigint END',
  ...(Object.fromEntries(TOKEN_CLASSES.map((name) => [`${name}_tokens`, TOKENS_OF[name]])) as Record<
    `${(typeof TOKEN_CLASSES)[number]}_tokens`,
    string
  >),
  ...LATENCY_SAMPLE_OF,
};

/** The start of a call is in the index. The moment that counts is seldom another, and is asked exactly afterwards. */
function eventsSql(from: string, to: string, asked: Asked, add: AddParameter): string {
  const sums = sumsOf(asked);
  return `SELECT ${['d.at', ...keyColumns(asked), ...sums.map((column) => `d.${column}_of_one AS ${column}`)].join(', ')}
    FROM (SELECT outcome, model, provider, route, api_key_id, project_id, member_id,
        ARRAY(SELECT jsonb_array_elements_text(group_ids)) AS group_ids,
        billing.counted_at(started_at, accounts->0->>'accountId', accounts->0->>'capNanoUsd') AS at,
        ${sums.map((column) => `${SUMS_OF_EVENT[column]} AS ${column}_of_one`).join(', ')}
      FROM (
        SELECT ${eventWithFacts('told')}
        FROM billing.usage_event AS e LEFT JOIN billing.usage_event_facts AS told USING (request_id, organization_id)
        WHERE e.organization_id = $1 AND e.started_at >= ${from} - ${CLOCKS_APART} AND e.started_at < ${to} + ${CLOCKS_APART}
      ) AS event) AS d ${eachGroup(asked)}
    WHERE ${[`d.at >= ${from} AND d.at < ${to}`, ...conditions(asked, add)].join(' AND ')}`;
}

/** The facts that are not about how a call ended. */
function factsOf({ filters, groupBy }: Fields): readonly RollUpFact[] {
  const fields = [...groupBy, ...(Object.keys(filters) as UsageField[])];
  return fields.flatMap((field) => (field === 'status' ? [] : field === 'group_id' ? ['group_ids'] : [field]));
}

/** Whether a table tells apart what is asked for. */
export function hasGrainOf(unit: RollUpUnit, asked: Fields): boolean {
  return GRAINS_OF[unit].includes(grainOf(unit, asked));
}

/** The grain with the fewest rows that tells apart what is asked for. */
function grainOf(unit: RollUpUnit, asked: Fields): Grain {
  const facts = factsOf(asked);
  const fit = (['total', 'models', 'owners'] as const).find(
    (grain) => GRAINS_OF[unit].includes(grain) && facts.every((fact) => FACTS_OF[grain].includes(fact)),
  );
  return fit ?? 'full';
}

function columnOf(field: UsageField): string {
  if (field === 'status') return 'd.outcome';
  return field === 'group_id' ? 'of_group.group_id' : `d.${field}`;
}

const keyColumns = ({ groupBy, sums }: Asked): string[] => [
  ...(sums === 'of cells' ? [] : ['d.outcome']),
  ...groupBy.map((field, n) => `${columnOf(field)} AS g${n}`),
];

/** A call is in all groups of its key: grouped by them it comes once in each, or once without any where it has none. */
function eachGroup({ groupBy }: Fields): string {
  return groupBy.includes('group_id') ? 'LEFT JOIN LATERAL unnest(d.group_ids) AS of_group (group_id) ON true' : '';
}

function conditions({ filters, groupBy }: Fields, add: AddParameter): string[] {
  return Object.entries(filters).map(([field, value]) => {
    if (field !== 'group_id' || groupBy.includes('group_id')) return `${columnOf(field as UsageField)} = ${add(value)}`;
    return `${add(value)} = ANY(d.group_ids)`;
  });
}
