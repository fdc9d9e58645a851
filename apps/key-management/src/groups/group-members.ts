import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { ApiKey } from '../keys/api-key/api-key.js';
import { KeyGivers } from '../keys/grant-key/key-givers.js';
import { KeyRelay } from '../relay/key-relay.js';
import { KeyStore } from '../store/key-store.js';
import { GroupStore } from './group-store.js';
import { joined, left } from './key-groups.js';

/** A key after it joined or left a group. `everywhere`: every gateway knows; if false, they are still being told. */
interface MovedKey {
  readonly key: ApiKey;
  readonly everywhere: boolean;
}

/** Puts keys into groups and takes them out. Each move writes the key's own snapshot and an audit entry. */
@Injectable()
export class GroupMembers {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly groups: GroupStore,
    private readonly keys: KeyStore,
    private readonly givers: KeyGivers,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * Puts a key into a group, or takes it out; nothing changes if it is there, or not there, already. Resolves when the
   * key's snapshot is written or 2 s have passed.
   * @throws {Problem} `group_not_found`, `api_key_not_found`, and what `joined` and `left` throw
   */
  async move(
    change: 'joins' | 'leaves',
    { organizationId, groupId, keyId }: Readonly<Record<'organizationId' | 'groupId' | 'keyId', string>>,
    actor: Actor,
    now: Date,
  ): Promise<MovedKey> {
    const { keys, written } = await this.database.inOrganization(organizationId, async (manager) => {
      if (!(await this.groups.keep(manager, organizationId, groupId))) throw new Problem('group_not_found');
      const giver = await this.givers.giverOf(manager, actor, now);
      return this.keys.changeIn(manager, organizationId, [keyId], (key) => {
        if (key.deletedAt !== null) return null;
        const after = change === 'joins' ? joined(key, groupId, giver) : left(key, groupId, giver);
        return after && { change: 'updated', key: after, actor, details: {}, at: now };
      });
    });
    const [key] = keys;
    if (key === undefined || key.deletedAt !== null) throw new Problem('api_key_not_found');
    return { key, everywhere: await this.relay.snapshotsWritten(written) };
  }
}
