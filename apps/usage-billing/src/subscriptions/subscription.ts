import { subscriptionCycleAt, subscriptionCycleStart } from '@tollgate/api-key';
import type { PlanVersion } from '../plans/plan.js';

/** What was charged for a cycle at its beginning, or at a change to a larger plan in its middle; kept for good. */
export interface CycleCharge {
  /** The number of the cycle; 0 is the first. */
  readonly number: number;
  /** 0 for the price of the cycle, 1 for the first change in its middle, and so on. */
  readonly sequence: number;
  /** When it was due, in milliseconds since 1970. */
  readonly atMs: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly planId: string;
  /** Of the plan whose terms count from it on. */
  readonly planVersion: number;
  /** What the cycle includes from it on. */
  readonly quotaNanoUsd: bigint;
  readonly amountNanoUsd: bigint;
}

/** What may be spent in a cycle beyond its quota. */
export interface Payg {
  readonly enabled: boolean;
  /** For each cycle; null where it was never set. */
  readonly limitNanoUsd: bigint | null;
  /** What may be spent beyond the limit until a moment, and ends by itself. */
  readonly raise: { readonly amountNanoUsd: bigint; readonly until: Date } | null;
}

/** A subscription of an organisation, or of one of its members. */
export interface Subscription {
  readonly id: string;
  readonly organizationId: string;
  /** The member that it is for; null for the organisation as a whole. */
  readonly memberId: string | null;
  readonly apiKeyId: string;
  /** The first moment of its first cycle, in ms since 1970: a whole second. All cycles are counted from it. */
  readonly anchorMs: number;
  /** 1 at creation; each change adds one. */
  readonly version: number;
  /** The plan that follows at the next cycle; null where the present one stays. */
  readonly nextPlanId: string | null;
  /** When it ends, in milliseconds since 1970; null while it renews itself. */
  readonly endsAtMs: number | null;
  readonly payg: Payg;
  /** Those of its last two cycles, oldest first. */
  readonly charges: readonly [CycleCharge, ...CycleCharge[]];
}

/** The versions of a plan, for the cycle that begins at a moment. */
export type VersionOf = (planId: string, atMs: number) => PlanVersion;

/** `active` renews itself, `ending` was cancelled for the end of its cycle, `ended` cannot be used any more. */
export type SubscriptionStatus = 'active' | 'ending' | 'ended';

/** What a subscription is at `nowMs` (milliseconds since 1970): by the clock alone. */
export function statusOf({ endsAtMs }: Pick<Subscription, 'endsAtMs'>, nowMs: number): SubscriptionStatus {
  if (endsAtMs === null) return 'active';
  return endsAtMs <= nowMs ? 'ended' : 'ending';
}

/** The charge whose terms count now: the newest. */
export function newestCharge({ charges }: Pick<Subscription, 'charges'>): CycleCharge {
  return charges.at(-1) ?? charges[0];
}

/** The charge whose terms counted last in the cycle before; null in the first cycle. */
export function chargeBefore({ charges }: Pick<Subscription, 'charges'>): CycleCharge | null {
  const { number: present } = newestCharge({ charges });
  return charges.findLast(({ number }) => number < present) ?? null;
}

/** The price of a whole cycle, at its beginning. */
export function cycleCharge(plan: PlanVersion, anchorMs: number, number: number): CycleCharge {
  const startMs = subscriptionCycleStart(anchorMs, number);
  return {
    number,
    sequence: 0,
    atMs: startMs,
    startMs,
    endMs: subscriptionCycleStart(anchorMs, number + 1),
    planId: plan.planId,
    planVersion: plan.version,
    quotaNanoUsd: plan.quotaNanoUsd,
    amountNanoUsd: plan.priceNanoUsd,
  };
}

/**
 * The subscription with the charges of all cycles that have begun by `nowMs`, however late that is noticed: each cycle
 * once, with the terms that its plan had at its beginning. A cycle that would begin at its end or after it does not.
 * The same subscription where nothing has begun.
 */
export function renewed(subscription: Subscription, versionOf: VersionOf, nowMs: number): Subscription {
  const { anchorMs, endsAtMs, nextPlanId } = subscription;
  const newest = newestCharge(subscription);
  const planId = nextPlanId ?? newest.planId;
  const lastMs = endsAtMs === null ? nowMs : Math.min(nowMs, endsAtMs - 1);
  const last = subscriptionCycleAt(anchorMs, lastMs).number;
  const begun: CycleCharge[] = [];
  for (let number = newest.number + 1; number <= last; number++) {
    const startMs = subscriptionCycleStart(anchorMs, number);
    begun.push(cycleCharge(versionOf(planId, startMs), anchorMs, number));
  }
  if (begun.length === 0) return subscription;
  return { ...subscription, nextPlanId: null, charges: [...subscription.charges, ...begun] };
}

