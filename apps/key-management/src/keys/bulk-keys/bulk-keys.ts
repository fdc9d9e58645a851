import { Injectable } from '@nestjs/common';
import { decidePermission, PERMISSIONS, type AdminOperation, type KeyGiver } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { ERRORS, unreachable, type ErrorCode } from '@tollgate/errors';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { OrganizationEntry } from '../../audit/audit-entry.js';
import { GroupStore } from '../../groups/group-store.js';
import { joined, left } from '../../groups/key-groups.js';
import { KeyRelay } from '../../relay/key-relay.js';
import type { KeyFilters } from '../../store/key-list-sql.js';
import { KeyListStore } from '../../store/key-list-store.js';
import { KeyStore } from '../../store/key-store.js';
import { revoked, stateOf, type ApiKey } from '../api-key/api-key.js';
import type { KeyChange } from '../api-key/key-change.js';
import { demandHandling, KeyGivers, type KeyHandler } from '../grant-key/key-givers.js';
import { PieceSize } from '../import-keys/piece-size.js';
import { ListKeys } from '../list-keys/list-keys.js';
import { decideSwitch } from '../switch-key/switch-key.js';
import type { BulkItem, BulkResultObject } from './bulk-keys.reply.js';
import { BULK_KEYS_MAX, type BulkAction, type BulkKeysRequest } from './bulk-keys.request.js';

/** The call that does the same to one key: who may make that one may make this one. */
const OPERATIONS: Readonly<Record<BulkAction, AdminOperation>> = {
  disable: 'disableApiKey',
  enable: 'enableApiKey',
  revoke: 'revokeApiKey',
  delete: 'deleteApiKey',
  add_to_group: 'addKeyToGroup',
  remove_from_group: 'removeKeyFromGroup',
};

/** Who acts, on what, when. */
interface Bulk {
  readonly organizationId: string;
  readonly action: BulkAction;
  readonly groupId: string | null;
  readonly actor: Actor;
  readonly now: Date;
}

/** What has become of the keys, and whether every gateway knows it. */
export interface BulkResult {
  readonly shown: BulkResultObject;
  readonly everywhere: boolean;
}

/**
 * Does the same to many keys, in pieces: each is a transaction of at most 500 keys that is meant to take 40 ms, so that
 * other changes of the organisation go on between them, on one connection too. What is done stays done if a later piece
 * fails.
 */
@Injectable()
export class BulkKeys {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: KeyStore,
    private readonly lists: KeyListStore,
    private readonly listKeys: ListKeys,
    private readonly groups: GroupStore,
    private readonly givers: KeyGivers,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * Resolves when the last snapshot is written or 2 s have passed.
   * The caller has asked `demandPermission`.
   * @throws {Problem} `group_not_found`, and `invalid_request` if the filter leaves more keys than one call acts on;
   * nothing is done then
   */
  async execute(organizationId: string, request: BulkKeysRequest, actor: Actor, now: Date): Promise<BulkResult> {
    const bulk = { organizationId, action: request.action, groupId: request.group_id ?? null, actor, now };
    if (bulk.groupId !== null && (await this.groups.find(organizationId, bulk.groupId)) === null)
      throw new Problem('group_not_found');
    const asked = await this.keysOf(organizationId, request, now);
    const results = new Map<string, BulkItem>();
    const told: Promise<boolean>[] = [];
    let isTelling = true;
    const size = new PieceSize();
    const ids = actingLast(asked, actor);
    for (let at = 0; at < ids.length;) {
      const piece = ids.slice(at, at + size.keys);
      const begun = performance.now();
      try {
        const { items, written } = await this.piece(bulk, piece);
        for (const item of items) results.set(item.id, item);
        // What others tell the gateways meanwhile, such as a revoke, waits behind this piece at most, and no change
        // waits for so long that heartbeats stop. Where gateways cannot be told at all, nothing is gained by waiting.
        const telling = this.relay.snapshotsWritten(written);
        told.push(telling);
        isTelling &&= await telling;
      } catch (error) {
        if (results.size === 0) throw error;
        // What was done before must be told: the others can be named again.
        for (const id of ids.slice(at)) results.set(id, refusedItem(id, null, problemIn(error)));
        break;
      }
      size.took(piece.length, performance.now() - begun);
      at += piece.length;
    }
    const everywhere = (await Promise.all(told)).every(Boolean);
    return { shown: shownResult(bulk.action, asked, results), everywhere };
  }

  /**
   * Whether the actor may do this to one key, and so to many.
   * @throws {Problem} `access_denied`, `step_up_required`
   */
  demandPermission(action: BulkAction, { principal }: Actor, now: Date): void {
    const decision = decidePermission(principal, PERMISSIONS[OPERATIONS[action]], now.getTime());
    if (decision.kind === 'allowed') return;
    if (decision.reason === 'step_up') throw new Problem('step_up_required');
    throw new Problem('access_denied', { detail: `You may not do this to a key: ${action}.` });
  }

