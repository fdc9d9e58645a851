import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { timedCall, type TimedCall, type TimedRequest } from './timed-call.js';

/** Where a request goes, and with what. */
export interface Target {
  readonly url: string;
  readonly request: (number: number) => TimedRequest;
}

/** Far below saturation, so that nothing waits in a queue. */
const REQUESTS_PER_SECOND = 50;

/**
 * Sends requests at a fixed rate to each target, in turn, whether or not earlier ones are answered: what stands in the
 * way of one stands in the way of the others. Times count from the moment of sending, since the timer of this process
 * is late by up to a millisecond and no target's fault. Rejects where a connection fails.
 */
export async function atFixedRate(targets: readonly Target[], seconds: number): Promise<TimedCall[][]> {
  const pools = targets.map(({ url }) => new Pool(url, { connections: 64, pipelining: 1 }));
  const calls: Promise<TimedCall>[][] = targets.map(() => []);
  const intervalMs = 1_000 / REQUESTS_PER_SECOND / targets.length;
  const startedAt = performance.now();
  try {
    for (let n = 0; n < seconds * REQUESTS_PER_SECOND * targets.length; n++) {
      const wait = startedAt + n * intervalMs - performance.now();
      if (wait > 0) await delay(wait);
      const which = n % targets.length;
      calls[which]!.push(timedCall(pools[which]!, targets[which]!.request(Math.floor(n / targets.length))));
    }
    return await Promise.all(calls.map((each) => Promise.all(each)));
  } finally {
    await Promise.allSettled(calls.flat());
    await Promise.all(pools.map((pool) => pool.close()));
  }
}
