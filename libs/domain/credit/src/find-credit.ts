import {
  GRANTS,
  type AdmissionDecision,
  type CappedItem,
  type GrantItem,
  type HeldPart,
  type ReserveItem,
} from './items.js';
import { isLoaded } from './load-accounts.js';
import type { OrganizationState } from './organization-state.js';

/** What a hold takes credit of. */
export interface CreditFound {
  readonly kind: 'found';
  /** All that take the whole amount. */
  readonly accountIds: readonly string[];
  /** The one of them that was chosen of `either`. */
  readonly either?: string;
  readonly parts?: readonly HeldPart[];
}

type Lacking = Exclude<AdmissionDecision, { kind: 'admitted' | 'rate_limited' }>;

/** Whether a request is charged to any account that can refuse it. */
export function isGoverned({
  accounts,
  either,
  grants,
}: {
  readonly [Kind in 'accounts' | 'either' | 'grants']?: readonly unknown[] | undefined;
}): boolean {
  return (accounts?.length ?? 0) + (either?.length ?? 0) > 0 || grants !== undefined;
}

/**
 * Finds the credit for a request, all or none of it, and changes nothing. All periods are looked at before any amount:
 * a request that names an account of another cycle is joined with its accounts anew.
 */
export function findCredit(
  state: OrganizationState,
  item: ReserveItem,
  storeId: string,
  nowMs: number,
): CreditFound | Lacking {
  const { accounts, either = [], grants, amountNanoUsd } = item;
  if (!isGoverned(item)) return { kind: 'found', accountIds: [] };
  if (state.epoch === null || state.epoch.storeId !== storeId) return { kind: 'unavailable', why: 'no_epoch' };
  if (state.waiting.size > 0) return { kind: 'unavailable', why: 'announcing' };
  if (![...accounts, ...either].every((account) => isPresent(account, nowMs)))
    return { kind: 'unavailable', why: 'other_cycle', nowMs };
  for (const account of accounts) {
    const { accountId } = account;
    if (!isLoaded(state, account)) return { kind: 'unavailable', why: 'not_loaded', accountId };
    const room = roomOf(state, accountId, capAt(account, nowMs));
    if (amountNanoUsd > room) return { kind: 'credit_exhausted', accountId, availableNanoUsd: room > 0n ? room : 0n };
  }
  const accountIds = accounts.map(({ accountId }) => accountId);
  const chosen = either.length === 0 ? null : chooseEither(state, either, amountNanoUsd, nowMs);
  if (chosen !== null && typeof chosen !== 'number') return chosen;
  const named = chosen === null ? {} : { either: either[chosen]!.accountId };
  if (chosen !== null) accountIds.push(either[chosen]!.accountId);
  // The quota of a subscription is paid for already.
  if (grants === undefined || chosen === 0) return { kind: 'found', accountIds, ...named };
  const parts = holdOnGrants(state, grants, amountNanoUsd, nowMs);
  return 'kind' in parts ? parts : { kind: 'found', accountIds, ...named, parts };
}

function isPresent({ cycle }: CappedItem, nowMs: number): boolean {
  return cycle === undefined || (nowMs >= cycle.startMs && nowMs < cycle.endMs);
}

/** The cap of an account at a moment: with a raise of it while that lasts. */
export function capAt({ capNanoUsd, raise }: CappedItem, nowMs: number): bigint {
  return raise !== undefined && nowMs < raise.untilMs ? raise.capNanoUsd : capNanoUsd;
}

/** What an account has left under this cap; negative if more is charged than that. */
function roomOf(state: OrganizationState, accountId: string, capNanoUsd: bigint): bigint {
  const balance = state.accounts.get(accountId);
  return balance === undefined ? capNanoUsd : capNanoUsd - balance.postedNanoUsd - balance.heldNanoUsd;
}

/** The place of the first account with room for the whole amount. */
function chooseEither(
  state: OrganizationState,
  either: readonly CappedItem[],
  amountNanoUsd: bigint,
  nowMs: number,
): number | Lacking {
  let lacking: Lacking | null = null;
  for (const [place, account] of either.entries()) {
    const { accountId } = account;
    if (!isLoaded(state, account)) return { kind: 'unavailable', why: 'not_loaded', accountId };
    const room = roomOf(state, accountId, capAt(account, nowMs));
    if (amountNanoUsd <= room) return place;
    lacking = { kind: 'credit_exhausted', accountId, availableNanoUsd: room > 0n ? room : 0n };
  }
  return lacking!;
}

/** Takes the amount of the grants in their order, of each what it has left, and passes over those that have expired. */
function holdOnGrants(
  state: OrganizationState,
  grants: readonly GrantItem[],
  amountNanoUsd: bigint,
  nowMs: number,
): readonly HeldPart[] | Lacking {
  const parts: HeldPart[] = [];
  let rest = amountNanoUsd;
  for (const { accountId, capNanoUsd, endMs } of grants) {
    if (rest === 0n) break;
    if (endMs !== null && nowMs >= endMs) continue;
    const room = roomOf(state, accountId, capNanoUsd);
    if (room <= 0n) continue;
    const taken = room < rest ? room : rest;
    parts.push({ accountId, amountNanoUsd: taken });
    rest -= taken;
  }
  if (rest === 0n) return parts;
  const accountId = grants[0]?.accountId ?? GRANTS;
  return { kind: 'credit_exhausted', accountId, availableNanoUsd: amountNanoUsd - rest };
}
