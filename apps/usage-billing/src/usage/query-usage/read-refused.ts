import type { UsageField, UsageFilters } from './usage-fields.js';
import { momentOf, usageParts, type KeptSince, type PartSource, type Span } from './usage-parts.js';

/** Calls by the code of their refusal. */
export type RefusedByCode = Readonly<Record<string, number>>;

/** Which refused calls are counted beside the usage, and where they are read. */
export interface RefusedSelection {
  /** Between which bounds the buckets lie. */
  readonly bounds: readonly number[];
  readonly minutes: readonly Span[];
  readonly quarters: readonly Span[];
  readonly days: readonly Span[];
}

/**
 * What is known of a refused call that usage can be grouped by. No provider was asked, so it has no model, provider,
 * route and outcome: it is in the group without any. Whose key it was, beyond the key itself, is not counted.
 */
const KNOWN: Partial<Readonly<Record<UsageField, 'api_key_id' | 'none'>>> = {
  api_key_id: 'api_key_id',
  model: 'none',
  provider: 'none',
  route: 'none',
  status: 'none',
};

/**
 * Whether refused calls are told apart as is asked: by these filters and groups. Where they are not, nobody can say how
 * many belong to a group, and none are counted.
 */
export function areRefusedKnown(filters: UsageFilters, groupBy: readonly UsageField[]): boolean {
  return Object.keys(filters).every((field) => field === 'api_key_id') && groupBy.every((field) => field in KNOWN);
}

/**
 * Where the refused calls of some buckets are read. A row counts in the bucket that has its first moment: nobody knows
 * at which second of a minute a call was refused.
 */
export function refusedSelection(bounds: readonly number[], keptSince: KeptSince): RefusedSelection {
  const parts = usageParts(bounds, { ...keptSince, month: Infinity, six_hours: Infinity, hour: Infinity });
  const spans = (source: PartSource): readonly Span[] =>
    parts.flatMap((part) => (part.source === source ? part.spans : []));
  const since = keptSince.minute ?? -Infinity;
  // What is no whole row of any table is read from the shortest that is kept.
  const odd = spans('event');
  return {
    bounds,
    minutes: [...spans('minute'), ...odd.filter(({ fromMs }) => fromMs >= since)],
    quarters: [...spans('quarter'), ...odd.filter(({ fromMs }) => fromMs < since)],
    days: spans('day'),
  };
}

type AddParameter = (value: unknown) => string;

/**
 * Refused calls by bucket, group and code, for the parts of a statement about usage whose $1 is the organisation. Its
 * columns are the bucket, `columns`, the code and the number of calls.
 */
export function refusedSql(
  { bounds, minutes, quarters, days }: RefusedSelection,
  { filters, groupBy }: { readonly filters: UsageFilters; readonly groupBy: readonly UsageField[] },
  columns: readonly string[],
  add: AddParameter,
): string {
  const ofKey = filters.api_key_id === undefined ? '' : `AND api_key_id = ${add(filters.api_key_id)}`;
  const rows = [
    ['refused_minute', minutes] as const,
    ['refused_quarter', quarters] as const,
    ['refused_day', days] as const,
  ].map(([table, spans]) => {
    const [lower, upper] = [spans.map(({ fromMs }) => momentOf(fromMs)), spans.map(({ toMs }) => momentOf(toMs))];
    return `SELECT at, api_key_id, code, calls FROM unnest(${add(lower)}::timestamptz[], ${add(upper)}::timestamptz[]) AS span (lower, upper)
      JOIN billing.${table} ON at >= lower AND at < upper WHERE organization_id = $1 ${ofKey}`;
  });
  const isByKey = groupBy.includes('api_key_id');
  return `SELECT ${['bucket', ...columns, 'code', 'sum(calls)::bigint'].join(', ')}
    FROM (SELECT width_bucket(at, ${add(bounds.slice(0, -1).map(momentOf))}::timestamptz[]) AS bucket, api_key_id, code, calls
      FROM (${rows.join(' UNION ALL ')}) AS part) AS refused
    GROUP BY bucket, code${isByKey ? ', api_key_id' : ''}`;
}

/** The columns of the groups of a refused call, null where it has no value. */
export const refusedGroups = (groupBy: readonly UsageField[]): string[] =>
  groupBy.map((field) => (field === 'api_key_id' ? 'api_key_id' : 'NULL'));
