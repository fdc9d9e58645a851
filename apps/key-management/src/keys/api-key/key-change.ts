import type { KeysChangedV1 } from '@tollgate/contracts';
import type { ApiKey } from './api-key.js';

/** Who changed something, and the address they did it from; null where no address is known. */
export interface Actor {
  readonly name: string;
  readonly fromAddress: string | null;
}

/** One new version of a key, on its way into Postgres with its audit row and its outbox entries. */
export interface KeyChange {
  readonly change: KeysChangedV1['change'];
  /** The key as it is after the change. */
  readonly key: ApiKey;
  readonly actor: Actor;
  /** For the audit trail, beside the key's name and masked key. Never a secret. */
  readonly details: Readonly<Record<string, string>>;
  readonly at: Date;
}

/** The change as the rest of the house hears of it. */
export function keysChangedEvent({ change, key, at }: KeyChange): KeysChangedV1 {
  return {
    eventVersion: 1,
    apiKeyId: key.id,
    organizationId: key.organizationId,
    version: key.version,
    change,
    state: key.revocation === null ? 'active' : 'revoked',
    changedAt: at.toISOString(),
    digests: [...key.digests],
  };
}
