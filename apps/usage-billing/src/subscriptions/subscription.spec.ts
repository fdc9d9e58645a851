import { subscriptionCycleAt, subscriptionCycleStart } from '@tollgate/api-key';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanVersion } from '../plans/plan.js';
import {
  cancelled,
  cycleCharge,
  endedWith,
  newestCharge,
  remainingPart,
  renewed,
  statusOf,
  withPlan,
  type Subscription,
} from './subscription.js';
import { termsOf } from './subscription-terms.js';

const USD = 1_000_000_000n;
const ANCHOR = Date.parse('2027-01-31T23:30:00Z');
const at = (text: string): number => Date.parse(`${text}Z`);

const plan = (planId: string, price: bigint, quota: bigint, more: Partial<PlanVersion> = {}): PlanVersion => ({
  planId,
  version: 1,
  fromMs: 0,
  quotaNanoUsd: quota * USD,
  priceNanoUsd: price * USD,
  markupMillionths: null,
  models: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  paygAllowed: true,
  ...more,
});
const SMALL = plan('small', 10n, 20n);
const MIDDLE = plan('middle', 20n, 60n);
const LARGE = plan('large', 40n, 100n);
const PLANS = new Map([SMALL, MIDDLE, LARGE].map((each) => [each.planId, each]));
const versionOf = (planId: string): PlanVersion => PLANS.get(planId)!;

const begun = (from: PlanVersion, anchorMs = ANCHOR): Subscription => ({
  id: 's',
  organizationId: 'o',
  memberId: null,
  apiKeyId: 'k',
  anchorMs,
  version: 1,
  nextPlanId: null,
  endsAtMs: null,
  payg: { enabled: false, limitNanoUsd: null, raise: null },
  charges: [cycleCharge(from, anchorMs, 0)],
});
function changed(subscription: Subscription, to: PlanVersion, nowMs: number): Subscription {
  const change = withPlan(subscription, to, versionOf, nowMs);
  if (change.kind === 'unchanged') throw new Error('unchanged');
  return change.subscription;
}

describe('a subscription whose owner was removed', () => {
  it('ends in that second and has no later cycle, however late that is noticed', () => {
    const removedMs = subscriptionCycleStart(ANCHOR, 1) - 1;
    const ended = renewed(endedWith(begun(SMALL), removedMs), versionOf, subscriptionCycleStart(ANCHOR, 5));
    expect(ended).toMatchObject({ endsAtMs: removedMs - 999, charges: [{ number: 0 }] });
    expect(endedWith(ended, removedMs + 5)).toBe(ended);
  });

  it('ends with the first second of a cycle that was charged before it was noticed', () => {
    const charged = renewed(begun(SMALL), versionOf, subscriptionCycleStart(ANCHOR, 2));
    expect(endedWith(charged, ANCHOR).endsAtMs).toBe(subscriptionCycleStart(ANCHOR, 2));
  });

  it('stays as it is while they are there, or where it ends before', () => {
    const subscription = begun(SMALL);
    expect(endedWith(subscription, null)).toBe(subscription);
    const cancelledNow = cancelled(subscription, 'now', ANCHOR)!;
    expect(endedWith(cancelledNow, ANCHOR + 5_000)).toBe(cancelledNow);
  });
});

describe('renewal (reports-billing D2)', () => {
  it('charges each cycle once, at its first moment, however late it is noticed', () => {
    const one = begun(SMALL);
    const boundary = subscriptionCycleStart(ANCHOR, 1);
    expect(renewed(one, versionOf, boundary - 1)).toBe(one);
    const onTime = renewed(one, versionOf, boundary);
    expect(onTime.charges.map(({ number, atMs, amountNanoUsd }) => [number, atMs, amountNanoUsd])).toEqual([
      [0, ANCHOR, 10n * USD],
      [1, boundary, 10n * USD],
    ]);
    expect(renewed(onTime, versionOf, boundary)).toBe(onTime);
    const late = renewed(one, versionOf, subscriptionCycleStart(ANCHOR, 3) + 5);
    expect(late.charges.map(({ number }) => number)).toEqual([0, 1, 2, 3]);
  });

  it('comes to the same whether it runs at every boundary or once, late', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.array(fc.integer({ min: 0, max: 1_200 })), (cycles, days) => {
        const endMs = subscriptionCycleStart(ANCHOR, cycles);
        const visits = days.map((day) => ANCHOR + day * 86_400_000).filter((ms) => ms <= endMs);
        const often = visits.sort((a, b) => a - b).reduce((each, ms) => renewed(each, versionOf, ms), begun(SMALL));
        expect(renewed(often, versionOf, endMs)).toEqual(renewed(begun(SMALL), versionOf, endMs));
      }),
    );
  });

  it('takes the terms that its plan had at the beginning of each cycle', () => {
    const later = { ...SMALL, version: 2, priceNanoUsd: 11n * USD, fromMs: subscriptionCycleStart(ANCHOR, 2) };
    const versions = (_plan: string, ms: number): PlanVersion => (ms >= later.fromMs ? later : SMALL);
    const late = renewed(begun(SMALL), versions, subscriptionCycleStart(ANCHOR, 3));
    expect(late.charges.map(({ planVersion, amountNanoUsd }) => [planVersion, amountNanoUsd / USD])).toEqual([
      [1, 10n],
      [1, 10n],
      [2, 11n],
      [2, 11n],
    ]);
  });

  it('stops at the end: no cycle begins there or after it', () => {
    const ending = cancelled(begun(SMALL), 'cycle_end', ANCHOR + 1)!;
    expect(ending.endsAtMs).toBe(subscriptionCycleStart(ANCHOR, 1));
    expect(renewed(ending, versionOf, subscriptionCycleStart(ANCHOR, 5))).toBe(ending);
  });
});

