import type { SnapshotCycleTerms, SnapshotSubscription } from './snapshot.js';
import { subscriptionCycleAt } from './subscription-cycle.js';

/** What counts in a cycle of a subscription. */
interface SubscriptionCycleTerms extends Pick<SnapshotCycleTerms, 'payg' | 'markupMillionths'> {
  /** 0 is the first cycle. */
  readonly number: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly quotaNanoUsd: string;
}

/** What counts in the cycle of a subscription that `nowMs` (milliseconds since 1970) lies in: by that clock alone. */
export function subscriptionTermsAt(
  { anchorMs, quotas, payg, markupMillionths, cycleTerms = [] }: SnapshotSubscription,
  nowMs: number,
): SubscriptionCycleTerms {
  const cycle = subscriptionCycleAt(anchorMs, nowMs);
  const terms = inCycleFrom(cycle.startMs, cycleTerms) ?? { payg, markupMillionths: markupMillionths ?? null };
  return {
    ...cycle,
    quotaNanoUsd: inCycleFrom(cycle.startMs, quotas)?.quotaNanoUsd ?? '0',
    payg: terms.payg,
    markupMillionths: terms.markupMillionths,
  };
}

/** Of entries in the order of `fromMs`, the last that is not later than the start of a cycle; else the first. */
function inCycleFrom<T extends { readonly fromMs: number }>(startMs: number, entries: readonly T[]): T | undefined {
  return entries.findLast(({ fromMs }) => fromMs <= startMs) ?? entries[0];
}
