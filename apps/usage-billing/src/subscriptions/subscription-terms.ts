import { isDeepStrictEqual } from 'node:util';
import type { SubscriptionTerms } from '@tollgate/contracts';
import type { PlanVersion } from '../plans/plan.js';
import { newestCharge, type Payg, type Subscription } from './subscription.js';

/**
 * What the key of a subscription may do. `plan` has the terms of the present cycle, `next` those of the plan of the
 * next one, as far as they are known. The quotas begin anew by the clock of admission: the one of the next cycle is
 * among them ahead of time, and the one of the cycle before, for a gateway whose clock is behind. Where nothing changes
 * from one cycle to the next, the terms stay the same, so that the key need not change.
 */
export function termsOf(subscription: Subscription, plan: PlanVersion, next: PlanVersion): SubscriptionTerms {
  const { id, version, anchorMs, endsAtMs, payg } = subscription;
  const isPaid = payg.enabled && plan.paygAllowed && payg.limitNanoUsd !== null;
  return {
    subscriptionId: id,
    version,
    anchorMs,
    quotas: quotasOf(subscription, next),
    endsAtMs,
    payg: isPaid ? { capNanoUsd: String(payg.limitNanoUsd), ...raiseOf(payg) } : null,
    markupMillionths: plan.markupMillionths,
    models: plan.models === null ? null : [...plan.models],
    rateLimits: plan.rateLimits,
  };
}

/** Its end follows from the clock of admission, so that nobody need tell of it. */
const raiseOf = ({ raise }: Payg) =>
  raise && { raise: { amountNanoUsd: raise.amountNanoUsd.toString(), untilMs: raise.until.getTime() } };

function quotasOf(subscription: Subscription, next: PlanVersion): SubscriptionTerms['quotas'] {
  const newest = newestCharge(subscription);
  const before = subscription.charges.findLast(({ number }) => number < newest.number);
  const known = [
    ...(before === undefined ? [] : [{ fromMs: before.startMs, quotaNanoUsd: before.quotaNanoUsd }]),
    { fromMs: newest.startMs, quotaNanoUsd: newest.quotaNanoUsd },
    { fromMs: newest.endMs, quotaNanoUsd: next.quotaNanoUsd },
  ];
  const changes = known.filter(({ quotaNanoUsd }, at) => known[at - 1]?.quotaNanoUsd !== quotaNanoUsd);
  return changes.map(({ fromMs, quotaNanoUsd }, at) => ({
    fromMs: at === 0 ? subscription.anchorMs : fromMs,
    quotaNanoUsd: quotaNanoUsd.toString(),
  }));
}

/** Whether terms differ in nothing but their version, so that their key need not hear of them. */
export function isSameTerms(told: SubscriptionTerms | null, terms: SubscriptionTerms): boolean {
  return told !== null && isDeepStrictEqual({ ...told, version: 1 }, { ...terms, version: 1 });
}
