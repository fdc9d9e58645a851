import type { RateLimits, RevokeReason, Scope } from '@tollgate/api-key';

/** How a key came to its end. It is terminal: nothing brings a key back. */
interface Revocation {
  readonly reason: RevokeReason;
  readonly at: Date;
}

/** An API key as its authority knows it. The plaintext of its secret is no part of it. */
export interface ApiKey {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly description: string | null;
  /** First 6 … last 4 characters of the newest secret. */
  readonly maskedKey: string;
  /** Of every secret the key answers to, oldest first. */
  readonly digests: readonly string[];
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
  readonly creditLimitNanoUsd: bigint | null;
  /** What all keys of the organisation may spend together; null is unlimited. A copy, for `snapshotOf` alone. */
  readonly organizationCreditLimitNanoUsd: bigint | null;
  readonly rateLimits: RateLimits;
  /** Route names; null is all. */
  readonly models: readonly string[] | null;
  /** Addresses and subnets; null is all. */
  readonly allowedIps: readonly string[] | null;
  readonly createdAt: Date;
  /** 1 when made, one more with each change. */
  readonly version: number;
  readonly revocation: Revocation | null;
  /** A deleted key is revoked and hidden; its history stays. */
  readonly deletedAt: Date | null;
}

export type KeyState = 'active' | 'revoked' | 'expired';

/** Revoked wins over expired: it says more. A key expires at the very moment that is named. */
export function stateOf(key: ApiKey, now: Date): KeyState {
  if (key.revocation !== null) return 'revoked';
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : 'active';
}

/**
 * The key after it was revoked for this reason; null where that changes nothing. The first reason stands, and the
 * moment of the end always does; but a leak says more than any other reason: what the key has under way is cut off only
 * then.
 */
export function revoked(key: ApiKey, reason: RevokeReason, now: Date): ApiKey | null {
  if (reason === 'deleted') {
    if (key.deletedAt !== null) return null;
    return { ...key, version: key.version + 1, revocation: key.revocation ?? { reason, at: now }, deletedAt: now };
  }
  const { revocation } = key;
  if (revocation !== null && (reason !== 'leaked' || revocation.reason === 'leaked')) return null;
  return { ...key, version: key.version + 1, revocation: { reason, at: revocation?.at ?? now } };
}
