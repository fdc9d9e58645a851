import type { AccountBalance } from './organization-state.js';

/**
 * What calls can still use of a limit: the limit without what was charged and what calls in flight hold, and never less
 * than 0. Null is unlimited. Every reply that shows what is left of a limit shows this.
 */
export function remainingOf(capNanoUsd: bigint, balance: Readonly<AccountBalance>): bigint;
export function remainingOf(capNanoUsd: bigint | null, balance: Readonly<AccountBalance>): bigint | null;
export function remainingOf(
  capNanoUsd: bigint | null,
  { postedNanoUsd, heldNanoUsd }: Readonly<AccountBalance>,
): bigint | null {
  if (capNanoUsd === null) return null;
  const left = capNanoUsd - postedNanoUsd - heldNanoUsd;
  return left > 0n ? left : 0n;
}
