import type { ActiveSnapshot, KeySnapshot } from '@tollgate/api-key';

/** The error code by which requests of an ended key are refused. */
export type KeyEnd = 'invalid_api_key' | 'expired_api_key' | 'subscription_expired';

/**
 * Whether the grace period of a rotated key's former secret is over, from the very moment that is named. Its requests
 * get the answer for unknown secrets, the same as after its tombstone: a code that says more would be another one
 * seconds later.
 */
export const secretHasEnded = (endsAtMs: number, nowMs: number): boolean => endsAtMs <= nowMs;

/**
 * Why a key may not be used any more at `nowMs` (milliseconds since 1970); null while it may. This and `secretHasEnded`
 * are the only places that list what ends a key. Gateways ask them when a key is identified, and again before each step
 * that leads to a provider.
 */
export function endOf(snapshot: KeySnapshot, nowMs: number): KeyEnd | null {
  if (snapshot.state === 'revoked') return 'invalid_api_key';
  if (snapshot.expiresAtMs !== null && snapshot.expiresAtMs <= nowMs) return 'expired_api_key';
  const subscriptionEndsAtMs = snapshot.subscription?.endsAtMs ?? null;
  return subscriptionEndsAtMs !== null && subscriptionEndsAtMs <= nowMs ? 'subscription_expired' : null;
}

/** The first moment (milliseconds since 1970) at which a key that is not revoked ends by itself; null for none. */
export function endsAtMsOf({
  expiresAtMs,
  subscription,
}: Pick<ActiveSnapshot, 'expiresAtMs' | 'subscription'>): number | null {
  const subscriptionEndsAtMs = subscription?.endsAtMs ?? null;
  if (expiresAtMs === null || subscriptionEndsAtMs === null) return expiresAtMs ?? subscriptionEndsAtMs;
  return Math.min(expiresAtMs, subscriptionEndsAtMs);
}
