import type { Actor } from '@tollgate/auth';
import type { KeysChangedV1 } from '@tollgate/contracts';
import { digestsOf, type ApiKey } from './api-key.js';

/** One new version of a key, on its way into Postgres with its audit row and its outbox entries. */
export interface KeyChange {
  readonly change: KeysChangedV1['change'] | 'updated';
  /** The key as it is after the change. */
  readonly key: ApiKey;
  readonly actor: Actor;
  /** Extra fields for the audit trail, which also stores the key's name and masked key. Must not hold a secret. */
  readonly details: Readonly<Record<string, string>>;
  readonly at: Date;
}

/**
 * The event that tells the other services of the change. Null for other texts of a key: `keys.changed.v1` has no word
 * for that, and no service acts on them.
 */
export function keysChangedEvent({ change, key, at }: KeyChange): KeysChangedV1 | null {
  if (change === 'updated') return null;
  return {
    eventVersion: 1,
    apiKeyId: key.id,
    organizationId: key.organizationId,
    version: key.version,
    change,
    state: key.revocation === null ? 'active' : 'revoked',
    changedAt: at.toISOString(),
    digests: [...digestsOf(key)],
  };
}
