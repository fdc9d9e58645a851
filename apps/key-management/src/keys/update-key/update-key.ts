import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { Precondition } from '@tollgate/http';
import { edited, type ApiKey } from '../api-key/api-key.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore } from '../../store/key-store.js';
import type { UpdateKeyRequest } from './update-key.request.js';

/** Changes what a key is called and how it is described. */
@Injectable()
export class UpdateKey {
  constructor(
    private readonly store: KeyStore,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * The key as it is afterwards; null if the organisation has none with this id. A request that changes nothing makes
   * no new version. Resolves when the snapshot is written, which has the name, or could not be written in time.
   * @throws {Problem} `precondition_failed` if the key has another version than the request demands
   */
  async execute(
    organizationId: string,
    id: string,
    request: UpdateKeyRequest,
    precondition: Precondition,
    actor: Actor,
    now: Date,
  ): Promise<ApiKey | null> {
    const { keys, written } = await this.store.change(organizationId, [id], (key) => {
      if (key.deletedAt !== null) return null;
      precondition.holdsFor(key.version);
      const after = edited(key, request);
      return after && { change: 'updated', key: after, actor, details: {}, at: now };
    });
    const [key] = keys;
    if (key === undefined || key.deletedAt !== null) return null;
    await this.relay.snapshotsWritten(written);
    return key;
  }
}
