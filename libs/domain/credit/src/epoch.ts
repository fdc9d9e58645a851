import type { OpenHold } from './items.js';
import { noteLoad } from './load-accounts.js';
import { placeHold, type OrganizationState } from './organization-state.js';

/** An account as the ledger has it. `unheldNanoUsd` is the part of what is posted that `LoadItem` tells. */
export interface PostedAccount {
  readonly accountId: string;
  readonly postedNanoUsd: bigint;
  readonly unheldNanoUsd?: bigint;
  /** The version for which the ledger has loaded it; absent or 0 if it never did. */
  readonly generation?: number;
}

/** The state that an epoch starts from: posted sums, booked numbers, and the journals that have yet to announce. */
export interface EpochContents {
  readonly epochId: string;
  readonly storeId: string;
  /** All accounts in force. One of a limit that was loaded and that is not named here is loaded again. */
  readonly posted: readonly PostedAccount[];
  readonly booked: readonly { readonly journalId: string; readonly number: number }[];
  readonly waitingFor: readonly { readonly journalId: string; readonly instanceId: string }[];
}

/**
 * A final that is not booked yet, announced as a hold of its charge: what it takes of grants is the charge's share
 * (`splitCharge`).
 */
export interface AnnouncedFinal extends OpenHold {
  readonly journalNumber: number;
}

/**
 * Resets an organisation to the state of its ledger; false if an epoch of this store id is open already. Rate limits
 * keep their state, and so do holds that only take tokens, because no gateway announces those again. `nowMs` is in
 * milliseconds since 1970.
 */
export function openEpoch(state: OrganizationState, contents: EpochContents, nowMs: number): boolean {
  if (state.epoch !== null && state.epoch.storeId === contents.storeId) return false;
  state.epoch = { epochId: contents.epochId, storeId: contents.storeId };
  state.accounts.clear();
  state.loads.clear();
  state.limits.clear();
  for (const { requestId, parallel, accountIds, parts = [] } of state.holds.values()) {
    if (parallel || accountIds.length + parts.length > 0) state.holds.delete(requestId);
  }
  state.waiting.clear();
  state.booked.clear();
  for (const rate of state.rates.values()) rate.parallel = 0;
  for (const { accountId, postedNanoUsd, unheldNanoUsd = 0n, generation = 0 } of contents.posted) {
    state.accounts.set(accountId, { postedNanoUsd, heldNanoUsd: 0n });
    noteLoad(state, { accountId, unheldNanoUsd, generation }, nowMs);
  }
  for (const { journalId, number } of contents.booked) state.booked.set(journalId, number);
  for (const { journalId, instanceId } of contents.waitingFor) state.waiting.set(journalId, instanceId);
  return true;
}

/** Ends the epoch: without one every capped request is refused. Holds stay, so that settles find them. */
export function closeEpoch(state: OrganizationState): void {
  state.epoch = null;
}

/** Adds a journal's holds in flight and unbooked finals, once and only if the epoch waits for the journal. */
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
