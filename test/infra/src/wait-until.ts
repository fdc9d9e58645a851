import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, as a sentence part: "the ledger row to appear". Goes into the error. */
  what: string;
  /** Milliseconds before giving up. Default 30,000: a machine may have more to do. */
  timeoutMs?: number;
  /** Milliseconds between two looks. Default 20. */
  intervalMs?: number;
  /** Ends the wait early; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Looks again and again until `check` gives something other than `undefined`, `false` or `null`, and
 * returns that. A check that throws counts as "not yet" (so an assertion can be polled); its last error
 * is told, and is the `cause`, when the time is over. The last look begins after that: one that began before, and
 * took long on a busy machine, says nothing about what holds at the end.
 */
export async function waitUntil<T>(
  check: () => Promise<T | undefined | false | null> | T | undefined | false | null,
  options: WaitOptions,
): Promise<T> {
  const { what, timeoutMs = 30_000, intervalMs = 20, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    signal?.throwIfAborted();
    const beganAt = performance.now();
    try {
      const found = await check();
      if (found !== undefined && found !== false && found !== null) return found;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (beganAt >= deadline)
      throw new Error(`waited ${timeoutMs} ms for ${what}${because(lastError)}`, { cause: lastError });
    await delay(intervalMs, undefined, { signal });
  }
}

function because(error: unknown): string {
  if (error === undefined) return '';
  return `; the last look failed: ${error instanceof Error ? error.message || error.name : String(error)}`;
}
