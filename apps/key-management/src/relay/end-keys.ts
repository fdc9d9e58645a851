import type { OutboxEffect } from '@tollgate/postgres';
import { revoked } from '../keys/api-key/api-key.js';
import type { EndedKeys } from '../organizations/organization-changes.js';
import type { KeyStore } from '../store/key-store.js';

/** Keys ended in one transaction. It is small, so that a revoke of one of them never waits long for its lock. */
const KEYS_PER_TRANSACTION = 100;

/**
 * Deletes all keys of organisations that are deleted. Gateways refuse them already by the snapshot of the organisation;
 * this makes the end of each final, in its own audit entry and tombstone. It is safe to repeat. `onEnded` is called
 * after each transaction, whose outbox entries wait then.
 */
export function endKeys(
  store: Pick<KeyStore, 'change' | 'notDeleted'>,
  onEnded: () => void,
  perTransaction = KEYS_PER_TRANSACTION,
): OutboxEffect {
  return async (rows) => {
    for (const { payload } of rows) {
      const { organizationId, actor, at } = JSON.parse(payload) as EndedKeys;
      const endedAt = new Date(at);
      for (;;) {
        const ids = await store.notDeleted(organizationId, perTransaction);
        if (ids.length === 0) break;
        await store.change(organizationId, ids, (key) => {
          const after = revoked(key, 'deleted', endedAt);
          const details = { because: 'the organisation was deleted' };
          return after && { change: 'deleted', key: after, actor, details, at: endedAt };
        });
        onEnded();
      }
    }
  };
}
