import type { Scope } from './scope.js';

/** Short-window limits of one key; null is unlimited. */
export interface RateLimits {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly parallelRequests: number | null;
}

/** An account whose cap applies to a key's spending. `capNanoUsd` (decimal string of 1e-9 USD); null is unlimited. */
export interface CappedAccount {
  readonly accountId: string;
  readonly capNanoUsd: string | null;
}

/** Why a key is refused for ever. */
export type RevokeReason = 'revoked' | 'deleted' | 'leaked';

interface SnapshotIdentity {
  readonly apiKeyId: string;
  readonly organizationId: string;
  /** Grows by one with each change of the key; the higher one wins. */
  readonly version: number;
  /** Digests (64 hex digits) of every secret the key answers to. */
  readonly digests: readonly string[];
}

/** What a gateway needs to know of a living key. */
export interface ActiveSnapshot extends SnapshotIdentity {
  readonly state: 'active';
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds since 1970; null never expires. */
  readonly expiresAtMs: number | null;
  /** Models (route names) the key may use; null is all. */
  readonly models: readonly string[] | null;
  /** Addresses and subnets in CIDR form; null is all. */
  readonly allowedIps: readonly string[] | null;
  readonly rateLimits: RateLimits;
  /** The key's own account is always the first. */
  readonly accounts: readonly CappedAccount[];
}

/** The snapshot of a key that must be refused. */
export interface Tombstone extends SnapshotIdentity {
  readonly state: 'revoked';
  readonly reason: RevokeReason;
}

export type KeySnapshot = ActiveSnapshot | Tombstone;

/** The account that a key's own limit caps; it has one cycle until limits reset. */
export function keyAccountId(apiKeyId: string): string {
  return `key:${apiKeyId}`;
}

/** The account that an organisation's limit caps, for all its keys together. */
export function organizationAccountId(organizationId: string): string {
  return `organization:${organizationId}`;
}
