import type { RollUpUnit } from '../roll-ups/roll-up-columns.js';

/** Where the sums of a part of a period are read: rows of one table, or the events themselves. */
export type PartSource = RollUpUnit | 'event';

/** From its first moment up to and without its last, in milliseconds since 1970 or infinite. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The spans of a period that are read from one source, in their order. */
export interface UsagePart {
  readonly source: PartSource;
  readonly spans: readonly Span[];
}

/** The first moment that a table still has all rows of; tables that are not named keep theirs for good. */
export type KeptSince = Partial<Record<RollUpUnit, number>>;

/** The lengths of rows; those of months differ. */
export const LENGTHS_MS = {
  day: 86_400_000,
  six_hours: 21_600_000,
  hour: 3_600_000,
  quarter: 900_000,
  minute: 60_000,
} as const;
const UNITS = ['month', 'day', 'six_hours', 'hour', 'quarter', 'minute'] as const satisfies readonly RollUpUnit[];

/**
 * Divides buckets into spans of which each is whole rows of one table, the longest that fit. What is no whole minute,
 * and what is no whole row of a table that still has it, is read from the events.
 */
export function usageParts(bounds: readonly number[], keptSince: KeptSince): readonly UsagePart[] {
  const bySource = new Map<PartSource, Span[]>();
  for (let n = 1; n < bounds.length; n++)
    for (const { source, fromMs, toMs } of spansOf(bounds[n - 1]!, bounds[n]!, keptSince)) {
      const spans = bySource.get(source) ?? [];
      const last = spans.at(-1);
      if (last?.toMs === fromMs) spans[spans.length - 1] = { fromMs: last.fromMs, toMs };
      else spans.push({ fromMs, toMs });
      bySource.set(source, spans);
    }
  return [...bySource].map(([source, spans]) => ({ source, spans }));
}

/** The spans of one bucket: rows of the longest unit that fits, and what is before and after them in shorter ones. */
function spansOf(
  fromMs: number,
  toMs: number,
  keptSince: KeptSince,
  units: readonly RollUpUnit[] = UNITS,
): (Span & { readonly source: PartSource })[] {
  if (fromMs >= toMs) return [];
  const [unit, ...shorter] = units;
  if (unit === undefined) return [{ source: 'event', fromMs, toMs }];
  const first = roundedUp(Math.max(fromMs, keptSince[unit] ?? -Infinity), unit);
  const end = roundedDown(toMs, unit);
  if (first >= end) return spansOf(fromMs, toMs, keptSince, shorter);
  return [
    ...spansOf(fromMs, first, keptSince, shorter),
    { source: unit, fromMs: first, toMs: end },
    ...spansOf(end, toMs, keptSince, shorter),
  ];
}

/** The last moment up to `ms` at which a row begins. */
export function roundedDown(ms: number, unit: RollUpUnit): number {
  if (!Number.isFinite(ms)) return ms;
  if (unit !== 'month') return Math.floor(ms / LENGTHS_MS[unit]) * LENGTHS_MS[unit];
  const at = new Date(ms);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
}

/** The first moment from `ms` on at which a row begins. */
export function roundedUp(ms: number, unit: RollUpUnit): number {
  if (!Number.isFinite(ms)) return ms;
  const down = roundedDown(ms, unit);
  if (down === ms) return ms;
  if (unit !== 'month') return down + LENGTHS_MS[unit];
  const at = new Date(down);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

/** A moment as the database reads it: RFC 3339 in UTC, or a word where it is infinite. */
export function momentOf(ms: number): string {
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  return ms < 0 ? '-infinity' : 'infinity';
}

/** The first moments of the rows of a table that lie in some spans; null for those of spans without end. */
export function rowStarts(unit: Exclude<RollUpUnit, 'month'>, spans: readonly Span[]): readonly number[] | null {
  if (spans.some(({ fromMs, toMs }) => !Number.isFinite(fromMs) || !Number.isFinite(toMs))) return null;
  const length = LENGTHS_MS[unit];
  return spans.flatMap(({ fromMs, toMs }) =>
    Array.from({ length: (toMs - fromMs) / length }, (_, n) => fromMs + n * length),
  );
}