describe('a change of plan in the middle of a cycle (reports-billing D3)', () => {
  const cycle = { startMs: at('2027-04-01T00:00:00'), endMs: at('2027-05-01T00:00:00') };

  it('takes the same part of both differences: remaining seconds of the seconds of the whole cycle', () => {
    const subscription = begun(SMALL, cycle.startMs);
    const half = at('2027-04-16T00:00:00');
    const { amountNanoUsd, quotaNanoUsd, number, sequence } = newestCharge(changed(subscription, MIDDLE, half));
    expect([number, sequence, amountNanoUsd, quotaNanoUsd]).toEqual([0, 1, 5n * USD, (20n + 20n) * USD]);
    const late = newestCharge(changed(subscription, MIDDLE, cycle.endMs - 1_000));
    expect([late.amountNanoUsd, late.quotaNanoUsd]).toEqual([3_858n, 20n * USD + 15_432n]);
    const first = newestCharge(changed(subscription, MIDDLE, cycle.startMs));
    expect([first.amountNanoUsd, first.quotaNanoUsd]).toEqual([10n * USD, 60n * USD]);
  });

  it('counts a second upgrade from the whole price of the plan before, not from what its part had cost', () => {
    const [half, threeQuarters] = [at('2027-04-16T00:00:00'), at('2027-04-23T12:00:00')];
    const twice = changed(changed(begun(SMALL, cycle.startMs), MIDDLE, half), LARGE, threeQuarters);
    expect(twice.charges.map(({ amountNanoUsd }) => amountNanoUsd)).toEqual([10n * USD, 5n * USD, 5n * USD]);
    expect(newestCharge(twice).quotaNanoUsd).toBe((20n + 20n + 10n) * USD);
  });

  it('waits for the next cycle where the plan is smaller, or smaller in one of the two', () => {
    for (const to of [SMALL, plan('odd', 100n, 1n), plan('odd', 1n, 900n)]) {
      const change = withPlan(begun(MIDDLE), to, versionOf, ANCHOR + 1);
      expect(change).toMatchObject({ kind: 'at_next_cycle', subscription: { nextPlanId: to.planId } });
      expect((change as { subscription: Subscription }).subscription.charges).toHaveLength(1);
    }
  });

  it('upgraded and then downgraded, keeps what was added until the cycle ends', () => {
    const half = at('2027-04-16T00:00:00');
    const both = changed(changed(begun(SMALL, cycle.startMs), LARGE, half), SMALL, half + 1_000);
    expect(newestCharge(both)).toMatchObject({ planId: 'large', quotaNanoUsd: 60n * USD });
    const next = renewed(both, versionOf, cycle.endMs);
    expect(newestCharge(next)).toMatchObject({ planId: 'small', quotaNanoUsd: 20n * USD, amountNanoUsd: 10n * USD });
    expect(next.nextPlanId).toBeNull();
    expect(changed(both, LARGE, half + 2_000).nextPlanId, 'asking for the present plan takes it back').toBeNull();
  });

  it('of the same price and quota counts at once and costs nothing', () => {
    const sibling = { ...SMALL, planId: 'sibling', models: ['gpt-4o'] };
    expect(newestCharge(changed(begun(SMALL), sibling, ANCHOR + 5_000))).toMatchObject({
      planId: 'sibling',
      amountNanoUsd: 0n,
      quotaNanoUsd: SMALL.quotaNanoUsd,
    });
  });

  it('never gives more than the plan includes, nor charges more than it costs, however often and whenever', () => {
    const amounts = fc.bigInt({ min: 0n, max: 9_000_000n * USD });
    const step = fc.record({ price: amounts, quota: amounts, second: fc.integer({ min: -10, max: 31 * 86_400 }) });
    const anchors = fc.integer({ min: ANCHOR / 1_000, max: ANCHOR / 1_000 + 3 * 366 * 86_400 });
    fc.assert(
      fc.property(anchors, fc.array(step, { minLength: 2, maxLength: 8 }), (second, steps) => {
        const rising = (pick: (each: (typeof steps)[0]) => bigint) => steps.map(pick).sort((a, b) => (a < b ? -1 : 1));
        const [prices, quotas] = [rising(({ price }) => price), rising(({ quota }) => quota)];
        const versions = steps.map((_, index) =>
          plan(`p${index}`, 0n, 0n, { priceNanoUsd: prices[index]!, quotaNanoUsd: quotas[index]! }),
        );
        const anchorMs = second * 1_000;
        const { endMs } = subscriptionCycleAt(anchorMs, anchorMs);
        const moments = steps
          .map(({ second: after }) => Math.min(endMs - 1, anchorMs + after * 1_000))
          .sort((a, b) => a - b);
        let subscription = begun(versions[0]!, anchorMs);
        for (const [index, to] of versions.entries()) {
          if (index === 0) continue;
          const { price, quota } = { price: newestCharge(subscription), quota: newestCharge(subscription) };
          const change = withPlan(
            subscription,
            to,
            (id) => versions.find((each) => each.planId === id)!,
            moments[index]!,
          );
          if (change.kind === 'unchanged') continue;
          ({ subscription } = change);
          const now = newestCharge(subscription);
          expect(now.quotaNanoUsd >= quota.quotaNanoUsd, 'it never shrinks').toBe(true);
          expect(now.amountNanoUsd >= 0n && price.amountNanoUsd >= 0n).toBe(true);
        }
        const paid = subscription.charges.reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
        expect(paid <= prices.at(-1)!).toBe(true);
        expect(newestCharge(subscription).quotaNanoUsd <= quotas.at(-1)!).toBe(true);
      }),
    );
  });

  it('has parts that are whole, rounded down, and bounded by the clock on both sides', () => {
    expect(remainingPart(7n, cycle, cycle.startMs - 5)).toBe(7n);
    expect(remainingPart(7n, cycle, cycle.endMs)).toBe(0n);
    expect(remainingPart(7n, cycle, cycle.endMs + 5)).toBe(0n);
    expect(remainingPart(3n, cycle, at('2027-04-16T00:00:00'))).toBe(1n);
  });
});