/**
 * The part of a difference that falls on the rest of a cycle: × remaining seconds ÷ seconds of the whole cycle, in
 * whole numbers and rounded down. Price and quota take the same part.
 */
export function remainingPart(
  differenceNanoUsd: bigint,
  { startMs, endMs }: Pick<CycleCharge, 'startMs' | 'endMs'>,
  nowMs: number,
): bigint {
  const wholeSeconds = (endMs - startMs) / 1_000;
  const remainingSeconds = Math.min(wholeSeconds, Math.max(0, Math.floor((endMs - nowMs) / 1_000)));
  return (differenceNanoUsd * BigInt(remainingSeconds)) / BigInt(wholeSeconds);
}

/** What becomes of a subscription that is to have another plan. */
export type PlanChange =
  /** At once: the cycle includes more from now on, and the difference is charged. */
  | { readonly kind: 'upgraded'; readonly subscription: Subscription }
  /** At the next cycle. */
  | { readonly kind: 'at_next_cycle'; readonly subscription: Subscription }
  | { readonly kind: 'unchanged' };

/**
 * The subscription with another plan. `to` is the plan's newest version. A plan that costs no less and includes no less
 * counts at once: the differences to the whole price and the whole quota of the plan before, each by what is left of
 * the cycle, are charged and added. What is used stays used. Any other plan counts from the next cycle on. Asking for
 * the present plan takes back what would follow. `subscription` must be `renewed`.
 */
export function withPlan(
  subscription: Subscription,
  to: PlanVersion,
  versionOf: (planId: string, version: number) => PlanVersion,
  nowMs: number,
): PlanChange {
  const newest = newestCharge(subscription);
  if (to.planId === newest.planId) {
    if (subscription.nextPlanId === null) return { kind: 'unchanged' };
    return { kind: 'at_next_cycle', subscription: { ...subscription, nextPlanId: null } };
  }
  const from = versionOf(newest.planId, newest.planVersion);
  const [price, quota] = [to.priceNanoUsd - from.priceNanoUsd, to.quotaNanoUsd - from.quotaNanoUsd];
  if (price < 0n || quota < 0n) {
    if (subscription.nextPlanId === to.planId) return { kind: 'unchanged' };
    return { kind: 'at_next_cycle', subscription: { ...subscription, nextPlanId: to.planId } };
  }
  const charge: CycleCharge = {
    ...newest,
    sequence: newest.sequence + 1,
    atMs: Math.max(nowMs, newest.atMs),
    planId: to.planId,
    planVersion: to.version,
    quotaNanoUsd: newest.quotaNanoUsd + remainingPart(quota, newest, nowMs),
    amountNanoUsd: remainingPart(price, newest, nowMs),
  };
  return {
    kind: 'upgraded',
    subscription: { ...subscription, nextPlanId: null, charges: [...subscription.charges, charge] },
  };
}

/**
 * The subscription cancelled: now, from the present second on, or at the end of its cycle. Null where it ends no later
 * already. `subscription` must be `renewed`.
 */
export function cancelled(subscription: Subscription, at: 'now' | 'cycle_end', nowMs: number): Subscription | null {
  const secondMs = Math.max(subscription.anchorMs, Math.floor(nowMs / 1_000) * 1_000);
  const endsAtMs = at === 'now' ? secondMs : newestCharge(subscription).endMs;
  if (subscription.endsAtMs !== null && subscription.endsAtMs <= endsAtMs) return null;
  return { ...subscription, endsAtMs };
}

/**
 * The subscription whose owner was removed at `ownerEndMs`, in milliseconds since 1970: it ends with them, so that no
 * later cycle begins, and never before its first. The same subscription where it ends no later by itself, and for null,
 * who is still there.
 */
export function endedWith(subscription: Subscription, ownerEndMs: number | null): Subscription {
  if (ownerEndMs === null) return subscription;
  const secondMs = Math.max(newestCharge(subscription).startMs, Math.floor(ownerEndMs / 1_000) * 1_000);
  if (subscription.endsAtMs !== null && subscription.endsAtMs <= secondMs) return subscription;
  return { ...subscription, endsAtMs: secondMs };
}
