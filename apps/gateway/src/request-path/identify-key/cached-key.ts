import { compileKeyAccess, endOf, endsAtMsOf, secretHasEnded, type KeyAccess, type KeyEnd } from '@tollgate/access';
import { subscriptionTermsAt, type ActiveSnapshot, type SnapshotSecret } from '@tollgate/api-key';
import { ExpiryClocks, PROCESS_CLOCKS, type ExpiryClock } from './expiry-clock.js';
import { KeyCharges } from './key-charge.js';
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
  /** What its calls are charged to, for the present cycle of each limit. */
  readonly charges: KeyCharges;
  /** What its calls cost beyond their cost, in millionths of it: by its plan of this cycle, else its organisation's. */
  readonly markUpMillionths: number;
  /** Whether the key has a cap on any route, or a rate limit, so that admission must be asked. */
  readonly governed: boolean;
}

const NO_ORGANIZATION: KnownOrganization = { snapshot: null, current: true };

/**
 * Joins a key's accounts with those of its organisation. `digest` is the one that it was found by. The clock of an
 * expiring key comes from `expiries`, which may have seen it pass before. `nowMs` (milliseconds since 1970) decides for
 * which cycles of its limits the key is joined.
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
  const secretId = secret?.id ?? apiKeyId;
  const charges = new KeyCharges({ snapshot, organization: organization.snapshot, secretId, nowMs });
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = snapshot.rateLimits;
  return {
    snapshot,
    organization,
    digest,
    secretId,
    secretClock: secretEndsAtMs === null ? null : expiries.of(`secret:${secret?.id ?? ''}`, secretEndsAtMs),
    clock: endsAtMs === null ? null : expiries.of(apiKeyId, endsAtMs),
    ...compileKeyAccess(snapshot, organization.snapshot),
    charges,
    markUpMillionths: markUpOfPlan(snapshot, nowMs) ?? organization.snapshot?.markupMillionths ?? 0,
    governed:
      charges.onOpenRoutes.isCapped ||
      requestsPerMinute !== null ||
      tokensPerMinute !== null ||
      parallelRequests !== null,
  };
}

/** The mark-up of the plan of the present cycle; null for a key without a plan, or a plan without one of its own. */
const markUpOfPlan = ({ subscription }: ActiveSnapshot, nowMs: number): number | null =>
  subscription === undefined ? null : subscriptionTermsAt(subscription, nowMs).markupMillionths;

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
