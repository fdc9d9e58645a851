const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The delays after the first attempts; after that each is as long as the last one. */
const DELAYS_MS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR];
const GIVEN_UP_AFTER_MS = 24 * HOUR;

/**
 * The delay before the next attempt to deliver a message, in ms; null once it was tried for a day. `attempt` counts
 * from 1, `ageMs` from the first attempt (or the last replay) on. The last attempt is made when the day ends.
 */
export function retryDelay(attempt: number, ageMs: number): number | null {
  if (ageMs >= GIVEN_UP_AFTER_MS) return null;
  const delay = DELAYS_MS[Math.min(attempt, DELAYS_MS.length) - 1] ?? DELAYS_MS[0]!;
  return Math.min(delay, GIVEN_UP_AFTER_MS - ageMs);
}
