import { Injectable } from '@nestjs/common';
import type { KeyGiver } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { unreachable } from '@tollgate/errors';
import { Problem, type Precondition } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { disabled, enabled, type ApiKey } from '../api-key/api-key.js';
import type { ChangedKey } from '../api-key/changed-key.js';
import type { KeyChange } from '../api-key/key-change.js';
import { keyEnded } from '../api-key/key-ended.js';
import { demandGrant, demandHandling, KeyGivers, raisedReachOf } from '../grant-key/key-givers.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore } from '../../store/key-store.js';

/** Disables and enables keys. Unlike a revoke a disable can be undone, and gateways refuse the key just as soon. */
@Injectable()
export class SwitchKey {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: KeyStore,
    private readonly givers: KeyGivers,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * Both may be repeated, and change nothing then. Resolves when Postgres has committed and the snapshot is written or
   * 2 s have passed.
   * @throws {Problem} `api_key_not_found`; `precondition_failed` if the key has another version than the request
   * demands; `api_key_ended`; `role_above_own`; `access_denied` where the actor may not give all that a key
   * has which is to be enabled, and for the key of another member's subscription
   */
  async execute(
    organizationId: string,
    id: string,
    change: 'disabled' | 'enabled',
    precondition: Precondition,
    actor: Actor,
    now: Date,
  ): Promise<ChangedKey> {
    const { keys, written } = await this.database.inOrganization(organizationId, async (manager) => {
      const giver = await this.givers.giverOf(manager, actor, now);
      const handler = await this.givers.handlerOf(manager, actor);
      return this.store.changeIn(manager, organizationId, [id], (before) => {
        if (before.deletedAt !== null) throw new Problem('api_key_not_found');
        precondition.holdsFor(before.version);
        demandHandling(handler, before);
        return decideSwitch(before, change, giver, actor, now);
      });
    });
    const [key] = keys;
    if (key === undefined) throw new Problem('api_key_not_found');
    return { key, everywhere: await this.relay.changeWritten(key, written) };
  }
}

/**
 * The change that disables or enables a key; null where it is as it should be already.
 * @throws {Problem} `api_key_ended`, `access_denied`
 */
export function decideSwitch(
  before: ApiKey,
  change: 'disabled' | 'enabled',
  giver: KeyGiver | null,
  actor: Actor,
  now: Date,
): KeyChange | null {
  // Who enables a key gives it all that it has again.
  if (change === 'enabled') demandGrant(giver, raisedReachOf(before, now), null);
  const decided = change === 'disabled' ? disabled(before, now) : enabled(before, now);
  switch (decided.kind) {
    case 'switched':
      return { change, key: decided.key, actor, details: {}, at: now };
    case 'unchanged':
      return null;
    case 'ended':
      throw keyEnded(decided.state);
    default:
      return unreachable(decided);
  }
}
