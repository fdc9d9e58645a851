/* eslint-disable no-restricted-globals -- Date is the calendar here: no function asks it for the time. */

const DAY_MS = 86_400_000;

/**
 * The first moment of the cycle with this number (0 is the first), in milliseconds since 1970: that many months after
 * the anchor, in UTC, at the same time of the day. A day that the month does not have is its last day. All cycles are
 * counted from the first anchor, so they tile time and the day never drifts.
 *
 * @example
 * subscriptionCycleStart(Date.UTC(2027, 0, 31), 1); // 2027-02-28
 * subscriptionCycleStart(Date.UTC(2027, 0, 31), 2); // 2027-03-31
 */
export function subscriptionCycleStart(anchorMs: number, number: number): number {
  const anchor = new Date(anchorMs);
  const [year, month, day] = [anchor.getUTCFullYear(), anchor.getUTCMonth() + number, anchor.getUTCDate()];
  // Day 0 of a month is the last day of the month before.
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const timeOfDayMs = anchorMs - Math.floor(anchorMs / DAY_MS) * DAY_MS;
  return Date.UTC(year, month, Math.min(day, lastDay)) + timeOfDayMs;
}

/** The cycle that `nowMs` lies in: from `startMs` to before `endMs`. Before the anchor it is the first one. */
export function subscriptionCycleAt(
  anchorMs: number,
  nowMs: number,
): { readonly number: number; readonly startMs: number; readonly endMs: number } {
  let number = Math.max(0, Math.floor((nowMs - anchorMs) / (31 * DAY_MS)) - 1);
  // No month is longer than 31 days, so the estimate is too low rather than too high.
  while (number > 0 && subscriptionCycleStart(anchorMs, number) > nowMs) number -= 1;
  while (subscriptionCycleStart(anchorMs, number + 1) <= nowMs) number += 1;
  return {
    number,
    startMs: subscriptionCycleStart(anchorMs, number),
    endMs: subscriptionCycleStart(anchorMs, number + 1),
  };
}
