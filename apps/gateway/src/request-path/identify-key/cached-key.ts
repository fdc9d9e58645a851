import { compileKeyAccess, endOf, endsAtMsOf, secretHasEnded, type KeyAccess, type KeyEnd } from '@tollgate/access';
import {
  accountsOf,
  type ActiveSnapshot,
  type CreditCycle,
  type JoinedAccount,
  type SnapshotSecret,
} from '@tollgate/api-key';
import type { CappedItem } from '@tollgate/credit';
import { keyPart } from '../event-parts.js';
import { ExpiryClocks, PROCESS_CLOCKS, type ExpiryClock } from './expiry-clock.js';
import type { KnownOrganization } from './organizations.js';

/** An active key with values for its checks, which are computed once. */
export interface CachedKey extends KeyAccess {
  readonly snapshot: ActiveSnapshot;
  /** The organisation that the key was joined with. */
  readonly organization: KnownOrganization;
  /** The digest that the key was found by. */
  readonly digest: string;
  /** The id of the secret of that digest. The first secret of a key has the key's id. */
  readonly secretId: string;
  /** The clock of the end of that secret's grace period; null for one without an end of its own. */
  readonly secretClock: ExpiryClock | null;
  /** The clock of its expiry, or of the end of its subscription, whichever is first; null if it has neither. */
  readonly clock: ExpiryClock | null;
  /** Accounts with a cap; empty for a key that can spend without limit. */
  readonly cappedAccounts: readonly CappedItem[];
  /** The cycle of its own limit that the key was joined for; null if it has none that resets. */
  readonly cycle: CreditCycle | null;
  /** Whether the key has a cap or a rate limit, so that admission must be asked. */
  readonly governed: boolean;
  /** The key's part of each usage event: JSON fields. */
  readonly eventPart: string;
}

const NO_ORGANIZATION: KnownOrganization = { snapshot: null, current: true };

/**
 * Joins a key's accounts with those of its organisation. `digest` is the one that it was found by. The clock of an
 * expiring key comes from `expiries`, which may have seen it pass before. `nowMs` (milliseconds since 1970) decides for
 * which cycle of its limit the key is joined.
 */
export function cacheKey(
  snapshot: ActiveSnapshot,
  digest = '',
  organization: KnownOrganization = NO_ORGANIZATION,
  expiries: Pick<ExpiryClocks, 'of'> = new ExpiryClocks(1, PROCESS_CLOCKS),
  nowMs = PROCESS_CLOCKS.wallMs(),
): CachedKey {
  const { apiKeyId } = snapshot;
  const endsAtMs = endsAtMsOf(snapshot);
  const secret = secretOf(snapshot, digest);
  const secretEndsAtMs = secret?.endsAtMs ?? null;
  const joined = accountsOf(snapshot, organization.snapshot, nowMs);
  const accounts = joined.map(({ accountId, capNanoUsd }) => ({ accountId, capNanoUsd }));
  const cappedAccounts = joined.flatMap(cappedItem);
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = snapshot.rateLimits;
  return {
    snapshot,
    organization,
    digest,
    secretId: secret?.id ?? apiKeyId,
    secretClock: secretEndsAtMs === null ? null : expiries.of(`secret:${secret?.id ?? ''}`, secretEndsAtMs),
    clock: endsAtMs === null ? null : expiries.of(apiKeyId, endsAtMs),
    ...compileKeyAccess(snapshot, organization.snapshot),
    cappedAccounts,
    cycle: joined.find(({ cycle }) => cycle !== null)?.cycle ?? null,
    eventPart: keyPart({
      organizationId: snapshot.organizationId,
      apiKeyId: snapshot.apiKeyId,
      accounts,
      secretId: secret?.id ?? apiKeyId,
    }),
    governed:
      cappedAccounts.length > 0 || requestsPerMinute !== null || tokensPerMinute !== null || parallelRequests !== null,
  };
}

/** An account as admission takes it; none if it has no cap. What need not be checked is left out. */
function cappedItem({ accountId, capNanoUsd, generation, cycle }: JoinedAccount): readonly CappedItem[] {
  if (capNanoUsd === null) return [];
  const item = { accountId, capNanoUsd: BigInt(capNanoUsd) };
  const loaded = generation === 0 ? item : { ...item, generation };
  return [cycle === null ? loaded : { ...loaded, cycle: { startMs: cycle.startMs, endMs: cycle.endMs } }];
}

/** Whether `nowMs` (milliseconds since 1970) lies in a cycle; true without one. */
export function isInCycle(cycle: CreditCycle | null, nowMs: number): boolean {
  return cycle === null || (nowMs >= cycle.startMs && nowMs < cycle.endMs);
}

/** The secret that a digest is of; undefined in a snapshot of a release that knows one secret for each key. */
function secretOf({ secrets }: ActiveSnapshot, digest: string): SnapshotSecret | undefined {
  return secrets?.find(({ digests }) => digests.includes(digest));
}

/**
 * Why a cached key may not be used any more by the secret that it was found by, by their own clocks; null while it may.
 * The time does not matter without an expiry.
 */
export function endOfCached({ snapshot, clock, secretClock }: CachedKey): KeyEnd | null {
  if (secretClock !== null && secretHasEnded(secretClock.expiresAtMs, secretClock.nowMs())) return 'invalid_api_key';
  return endOf(snapshot, clock === null ? -Infinity : clock.nowMs());
}
