import { unreachable } from '@tollgate/errors';
import type { CreditRaise } from '../../organizations/credit-raise.js';
import type {
  BrowserUse,
  CreditReset,
  KeyType,
  RateLimits,
  RevokeReason,
  Scope,
  SecretForm,
  SnapshotSubscription,
} from '@tollgate/api-key';

/** Why and when a key was revoked. It is final: a revoked key never becomes active again. */
interface Revocation {
  readonly reason: RevokeReason;
  readonly at: Date;
}

/** Why one secret of a key ended while the key lives on: its grace period passed, it was ended, was idle, or leaked. */
export type SecretEndReason = 'grace' | 'finished' | 'idle' | 'leaked';

/** What a subscription says of its key. */
export interface KeySubscription extends SnapshotSubscription {
  /** That of the subscription: what an older message says does not count any more. */
  readonly version: number;
}

/** One secret of a key: what is known of it besides its text. */
export interface KeySecret {
  /** The first secret of a key has the key's id. */
  readonly id: string;
  /** Under each pepper that is in use, 64 hex digits each. */
  readonly digests: readonly string[];
  /** The first 6 and the last 4 characters. */
  readonly maskedKey: string;
  readonly form: SecretForm;
  readonly createdAt: Date;
  /** When its grace period ends; null for the present secret. The key's own expiry ends it as well. */
  readonly endsAt: Date | null;
  /** It ends earlier when it was not used for this long; null if idleness does not end it. */
  readonly endWhenIdleSeconds: number | null;
  /** When it ended, other than with its key; null while it may be used. */
  readonly end: { readonly reason: SecretEndReason; readonly at: Date } | null;
}

/** An API key with all its settings. It has the digests of its secrets, never their plaintext. */
export interface ApiKey {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly description: string | null;
  /** The first 6 and the last 4 characters of the newest secret. */
  readonly maskedKey: string;
  /** What it was made as. What it is shown as, `typeOf`, follows from its scopes too. */
  readonly kind: 'router' | 'project' | 'subscription';
  /** The other half of a project key, `pk-…`; null for all others. */
  readonly publicKey: string | null;
  /** The project that it belongs to; null for none. */
  readonly projectId: string | null;
  /** The member whose key it is: by default the one who made it. It stays when the member is removed. */
  readonly memberId: string | null;
  /** What its subscription says of it; null for all keys of no plan. */
  readonly subscription: KeySubscription | null;
  /** Oldest first; the last one is the present secret. Those that have ended are among them. */
  readonly secrets: readonly KeySecret[];
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
  readonly creditLimitNanoUsd: bigint | null;
  /** How often the limit begins anew, in UTC. */
  readonly creditReset: CreditReset;
  /**
   * The version of the key from which on its limit counts what the ledger has: admission must have loaded the account
   * since. 0 for a limit that the key was made with.
   */
  readonly creditGeneration: number;
  /** More than the limit for a time; null for none. One that has ended stays until the next is set. */
  readonly creditRaise: CreditRaise | null;
  /** The organisation's own limit, over all its keys; null is unlimited. A copy that only `snapshotOf` uses. */
  readonly organizationCreditLimitNanoUsd: bigint | null;
  readonly rateLimits: RateLimits;
  /** Names of the routes that the key may use; null means all. */
  readonly models: readonly string[] | null;
  /** Addresses and subnets that may use the key; null means all. */
  readonly allowedIps: readonly string[] | null;
  /** Whether requests of web pages may use it. */
  readonly browserUse: BrowserUse;
  /** The groups that it is in; those that were deleted are left out. */
  readonly groupIds: readonly string[];
  /** After how many days its owners are reminded to rotate it; null for never. */
  readonly rotateEveryDays: number | null;
  readonly createdAt: Date;
  /** 1 at creation; each change adds one. */
  readonly version: number;
  readonly revocation: Revocation | null;
  /** Since when it is switched off; null while it may be used. Unlike a revocation this can be undone. */
  readonly disabledAt: Date | null;
  /** A deleted key is revoked and hidden; its history stays. */
  readonly deletedAt: Date | null;
}

