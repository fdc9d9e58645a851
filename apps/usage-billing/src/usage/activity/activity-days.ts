const DAY_MS = 86_400_000;
/** How many completed days are told. */
export const ACTIVITY_DAYS = 30;

/**
 * The bounds of the UTC days that activity is told of at `nowMs`: the last 30 that are over, or the one of them that a
 * date names. In milliseconds since 1970; each pair of neighbours is one day. Null for a date that is none of them.
 */
export function activityDays(date: string | undefined, nowMs: number): readonly number[] | null {
  const todayMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  const bounds = Array.from({ length: ACTIVITY_DAYS + 1 }, (_, n) => todayMs - (ACTIVITY_DAYS - n) * DAY_MS);
  if (date === undefined) return bounds;
  const fromMs = bounds.slice(0, -1).find((at) => dateOf(at) === date);
  return fromMs === undefined ? null : [fromMs, fromMs + DAY_MS];
}

/** The UTC date of a moment: `2026-11-29`. */
export const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
