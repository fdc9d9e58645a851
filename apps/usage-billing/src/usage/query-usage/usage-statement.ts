import { USAGE_OUTCOMES } from '@tollgate/contracts';
import { LATENCY_SAMPLE_OF, TOKENS_OF } from '../roll-ups/event-facts.js';
import {
  FACTS_OF,
  GRAINS_OF,
  HISTOGRAM_COLUMNS,
  SPARSE_COLUMNS,
  SUM_COLUMNS,
  TOKEN_CLASSES,
  type Grain,
  type RollUpFact,
  type RollUpUnit,
} from '../roll-ups/roll-up-columns.js';
import { momentOf, rowStarts, type Span, type UsagePart } from './usage-parts.js';

/** What usage can be filtered and grouped by. */
export const USAGE_FIELDS = [
  'api_key_id',
  'group_id',
  'project_id',
  'member_id',
  'model',
  'provider',
  'route',
  'status',
] as const;
export type UsageField = (typeof USAGE_FIELDS)[number];

/** Which calls of an organisation are asked about: those that have these values, of all fields that are named. */
export type UsageFilters = Partial<Readonly<Record<UsageField, string>>>;

/** A statement with its parameters. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** Sums over calls by bucket and by group. */
export interface UsageSelection {
  readonly organizationId: string;
  readonly filters: UsageFilters;
  readonly groupBy: readonly UsageField[];
  /** The parts that are read. */
  readonly parts: readonly UsagePart[];
  /** Where the buckets begin; null for one bucket of all. */
  readonly bucketStarts: readonly number[] | null;
  /** Which rows come first, and how many come; null for the order of buckets and groups, and for all. */
  readonly order: UsageOrder | null;
  readonly limit: number | null;
  /** Groups after this one in the order of their values; null from the first on. */
  readonly after: readonly (string | null)[] | null;
  /** Only these groups, by the `place` of their rows; null for all. */
  readonly places: readonly string[] | null;
}

/** What the greatest groups are the greatest by. */
export const USAGE_ORDERS = ['cost_usd', 'requests', 'input_tokens', 'output_tokens'] as const;
export type UsageOrder = (typeof USAGE_ORDERS)[number];

const ORDER_COLUMNS: Readonly<Record<UsageOrder, string>> = {
  cost_usd: 'charge_nano_usd',
  requests: 'requests',
  input_tokens: 'input_tokens',
  output_tokens: 'output_tokens',
};

/** A row of sums. All numbers come as text; sparse ones are null where nothing was counted. */
export type UsageRow = Readonly<Record<(typeof SUMS)[number], string | null>> &
  Readonly<Record<`outcome_${(typeof USAGE_OUTCOMES)[number]}`, string | null>> & {
    /** From 1 on. */
    readonly bucket: number;
    /** What tells the groups of this row apart, for `places`. */
    readonly place: string;
    /** The values of the fields that are grouped by. */
    readonly g0?: string | null;
    readonly g1?: string | null;
  };

const SUMS = [...SUM_COLUMNS, ...SPARSE_COLUMNS, ...HISTOGRAM_COLUMNS] as const;

const SUMMED = [
  ...SUMS.map((column) => `sum(${column}) AS ${column}`),
  ...USAGE_OUTCOMES.map((outcome) => `sum(requests) FILTER (WHERE outcome = '${outcome}') AS outcome_${outcome}`),
].join(', ');

/** The statement that reads a selection. Calls of one organisation alone are read, whatever the policies say. */
export function usageStatement(selection: UsageSelection): Statement {
  const parameters: unknown[] = [selection.organizationId];
  const add = (value: unknown): string => `$${parameters.push(value)}`;
  const groups = selection.groupBy.map((_, n) => `g${n}`);
  const bucket =
    selection.bucketStarts === null
      ? '1'
      : `width_bucket(at, ${add(selection.bucketStarts.map(momentOf))}::timestamptz[])`;
  const parts = selection.parts.flatMap((part) => partsSql(part, selection, add));
  const place = `ROW(${groups.join(', ')})::text`;
  const chosen = [
    ...(selection.places === null ? [] : [`${place} = ANY(${add(selection.places)}::text[])`]),
    ...(selection.after === null
      ? []
      : [`${orderKey(groups)} > ${orderKey(selection.after.map((each) => `${add(each)}::text`))}`]),
  ];
  const inOrder = [
    ...(selection.order === null ? ['1'] : [`sum(${ORDER_COLUMNS[selection.order]}) DESC`]),
    ...(groups.length === 0 ? [] : [orderKey(groups)]),
  ];
  return {
    text: `SELECT ${[`${bucket} AS bucket`, ...groups, `${place} AS place`, SUMMED].join(', ')}
      FROM (${parts.join('\nUNION ALL ')}) AS part
      ${chosen.length === 0 ? '' : `WHERE ${chosen.join(' AND ')}`}
      GROUP BY ${[bucket === '1' ? '()' : '1', ...groups].join(', ')}
      ORDER BY ${inOrder.join(', ')} ${selection.limit === null ? '' : `LIMIT ${add(selection.limit)}`}`,
    parameters,
  };
}

