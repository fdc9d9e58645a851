import type { CycleReset } from '@tollgate/api-key';
import type { EntityManager } from 'typeorm';
import type { WatchedLimit } from './watched-limit.js';

/** Outbox effect: limits are looked at now. Its entries are added with the change of one, in its transaction. */
export const LOOK_AT_LIMITS = 'look-at-limits';

interface WatchedLimitRow {
  organization_id: string;
  limit_id: string;
  version: string;
  cap_nano_usd: string | null;
  credit_reset: CycleReset;
  anchor: Date | null;
  raise_nano_usd: string | null;
  raise_until: Date | null;
  noted_at: Date;
}

/** Index: watched_limit_pk. */
const NOTE = `INSERT INTO billing.watched_limit AS known
    (organization_id, limit_id, version, cap_nano_usd, credit_reset, anchor, raise_nano_usd, raise_until, noted_at, look_at)
  SELECT organization_id, limit_id, version, cap, reset, anchor, raise, raise_until, $9, $9
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[], $7::bigint[], $8::timestamptz[])
    AS given (organization_id, limit_id, version, cap, reset, anchor, raise, raise_until)
  ORDER BY organization_id, limit_id
  ON CONFLICT (organization_id, limit_id) DO UPDATE SET version = EXCLUDED.version, cap_nano_usd = EXCLUDED.cap_nano_usd,
    credit_reset = EXCLUDED.credit_reset, anchor = EXCLUDED.anchor, raise_nano_usd = EXCLUDED.raise_nano_usd,
    raise_until = EXCLUDED.raise_until, noted_at = EXCLUDED.noted_at, look_at = EXCLUDED.look_at
  WHERE known.version <= EXCLUDED.version`;

/** Index: watched_limit_due. */
const DUE_ORGANIZATIONS = `SELECT DISTINCT organization_id FROM (
    SELECT organization_id FROM billing.watched_limit WHERE look_at <= $1 ORDER BY look_at LIMIT $2) AS due
  ORDER BY organization_id`;

/** Index: watched_limit_due. */
const DUE_LIMITS = `SELECT organization_id, limit_id, version, cap_nano_usd, credit_reset, anchor, raise_nano_usd, raise_until, noted_at
  FROM billing.watched_limit WHERE organization_id = ANY($1::text[]) AND look_at <= $2
  ORDER BY organization_id, limit_id LIMIT $3 FOR UPDATE`;

/** Index: watched_limit_pk. */
const LOOKED_AT = `UPDATE billing.watched_limit AS known SET look_at = given.look_at
  FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS given (organization_id, limit_id, look_at)
  WHERE known.organization_id = given.organization_id AND known.limit_id = given.limit_id`;

/** Index: watched_limit_pk. */
const DONE = `DELETE FROM billing.watched_limit AS known
  USING unnest($1::text[], $2::text[]) AS given (organization_id, limit_id)
  WHERE known.organization_id = given.organization_id AND known.limit_id = given.limit_id`;

/** Index: watched_limit_due. */
const NEXT_DUE = 'SELECT min(look_at) AS at FROM billing.watched_limit';

/** A limit that is to be looked at, and since when it is as it is. */
export interface DueLimit extends WatchedLimit {
  readonly notedAt: Date;
}

/** Notes limits as they are now, to be looked at at once. One of which a later version is known stays. */
export async function noteLimits(manager: EntityManager, limits: readonly WatchedLimit[], now: Date): Promise<void> {
  const latest = new Map<string, WatchedLimit>();
  for (const limit of limits) {
    const name = JSON.stringify([limit.organizationId, limit.limitId]);
    if ((latest.get(name)?.version ?? 0) <= limit.version) latest.set(name, limit);
  }
  if (latest.size === 0) return;
  const all = [...latest.values()];
  await manager.query(NOTE, [
    all.map(({ organizationId }) => organizationId),
    all.map(({ limitId }) => limitId),
    all.map(({ version }) => version),
    all.map(({ capNanoUsd }) => capNanoUsd?.toString() ?? null),
    all.map(({ reset }) => reset),
    all.map(({ anchorMs }) => (anchorMs === null ? null : new Date(anchorMs))),
    all.map(({ raise }) => raise?.amountNanoUsd.toString() ?? null),
    all.map(({ raise }) => raise?.until ?? null),
    now,
  ]);
}

/** The organisations of the first `count` limits that are due, in the order of their ids. */
export async function dueOrganizations(manager: EntityManager, now: Date, count: number): Promise<string[]> {
  const rows = await manager.query<{ organization_id: string }[]>(DUE_ORGANIZATIONS, [now, count]);
  return rows.map((row) => row.organization_id);
}

/** At most `count` limits of these organisations that are due, locked: one that is noted meanwhile is due again. */
export async function dueLimits(
  manager: EntityManager,
  organizationIds: readonly string[],
  now: Date,
  count: number,
): Promise<DueLimit[]> {
  return (await manager.query<WatchedLimitRow[]>(DUE_LIMITS, [organizationIds, now, count])).map(limitOf);
}

/** Notes when limits are looked at next; those with null are done. */
export async function looked(
  manager: EntityManager,
  limits: readonly { readonly limit: WatchedLimit; readonly next: Date | null }[],
): Promise<void> {
  const [later, done] = [limits.filter(({ next }) => next !== null), limits.filter(({ next }) => next === null)];
  const idsOf = (some: typeof limits): string[][] => [
    some.map(({ limit }) => limit.organizationId),
    some.map(({ limit }) => limit.limitId),
  ];
  if (later.length > 0) await manager.query(LOOKED_AT, [...idsOf(later), later.map(({ next }) => next)]);
  if (done.length > 0) await manager.query(DONE, idsOf(done));
}

/** When the next limit is due; null for none. */
export async function nextDue(manager: EntityManager): Promise<Date | null> {
  const [row] = await manager.query<{ at: Date | null }[]>(NEXT_DUE);
  return row?.at ?? null;
}

const limitOf = (row: WatchedLimitRow): DueLimit => ({
  organizationId: row.organization_id,
  limitId: row.limit_id,
  version: Number(row.version),
  capNanoUsd: row.cap_nano_usd === null ? null : BigInt(row.cap_nano_usd),
  reset: row.credit_reset,
  anchorMs: row.anchor?.getTime() ?? null,
  raise:
    row.raise_nano_usd === null || row.raise_until === null
      ? null
      : { amountNanoUsd: BigInt(row.raise_nano_usd), until: row.raise_until },
  notedAt: row.noted_at,
});
