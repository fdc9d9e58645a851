import type { Actor } from '@tollgate/auth';
import type { KeysChangedV1 } from '@tollgate/contracts';
import { digestsOf, type ApiKey } from './api-key.js';

/** One new version of a key, on its way into Postgres with its audit row and its outbox entries. */
export interface KeyChange {
  readonly change:
    | KeysChangedV1['change']
    | 'updated'
    /** The key is switched off, or on again. */
    | 'disabled'
    | 'enabled'
    /** The key has a new secret; the one before ends, at once or with its grace period. */
    | 'rotated'
    /** Secrets other than the present one ended. */
    | 'rotation_finished'
    | 'secret_ended'
    /** One secret was found in a leak, and ended; the key lives on under its others. */
    | 'secret_leaked';
  /** The key as it is after the change. */
  readonly key: ApiKey;
  readonly actor: Actor;
  /** Extra fields for the audit trail, which also stores the key's name and masked key. Must not hold a secret. */
  readonly details: Readonly<Record<string, string>>;
  readonly at: Date;
}

/**
 * The event that tells the other services of the change. Null where `keys.changed.v1` has no word for it: no service
 * acts on other texts of a key, nor on new secrets, for whose a secret is they ask here. A secret that leaked while its
 * key lives on is told as `leaked` with its own digests and the state of the key.
 */
export function keysChangedEvent({ change, key, at }: KeyChange): KeysChangedV1 | null {
  const told = WORDS[change];
  if (told === null) return null;
  return {
    eventVersion: 1,
    apiKeyId: key.id,
    organizationId: key.organizationId,
    version: key.version,
    change: told,
    state: key.revocation === null ? 'active' : 'revoked',
    changedAt: at.toISOString(),
    digests: [...(change === 'secret_leaked' ? leakedDigestsOf(key) : digestsOf(key))],
  };
}

/** The word of `keys.changed.v1` for each change; null where it has none. */
const WORDS: Readonly<Record<KeyChange['change'], KeysChangedV1['change'] | null>> = {
  created: 'created',
  revoked: 'revoked',
  deleted: 'deleted',
  leaked: 'leaked',
  updated: null,
  disabled: null,
  enabled: null,
  rotated: null,
  rotation_finished: null,
  secret_ended: null,
  secret_leaked: 'leaked',
};

const leakedDigestsOf = ({ secrets }: ApiKey): readonly string[] =>
  secrets.flatMap(({ end, digests }) => (end?.reason === 'leaked' ? digests : []));
