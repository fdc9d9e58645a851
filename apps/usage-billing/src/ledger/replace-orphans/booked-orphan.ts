import type { UsageRecorded } from '@tollgate/contracts';
import type { CountedCall } from '../book-usage/accounts-in-force.js';

/** What a booked event charged one account. */
interface BookedCharge {
  readonly accountId: string;
  readonly amountNanoUsd: bigint;
  /** Whether the call held credit on the account. */
  readonly isHeld: boolean;
}

/**
 * A request that is booked by the event of an orphan: the gateway that made the call was gone, and the next one wrote
 * what its journal had of the call. A final that turns up later takes its place.
 */
export interface BookedOrphan extends CountedCall {
  readonly requestId: string;
  /** By account: also those that counted it when they were loaded. */
  readonly charges: readonly BookedCharge[];
  readonly chargeNanoUsd: bigint;
  readonly costNanoUsd: bigint;
  /** The part of the cost that nobody was charged. */
  readonly lossNanoUsd: bigint;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The orphan whose place an event takes; null where it is another orphan's, or of another key. */
export function replacedBy(event: UsageRecorded, orphan: BookedOrphan | undefined): BookedOrphan | null {
  if (orphan === undefined || event.outcome === 'orphaned') return null;
  return orphan.organizationId === event.organizationId && orphan.apiKeyId === event.apiKeyId ? orphan : null;
}

/** By account, what more is charged for a final than for the orphan whose place it takes; it may be below zero. */
export function correctionsOf(
  charges: readonly { readonly accountId: string; readonly amountNanoUsd: bigint }[],
  orphan: Pick<BookedOrphan, 'charges'>,
): ReadonlyMap<string, bigint> {
  const amounts = new Map<string, bigint>();
  const add = (accountId: string, amount: bigint) => amounts.set(accountId, (amounts.get(accountId) ?? 0n) + amount);
  for (const { accountId, amountNanoUsd } of orphan.charges) add(accountId, -amountNanoUsd);
  for (const { accountId, amountNanoUsd } of charges) add(accountId, amountNanoUsd);
  return amounts;
}
