import { compileKeyAccess, type KeyAccess } from '@tollgate/access';
import { accountsOf, type ActiveSnapshot } from '@tollgate/api-key';
import { keyPart } from '../event-parts.js';
import { ExpiryClocks, PROCESS_CLOCKS, type ExpiryClock } from './expiry-clock.js';
import { endOf, type KeyEnd } from './key-end.js';
import type { KnownOrganization } from './organizations.js';

/** An active key with values for its checks, which are computed once. */
export interface CachedKey extends KeyAccess {
  readonly snapshot: ActiveSnapshot;
  /** The organisation that the key was joined with. */
  readonly organization: KnownOrganization;
  /** The digest that the key was found by. */
  readonly digest: string;
  /** The clock of its expiry; null if it has none. */
  readonly clock: ExpiryClock | null;
  /** Accounts with a cap; empty for a key that can spend without limit. */
  readonly cappedAccounts: readonly { readonly accountId: string; readonly capNanoUsd: bigint }[];
  /** Whether the key has a cap or a rate limit, so that admission must be asked. */
  readonly governed: boolean;
  /** The key's part of each usage event: JSON fields. */
  readonly eventPart: string;
}

const NO_ORGANIZATION: KnownOrganization = { snapshot: null, current: true };

/**
 * Joins a key's accounts with those of its organisation. `digest` is the one that it was found by. The clock of an
 * expiring key comes from `expiries`, which may have seen it pass before.
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

/**
 * Why a cached key may not be used any more, by its own clock; null while it may. The time does not matter without an
 * expiry.
 */
export function endOfCached({ snapshot, clock }: CachedKey): KeyEnd | null {
  return endOf(snapshot, clock === null ? -Infinity : clock.nowMs());
}
