import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { unreachable } from '@tollgate/errors';
import { Problem, type Precondition } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { ApiKey } from '../api-key/api-key.js';
import type { ChangedKey } from '../api-key/changed-key.js';
import { keyEnded } from '../api-key/key-ended.js';
import { KeyReferences } from '../create-key/key-references.js';
import { demandGrant, demandGroups, demandHandling, raisedReachOf } from '../grant-key/key-givers.js';
import { LastingGivers } from '../grant-key/lasting-givers.js';
import { OrganizationStore } from '../../organizations/organization-store.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore } from '../../store/key-store.js';
import { LimitAccounts } from './limit-accounts.js';
import { editedKey, type KeyEdit } from './edited-key.js';
import type { UpdateKeyRequest } from './update-key.request.js';

/** A key whose settings were changed. */
export interface UpdatedKey extends ChangedKey {
  /** What its limit counts already, in nano-USD, where the change made it count anew; else null, and if unknown. */
  readonly usedNanoUsd: bigint | null;
}

/** Changes the texts and the settings of keys. */
@Injectable()
export class UpdateKey {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: KeyStore,
    private readonly organizations: OrganizationStore,
    private readonly references: KeyReferences,
    private readonly givers: LastingGivers,
    private readonly relay: KeyRelay,
    private readonly accounts: LimitAccounts,
  ) {}

  /**
   * The key as it is afterwards; null if the organisation has none with this id. A request that changes nothing makes
   * no new version. Resolves when the snapshot is written, by which gateways decide, or could not be written in time,
   * and when the account of a limit that is new is loaded, or could not be.
   * @throws {Problem} `precondition_failed` if the key has another version than the request demands; `invalid_request`
   * with the fields at fault; `access_denied` where the actor may not give the key so much; `api_key_ended` and
   * `key_names_immutable`
   */
  async execute(
    organizationId: string,
    id: string,
    request: UpdateKeyRequest,
    precondition: Precondition,
    actor: Actor,
    now: Date,
  ): Promise<UpdatedKey | null> {
    const named = { projectId: request.project_id ?? null, groupIds: request.groups ?? [] };
    const { keys, written } = await this.database.inOrganization(organizationId, async (manager) => {
      const { keyNamesImmutable: namesImmutable } = await this.organizations.keep(manager, organizationId);
      const missing = await this.references.faults(manager, organizationId, named);
      const giver = await this.givers.giverNow(manager, organizationId, actor, now);
      const handler = await this.givers.handlerOf(manager, actor);
      return this.store.changeIn(manager, organizationId, [id], (before) => {
        if (before.deletedAt !== null) return null;
        precondition.holdsFor(before.version);
        demandHandling(handler, before);
        if (missing.length > 0) throw new Problem('invalid_request', { errors: missing });
        const key = editedOrRefused(editedKey(before, request, { namesImmutable }, now));
        if (key === null) return null;
        demandGrant(giver, raisedReachOf(key, now), raisedReachOf(before, now));
        demandGroups(giver, key.groupIds, before.groupIds);
        return { change: 'updated', key, actor, details: {}, at: now };
      });
    });
    const [key] = keys;
    if (key === undefined || key.deletedAt !== null) return null;
    const countsAnew = written.length > 0 && key.creditLimitNanoUsd !== null && key.creditGeneration === key.version;
    const [usedNanoUsd, everywhere] = await Promise.all([
      countsAnew ? this.accounts.load(key, now) : null,
      this.relay.snapshotsWritten(written),
    ]);
    return { key, usedNanoUsd, everywhere };
  }
}

function editedOrRefused(edit: KeyEdit): ApiKey | null {
  switch (edit.kind) {
    case 'changed':
      return edit.key;
    case 'unchanged':
      return null;
    case 'invalid':
      throw new Problem('invalid_request', { errors: edit.errors });
    case 'refused':
      throw edit.code === 'api_key_ended'
        ? keyEnded('revoked', 'A revoked key keeps its settings; its name and description alone can be changed.')
        : new Problem(edit.code, { errors: [{ path: 'name', message: 'must be left out' }] });
    default:
      return unreachable(edit);
  }
}
