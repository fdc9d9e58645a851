/** The window of every rate limit, in microseconds: all limits are per minute. */
export const WINDOW_US = 60_000_000;
/** The tolerance for rounding, as a part of one emission interval: too little to admit one more request. */
const TOLERANCE = 0.01;
/**
 * Times are rounded to quarters of a microsecond. The Lua scripts store this resolution, and doubles of the size of
 * today's time have no higher one.
 */
const RESOLUTION_US = 0.25;

/**
 * The generic cell rate algorithm. `tatUs` is the theoretical arrival time stored for a limit (0 if it was never used).
 * Taking `units` at `nowUs` is allowed if the new arrival time is at most a window ahead: a full bucket allows `limit`
 * units at once, and refills evenly.
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
  // After a whole window even all units of the limit are allowed: the tolerance covers the rounding error that is left.
  const retryAfterUs = Math.max(0, Math.min(excess, WINDOW_US));
  return { allowed: excess <= interval * TOLERANCE, tatUs: next, retryAfterUs };
}

/**
 * The arrival time of the same used units under another limit than the one by which they were counted (`countedBy`; 0
 * if that is not known): a limit that changes begins neither with an empty bucket nor with a full one. What a higher
 * limit let through may be more than a lower one has in a window. It stays counted by the higher one until that many
 * are free, a window at most, and nothing is forgotten if the limit is raised again.
 */
export function gcraUnder(tatUs: number, countedBy: number, limit: number, nowUs: number): number {
  if (countedBy === 0 || countedBy === limit || tatUs <= nowUs) return tatUs;
  return roundTat(nowUs + ((tatUs - nowUs) * countedBy) / limit);
}

/**
 * The units that a limit has left at `nowUs`, and the time until it is full again. `gcraTake` allows so many, also
 * where rounding decides.
 */
export function gcraLeft(
  tatUs: number,
  limit: number,
  nowUs: number,
): { readonly remaining: number; readonly resetUs: number } {
  const interval = WINDOW_US / limit;
  const used = Math.max(0, tatUs - nowUs);
  const units = Math.floor((WINDOW_US - used) / interval + TOLERANCE);
  const allowed = gcraTake(tatUs, limit, units, nowUs).allowed;
  // What rounding adds to a time is below the resolution, which is many units of a very high limit.
  const remaining = allowed ? units : units - Math.ceil(RESOLUTION_US / interval);
  // Units that a higher limit let through are free again with its window.
  return { remaining: Math.max(0, remaining), resetUs: Math.min(used, WINDOW_US) };
}

/**
 * Takes the units that were used beyond the estimate, or gives back those that were not used (`units` below 0). Taking
 * leaves the arrival time at most a window ahead: however many units one request used, the limit is full again after a
 * minute.
 */
export function gcraCorrect(tatUs: number, limit: number, units: number, nowUs: number): number {
  const next = roundTat(tatUs + units * (WINDOW_US / limit));
  return units > 0 ? Math.max(tatUs, Math.min(next, nowUs + WINDOW_US)) : next;
}

/**
 * The arrival time, reduced to at most a window ahead. It is further ahead only if the clock was set back, for example
 * by a failover to a server whose clock is behind: no request should wait for the old time to come again.
 */
export function gcraWithinWindow(tatUs: number, limit: number, nowUs: number): number {
  return tatUs - nowUs - WINDOW_US > (WINDOW_US / limit) * TOLERANCE ? nowUs + WINDOW_US : tatUs;
}

function roundTat(us: number): number {
  return Math.round(us / RESOLUTION_US) * RESOLUTION_US;
}
