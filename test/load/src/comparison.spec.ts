import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare, WORSE_ABOVE, type Comparison } from './comparison.js';
import { median } from './statistics.js';
import type { Window } from './window.js';

const windows = (cpu: readonly number[]): Window[] =>
  cpu.map((cpuMicroseconds) => ({
    requests: 1_000,
    seconds: 1,
    requestsPerSecond: 1_000,
    cpuMicroseconds,
    redisCpuMicroseconds: 15,
    scriptCalls: 0.25,
    peakMemoryBytes: 120e6,
    othersShare: 0.02,
    p50Ms: 1,
    p99Ms: 2,
    gapP99Ms: null,
    firstByteP50Ms: 0.5,
  }));

describe('this build against a former one', () => {
  it.each([
    ['the same', [80, 80, 80], [80, 80, 80], 1, 'not worse'],
    ['at the limit', [103, 103, 103], [100, 100, 100], 1.03, 'not worse'],
    ['beyond it', [103.1, 103.1, 103.1], [100, 100, 100], 1.031, 'worse'],
    ['cheaper', [60, 60, 60], [80, 80, 80], 0.75, 'not worse'],
    ['worse in one round of three', [200, 80, 80], [80, 80, 80], 1, 'not worse'],
    ['worse in two rounds of three', [100, 100, 80], [80, 80, 80], 1.25, 'worse'],
    ['worse by the mean of the middle two rounds of four', [80, 80, 90, 90], [80, 80, 80, 80], 1.0625, 'worse'],
    ['on a machine that gets slower from round to round', [50, 75, 100], [50, 75, 100], 1, 'not worse'],
    ['worse round by round, though its own median is lower', [50, 90, 44], [40, 100, 40], 1.1, 'worse'],
  ] as const)("is judged by the median of the rounds' ratios: %s", (_name, current, former, expected, verdict) => {
    const { cpuRatio, verdict: found } = compare(windows(current), windows(former));
    expect(cpuRatio.median).toBeCloseTo(expected, 10);
    expect(found).toBe(verdict);
  });
  it('is not comparable by rounds that only one of them had', () => {
    expect(() => compare(windows([1, 2]), windows([1]))).toThrow(RangeError);
    expect(() => compare([], [])).toThrow(RangeError);
  });

  const cpu = fc.double({ min: 1, max: 10_000, noNaN: true });
  const pace = fc.double({ min: 0.5, max: 2, noNaN: true });
  const rounds = fc.array(fc.record({ current: cpu, former: cpu, pace }), { minLength: 1, maxLength: 9 });
  type Round = { readonly current: number; readonly former: number; readonly pace: number };
  const compared = (each: readonly Round[], paceOf = (_round: Round): number => 1): Comparison =>
    compare(
      windows(each.map((round) => round.current * paceOf(round))),
      windows(each.map((round) => round.former * paceOf(round))),
    );

  it('comes out the same whatever pace the machine had in a round, and whatever order the rounds had', () => {
    fc.assert(
      fc.property(rounds, (each) => {
        const plain = compared(each);
        const paced = compared(each, (round) => round.pace);
        expect(paced.cpuRatio.median / plain.cpuRatio.median).toBeCloseTo(1, 9);
        expect(compared([...each].reverse())).toEqual(plain);
      }),
    );
  });
  it('is worse exactly where the median is above the limit, which lies within the range', () => {
    fc.assert(
      fc.property(rounds, (each) => {
        const { cpuRatio, verdict } = compared(each);
        expect(cpuRatio.median).toBe(median(each.map(({ current, former }) => current / former)));
        expect(verdict === 'worse').toBe(cpuRatio.median > WORSE_ABOVE);
        expect(cpuRatio.low <= cpuRatio.median && cpuRatio.median <= cpuRatio.high).toBe(true);
      }),
    );
  });
});
