import { CREDIT_RESETS, cycleOf, cycleOfAccount, inCycle, limitOf } from '@tollgate/api-key';
import type { OpenHold } from './items.js';
import { placeHold, type OrganizationState } from './organization-state.js';

/** Holds that are carried belong to no gateway: nobody announces them, and no gateway's end releases them. */
const CARRIER = 'usage-billing';

/** A call that holds credit on one account of a limit, and counts on another one of it until it is booked. */
export interface CarriedHold {
  readonly requestId: string;
  /** The account on which it counts, too. */
  readonly accountId: string;
  readonly amountNanoUsd: bigint;
}

/**
 * The other accounts of a limit on which calls may hold credit that count in the account's period: those of the present
 * cycles, and of those in which a call that is still under way began, at most `callMs` before `nowMs` (milliseconds
 * since 1970). A limit has several accounts where it resets in another way than before.
 */
export function otherAccountsOf(accountId: string, nowMs: number, callMs: number): readonly string[] {
  const limit = limitOf(accountId);
  const { startMs, endMs } = cycleOfAccount(accountId);
  const cycles = [nowMs - callMs, nowMs].flatMap((ms) => CREDIT_RESETS.map((reset) => cycleOf(reset, ms)));
  const others = cycles.filter((cycle) => cycle.startMs < endMs && cycle.endMs > startMs);
  return [...new Set(others.map((cycle) => inCycle(limit, cycle)))].filter((other) => other !== accountId);
}

/** The hold by which a call counts on another account, besides its own. */
export function carriedHold({ requestId, accountId, amountNanoUsd }: CarriedHold, apiKeyId: string): OpenHold {
  return {
    requestId: `${requestId}>${accountId}`,
    apiKeyId,
    instanceId: CARRIER,
    journalId: CARRIER,
    amountNanoUsd,
    accountIds: [accountId],
    parallel: false,
    tokens: 0,
  };
}

/** Places holds that are carried, each once; false, without a change, if no epoch of this store is open. */
export function carry(state: OrganizationState, holds: readonly OpenHold[], storeId: string): boolean {
  if (state.epoch === null || state.epoch.storeId !== storeId) return false;
  for (const hold of holds) if (!state.holds.has(hold.requestId)) placeHold(state, hold);
  return true;
}
