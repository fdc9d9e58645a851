import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const CHUNK = Buffer.alloc(65_536);
const MIB = 1_048_576;
let readAway: typeof import('./read-away.js').readAway;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  // The pace is one for the whole process: what other files have read away is not to count here.
  vi.resetModules();
  ({ readAway } = await import('./read-away.js'));
});
afterEach(() => void vi.useRealTimers());

/** A body of this size that comes as fast as it is read, and how much of it was. */
function body(bytes: number): { readonly request: IncomingMessage; readonly read: () => number } {
  let sent = 0;
  const request = new Readable({
    highWaterMark: CHUNK.length,
    read() {
      sent += CHUNK.length;
      this.push(sent > bytes ? null : CHUNK);
    },
  });
  return { request: Object.assign(request, { complete: false }) as unknown as IncomingMessage, read: () => sent };
}
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
};
async function seconds(count: number): Promise<void> {
  for (let step = 0; step < count * 100; step++) {
    vi.advanceTimersByTime(10);
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('bodies that nobody wants', () => {
  it('are read away at a pace that they share, each to its end', async () => {
    const bodies = Array.from({ length: 4 }, () => body(16 * MIB));
    const read = (): number => bodies.reduce((sum, each) => sum + each.read(), 0);
    for (const { request } of bodies) readAway(request);
    await settled();
    expect(read()).toBeLessThan(4 * MIB);
    await seconds(1);
    expect(read()).toBeGreaterThan(16 * MIB);
    expect(read()).toBeLessThan(40 * MIB);
    await seconds(3);
    expect(read()).toBeGreaterThanOrEqual(64 * MIB);
  });
  it('are let be where they have come whole', () => {
    const { request, read } = body(MIB);
    Object.assign(request, { complete: true });
    readAway(request);
    expect([read(), request.listenerCount('data')]).toEqual([0, 0]);
  });
});