/** Groups in the order of their values, byte by byte; those without a value come first. */
const orderKey = (values: readonly string[]): string =>
  `ROW(${values.map((value) => `${value} IS NOT NULL, coalesce(${value}, '') COLLATE "C"`).join(', ')})`;

type AddParameter = (value: unknown) => string;
type Asked = Pick<UsageSelection, 'filters' | 'groupBy'>;

function partsSql({ source, spans }: UsagePart, asked: Asked, add: AddParameter): string[] {
  return source === 'event' ? spans.map((span) => eventsSql(span, asked, add)) : [rollUpSql(source, spans, asked, add)];
}

function rollUpSql(unit: RollUpUnit, spans: readonly Span[], asked: Asked, add: AddParameter): string {
  return `SELECT u.at, d.outcome, ${[...groupColumns(asked), ...SUMS.map((column) => `u.${column}`)].join(', ')}
    FROM billing.usage_dimension AS d JOIN billing.usage_${unit} AS u ON u.dimension_id = d.dimension_id ${eachGroup(asked)}
    WHERE d.organization_id = $1 AND u.organization_id = $1 AND d.grain = '${grainOf(unit, asked)}'
      AND ${[within(unit, spans, add), ...conditions(asked, add)].join(' AND ')}`;
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

const SUMS_OF_EVENT: Readonly<Record<(typeof SUMS)[number], string>> = {
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
function eventsSql({ fromMs, toMs }: Span, asked: Asked, add: AddParameter): string {
  const [from, to] = [`${add(momentOf(fromMs))}::timestamptz`, `${add(momentOf(toMs))}::timestamptz`];
  return `SELECT d.at, d.outcome, ${[...groupColumns(asked), ...SUMS.map((column) => `d.${column}_of_one AS ${column}`)].join(', ')}
    FROM (SELECT outcome, model, provider, route, api_key_id, project_id, member_id,
        ARRAY(SELECT jsonb_array_elements_text(group_ids)) AS group_ids,
        billing.counted_at(started_at, accounts->0->>'accountId', accounts->0->>'capNanoUsd') AS at,
        ${SUMS.map((column) => `${SUMS_OF_EVENT[column]} AS ${column}_of_one`).join(', ')}
      FROM billing.usage_event WHERE organization_id = $1
        AND started_at >= ${from} - ${CLOCKS_APART} AND started_at < ${to} + ${CLOCKS_APART}) AS d ${eachGroup(asked)}
    WHERE ${[`d.at >= ${from} AND d.at < ${to}`, ...conditions(asked, add)].join(' AND ')}`;
}

/** The facts that are not about how a call ended. */
function factsOf({ filters, groupBy }: Asked): readonly RollUpFact[] {
  const fields = [...groupBy, ...(Object.keys(filters) as UsageField[])];
  return fields.flatMap((field) => (field === 'status' ? [] : field === 'group_id' ? ['group_ids'] : [field]));
}

/** Whether a table tells apart what is asked for. */
export function hasGrainOf(unit: RollUpUnit, asked: Asked): boolean {
  return GRAINS_OF[unit].includes(grainOf(unit, asked));
}

/** The grain with the fewest rows that tells apart what is asked for. */
function grainOf(unit: RollUpUnit, asked: Asked): Grain {
  const facts = factsOf(asked);
  const fit = (['models', 'owners'] as const).find(
    (grain) => GRAINS_OF[unit].includes(grain) && facts.every((fact) => FACTS_OF[grain].includes(fact)),
  );
  return fit ?? 'full';
}

function columnOf(field: UsageField): string {
  if (field === 'status') return 'd.outcome';
  return field === 'group_id' ? 'of_group.group_id' : `d.${field}`;
}

const groupColumns = ({ groupBy }: Asked): string[] => groupBy.map((field, n) => `${columnOf(field)} AS g${n}`);

/** A call is in all groups of its key: grouped by them it comes once in each, or once without any where it has none. */
function eachGroup({ groupBy }: Asked): string {
  return groupBy.includes('group_id') ? 'LEFT JOIN LATERAL unnest(d.group_ids) AS of_group (group_id) ON true' : '';
}

function conditions({ filters, groupBy }: Asked, add: AddParameter): string[] {
  return Object.entries(filters).map(([field, value]) => {
    if (field !== 'group_id' || groupBy.includes('group_id')) return `${columnOf(field as UsageField)} = ${add(value)}`;
    return `${add(value)} = ANY(d.group_ids)`;
  });
}
