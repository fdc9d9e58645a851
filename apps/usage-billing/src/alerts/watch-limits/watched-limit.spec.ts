import { describe, expect, it } from 'vitest';
import { accountNow, nextLook } from './watched-limit.js';

const at = (text: string): Date => new Date(text);
const noted = at('2026-11-29T10:00:00Z');
const raise = (until: string) => ({ amountNanoUsd: 5n, until: at(until) });
const after = (seconds: number): Date => new Date(noted.getTime() + seconds * 1_000);

describe('the account of a limit', () => {
  it.each([
    ['never', 'key:k', 'key:k'],
    ['daily', 'key:k', 'key:k:daily:2026-11-29'],
    ['weekly', 'key:k', 'key:k:weekly:2026-11-23'],
    ['monthly', 'key:k', 'key:k:monthly:2026-11-01'],
    ['never', 'organization:o', 'organization:o'],
  ] as const)('is that of the present cycle: %s', (reset, limitId, accountId) => {
    expect(accountNow({ limitId, reset, anchorMs: null }, noted).accountId).toBe(accountId);
  });
  it('of pay-as-you-go is that of the present cycle of its subscription', () => {
    const payg = { limitId: 'payg:s', reset: 'subscription', anchorMs: Date.UTC(2026, 0, 31, 23, 30) } as const;
    expect(accountNow(payg, at('2026-11-30T23:29:59.999Z')).accountId).toBe('payg:s:20261031T233000Z-20261130T233000Z');
    expect(accountNow(payg, at('2026-11-30T23:30:00Z')).accountId).toBe('payg:s:20261130T233000Z-20261231T233000Z');
  });
});

describe('a limit that was changed', () => {
  it.each([
    ['at once', null, 0, 30],
    ['ever more seldom', null, 600, 1_200],
    ['for as long as a call lasts', null, 3_599, 7_198],
    ['and then no more', null, 3_600, null],
    ['until its raise ends, if that is sooner', raise('2026-11-29T10:00:10Z'), 0, 10],
    ['again when its raise ends, long after', raise('2026-12-24T00:00:00Z'), 9_999, (24 * 24 + 14) * 3_600],
    ['at the end of its raise', raise('2026-11-29T12:00:00Z'), 7_200, 7_230],
    ['and for as long as a call lasts after that', raise('2026-11-29T12:00:00Z'), 9_000, 10_800],
    ['and then no more', raise('2026-11-29T12:00:00Z'), 10_800, null],
    ['not after a raise that had ended before', raise('2026-11-29T09:00:00Z'), 3_600, null],
  ])('is looked at %s', (_what, raised, nowSeconds, nextSeconds) => {
    expect(nextLook({ raise: raised }, noted, after(nowSeconds))).toEqual(
      nextSeconds === null ? null : after(nextSeconds),
    );
  });
});
