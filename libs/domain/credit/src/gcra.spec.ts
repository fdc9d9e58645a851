import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gcraCorrect, gcraLeft, gcraTake, gcraWithinWindow, WINDOW_US } from './gcra.js';

const now = 1_795_190_400_000_000;

describe('an arrival time', () => {
  it('is never more than a window ahead, however much more than expected was used', () => {
    for (const limit of [1, 7, 100, 2_000_000_000]) {
      for (const units of [1, limit, 50 * limit]) {
        for (const tat of [0, now, now + WINDOW_US / 2, now + WINDOW_US]) {
          const corrected = gcraCorrect(tat, limit, units, now);
          expect(corrected).toBeGreaterThanOrEqual(tat);
          expect(corrected).toBeLessThanOrEqual(now + WINDOW_US);
          expect(gcraTake(corrected, limit, limit, now).retryAfterUs).toBeLessThanOrEqual(WINDOW_US);
        }
      }
    }
  });

  it('gives back all that was not used', () => {
    expect(gcraCorrect(now + WINDOW_US, 100, -100, now)).toBe(now);
    expect(gcraCorrect(now + WINDOW_US / 2, 100, -10, now)).toBe(now + WINDOW_US * 0.4);
  });

  it('of a clock that was set back since counts as a window ahead; one within the window stays', () => {
    expect(gcraWithinWindow(now + 60 * WINDOW_US, 100, now)).toBe(now + WINDOW_US);
    for (const tat of [0, now, now + WINDOW_US]) expect(gcraWithinWindow(tat, 100, now)).toBe(tat);
  });
});

describe('what a limit has left', () => {
  const limits = fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 2_000_000_000 }));

  it('is allowed at that moment, after any takes and corrections, and clearly more is not', () => {
    const step = fc.record({
      units: fc.integer({ min: 1, max: 400 }),
      spent: fc.double({ min: -1, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 20 }), fc.nat(WINDOW_US), (limit, steps, laterUs) => {
        let tat = 0;
        for (const { units, spent } of steps) {
          const taken = gcraTake(tat, limit, units, now);
          if (taken.allowed) tat = taken.tatUs;
          tat = gcraCorrect(tat, limit, Math.round(units * spent), now);
        }
        for (const at of [now, now + laterUs]) {
          const { remaining } = gcraLeft(tat, limit, at);
          expect(gcraTake(tat, limit, remaining, at).allowed).toBe(true);
          const resolution = Math.ceil((limit / WINDOW_US) * 0.5);
          expect(gcraTake(tat, limit, remaining + 1 + resolution, at).allowed).toBe(false);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('is allowed where only rounding decides', () => {
    for (const limit of [19, 20, 21, 60, 333, 399])
      for (let units = 1; units < limit; units++)
        for (let quarters = -3; quarters <= 3; quarters++) {
          const interval = WINDOW_US / limit;
          const tat = Math.round((now + WINDOW_US - units * interval + interval * 0.01) * 4) / 4 + quarters / 4;
          expect(gcraTake(tat, limit, gcraLeft(tat, limit, now).remaining, now).allowed).toBe(true);
        }
  });
});
