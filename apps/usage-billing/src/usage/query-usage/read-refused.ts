import type { EntityManager } from 'typeorm';
import { momentOf, usageParts, type KeptSince, type PartSource, type Span } from './usage-parts.js';

/** Calls by the code of their refusal. */
export type RefusedByCode = Readonly<Record<string, number>>;

/** Which refused calls are counted. */
export interface RefusedQuestion {
  readonly organizationId: string;
  /** Null for all keys. */
  readonly apiKeyId: string | null;
  readonly bounds: readonly number[];
  /** Whether keys are told apart. */
  readonly byKey: boolean;
}

/** Refused calls of one bucket, from 0 on, and of one key; the key is empty where keys are not told apart. */
export interface RefusedCalls {
  readonly bucket: number;
  readonly apiKeyId: string;
  readonly byCode: RefusedByCode;
}

const WITHIN = 'ON at >= lower AND at < upper WHERE organization_id = $1 AND ($2::text IS NULL OR api_key_id = $2)';

/** Indexes: refused_minute_pk, refused_quarter_pk, refused_day_pk. */
const REFUSED = `
  SELECT bucket, api_key_id, jsonb_object_agg(code, calls) AS by_code FROM (
    SELECT width_bucket(at, $4::timestamptz[]) - 1 AS bucket, CASE WHEN $3 THEN api_key_id ELSE '' END AS api_key_id, code,
      sum(calls) AS calls
    FROM (
      SELECT at, api_key_id, code, calls FROM unnest($5::timestamptz[], $6::timestamptz[]) AS span (lower, upper)
        JOIN billing.refused_minute ${WITHIN}
      UNION ALL
      SELECT at, api_key_id, code, calls FROM unnest($7::timestamptz[], $8::timestamptz[]) AS span (lower, upper)
        JOIN billing.refused_quarter ${WITHIN}
      UNION ALL
      SELECT at, api_key_id, code, calls FROM unnest($9::timestamptz[], $10::timestamptz[]) AS span (lower, upper)
        JOIN billing.refused_day ${WITHIN}) AS part
    GROUP BY 1, 2, 3) AS counted
  GROUP BY 1, 2 ORDER BY 1, 2`;

/**
 * Counts the calls that gateways refused. A row counts in the bucket that has its first moment: nobody knows at which
 * second of a minute a call was refused.
 */
export async function readRefused(
  manager: EntityManager,
  { organizationId, apiKeyId, bounds, byKey }: RefusedQuestion,
  keptSince: KeptSince,
): Promise<readonly RefusedCalls[]> {
  const parts = usageParts(bounds, { ...keptSince, month: Infinity, six_hours: Infinity, hour: Infinity });
  const spans = (...sources: readonly PartSource[]): Span[] =>
    parts.flatMap((part) => (sources.includes(part.source) ? part.spans : []));
  const since = keptSince.minute ?? -Infinity;
  const odd = spans('event');
  const [early, late] = [odd.filter(({ fromMs }) => fromMs < since), odd.filter(({ fromMs }) => fromMs >= since)];
  const given = [[...spans('minute'), ...late], [...spans('quarter'), ...early], spans('day')].flatMap((each) => [
    each.map(({ fromMs }) => momentOf(fromMs)),
    each.map(({ toMs }) => momentOf(toMs)),
  ]);
  const rows = await manager.query<{ bucket: number; api_key_id: string; by_code: RefusedByCode }[]>(REFUSED, [
    organizationId,
    apiKeyId,
    byKey,
    bounds.slice(0, -1).map(momentOf),
    ...given,
  ]);
  return rows.map((row) => ({ bucket: row.bucket, apiKeyId: row.api_key_id, byCode: row.by_code }));
}
