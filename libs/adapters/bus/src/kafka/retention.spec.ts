import { describe, expect, it } from 'vitest';
import { limitsOf, retentionUsed } from './retention.js';

const setting = (configName: string, configValue: string) => ({ configName, configValue });

describe('what records that are not handled take of what is kept', () => {
  const limits = { bytes: 1_000, ms: 10_000 };
  const of = (low: bigint, high: bigint) => ({ low, high });

  it('is nothing where all are handled', () => {
    const kept = { ends: new Map([[0, of(5n, 10n)]]), next: new Map([[0, 10n]]), bytes: new Map([[0, 900n]]) };
    expect(retentionUsed(limits, { ...kept, oldestAgeMs: 0 })).toEqual({ bytes: 0, time: 0 });
    expect(retentionUsed(limits, { ends: new Map(), next: new Map(), bytes: new Map(), oldestAgeMs: 0 })).toEqual({
      bytes: 0,
      time: 0,
    });
  });

  it('is their part of the partition where it is most', () => {
    const ends = new Map([
      [0, of(0n, 100n)],
      [1, of(100n, 200n)],
      [2, of(0n, 0n)],
    ]);
    const bytes = new Map([
      [0, 500n],
      [1, 800n],
      [2, 0n],
    ]);
    const next = new Map([
      [0, 80n],
      [1, 125n],
    ]);
    expect(retentionUsed(limits, { ends, next, bytes, oldestAgeMs: 4_000 })).toEqual({ bytes: 0.6, time: 0.4 });
  });

  it('is all that is kept where nothing was handled, or where the next record to handle is gone', () => {
    const [ends, bytes] = [new Map([[0, of(50n, 60n)]]), new Map([[0, 1_000n]])];
    for (const next of [new Map<number, bigint>(), new Map([[0, 20n]])])
      expect(retentionUsed(limits, { ends, next, bytes, oldestAgeMs: 12_000 })).toEqual({ bytes: 1, time: 1.2 });
  });

  it.each([
    [[], null, null],
    [[setting('retention.bytes', '-1'), setting('retention.ms', '-1')], null, null],
    [[setting('retention.bytes', '1073741824'), setting('retention.ms', '604800000')], 1_073_741_824, 604_800_000],
    [[setting('retention.ms', 'nonsense')], null, null],
  ])('has no limit where the cluster has none: %j', (settings, bytes, ms) => {
    expect(limitsOf(settings)).toEqual({ bytes, ms });
    const kept = { ends: new Map(), next: new Map(), bytes: new Map(), oldestAgeMs: 5 };
    const used = retentionUsed(limitsOf(settings), kept);
    expect([used.bytes === null, used.time === null]).toEqual([bytes === null, ms === null]);
  });
});
