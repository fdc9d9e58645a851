import { cycleOf, type CreditReset } from '@tollgate/api-key';
import type { KeySpending } from '@tollgate/contracts';

/** What a key was charged: the parts of `KeySpending` that its limit is compared with. */
export type ChargedSums = Pick<
  KeySpending,
  'chargedNanoUsd' | 'chargedTodayNanoUsd' | 'chargedThisWeekNanoUsd' | 'chargedThisMonthNanoUsd'
>;

/**
 * What counts against a limit with this reset in its present cycle, in nano-USD. Null if usage-billing is of a release
 * that does not tell it.
 */
export function creditUsed(reset: CreditReset, sums: ChargedSums): bigint | null {
  const used = sums[SUM_OF[reset]];
  return used === undefined ? null : BigInt(used);
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
