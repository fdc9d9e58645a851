import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { Precondition } from '@tollgate/http';
import { revoked, type ApiKey } from '../api-key/api-key.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore } from '../../store/key-store.js';

/** The outcome of a revoke or delete. */
export type RevokeKeyResult =
  | { readonly kind: 'not_found' }
  /** `everywhere`: the tombstone is written, so every gateway refuses the key. If false, writing is still retried. */
  | { readonly kind: 'revoked'; readonly key: ApiKey; readonly everywhere: boolean };

/** Revokes or deletes one key of an organisation. Neither can be undone. */
@Injectable()
export class RevokeKey {
  constructor(
    private readonly store: KeyStore,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * With `revoked` the key stays in lists, and the call may be repeated. With `deleted` it is hidden, and a second call
   * does not find it. Resolves when Postgres has committed and the tombstone is written or 2 s have passed.
   * @throws {Problem} `precondition_failed` if the key has another version than the request demands
   */
  async execute(
    organizationId: string,
    id: string,
    reason: 'revoked' | 'deleted',
    precondition: Precondition,
    actor: Actor,
    now: Date,
  ): Promise<RevokeKeyResult> {
    const { keys, written } = await this.store.change(organizationId, [id], (key) => {
      // A deleted key is hidden, so it cannot be revoked again.
      if (key.deletedAt !== null) return null;
      precondition.holdsFor(key.version);
      const after = revoked(key, reason, now);
      return after && { change: reason, key: after, actor, details: {}, at: now };
    });
    const key = keys[0];
    if (key === undefined) return { kind: 'not_found' };
    if (written.length === 0 && key.deletedAt !== null) return { kind: 'not_found' };
    // A repeated revoke waits too: the tombstone of the first one may not be written yet.
    const awaited = written.length > 0 ? written : await this.store.unwrittenSnapshots(key);
    return { kind: 'revoked', key, everywhere: await this.relay.snapshotsWritten(awaited) };
  }
}
