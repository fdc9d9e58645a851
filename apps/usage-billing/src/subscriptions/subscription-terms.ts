import { isDeepStrictEqual } from 'node:util';
import type { SubscriptionTerms } from '@tollgate/contracts';
import type { PlanVersion } from '../plans/plan.js';
import { chargeBefore, newestCharge, type Payg, type Subscription } from './subscription.js';

/** The terms of the plans of three cycles. */
interface PlansOfCycles {
  /** Of the cycle before the present one; null in the first. */
  readonly before: PlanVersion | null;
  readonly present: PlanVersion;
  /** Of the next one, as far as they are known. */
  readonly next: PlanVersion;
}

/**
 * What the key of a subscription may do. All that decides about money begins anew by the clock of admission: quota,
 * pay-as-you-go and mark-up of the next cycle are in the terms ahead of time, and those of the cycle before, for a
 * gateway whose clock is behind. Where nothing changes from one cycle to the next, the terms stay the same, so that the
 * key need not change.
 */
export function termsOf(subscription: Subscription, plans: PlansOfCycles): SubscriptionTerms {
  const { id, version, anchorMs, endsAtMs } = subscription;
  const { present } = plans;
  const cycleTerms = cycleTermsOf(subscription, plans);
  return {
    subscriptionId: id,
    version,
    anchorMs,
    quotas: quotasOf(subscription, plans.next),
    endsAtMs,
    ...chargingOf(subscription, present),
    ...(cycleTerms.length > 1 && { cycleTerms }),
    models: present.models === null ? null : [...present.models],
    rateLimits: present.rateLimits,
  };
}

/** How calls are charged beside the quota, under a plan. */
function chargingOf(
  { payg }: Subscription,
  { paygAllowed, markupMillionths }: PlanVersion,
): Pick<SubscriptionTerms, 'payg' | 'markupMillionths'> {
  const isPaid = payg.enabled && paygAllowed && payg.limitNanoUsd !== null;
  return { payg: isPaid ? { capNanoUsd: String(payg.limitNanoUsd), ...raiseOf(payg) } : null, markupMillionths };
}

/** Its end follows from the clock of admission, so that nobody need tell of it. */
const raiseOf = ({ raise }: Payg) =>
  raise && { raise: { amountNanoUsd: raise.amountNanoUsd.toString(), untilMs: raise.until.getTime() } };

function quotasOf(subscription: Subscription, next: PlanVersion): SubscriptionTerms['quotas'] {
  const newest = newestCharge(subscription);
  const before = chargeBefore(subscription);
  return changesOf(subscription, {
    before: before && { quotaNanoUsd: before.quotaNanoUsd.toString() },
    present: { quotaNanoUsd: newest.quotaNanoUsd.toString() },
    next: { quotaNanoUsd: next.quotaNanoUsd.toString() },
  });
}

function cycleTermsOf(subscription: Subscription, { before, present, next }: PlansOfCycles) {
  return changesOf(subscription, {
    before: before && chargingOf(subscription, before),
    present: chargingOf(subscription, present),
    next: chargingOf(subscription, next),
  });
}

/** What counts in each of three cycles, where it is not the same as in the one before; the first counts from ever. */
function changesOf<T extends object>(
  subscription: Subscription,
  { before, present, next }: { readonly before: T | null; readonly present: T; readonly next: T },
): (T & { fromMs: number })[] {
  const newest = newestCharge(subscription);
  const startMs = chargeBefore(subscription)?.startMs ?? newest.startMs;
  const known = [
    ...(before === null ? [] : [{ fromMs: startMs, counts: before }]),
    { fromMs: newest.startMs, counts: present },
    { fromMs: newest.endMs, counts: next },
  ];
  const changes = known.filter(({ counts }, at) => !isDeepStrictEqual(known[at - 1]?.counts, counts));
  return changes.map(({ fromMs, counts }, at) => ({ fromMs: at === 0 ? subscription.anchorMs : fromMs, ...counts }));
}

/** Whether terms differ in nothing but their version, so that their key need not hear of them. */
export function isSameTerms(told: SubscriptionTerms | null, terms: SubscriptionTerms): boolean {
  return told !== null && isDeepStrictEqual({ ...told, version: 1 }, { ...terms, version: 1 });
}
