import { describe, expect, it } from 'vitest';
import { gcraCorrect, gcraTake, gcraWithinWindow, WINDOW_US } from './gcra.js';

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
