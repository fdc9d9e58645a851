import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { Problem, type Precondition } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { revoked } from '../api-key/api-key.js';
import type { ChangedKey } from '../api-key/changed-key.js';
import { demandHandling, KeyGivers } from '../grant-key/key-givers.js';
import { KeyMeter } from '../../metrics.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore } from '../../store/key-store.js';

/** Revokes or deletes one key of an organisation. Neither can be undone. */
@Injectable()
export class RevokeKey {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: KeyStore,
    private readonly givers: KeyGivers,
    private readonly relay: KeyRelay,
    private readonly meter: KeyMeter,
  ) {}

  /**
   * With `revoked` the key stays in lists, and the call may be repeated. With `deleted` it is hidden, and a second call
   * does not find it. Resolves when Postgres has committed and the tombstone is written or 2 s have passed.
   * @throws {Problem} `api_key_not_found`; `precondition_failed` if the key has another version than the request
   * demands; `role_above_own`; `access_denied` for the key of another member's subscription
   */
  async execute(
    organizationId: string,
    id: string,
    reason: 'revoked' | 'deleted',
    precondition: Precondition,
    actor: Actor,
    now: Date,
  ): Promise<ChangedKey> {
    const begun = performance.now();
    const { keys, written } = await this.database.inOrganization(organizationId, async (manager) => {
      const handler = await this.givers.handlerOf(manager, actor);
      return this.store.changeIn(manager, organizationId, [id], (key) => {
        // A deleted key is hidden, so it cannot be revoked again.
        if (key.deletedAt !== null) return null;
        precondition.holdsFor(key.version);
        demandHandling(handler, key);
        const after = revoked(key, reason, now);
        return after && { change: reason, key: after, actor, details: {}, at: now };
      });
    });
    const key = keys[0];
    if (key === undefined || (written.length === 0 && key.deletedAt !== null)) throw new Problem('api_key_not_found');
    const everywhere = await this.relay.changeWritten(key, written);
    this.meter.revokeAnswered(everywhere, (performance.now() - begun) / 1_000);
    return { key, everywhere };
  }
}
