import type { CreditReset } from './credit-cycle.js';
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

/** More than a cap for a time. It ends by the clock of admission. */
export interface CapRaise {
  /** Added to the cap (a decimal string of 1e-9 USD). */
  readonly amountNanoUsd: string;
  /** The first moment without it, in milliseconds since 1970. */
  readonly untilMs: number;
}

/** Why a key is refused for good. */
export type RevokeReason = 'revoked' | 'deleted' | 'leaked';

/** What a key is shown as. */
export const KEY_TYPES = ['router', 'project', 'subscription', 'admin'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** Whether requests that web pages send may use a key. */
export const BROWSER_USES = ['allowed', 'refused'] as const;
export type BrowserUse = (typeof BROWSER_USES)[number];

/**
 * What the digest of a secret was made of: the secret (`native`), or the SHA-256 of one that was imported, with its
 * prefix or without it.
 */
export const SECRET_FORMS = ['native', 'sha256', 'sha256_without_prefix'] as const;
export type SecretForm = (typeof SECRET_FORMS)[number];

/** A secret of a key that has not ended. */
export interface SnapshotSecret {
  /** The first secret of a key has the key's id. */
  readonly id: string;
  readonly digests: readonly string[];
  readonly form: SecretForm;
  /** When its grace period ends, in milliseconds since 1970; null for the present secret. */
  readonly endsAtMs: number | null;
}

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

/** What may be spent in a cycle of a subscription by calls that its quota does not cover. */
interface SnapshotPayg {
  readonly capNanoUsd: string;
  readonly raise?: CapRaise;
}

/** How calls are charged from a cycle of a subscription on. */
export interface SnapshotCycleTerms {
  readonly fromMs: number;
  /** Null: pay-as-you-go is off. */
  readonly payg: SnapshotPayg | null;
  /** Of the plan; null where that of the organisation counts. */
  readonly markupMillionths: number | null;
}

/** What a key of a subscription may spend, and until when. */
export interface SnapshotSubscription {
  readonly subscriptionId: string;
  /** The first moment of its first cycle, in milliseconds since 1970: a whole second. Cycles are counted from it. */
  readonly anchorMs: number;
  /**
   * What a cycle includes, in the order of `fromMs`: of the entries that are not later than the start of the cycle, the
   * last one counts. A change of plan in the middle of a cycle replaces the entry of that cycle.
   */
  readonly quotas: readonly { readonly fromMs: number; readonly quotaNanoUsd: string }[];
  /** When it ends, in milliseconds since 1970: from then on its key is refused. Null while it renews itself. */
  readonly endsAtMs: number | null;
  /** What may be spent in a cycle by calls that its quota does not cover; null: pay-as-you-go is off. */
  readonly payg: SnapshotPayg | null;
  /** Of the plan; it takes the place of that of the organisation. Absent for none of its own. */
  readonly markupMillionths?: number;
  /**
   * What counts in the place of the two fields above, by the start of the cycle as in `quotas`. Absent where all known
   * cycles are alike, and in snapshots of releases before 2026-12; their gateways read those two alone, which follow
   * when billing has noticed that a cycle has begun.
   */
  readonly cycleTerms?: readonly SnapshotCycleTerms[];
}

/**
 * The state of a usable key that gateways need. `subscribed` is one with a `subscription`, which the release of
 * 2026-11-29 does not know. `extended` says that the key has rules which the release before
 * 2026-12 does not know: its gateways refuse what they cannot read.
 */
export interface ActiveSnapshot extends SnapshotIdentity {
  readonly state: 'active' | 'extended' | 'subscribed';
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
  // The fields below are absent in snapshots of releases before 2026-12.
  readonly creditReset?: CreditReset;
  /** Admission must have loaded the key's account for this version of the key, or a later one; 0 needs none. */
  readonly creditGeneration?: number;
  readonly kind?: 'router' | 'project' | 'subscription';
  /** The other half of a project key. */
  readonly publicKey?: string | null;
  readonly projectId?: string | null;
  readonly browserUse?: BrowserUse;
  /** Ids of the groups that it is in. */
  readonly groups?: readonly string[];
  /** What may be spent beyond the cap of the key's own account until a moment; absent for nothing. */
  readonly creditRaise?: CapRaise;
  /** Set for the key of a subscription, whose own account has no cap. */
  readonly subscription?: SnapshotSubscription;
  /** The member who made the key; absent where nobody did. */
  readonly memberId?: string;
  /** All secrets that have not ended. Absent: the digests are those of one secret that has the key's id. */
  readonly secrets?: readonly SnapshotSecret[];
}

/**
 * The snapshot of a key that must be refused. A later version of a `disabled` key can be used again. One with a
 * `secretId` is of that secret alone: its digests are refused, and the key lives on under those of its other secrets.
 */
export interface Tombstone extends SnapshotIdentity {
  readonly state: 'revoked';
  readonly reason: RevokeReason | 'disabled';
  /** Absent in the tombstone of a whole key. Releases before 2026-12 do not know it. */
  readonly secretId?: string;
}

/** The state of a key for gateways. A higher version replaces a lower one. */
export type KeySnapshot = ActiveSnapshot | Tombstone;
