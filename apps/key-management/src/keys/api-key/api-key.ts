import type { RateLimits, RevokeReason, Scope } from '@tollgate/api-key';

/** Why and when a key was revoked. It is final: a revoked key never becomes active again. */
interface Revocation {
  readonly reason: RevokeReason;
  readonly at: Date;
}

/** An API key with all its settings. It has the digests of its secrets, never their plaintext. */
export interface ApiKey {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly description: string | null;
  /** The first 6 and the last 4 characters of the newest secret. */
  readonly maskedKey: string;
  /** Digests of all secrets that are valid for this key, oldest first. */
  readonly digests: readonly string[];
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
  readonly creditLimitNanoUsd: bigint | null;
  /** The organisation's own limit, over all its keys; null is unlimited. A copy that only `snapshotOf` uses. */
  readonly organizationCreditLimitNanoUsd: bigint | null;
  readonly rateLimits: RateLimits;
  /** Names of the routes that the key may use; null means all. */
  readonly models: readonly string[] | null;
  /** Addresses and subnets that may use the key; null means all. */
  readonly allowedIps: readonly string[] | null;
  readonly createdAt: Date;
  /** 1 at creation; each change adds one. */
  readonly version: number;
  readonly revocation: Revocation | null;
  /** A deleted key is revoked and hidden; its history stays. */
  readonly deletedAt: Date | null;
}

/** The state of a key as the admin API shows it. Only `revoked` is stored; `expired` follows from the time. */
export type KeyState = 'active' | 'revoked' | 'expired';

/** A revoked key is `revoked` even after its expiry, since that says more. At `expiresAt` itself the key is expired. */
export function stateOf(key: ApiKey, now: Date): KeyState {
  if (key.revocation !== null) return 'revoked';
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : 'active';
}

/**
 * The key after it was revoked for this reason; null if nothing changes. The first revocation keeps its time, and its
 * reason too unless the new reason is `leaked`: only a leak makes gateways abort the key's requests in flight.
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

/** What a key is called. */
export interface KeyTexts {
  readonly name?: string | undefined;
  /** An empty text is none. */
  readonly description?: string | null | undefined;
}

/** The key with other texts; null if nothing changes. What is left out stays; null takes a description away. */
export function edited(key: ApiKey, { name = key.name, description = key.description }: KeyTexts): ApiKey | null {
  const after = { ...key, name, description: description === '' ? null : description };
  if (after.name === key.name && after.description === key.description) return null;
  return { ...after, version: key.version + 1 };
}
