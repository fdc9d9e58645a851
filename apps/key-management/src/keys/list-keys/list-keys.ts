import { Injectable } from '@nestjs/common';
import { keyObject } from '../api-key/key-object.js';
import type { KeyList, KeyObject } from '../api-key/key.reply.js';
import { KeyStore } from '../../store/key-store.js';
import { KeySpendingLookup } from './key-spending.js';
import { cursorOf } from './list-keys.request.js';

/** Lists keys with what they have spent. Deleted keys are left out. */
@Injectable()
export class ListKeys {
  constructor(
    private readonly store: KeyStore,
    private readonly spending: KeySpendingLookup,
  ) {}

  /** One page of the organisation's keys, newest first. `after` is the position of the last key seen; null at first. */
  async page(organizationId: string, limit: number, after: bigint | null, now: Date): Promise<KeyList> {
    const { keys, nextPosition } = await this.store.list(organizationId, limit, after);
    const spending = await this.spending.of(
      organizationId,
      keys.map((key) => key.id),
    );
    return {
      object: 'list',
      data: keys.map((key) => keyObject(key, spending.get(key.id) ?? null, now)),
      has_more: nextPosition !== null,
      next_cursor: nextPosition === null ? null : cursorOf(nextPosition),
    };
  }

  /** Null if the organisation has no such key. */
  async one(organizationId: string, id: string, now: Date): Promise<KeyObject | null> {
    const key = await this.store.find(organizationId, id);
    if (key === null) return null;
    return keyObject(key, (await this.spending.of(organizationId, [id])).get(id) ?? null, now);
  }
}
