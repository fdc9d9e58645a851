import { cycleOf, type CreditReset } from '@tollgate/api-key';
import type { KeySpending } from '@tollgate/contracts';
import type { AccountBalance } from '@tollgate/credit';

/** What a key was charged: the parts of `KeySpending` that its limit is compared with. */
export type ChargedSums = Pick<
  KeySpending,
  'chargedNanoUsd' | 'chargedTodayNanoUsd' | 'chargedThisWeekNanoUsd' | 'chargedThisMonthNanoUsd' | 'limits'
>;

/**
 * What counts against a limit with this reset in its present cycle, in nano-USD. Null if usage-billing is of a release
 * that does not tell it.
 */
export function creditUsed(reset: CreditReset, sums: ChargedSums): bigint | null {
  return creditBalance(reset, sums)?.postedNanoUsd ?? null;
}

/**
 * The same, with what calls in flight hold. A limit that was set just now counts what was charged before it, which its
 * account does not have yet; and the account has what was charged a moment ago, which the sums do not have yet.
 */
export function creditBalance(reset: CreditReset, sums: ChargedSums): AccountBalance | null {
  const sum = sums[SUM_OF[reset]];
  if (sum === undefined) return null;
  const limit = sums.limits?.find((each) => each.reset === reset);
  const [charged, posted] = [BigInt(sum), BigInt(limit?.postedNanoUsd ?? 0)];
  return { postedNanoUsd: charged > posted ? charged : posted, heldNanoUsd: BigInt(limit?.heldNanoUsd ?? 0) };
}

/** The sums with another one in the present cycle of a limit with this reset. */
export function withCreditUsed<Sums extends ChargedSums>(sums: Sums, reset: CreditReset, usedNanoUsd: bigint): Sums {
  return { ...sums, [SUM_OF[reset]]: usedNanoUsd.toString() };
}

const SUM_OF = {
  never: 'chargedNanoUsd',
  daily: 'chargedTodayNanoUsd',
  weekly: 'chargedThisWeekNanoUsd',
  monthly: 'chargedThisMonthNanoUsd',
} as const satisfies Record<CreditReset, keyof ChargedSums>;

/** Whether a day (`2026-11-29`, in UTC) lies in the day, the week and the month of `now`. */
export function periodsOf(
  day: string,
  now: Date,
): { readonly day: boolean; readonly week: boolean; readonly month: boolean } {
  const at = Date.parse(`${day}T00:00:00.000Z`);
  const isIn = (reset: CreditReset): boolean => cycleOf(reset, at).startMs === cycleOf(reset, now.getTime()).startMs;
  return { day: isIn('daily'), week: isIn('weekly'), month: isIn('monthly') };
}
