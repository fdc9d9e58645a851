import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HISTOGRAM_DIGITS, LATENCY_BOUNDS_MS } from '../roll-ups/roll-up-columns.js';
import { latencyPercentile } from './latency-percentile.js';

/** A histogram as the database makes it: the sum of a power of ten for each sample. */
function histogramOf(samples: readonly number[]): string | null {
  const bucketOf = (ms: number): number => LATENCY_BOUNDS_MS.filter((bound) => bound <= ms).length;
  const sum = samples.reduce((all, ms) => all + 10n ** BigInt(bucketOf(ms) * HISTOGRAM_DIGITS), 0n);
  return samples.length === 0 ? null : sum.toString();
}
const merged = (one: string | null, other: string | null): string => (BigInt(one ?? 0) + BigInt(other ?? 0)).toString();

describe('F4: a percentile', () => {
  it('is null without samples', () => {
    expect(latencyPercentile(null, 95)).toBeNull();
    expect(latencyPercentile('0', 50)).toBeNull();
  });
  it('is that of all samples, and no average of percentiles', () => {
    const [quick, slow] = [histogramOf(Array<number>(99).fill(100)), histogramOf([60_000])];
    expect(latencyPercentile(merged(quick, slow), 95)).toBeLessThan(130);
    expect(latencyPercentile(merged(quick, slow), 99.9)).toBeGreaterThan(45_000);
  });
  it('is near the true one, whatever the samples, and grows with the per cent', () => {
    const latencies = fc.array(fc.integer({ min: 16, max: 700_000 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(latencies, latencies, (one, other) => {
        const histogram = merged(histogramOf(one), histogramOf(other));
        const all = [...one, ...other].sort((a, b) => a - b);
        const shown = [50, 95, 100].map((percent) => latencyPercentile(histogram, percent)!);
        for (const [n, percent] of [50, 95, 100].entries()) {
          const exact = all[Math.ceil((all.length * percent) / 100) - 1]!;
          expect(shown[n]! / exact).toBeGreaterThan(0.7);
          expect(shown[n]! / exact).toBeLessThan(1.45);
        }
        expect(shown).toEqual([...shown].sort((a, b) => a - b));
      }),
    );
  });
});