describe('the end', () => {
  it('is the present second, or that of the cycle; a later one takes back nothing', () => {
    const now = ANCHOR + 5_678;
    const atOnce = cancelled(begun(SMALL), 'now', now)!;
    expect(atOnce.endsAtMs).toBe(ANCHOR + 5_000);
    expect([statusOf(begun(SMALL), now), statusOf(atOnce, now)]).toEqual(['active', 'ended']);
    expect(cancelled(atOnce, 'cycle_end', now)).toBeNull();
    const ending = cancelled(begun(SMALL), 'cycle_end', now)!;
    expect(statusOf(ending, now)).toBe('ending');
    expect(statusOf(ending, ending.endsAtMs!)).toBe('ended');
    expect(cancelled(ending, 'now', now)!.endsAtMs).toBe(ANCHOR + 5_000);
    expect(cancelled(begun(SMALL), 'now', ANCHOR - 1)!.endsAtMs).toBe(ANCHOR);
  });
});

describe('what the key of a subscription is told', () => {
  const terms = (subscription: Subscription, next = SMALL) =>
    termsOf(subscription, { before: null, present: SMALL, next });

  it('is the same in each cycle while nothing changes', () => {
    const quotas = [{ fromMs: ANCHOR, quotaNanoUsd: (20n * USD).toString() }];
    expect(terms(begun(SMALL)).quotas).toEqual(quotas);
    expect(terms(renewed(begun(SMALL), versionOf, subscriptionCycleStart(ANCHOR, 7)))).toEqual(terms(begun(SMALL)));
  });

  it('has the quota of the next cycle ahead, and that of the one before', () => {
    const upgraded = changed(begun(SMALL), LARGE, ANCHOR);
    const usd = (amount: bigint): string => (amount * USD).toString();
    const [first, second, third] = [0, 1, 2].map((number) => subscriptionCycleStart(ANCHOR, number));
    expect(terms(changed(upgraded, MIDDLE, ANCHOR), MIDDLE).quotas).toEqual([
      { fromMs: first, quotaNanoUsd: usd(100n) },
      { fromMs: second, quotaNanoUsd: usd(60n) },
    ]);
    const later = renewed(changed(upgraded, MIDDLE, ANCHOR), versionOf, second!);
    expect(terms(later, SMALL).quotas).toEqual([
      { fromMs: first, quotaNanoUsd: usd(100n) },
      { fromMs: second, quotaNanoUsd: usd(60n) },
      { fromMs: third, quotaNanoUsd: usd(20n) },
    ]);
  });

  it('has pay-as-you-go where it is switched on, has a limit, and the plan allows it', () => {
    const on = { ...begun(SMALL), payg: { enabled: true, limitNanoUsd: 5n, raise: null } };
    expect(terms(on).payg).toEqual({ capNanoUsd: '5' });
    const raise = { amountNanoUsd: 2n, until: new Date(ANCHOR) };
    expect(terms({ ...on, payg: { ...on.payg, raise } }).payg).toEqual({
      capNanoUsd: '5',
      raise: { amountNanoUsd: '2', untilMs: ANCHOR },
    });
    expect(terms({ ...on, payg: { ...on.payg, enabled: false } }).payg).toBeNull();
    expect(terms({ ...on, payg: { enabled: true, limitNanoUsd: null, raise: null } }).payg).toBeNull();
    const closed = { ...SMALL, paygAllowed: false };
    expect(termsOf(on, { before: null, present: closed, next: closed }).payg).toBeNull();
  });

  describe('has what is charged beside the quota by cycles where these differ:', () => {
    const [first, second, third] = [0, 1, 2].map((number) => subscriptionCycleStart(ANCHOR, number));
    const closed = { ...SMALL, paygAllowed: false };
    const dear = { ...SMALL, markupMillionths: 1_000_000 };
    const payg = { capNanoUsd: '5' };
    const plain = { payg, markupMillionths: null };
    const OFF = { payg: null, markupMillionths: null };
    const DEAR = { payg, markupMillionths: 1_000_000 };
    const on: Subscription = { ...begun(SMALL), payg: { enabled: true, limitNanoUsd: 5n, raise: null } };
    const later = renewed(on, versionOf, second!);
    it.each<[string, Subscription, Parameters<typeof termsOf>[1], object[] | undefined]>([
      ['none', on, { before: null, present: SMALL, next: SMALL }, undefined],
      [
        'a mark-up that follows',
        on,
        { before: null, present: SMALL, next: dear },
        [
          { fromMs: first, ...plain },
          { fromMs: second, ...DEAR },
        ],
      ],
      [
        'pay-as-you-go that the next plan forbids',
        on,
        { before: null, present: SMALL, next: closed },
        [
          { fromMs: first, ...plain },
          { fromMs: second, ...OFF },
        ],
      ],
      [
        'pay-as-you-go that the next plan allows',
        on,
        { before: null, present: closed, next: SMALL },
        [
          { fromMs: first, ...OFF },
          { fromMs: second, ...plain },
        ],
      ],
      ['pay-as-you-go that nobody has', begun(SMALL), { before: null, present: SMALL, next: closed }, undefined],
      [
        'those of the cycle before',
        later,
        { before: closed, present: dear, next: dear },
        [
          { fromMs: first, ...OFF },
          { fromMs: second, ...DEAR },
        ],
      ],
      [
        'all three',
        later,
        { before: closed, present: dear, next: SMALL },
        [
          { fromMs: first, ...OFF },
          { fromMs: second, ...DEAR },
          { fromMs: third, ...plain },
        ],
      ],
    ])('%s', (_, subscription, plans, expected) => {
      const told = termsOf(subscription, plans);
      expect(told.cycleTerms).toEqual(expected);
      expect('cycleTerms' in told, 'absent, so that the terms stay the same').toBe(expected !== undefined);
      const { payg: paid, markupMillionths } = told;
      expect({ payg: paid, markupMillionths }, 'what releases before read is of the present cycle').toEqual(
        termsOf(subscription, { ...plans, before: null, next: plans.present }).cycleTerms ?? {
          payg: paid,
          markupMillionths: plans.present.markupMillionths,
        },
      );
    });
  });
});
