import type { AddedDigest } from '@tollgate/contracts';
import { createLogger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NewDigests } from './new-digests.js';

let told: (readonly AddedDigest[])[];
let takes: boolean;
let lines: string[];
let newDigests: NewDigests;
beforeEach(() => {
  vi.useFakeTimers();
  [told, takes, lines] = [[], true, []];
  const logger = createLogger({ service: 'test', destination: { write: (line: string) => void lines.push(line) } });
  const addDigests = async (digests: readonly AddedDigest[]) => {
    told.push(digests);
    if (!takes) throw new Error('not yet');
  };
  newDigests = new NewDigests({ addDigests }, logger);
  newDigests.start();
});
afterEach(async () => {
  await newDigests.stop();
  vi.useRealTimers();
});

const note = (from: number, to: number): void => {
  for (let n = from; n < to; n++) newDigests.note(`old ${n}`, `new ${n}`);
};

describe('the digests of keys that are known under the previous pepper', () => {
  it('are told once, many in one call, beside the requests that use them', async () => {
    note(0, 1_200);
    note(0, 10);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.map(({ length }) => length)).toEqual([500, 500, 200]);
    expect(told[0]![0]).toEqual({ known: 'old 0', added: 'new 0' });
    note(0, 1_200);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toHaveLength(3);
  });

  it('are told at the end too', async () => {
    note(0, 1);
    await newDigests.stop();
    expect(told).toEqual([[{ known: 'old 0', added: 'new 0' }]]);
  });

  it('are told again until key-management takes them, which is logged once a minute', async () => {
    takes = false;
    note(0, 1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(told).toHaveLength(3);
    expect(lines).toHaveLength(1);
    takes = true;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(told).toHaveLength(4);
  });

  it('are told again after a minute where the key is still not known under the present one', async () => {
    note(0, 1);
    await vi.advanceTimersByTimeAsync(1_000);
    await vi.advanceTimersByTimeAsync(61_000);
    note(0, 1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toHaveLength(2);
  });

  it('wait in bounded number: more are noted when they are used again', async () => {
    takes = false;
    note(0, 20_000);
    takes = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.flat()).toHaveLength(10_000);
    note(0, 20_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(new Set(told.flat().map(({ known }) => known)).size).toBe(20_000);
  });
});