/** The digests by which the key is known: those of all secrets that have not ended, oldest first. */
export function digestsOf(key: Pick<ApiKey, 'secrets'>): readonly string[] {
  return key.secrets.flatMap((secret) => (secret.end === null ? secret.digests : []));
}

/** The secret that is given to callers now: the newest. */
export function presentSecret(key: Pick<ApiKey, 'secrets'>): KeySecret {
  const present = key.secrets.at(-1);
  if (present === undefined) throw new Error('the key has no secret');
  return present;
}

/** Whether a secret may be used, as far as its key may be: it has not ended, and its grace period is not over. */
export function isUsable({ end, endsAt }: Pick<KeySecret, 'end' | 'endsAt'>, now: Date): boolean {
  return end === null && (endsAt === null || endsAt > now);
}

/** What a key is shown as: one that opens no inference, or that has the scope `admin`, is an admin key. */
export function typeOf({ kind, scopes }: Pick<ApiKey, 'kind' | 'scopes'>): KeyType {
  if (kind !== 'router') return kind;
  const inference = scopes.includes('inference:read') || scopes.includes('inference:write');
  return scopes.includes('admin') || !inference ? 'admin' : 'router';
}

/** The state of a key as the admin API shows it; `expired` follows from the time, the others are stored. */
export type KeyState = 'active' | 'disabled' | 'revoked' | 'expired';

/**
 * A revoked key is `revoked` even after its expiry, since that says more, and an expired one is `expired` even if it is
 * disabled, since enabling would not help. At `expiresAt` itself the key is expired.
 */
export function stateOf(key: ApiKey, now: Date): KeyState {
  if (key.revocation !== null) return 'revoked';
  if (key.expiresAt !== null && key.expiresAt <= now) return 'expired';
  return key.disabledAt === null ? 'active' : 'disabled';
}

/**
 * The key after it was revoked for this reason; null if nothing changes. The first revocation keeps its time, and its
 * reason too unless the new reason is `leaked`: only a leak makes gateways abort the key's requests in flight. A
 * deleted key is in no group any more.
 */
export function revoked(key: ApiKey, reason: RevokeReason, now: Date): ApiKey | null {
  if (reason === 'deleted') {
    if (key.deletedAt !== null) return null;
    const revocation = key.revocation ?? { reason, at: now };
    return { ...key, version: key.version + 1, revocation, deletedAt: now, groupIds: [] };
  }
  const { revocation } = key;
  if (revocation !== null && (reason !== 'leaked' || revocation.reason === 'leaked')) return null;
  return { ...key, version: key.version + 1, revocation: { reason, at: revocation?.at ?? now } };
}

/** What becomes of a key that is to be disabled or enabled. */
export type KeySwitch =
  | { readonly kind: 'switched'; readonly key: ApiKey }
  /** It is as it should be already. */
  | { readonly kind: 'unchanged' }
  /** It was revoked for good, or has expired, so that enabling would not help. */
  | { readonly kind: 'ended'; readonly state: 'revoked' | 'expired' };

/** The key switched off: it is refused like a revoked one until it is enabled. One that has expired can be, too. */
export function disabled(key: ApiKey, now: Date): KeySwitch {
  if (key.revocation !== null) return { kind: 'ended', state: 'revoked' };
  if (key.disabledAt !== null) return { kind: 'unchanged' };
  return { kind: 'switched', key: { ...key, version: key.version + 1, disabledAt: now } };
}

/** The key switched on again, with all settings that it had or was given meanwhile. */
export function enabled(key: ApiKey, now: Date): KeySwitch {
  const state = stateOf(key, now);
  switch (state) {
    case 'revoked':
    case 'expired':
      return { kind: 'ended', state };
    case 'active':
      return { kind: 'unchanged' };
    case 'disabled':
      return { kind: 'switched', key: { ...key, version: key.version + 1, disabledAt: null } };
    default:
      return unreachable(state);
  }
}
