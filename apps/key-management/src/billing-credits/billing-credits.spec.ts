import type { KeySubscriptionCycle } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { billingCredits } from './billing-credits.js';
import { billingCreditsReply } from './billing-credits.reply.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const sums = {
  chargedNanoUsd: '9000000000',
  chargedTodayNanoUsd: '1000000000',
  chargedThisWeekNanoUsd: '2000000000',
  chargedThisMonthNanoUsd: '3000000000',
};
const key = (limitUsd: number | null, creditReset: 'never' | 'daily' | 'weekly' | 'monthly' = 'never') => ({
  creditLimitNanoUsd: limitUsd === null ? null : BigInt(limitUsd) * 1_000_000_000n,
  creditReset,
  creditRaise: null,
});
const cycle: KeySubscriptionCycle = {
  plan: 'pro',
  status: 'active',
  startsAt: '2026-11-16T10:02:35.000Z',
  endsAt: '2026-12-16T10:02:35.000Z',
  quotaNanoUsd: '20000000000',
  quotaUsedNanoUsd: '20000000000',
  paygCapNanoUsd: '10000000000',
  paygUsedNanoUsd: '2500000000',
};

/** It shares no limit with others. */
const NONE = { leftNanoUsd: null };
const leaves = (usd: number) => ({ leftNanoUsd: BigInt(usd) * 1_000_000_000n });

describe('what a key has left', () => {
  it.each([
    ['for good', key(10), { remaining_usd: 1, used_usd: 9, total_usd: 10 }],
    ['of a day', key(10, 'daily'), { remaining_usd: 9, used_usd: 1, total_usd: 10 }],
    ['of a week', key(10, 'weekly'), { remaining_usd: 8, used_usd: 2, total_usd: 10 }],
    ['of a month', key(10, 'monthly'), { remaining_usd: 7, used_usd: 3, total_usd: 10 }],
    ['that is spent', key(9), { remaining_usd: 0, used_usd: 9, total_usd: 9 }],
    ['that was lowered below what is used', key(5), { remaining_usd: 0, used_usd: 9, total_usd: 9 }],
    ['of 0', key(0, 'daily'), { remaining_usd: 0, used_usd: 1, total_usd: 1 }],
  ])('follows from its limit %s', (_, limited, payg) => {
    expect(billingCredits(limited, sums, null, NONE, NOW)).toEqual({
      object: 'billing_credits',
      is_subscriber: false,
      payg: { ...payg, is_unlimited: false },
    });
  });
  it('counts a raise of the limit while it lasts', () => {
    const raised = (until: string) =>
      billingCredits(
        { ...key(10), creditRaise: { amountNanoUsd: 5_000_000_000n, until: new Date(until) } },
        sums,
        null,
        NONE,
        NOW,
      )?.payg.remaining_usd;
    expect([raised('2026-11-29T12:00:00.001Z'), raised('2026-11-29T12:00:00Z')]).toEqual([6, 1]);
  });
  it('is null without a limit, with all that it was ever charged', () => {
    expect(billingCredits(key(null, 'daily'), sums, null, NONE, NOW)?.payg).toEqual({
      remaining_usd: null,
      used_usd: 9,
      total_usd: null,
      is_unlimited: true,
    });
  });
  it('is not known where the sum of its cycle is not', () => {
    expect(billingCredits(key(1, 'daily'), { ...sums, chargedTodayNanoUsd: undefined }, null, NONE, NOW)).toBeNull();
  });
  it.each([
    ['has no limit of its own', key(null), 2, { remaining_usd: 2, used_usd: 9, total_usd: 11 }],
    ['has more by its own limit', key(14), 2, { remaining_usd: 2, used_usd: 9, total_usd: 11 }],
    ['has less by its own limit', key(10), 2, { remaining_usd: 1, used_usd: 9, total_usd: 10 }],
    ['has nothing left of what it shares', key(null), 0, { remaining_usd: 0, used_usd: 9, total_usd: 9 }],
  ])('is what others leave of a budget or a balance, where it %s', (_, own, left, payg) => {
    expect(billingCredits(own, sums, null, leaves(left), NOW)?.payg).toEqual({ ...payg, is_unlimited: false });
  });
  it('beyond a quota is no more than others leave, and of the quota what it includes', () => {
    const shown = billingCredits(key(null), sums, { ...cycle, quotaUsedNanoUsd: '0' }, leaves(1), NOW);
    expect(shown?.payg).toEqual({ remaining_usd: 1, used_usd: 2.5, total_usd: 3.5, is_unlimited: false });
    expect(shown?.subscription).toMatchObject({ cycle_quota_remaining: 20, payg_limit_usd: 10 });
  });
  it('of a subscription is its quota, and what is paid as it goes', () => {
    const shown = billingCredits(key(null), sums, cycle, NONE, NOW);
    expect(billingCreditsReply.parse(shown)).toEqual({
      object: 'billing_credits',
      is_subscriber: true,
      payg: { remaining_usd: 7.5, used_usd: 2.5, total_usd: 10, is_unlimited: false },
      subscription: {
        plan_type: 'pro',
        status: 'active',
        cycle_quota_limit: 20,
        cycle_quota_used: 20,
        cycle_quota_remaining: 0,
        cycle_start: cycle.startsAt,
        cycle_end: cycle.endsAt,
        payg_fallback_enabled: true,
        payg_spent_usd: 2.5,
        payg_limit_usd: 10,
      },
    });
  });
  it('of a subscription without pay-as-you-go has no fields of it', () => {
    const shown = billingCredits(key(null), sums, { ...cycle, paygCapNanoUsd: null, status: 'ending' }, NONE, NOW);
    expect(shown?.payg).toEqual({ remaining_usd: 0, used_usd: 2.5, total_usd: 2.5, is_unlimited: false });
    expect(shown?.subscription).toMatchObject({ status: 'cancelled', payg_fallback_enabled: false });
    expect(Object.keys(shown?.subscription ?? {})).not.toEqual(expect.arrayContaining(['payg_spent_usd']));
  });
  it('of a subscription that has ended is nothing', () => {
    expect(billingCredits(key(null), sums, { ...cycle, status: 'ended' }, NONE, NOW)).toEqual({
      object: 'billing_credits',
      is_subscriber: false,
      payg: { remaining_usd: 0, used_usd: 2.5, total_usd: 2.5, is_unlimited: false },
    });
  });
});
