import { formatUsd } from '@tollgate/credit';
import type { BucketObject, CellObject, GroupObject, SumsObject, UsageObject } from '../read-usage/usage.reply.js';
import type { UsageQuery } from '../usage.requests.js';
import { latencyPercentile } from './latency-percentile.js';
import type { GroupValues, UsageAnswer, UsageBucket, UsageCell, UsageGroup } from './query-usage.js';
import type { NameOf } from './usage-names.js';
import type { UsageField } from './usage-fields.js';
import type { UsageSums } from './usage-sums.js';

/** Sums as replies show them. */
export function sumsObject(sums: UsageSums): SumsObject {
  return {
    requests: sums.requests,
    requests_by_status: sums.requestsBy,
    unpriced_requests: sums.unpricedRequests,
    input_tokens: sums.inputTokens,
    output_tokens: sums.outputTokens,
    tokens: sums.tokens,
    cost_usd: formatUsd(sums.chargeNanoUsd),
    provider_cost_usd: formatUsd(sums.costNanoUsd),
    first_byte_p50_ms: latencyPercentile(sums.firstByte, 50),
    first_byte_p95_ms: latencyPercentile(sums.firstByte, 95),
    duration_p50_ms: latencyPercentile(sums.duration, 50),
    duration_p95_ms: latencyPercentile(sums.duration, 95),
    refused: sums.refused,
  };
}

/** The fields that have names: `api_key_id` has `api_key_name`. */
export const NAME_FIELDS = {
  api_key_id: 'api_key_name',
  group_id: 'group_name',
  project_id: 'project_name',
  member_id: 'member_name',
} as const;
/** A field that is the id of something with a name. */
export type NamedField = keyof typeof NAME_FIELDS;

export const isNamed = (field: UsageField): field is NamedField => field in NAME_FIELDS;

/** What a group is: its values by their fields, and the names of what they are the ids of. */
export function groupFields(
  groupBy: readonly UsageField[],
  values: GroupValues,
  nameOf: NameOf,
): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    groupBy.flatMap((field, n): [string, string | null][] => {
      const value = values[n] ?? null;
      if (!isNamed(field)) return [[field, value]];
      return [
        [field, value],
        [NAME_FIELDS[field], value === null ? null : nameOf(field, value)],
      ];
    }),
  );
}

/** RFC 3339 in UTC; null for a time without end. */
export function momentOrNull(ms: number): string | null {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}

/** A group as replies show it. */
function groupObject(groupBy: readonly UsageField[], { values, sums }: UsageGroup, nameOf: NameOf): GroupObject {
  return { ...groupFields(groupBy, values, nameOf), ...sumsObject(sums) };
}

/** A bucket as replies show it. */
function bucketObject(groupBy: readonly UsageField[], bucket: UsageBucket<UsageCell>, nameOf: NameOf): BucketObject {
  return {
    from: new Date(bucket.fromMs).toISOString(),
    to: new Date(bucket.toMs).toISOString(),
    ...sumsObject(bucket.sums),
    groups: bucket.groups.map(({ values, ...cell }): CellObject => ({
      ...groupFields(groupBy, values, nameOf),
      requests: cell.requests,
      input_tokens: cell.inputTokens,
      output_tokens: cell.outputTokens,
      cost_usd: formatUsd(cell.chargeNanoUsd),
      refused: cell.refused,
    })),
  };
}

/** What an answer to a query is shown as. */
export function usageObject(query: UsageQuery, answer: UsageAnswer, nameOf: NameOf): UsageObject {
  const { api_key_id, group_by, interval, tz, bounds } = query;
  return {
    object: 'usage',
    api_key_id,
    from: momentOrNull(bounds[0]!),
    to: momentOrNull(bounds.at(-1)!),
    interval,
    tz,
    group_by,
    totals: sumsObject(answer.totals),
    series: answer.series.map((bucket) => bucketObject(group_by, bucket, nameOf)),
    groups: answer.groups.map((group) => groupObject(group_by, group, nameOf)),
    groups_cut: answer.isCut,
  };
}
