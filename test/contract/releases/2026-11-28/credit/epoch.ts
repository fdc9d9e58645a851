import type { OpenHold } from './items.js';
import { placeHold, type OrganizationState } from './organization-state.js';

export interface EpochContents {
  readonly epochId: string;
  readonly storeId: string;
  readonly posted: readonly { readonly accountId: string; readonly postedNanoUsd: bigint }[];
  readonly booked: readonly { readonly journalId: string; readonly number: number }[];
  readonly waitingFor: readonly { readonly journalId: string; readonly instanceId: string }[];
}

/** An event that is final in a journal, as a hold of its charge. */
export interface AnnouncedFinal extends OpenHold {
  readonly journalNumber: number;
}

/**
 * Starts an organisation anew from its ledger; false where an epoch of this store is open already. Rates go on, and
 * with them the holds of tokens alone: no gateway announces those again.
 */
export function openEpoch(state: OrganizationState, contents: EpochContents): boolean {
  if (state.epoch !== null && state.epoch.storeId === contents.storeId) return false;
  state.epoch = { epochId: contents.epochId, storeId: contents.storeId };
  state.accounts.clear();
  for (const { requestId, parallel, accountIds } of state.holds.values()) {
    if (parallel || accountIds.length > 0) state.holds.delete(requestId);
  }
  state.waiting.clear();
  state.booked.clear();
  for (const rate of state.rates.values()) rate.parallel = 0;
  for (const { accountId, postedNanoUsd } of contents.posted)
    state.accounts.set(accountId, { postedNanoUsd, heldNanoUsd: 0n });
  for (const { journalId, number } of contents.booked) state.booked.set(journalId, number);
  for (const { journalId, instanceId } of contents.waitingFor) state.waiting.set(journalId, instanceId);
  return true;
}

/** Without an epoch every capped request is refused. Holds stay, so that settles find them. */
export function closeEpoch(state: OrganizationState): void {
  state.epoch = null;
}

/** A journal's holds in flight and unbooked finals, once under an epoch that waits for them. */
export function announce(
  state: OrganizationState,
  journalId: string,
  holds: readonly OpenHold[],
  finals: readonly AnnouncedFinal[],
): void {
  if (!state.waiting.delete(journalId)) return;
  const booked = state.booked.get(journalId) ?? 0;
  for (const hold of holds) if (!state.holds.has(hold.requestId)) placeHold(state, hold);
  for (const { journalNumber, ...hold } of finals)
    if (journalNumber > booked && !state.holds.has(hold.requestId)) placeHold(state, hold);
}
