/** The window of every rate limit, in microseconds: limits are per minute. */
export const WINDOW_US = 60_000_000;
/** Rounding room, in parts of one emission interval: never enough for one request more. */
const TOLERANCE = 0.01;

/**
 * The generic cell rate algorithm. `tatUs` is the theoretical arrival time kept for a limit (0 when never used).
 * Taking `units` at `nowUs` is within `limit` per minute when it leaves the new arrival time at most a window ahead:
 * a full bucket lets `limit` units through at once, and refills evenly.
 */
export function gcraTake(
  tatUs: number,
  limit: number,
  units: number,
  nowUs: number,
): { readonly allowed: boolean; readonly tatUs: number; readonly retryAfterUs: number } {
  const interval = WINDOW_US / limit;
  const next = roundTat(Math.max(tatUs, nowUs) + units * interval);
  const excess = next - nowUs - WINDOW_US;
  // After a window even all units of the limit are let through: the tolerance covers what would be left.
  const retryAfterUs = Math.max(0, Math.min(excess, WINDOW_US));
  return { allowed: excess <= interval * TOLERANCE, tatUs: next, retryAfterUs };
}

/** What a limit has left at `nowUs`, and when it is full again. */
export function gcraLeft(
  tatUs: number,
  limit: number,
  nowUs: number,
): { readonly remaining: number; readonly resetUs: number } {
  const interval = WINDOW_US / limit;
  const used = Math.max(0, tatUs - nowUs);
  return { remaining: Math.max(0, Math.floor((WINDOW_US - used) / interval + TOLERANCE)), resetUs: used };
}

/**
 * Takes the units that were used beyond the estimate, or gives back those that were not (`units` below 0). What is
 * taken leaves the arrival time at most a window ahead: however many units one call used, the limit is whole again
 * after a minute.
 */
export function gcraCorrect(tatUs: number, limit: number, units: number, nowUs: number): number {
  const next = roundTat(tatUs + units * (WINDOW_US / limit));
  return units > 0 ? Math.max(tatUs, Math.min(next, nowUs + WINDOW_US)) : next;
}

/**
 * The arrival time, at most a window ahead. It can be further ahead only where the clock was set back, as by a
 * failover to a server whose clock is behind: nobody waits for the old time to come again.
 */
export function gcraWithinWindow(tatUs: number, limit: number, nowUs: number): number {
  return tatUs - nowUs - WINDOW_US > (WINDOW_US / limit) * TOLERANCE ? nowUs + WINDOW_US : tatUs;
}

/**
 * Whole quarters of a microsecond: what the Redis twin keeps, and what doubles of a present time's size come in anyway.
 */
function roundTat(us: number): number {
  return Math.round(us * 4) / 4;
}
