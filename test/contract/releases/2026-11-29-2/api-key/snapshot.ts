import type { Scope } from './scope.js';

/** The rate limits of one key; null is unlimited. */
export interface RateLimits {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly parallelRequests: number | null;
}

/** An account that a key's spending is charged to. `capNanoUsd` is a decimal string of 1e-9 USD; null is unlimited. */
export interface CappedAccount {
  readonly accountId: string;
  readonly capNanoUsd: string | null;
}

/** Why a key is refused for good. */
export type RevokeReason = 'revoked' | 'deleted' | 'leaked';

/**
 * The form in which key snapshots are written. In form 2 the key's organisation has a snapshot of its own, which a
 * gateway needs as well. Form 1 has a copy of the organisation's cap; form 2 keeps it for gateways of the release
 * before.
 */
export const SNAPSHOT_FORM = 2;

interface SnapshotIdentity {
  /** Absent in form 1. A reader treats a higher form than it knows as the highest that it knows. */
  readonly form?: number;
  readonly apiKeyId: string;
  readonly organizationId: string;
  /** Grows by one with each change of the key; the higher one wins. */
  readonly version: number;
  /** Digests (64 hex digits) of all secrets of the key. */
  readonly digests: readonly string[];
}

/** The state of a usable key that gateways need. */
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
  /** The key's own account is always the first. `accountsOf` adds the organisation's. */
  readonly accounts: readonly CappedAccount[];
}

/** The snapshot of a key that must be refused. */
export interface Tombstone extends SnapshotIdentity {
  readonly state: 'revoked';
  readonly reason: RevokeReason;
}

/** The state of a key for gateways. A higher version replaces a lower one. */
export type KeySnapshot = ActiveSnapshot | Tombstone;

/** The account that a key's own limit caps. A key has one account for good, because limits do not reset yet. */
export function keyAccountId(apiKeyId: string): string {
  return `key:${apiKeyId}`;
}

/** The account that an organisation's limit caps, shared by all its keys. */
export function organizationAccountId(organizationId: string): string {
  return `organization:${organizationId}`;
}
