import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach } from 'vitest';

const DAY_MS = 86_400_000;
/** Longer than nearly every test takes. */
const LAST_OF_DAY_MS = 30_000;

// Many tests name accounts and sums of today (UTC). Where the next day began during such a test, it would look for them
// in the wrong day. So no test begins at the end of a day.
beforeEach(async () => {
  const leftMs = DAY_MS - (Date.now() % DAY_MS);
  if (leftMs <= LAST_OF_DAY_MS) await delay(leftMs + 100);
});
