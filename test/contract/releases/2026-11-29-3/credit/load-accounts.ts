import { limitOf } from '../api-key/index.js';
import type { CappedItem, LoadItem } from './items.js';
import { balanceOf, type OrganizationState } from './organization-state.js';

/**
 * How long before a cycle begins its limit must have been loaded, so that the cycle's account needs no load of its own.
 * Clocks that are at most this far apart agree that a call without a hold did not begin in that cycle.
 */
export const CLOCKS_APART_MS_MAX = 600_000;

/**
 * Adds what the ledger charged to accounts without a hold, and notes for which version they are loaded. Sums are
 * absolute and never fall, so a repeated or overtaken call changes nothing. False, without a change, if no epoch of
 * this store is open: the next one is opened with all that the ledger has. `nowMs` is in milliseconds since 1970.
 */
export function loadAccounts(
  state: OrganizationState,
  items: readonly LoadItem[],
  storeId: string,
  nowMs: number,
): boolean {
  if (state.epoch === null || state.epoch.storeId !== storeId) return false;
  for (const item of items) balanceOf(state, item.accountId).postedNanoUsd += noteLoad(state, item, nowMs);
  return true;
}

/** Notes a load, and returns by how much it raises what is charged without a hold. */
export function noteLoad(state: OrganizationState, item: LoadItem, nowMs: number): bigint {
  const { accountId, unheldNanoUsd, generation } = item;
  const known = state.loads.get(accountId) ?? { generation: 0, unheldNanoUsd: 0n };
  const grown = unheldNanoUsd > known.unheldNanoUsd ? unheldNanoUsd - known.unheldNanoUsd : 0n;
  const newer = generation > known.generation;
  if (newer || grown > 0n)
    state.loads.set(accountId, {
      generation: newer ? generation : known.generation,
      unheldNanoUsd: known.unheldNanoUsd + grown,
    });
  const limit = limitOf(accountId);
  if (limit !== accountId && generation > (state.limits.get(limit)?.generation ?? 0))
    state.limits.set(limit, { generation, loadedAtMs: nowMs });
  return grown;
}

/**
 * Whether an account is loaded for the version of its limit. From a limit's load on everything is charged to it by
 * holds or told, so a cycle that began later needs no load of its own: no key waits for the ledger at midnight.
 */
export function isLoaded(state: OrganizationState, { accountId, generation = 0, cycle }: CappedItem): boolean {
  if (generation === 0 || (state.loads.get(accountId)?.generation ?? 0) >= generation) return true;
  const limit = cycle === undefined ? undefined : state.limits.get(limitOf(accountId));
  return (
    limit !== undefined && limit.generation >= generation && limit.loadedAtMs + CLOCKS_APART_MS_MAX < cycle!.startMs
  );
}
