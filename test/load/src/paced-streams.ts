import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { timedCall, type TimedCall, type TimedRequest } from './timed-call.js';

/**
 * Keeps so many streams open for so long, each followed by the next, and begun one after another so that they do not
 * march in step. Every stream that was begun is read to its end. Rejects where a connection fails.
 */
export async function pacedStreams(
  url: string,
  request: TimedRequest,
  streams: number,
  seconds: number,
): Promise<TimedCall[]> {
  const pool = new Pool(url, { connections: streams, pipelining: 1 });
  const calls: TimedCall[] = [];
  const endsAt = performance.now() + seconds * 1_000;
  const apartMs = 1_000 / streams;
  const work = async (number: number): Promise<void> => {
    await delay(number * apartMs);
    while (performance.now() < endsAt) calls.push(await timedCall(pool, request));
  };
  try {
    await Promise.all(Array.from({ length: streams }, (_, number) => work(number)));
    return calls;
  } finally {
    await pool.destroy();
  }
}
