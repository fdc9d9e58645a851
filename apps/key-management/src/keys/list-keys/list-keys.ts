import { Injectable } from '@nestjs/common';
import { listOf, notACursor } from '@tollgate/http';
import type { ApiKey } from '../api-key/api-key.js';
import { KeyMakers } from '../api-key/key-makers.js';
import { keyObject, withSecretUses } from '../api-key/key-object.js';
import { KeyUseStore } from '../key-use/key-use-store.js';
import type { KeyList, KeyObject } from '../api-key/key.reply.js';
import { KeyStore, type KeyPosition } from '../../store/key-store.js';
import { KeySpendingLookup } from './key-spending.js';
import { formerPosition, KEY_PAGES, type ListKeysRequest } from './list-keys.request.js';

/** Lists keys with what they have spent. Deleted keys are left out. */
@Injectable()
export class ListKeys {
  constructor(
    private readonly store: KeyStore,
    private readonly spending: KeySpendingLookup,
    private readonly makers: KeyMakers,
    private readonly uses: KeyUseStore,
  ) {}

  /**
   * One page of the organisation's keys, newest first.
   * @throws {Problem} `invalid_request` if the cursor is not of this list
   */
  async page(organizationId: string, request: ListKeysRequest, now: Date): Promise<KeyList> {
    const { limit } = request;
    const listed = await this.store.list(organizationId, limit + 1, await this.start(organizationId, request));
    const page = KEY_PAGES.page(listed, limit, { organizationId }, ({ position }) => [...position]);
    const ids = page.items.map(({ key }) => key.id);
    const [spending, makers] = await Promise.all([
      this.spending.of(organizationId, ids),
      this.makers.of(organizationId, ids),
    ]);
    return listOf(page, ({ key: { id }, key }) =>
      keyObject(key, spending.get(id) ?? null, now, makers.get(id) ?? null),
    );
  }

  /** Null if the organisation has no such key. */
  async one(organizationId: string, id: string, now: Date): Promise<{ key: ApiKey; shown: KeyObject } | null> {
    const key = await this.store.find(organizationId, id);
    if (key === null) return null;
    const [spending, makers, uses] = await Promise.all([
      this.spending.of(organizationId, [id]),
      this.makers.of(organizationId, [id]),
      this.uses.ofSecrets(organizationId, id),
    ]);
    const shown = keyObject(key, spending.get(id) ?? null, now, makers.get(id) ?? null);
    return { key, shown: withSecretUses(shown, uses) };
  }

  private async start(organizationId: string, { cursor, after }: ListKeysRequest): Promise<KeyPosition | null> {
    const former = after === undefined ? null : formerPosition(after);
    if (former === null)
      return KEY_PAGES.positionOf(cursor ?? after, { organizationId }, after === undefined ? 'cursor' : 'after');
    const position = await this.store.positionOfFormer(organizationId, former);
    if (position === null) throw notACursor('after');
    return position;
  }
}
