import type { KeyAnswers } from './answers.js';
import type { OpenHold } from './items.js';

/** Posted is charged for good; held is set aside for requests in flight. Nano-USD. */
export interface AccountBalance {
  postedNanoUsd: bigint;
  heldNanoUsd: bigint;
}

/** Where a key stands with its rate limits. `answers`: null until a request without a ceiling was answered. */
export interface KeyRate {
  requestsTatUs: number;
  tokensTatUs: number;
  tokensLimit: number;
  parallel: number;
  answers: KeyAnswers | null;
}

/**
 * All that admission knows of one organisation. The same shape as the Redis hash: `libs/admission` holds the two
 * together.
 * `waiting`: journals (with their instances) that have yet to announce under this epoch.
 */
export interface OrganizationState {
  epoch: { readonly epochId: string; readonly storeId: string } | null;
  readonly accounts: Map<string, AccountBalance>;
  readonly holds: Map<string, OpenHold>;
  readonly rates: Map<string, KeyRate>;
  readonly waiting: Map<string, string>;
  readonly booked: Map<string, number>;
}

export function emptyOrganization(): OrganizationState {
  return {
    epoch: null,
    accounts: new Map(),
    holds: new Map(),
    rates: new Map(),
    waiting: new Map(),
    booked: new Map(),
  };
}

/** The balance of an account; one not seen yet under an open epoch has nothing posted. */
export function balanceOf(state: OrganizationState, accountId: string): AccountBalance {
  let balance = state.accounts.get(accountId);
  if (balance === undefined) {
    balance = { postedNanoUsd: 0n, heldNanoUsd: 0n };
    state.accounts.set(accountId, balance);
  }
  return balance;
}

export function rateOf(state: OrganizationState, apiKeyId: string): KeyRate {
  let rate = state.rates.get(apiKeyId);
  if (rate === undefined) {
    rate = { requestsTatUs: 0, tokensTatUs: 0, tokensLimit: 0, parallel: 0, answers: null };
    state.rates.set(apiKeyId, rate);
  }
  return rate;
}

/** Sets a hold aside without asking for room: an announced hold was admitted before. */
export function placeHold(state: OrganizationState, hold: OpenHold): void {
  state.holds.set(hold.requestId, hold);
  for (const accountId of hold.accountIds) balanceOf(state, accountId).heldNanoUsd += hold.amountNanoUsd;
  if (hold.parallel) rateOf(state, hold.apiKeyId).parallel += 1;
}