  private async keysOf(organizationId: string, request: BulkKeysRequest, now: Date): Promise<readonly string[]> {
    if (request.filter === undefined) return [...new Set((request.ids ?? []).map((id) => id.toLowerCase()))];
    const { all: _, ...filter } = request.filter;
    const filters: KeyFilters = await this.listKeys.filters(organizationId, filter);
    const order = { by: 'created', descending: true } as const;
    const ids = await this.lists.ids({ organizationId, filters, order, after: null, count: BULK_KEYS_MAX + 1, now });
    if (ids.length <= BULK_KEYS_MAX) return ids;
    const total = await this.lists.count({ organizationId, filters, now });
    const message = `leaves ${total} keys, and one call acts on ${BULK_KEYS_MAX} at most: narrow it`;
    throw new Problem('invalid_request', { errors: [{ path: 'filter', message }] });
  }

  /** One transaction: its keys, one entry of the audit trail, and the outbox entries of their snapshots. */
  private async piece(bulk: Bulk, ids: readonly string[]): Promise<{ items: BulkItem[]; written: readonly string[] }> {
    const { organizationId, groupId, actor, now } = bulk;
    const refused = new Map<string, BulkItem>();
    const changed = new Set<string>();
    const { keys, written } = await this.database.inOrganization(organizationId, async (manager) => {
      if (groupId !== null && !(await this.groups.keep(manager, organizationId, groupId)))
        throw new Problem('group_not_found');
      const giver = await this.givers.giverOf(manager, actor, now);
      const handler = await this.givers.handlerOf(manager, actor);
      const decide = (key: ApiKey): KeyChange | null => {
        if (key.deletedAt !== null) return null;
        try {
          const change = changeOf(bulk, key, { giver, handler });
          if (change !== null) changed.add(key.id);
          return change;
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          refused.set(key.id, refusedItem(key.id, stateOf(key, now), error));
          return null;
        }
      };
      return this.store.changeIn(manager, organizationId, ids, decide, [], (changes) => [entryOf(bulk, changes)]);
    });
    const found = new Map(keys.map((key) => [key.id, key]));
    const items = ids.map((id): BulkItem => {
      const key = found.get(id);
      const hidden = key === undefined || (key.deletedAt !== null && !changed.has(id));
      if (hidden) return refusedItem(id, null, new Problem('api_key_not_found'));
      const outcome = changed.has(id) ? 'changed' : 'unchanged';
      return refused.get(id) ?? { id, status: 200, outcome, state: stateOf(key, now), code: null, detail: null };
    });
    return { items, written };
  }
}

/**
 * What becomes of one key; null for nothing.
 * @throws {Problem} that refuses it for this key alone
 */
function changeOf(
  { action, groupId, actor, now }: Bulk,
  key: ApiKey,
  { giver, handler }: { readonly giver: KeyGiver | null; readonly handler: KeyHandler },
): KeyChange | null {
  const to = (change: KeyChange['change'], after: ApiKey | null): KeyChange | null =>
    after && { change, key: after, actor, details: {}, at: now };
  demandHandling(handler, key);
  switch (action) {
    case 'disable':
      return decideSwitch(key, 'disabled', giver, actor, now);
    case 'enable':
      return decideSwitch(key, 'enabled', giver, actor, now);
    case 'revoke':
      return to('revoked', revoked(key, 'revoked', now));
    case 'delete':
      return to('deleted', revoked(key, 'deleted', now));
    case 'add_to_group':
      return to('updated', joined(key, groupId ?? '', giver));
    case 'remove_from_group':
      return to('updated', left(key, groupId ?? '', giver));
    default:
      return unreachable(action);
  }
}

/** The key that asks comes last: once it has ended, it could not go on. */
function actingLast(ids: readonly string[], { principal }: Actor): readonly string[] {
  if (principal?.kind !== 'api_key') return ids;
  const own = principal.apiKeyId;
  return ids.includes(own) ? [...ids.filter((id) => id !== own), own] : ids;
}

function refusedItem(id: string, state: BulkItem['state'], { code, detail }: Problem): BulkItem {
  return { id, status: ERRORS[code].status, outcome: 'refused', state, code, detail: detail ?? ERRORS[code].message };
}

const problemIn = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem('service_unavailable' satisfies ErrorCode, { cause: error });

function shownResult(
  action: BulkAction,
  ids: readonly string[],
  found: ReadonlyMap<string, BulkItem>,
): BulkResultObject {
  const results = ids.flatMap((id) => found.get(id) ?? []);
  const count = (asked: BulkItem['outcome']): number => results.filter(({ outcome }) => outcome === asked).length;
  return {
    object: 'bulk_result',
    action,
    changed: count('changed'),
    unchanged: count('unchanged'),
    refused: count('refused'),
    results,
  };
}

function entryOf({ organizationId, action, groupId, actor }: Bulk, changes: readonly KeyChange[]): OrganizationEntry {
  return {
    organizationId,
    actor,
    action: `api_key.bulk_${action}`,
    targetType: 'organization',
    targetId: organizationId,
    details: {
      keys: changes.length,
      api_key_ids: changes.map(({ key }) => key.id),
      ...(groupId !== null && { group_id: groupId }),
    },
  };
}
