import { setTimeout as delay } from 'node:timers/promises';

const DAY_MS = 86_400_000;
/** Longer than a test of limits that begin anew takes on a busy machine. */
const LEFT_MS_MIN = 30_000;

/** Waits out the end of a day (UTC) for a test whose limits begin anew with the next one. */
export async function notAcrossMidnight(): Promise<void> {
  const left = DAY_MS - (Date.now() % DAY_MS);
  if (left < LEFT_MS_MIN) await delay(left + 1);
}
