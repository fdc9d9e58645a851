import type { KeyAnswers } from './answers.js';
import type { CreditRefusal, OpenHold } from './items.js';

/** Amounts in nano-USD. Posted is charged for good; held is reserved for requests in flight. */
export interface AccountBalance {
  postedNanoUsd: bigint;
  heldNanoUsd: bigint;
}

/**
 * The state of a key's rate limits: each arrival time with the limit by which it counts, which is 0 if there never was
 * one. `answers` is null until a request without a ceiling was answered.
 */
export interface KeyRate {
  requestsTatUs: number;
  requestsLimit: number;
  tokensTatUs: number;
  tokensLimit: number;
  parallel: number;
  answers: KeyAnswers | null;
}

/** What the ledger told of an account. Amounts in nano-USD. */
interface AccountLoad {
  readonly generation: number;
  readonly unheldNanoUsd: bigint;
}

/** For which version a limit was loaded first, in whichever of its cycles, and when (milliseconds since 1970). */
interface LimitLoad {
  readonly generation: number;
  readonly loadedAtMs: number;
}

/**
 * The state of one organisation in admission. The hash in Redis has the same content:
 * `test/contract/src/admission-lives.test.ts` compares the two. `waiting` has the journals that have yet to announce
 * under this epoch, with their instances.
 */
export interface OrganizationState {
  epoch: { readonly epochId: string; readonly storeId: string } | null;
  readonly accounts: Map<string, AccountBalance>;
  /** By account. */
  readonly loads: Map<string, AccountLoad>;
  /** By the account of the limit (`limitOf`); only of limits that have cycles. */
  readonly limits: Map<string, LimitLoad>;
  readonly holds: Map<string, OpenHold>;
  readonly rates: Map<string, KeyRate>;
  readonly waiting: Map<string, string>;
  readonly booked: Map<string, number>;
  /** By account: under which terms it refused a call last. An epoch that is opened leaves these two as they are. */
  readonly refusals: Map<string, string>;
  /** Refusals that nobody was told of yet, in their order. */
  readonly untold: CreditRefusal[];
}

/** The state of an organisation without an epoch; every capped request is refused in it. */
export function emptyOrganization(): OrganizationState {
  return {
    epoch: null,
    accounts: new Map(),
    loads: new Map(),
    limits: new Map(),
    holds: new Map(),
    rates: new Map(),
    waiting: new Map(),
    booked: new Map(),
    refusals: new Map(),
    untold: [],
  };
}

/** The amounts of an account; an account that the epoch does not have yet starts at zero. */
export function balanceOf(state: OrganizationState, accountId: string): AccountBalance {
  let balance = state.accounts.get(accountId);
  if (balance === undefined) {
    balance = { postedNanoUsd: 0n, heldNanoUsd: 0n };
    state.accounts.set(accountId, balance);
  }
  return balance;
}

/** The rate limits' state of a key; a key that was not used yet starts at zero. */
export function rateOf(state: OrganizationState, apiKeyId: string): KeyRate {
  let rate = state.rates.get(apiKeyId);
  if (rate === undefined) {
    rate = { requestsTatUs: 0, requestsLimit: 0, tokensTatUs: 0, tokensLimit: 0, parallel: 0, answers: null };
    state.rates.set(apiKeyId, rate);
  }
  return rate;
}

/** Adds a hold without checking the caps: `reserve` has checked them, and an announced hold was admitted before. */
export function placeHold(state: OrganizationState, hold: OpenHold): void {
  state.holds.set(hold.requestId, hold);
  for (const accountId of hold.accountIds) balanceOf(state, accountId).heldNanoUsd += hold.amountNanoUsd;
  for (const { accountId, amountNanoUsd } of hold.parts ?? []) balanceOf(state, accountId).heldNanoUsd += amountNanoUsd;
  if (hold.parallel) rateOf(state, hold.apiKeyId).parallel += 1;
}
