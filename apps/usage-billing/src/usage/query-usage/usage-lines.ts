import { USAGE_OUTCOMES } from '@tollgate/contracts';
import { CSV_BYTE_ORDER_MARK, csvLine, type CsvCell } from '@tollgate/http';
import { TOKEN_CLASSES } from '../roll-ups/roll-up-columns.js';
import type { UsageBucket, UsageQuestion } from './query-usage.js';
import type { RefusedByCode } from './read-refused.js';
import type { NameOf } from './usage-names.js';
import { groupFields, isNamed, momentOrNull, NAME_FIELDS, sumsObject } from './usage-object.js';
import type { UsageField } from './usage-fields.js';
import type { UsageSums } from './usage-sums.js';

/** Formats of usage in lines. */
export type LineFormat = 'csv' | 'ndjson';

/** Some buckets with their groups, and the names of what is in them. */
export interface NamedPage {
  readonly buckets: readonly UsageBucket[];
  readonly nameOf: NameOf;
}

/**
 * A line for each bucket and group, in texts of some lines. A failure is thrown, so that the connection breaks and
 * nobody takes what came for the whole.
 */
export async function* usageLines(
  format: LineFormat,
  { groupBy }: Pick<UsageQuestion, 'groupBy'>,
  pages: AsyncIterable<NamedPage>,
): AsyncGenerator<string> {
  if (format === 'csv') yield CSV_BYTE_ORDER_MARK + csvLine(columnsOf(groupBy));
  for await (const { buckets, nameOf } of pages)
    yield buckets.flatMap((bucket) => linesOf(format, groupBy, bucket, nameOf)).join('');
}

function linesOf(
  format: LineFormat,
  groupBy: readonly UsageField[],
  { fromMs, toMs, sums, groups }: UsageBucket,
  nameOf: NameOf,
): string[] {
  const period = { from: momentOrNull(fromMs), to: momentOrNull(toMs) };
  const all = groupBy.length === 0 ? [{ values: [], sums }] : groups;
  return all.map((group) => {
    const fields = groupFields(groupBy, group.values, nameOf);
    if (format === 'csv') return csvLine([period.from, period.to, ...Object.values(fields), ...cellsOf(group.sums)]);
    return `${JSON.stringify({ ...period, ...fields, ...sumsObject(group.sums) })}\n`;
  });
}

function columnsOf(groupBy: readonly UsageField[]): string[] {
  return [
    'from',
    'to',
    ...groupBy.flatMap((field) => (isNamed(field) ? [field, NAME_FIELDS[field]] : [field])),
    'requests',
    ...USAGE_OUTCOMES.map((outcome) => `requests_${outcome}`),
    'unpriced_requests',
    'input_tokens',
    'output_tokens',
    ...TOKEN_CLASSES.map((name) => `${name}_tokens`),
    'cost_usd',
    'provider_cost_usd',
    'first_byte_p50_ms',
    'first_byte_p95_ms',
    'duration_p50_ms',
    'duration_p95_ms',
    'refused',
    'refused_by_code',
  ];
}

function cellsOf(sums: UsageSums): CsvCell[] {
  const shown = sumsObject(sums);
  return [
    sums.requests,
    ...USAGE_OUTCOMES.map((outcome) => sums.requestsBy[outcome]),
    sums.unpricedRequests,
    sums.inputTokens,
    sums.outputTokens,
    ...TOKEN_CLASSES.map((name) => sums.tokens[name]),
    { number: shown.cost_usd },
    { number: shown.provider_cost_usd },
    shown.first_byte_p50_ms,
    shown.first_byte_p95_ms,
    shown.duration_p50_ms,
    shown.duration_p95_ms,
    ...refusedCells(shown.refused),
  ];
}

/** How many calls were refused, and how many by which code, as `invalid_request=4 quota_exceeded=10`. */
function refusedCells(refused: RefusedByCode | null): CsvCell[] {
  if (refused === null) return [null, null];
  const codes = Object.entries(refused).sort(([one], [other]) => (one < other ? -1 : 1));
  return [codes.reduce((sum, [, calls]) => sum + calls, 0), codes.map(([code, calls]) => `${code}=${calls}`).join(' ')];
}
