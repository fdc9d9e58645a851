import { describe, expect, it } from 'vitest';
import { creditBalance, creditUsed, periodsOf } from './credit-used.js';

describe('what counts against a limit', () => {
  const sums = {
    chargedNanoUsd: '400',
    chargedTodayNanoUsd: '1',
    chargedThisWeekNanoUsd: '20',
    chargedThisMonthNanoUsd: '300',
  };
  it.each([
    ['never', 400n],
    ['daily', 1n],
    ['weekly', 20n],
    ['monthly', 300n],
  ] as const)('that resets %s is the charge of the present cycle', (reset, used) => {
    expect(creditUsed(reset, sums)).toBe(used);
  });
  it.each([
    ['what its account has beyond the sums', '25', '7', { postedNanoUsd: 25n, heldNanoUsd: 7n }],
    ['the sums where its account is not loaded', '0', '7', { postedNanoUsd: 20n, heldNanoUsd: 7n }],
  ])('is %s, and calls in flight hold some of the rest', (_what, postedNanoUsd, heldNanoUsd, balance) => {
    const limits = [
      { reset: 'daily', postedNanoUsd: '99', heldNanoUsd: '99' } as const,
      { reset: 'weekly', postedNanoUsd, heldNanoUsd } as const,
    ];
    expect(creditBalance('weekly', { ...sums, limits })).toEqual(balance);
  });
  it('is held by nobody where usage-billing does not tell it', () => {
    expect(creditBalance('weekly', sums)).toEqual({ postedNanoUsd: 20n, heldNanoUsd: 0n });
  });
  it('is unknown where usage-billing does not tell it', () => {
    expect(creditUsed('daily', { chargedNanoUsd: '400' })).toBeNull();
    expect(creditUsed('never', { chargedNanoUsd: '400' })).toBe(400n);
  });
});

describe('the periods of a day', () => {
  it.each([
    ['2026-11-29', '2026-11-29T23:59:59.999Z', [true, true, true]],
    ['2026-11-29', '2026-11-30T00:00:00.000Z', [false, false, true]], // a Monday
    ['2026-11-30', '2026-12-01T00:00:00.000Z', [false, true, false]],
    ['2026-12-31', '2027-01-01T00:00:00.000Z', [false, true, false]],
    ['2025-11-29', '2026-11-29T12:00:00.000Z', [false, false, false]],
  ])('%s at %s', (day, now, [ofDay, ofWeek, ofMonth]) => {
    expect(periodsOf(day, new Date(now))).toEqual({ day: ofDay, week: ofWeek, month: ofMonth });
  });
});
