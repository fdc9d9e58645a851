import { describe, expect, it } from 'vitest';
import { seededRandom, zipfDraws } from './zipf.js';

describe('draws by Zipf', () => {
  it('stay in range, at the edges of the random numbers too', () => {
    for (const random of [0, 1 - 2 ** -53]) expect(zipfDraws(10, 1, 1, () => random)[0]).toBe(random === 0 ? 1 : 10);
  });
  it('come with a weight of 1 / k', () => {
    const counts = new Map<number, number>();
    const draws = zipfDraws(1_000, 1, 200_000, seededRandom(1));
    for (const k of draws) counts.set(k, (counts.get(k) ?? 0) + 1);
    const harmonic = Array.from({ length: 1_000 }, (_, n) => 1 / (n + 1)).reduce((sum, each) => sum + each, 0);
    for (const k of [1, 2, 10]) expect(counts.get(k)! / draws.length / (1 / k / harmonic)).toBeCloseTo(1, 1);
    expect(Math.max(...draws)).toBeLessThanOrEqual(1_000);
  });
  it('are the same for the same seed', () => {
    expect(zipfDraws(100, 1, 50, seededRandom(7))).toEqual(zipfDraws(100, 1, 50, seededRandom(7)));
    expect(zipfDraws(100, 1, 50, seededRandom(7))).not.toEqual(zipfDraws(100, 1, 50, seededRandom(8)));
  });
});
