/** The window of every rate limit, in microseconds: limits are per minute. */
export const WINDOW_US = 60_000_000;
/** Rounding room, in parts of one emission interval: never enough for one request more. */
const TOLERANCE = 0.01;

/**
 * The generic cell rate algorithm. `tatUs` is the theoretical arrival time kept for a limit (0 when never used).
 * Taking `units` at `nowUs` is within `limit` per minute when it leaves the new arrival time at most a window ahead:
 * a full bucket lets `limit` units through at once, and refills evenly.
 */
export function gcraTake(tatUs: number, limit: number, units: number, nowUs: number): { readonly allowed: boolean; readonly tatUs: number; readonly retryAfterUs: number } {
  const interval = WINDOW_US / limit;
  const next = roundTat(Math.max(tatUs, nowUs) + units * interval);
  const excess = next - nowUs - WINDOW_US;
  return { allowed: excess <= interval * TOLERANCE, tatUs: next, retryAfterUs: Math.max(0, excess) };
}

/** What a limit has left at `nowUs`, and when it is full again. */
export function gcraLeft(tatUs: number, limit: number, nowUs: number): { readonly remaining: number; readonly resetUs: number } {
  const interval = WINDOW_US / limit;
  const used = Math.max(0, tatUs - nowUs);
  return { remaining: Math.max(0, Math.floor((WINDOW_US - used) / interval + TOLERANCE)), resetUs: used };
}

/** Gives back (or takes) the difference between estimated and actual units. */
export function gcraCorrect(tatUs: number, limit: number, units: number): number {
  return roundTat(tatUs + units * (WINDOW_US / limit));
}

/** Whole quarters of a microsecond: what the Redis twin keeps, and what doubles of a present time's size come in anyway. */
function roundTat(us: number): number {
  return Math.round(us * 4) / 4;
}
