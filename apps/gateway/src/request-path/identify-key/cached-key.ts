import { compileKeyAccess, type KeyAccess } from '@tollgate/access';
import { accountsOf, type ActiveSnapshot } from '@tollgate/api-key';
import { keyPart } from '../event-parts.js';
import { ExpiryClocks, PROCESS_CLOCKS, type ExpiryClock } from './expiry-clock.js';
import { endOf, type KeyEnd } from './key-end.js';
import type { KnownOrganization } from './organizations.js';

/** A living key with what its checks need, worked out once. */
export interface CachedKey extends KeyAccess {
  readonly snapshot: ActiveSnapshot;
  /** What it was joined with. */
  readonly organization: KnownOrganization;
  /** The digest that it was found by. */
  readonly digest: string;
  /** By which it expires; null for one that does not. */
  readonly clock: ExpiryClock | null;
  /** Accounts with a cap; empty for a key that can spend without limit. */
  readonly cappedAccounts: readonly { readonly accountId: string; readonly capNanoUsd: bigint }[];
  /** Whether admission has anything to decide. */
  readonly governed: boolean;
  /** What every usage event of the key says of it: fields of JSON. */
  readonly eventPart: string;
}

const NO_ORGANIZATION: KnownOrganization = { snapshot: null, current: true };

/**
 * `digest`: the one it was found by. Its accounts are joined with those of the organisation. An expiring key has its
 * clock from `expiries`, which may have seen it pass before.
 */
export function cacheKey(
  snapshot: ActiveSnapshot,
  digest = '',
  organization: KnownOrganization = NO_ORGANIZATION,
  expiries: Pick<ExpiryClocks, 'of'> = new ExpiryClocks(1, PROCESS_CLOCKS),
): CachedKey {
  const { apiKeyId, expiresAtMs } = snapshot;
  const accounts = accountsOf(snapshot, organization.snapshot);
  const cappedAccounts = accounts.flatMap(({ accountId, capNanoUsd }) =>
    capNanoUsd === null ? [] : [{ accountId, capNanoUsd: BigInt(capNanoUsd) }],
  );
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = snapshot.rateLimits;
  return {
    snapshot,
    organization,
    digest,
    clock: expiresAtMs === null ? null : expiries.of(apiKeyId, expiresAtMs),
    ...compileKeyAccess(snapshot),
    cappedAccounts,
    eventPart: keyPart({ organizationId: snapshot.organizationId, apiKeyId: snapshot.apiKeyId, accounts }),
    governed:
      cappedAccounts.length > 0 || requestsPerMinute !== null || tokensPerMinute !== null || parallelRequests !== null,
  };
}

/** Why a cached key may not be used any more, by its own clock; without an expiry the time is no matter. */
export function endOfCached({ snapshot, clock }: CachedKey): KeyEnd | null {
  return endOf(snapshot, clock === null ? -Infinity : clock.nowMs());
}
