import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { NO_PRECONDITION, Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { ApiKey } from '../keys/api-key/api-key.js';
import { KeyMakers } from '../keys/api-key/key-makers.js';
import { CreateKey } from '../keys/create-key/create-key.js';
import { createKeyRequest } from '../keys/create-key/create-key.request.js';
import type { ChargedSums } from '../keys/key-use/credit-used.js';
import { KeySpendingLookup } from '../keys/list-keys/key-spending.js';
import { SwitchKey } from '../keys/switch-key/switch-key.js';
import { UpdateKey } from '../keys/update-key/update-key.js';
import { KeyStore } from '../store/key-store.js';
import { openRouterKey } from './openrouter-key.js';
import { OpenRouterKeyPages } from './openrouter-key-pages.js';
import type { OpenRouterKey } from './openrouter-key.reply.js';
import {
  type CreateOpenRouterKeyRequest,
  type ListOpenRouterKeysRequest,
  type UpdateOpenRouterKeyRequest,
} from './openrouter-keys.request.js';

const NOTHING_CHARGED: ChargedSums = { chargedNanoUsd: '0' };

/** OpenRouter's management of keys on the use cases of the admin API: the same keys, the same rules. */
@Injectable()
export class OpenRouterKeys {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly pages: OpenRouterKeyPages,
    private readonly store: KeyStore,
    private readonly createKey: CreateKey,
    private readonly updateKey: UpdateKey,
    private readonly switchKey: SwitchKey,
    private readonly spending: KeySpendingLookup,
    private readonly makers: KeyMakers,
  ) {}

  /** One page, newest first. */
  async list(organizationId: string, request: ListOpenRouterKeysRequest, now: Date): Promise<OpenRouterKey[]> {
    const ids = await this.pages.ids(organizationId, request);
    return this.shown(organizationId, await this.store.findAll(organizationId, ids), now);
  }

  /** @throws {Problem} `api_key_not_found`, also for a project key, which is none of OpenRouter's */
  async one(organizationId: string, id: string, now: Date): Promise<OpenRouterKey> {
    return this.shownOne(organizationId, await this.keyOf(organizationId, id), now);
  }

  /** A new key with its secret, which is shown once. The rest is as with `CreateKey`. */
  async create(
    organizationId: string,
    request: CreateOpenRouterKeyRequest,
    actor: Actor,
    now: Date,
  ): Promise<{ readonly data: OpenRouterKey; readonly key: string }> {
    const asked = createKeyRequest.parse({
      name: request.name,
      credit_limit_usd: request.limit ?? null,
      credit_reset: request.limit_reset ?? null,
      expires_at: request.expires_at ?? null,
    });
    if (this.createKey.scopesAboveMaker(asked, actor).length > 0) throw new Problem('access_denied');
    const result = await this.database.inOrganization(organizationId, (manager) =>
      this.createKey.execute(manager, organizationId, asked, actor, now),
    );
    if (result.kind === 'invalid') throw new Problem('invalid_request', { errors: result.errors });
    await this.createKey.announced(result.written);
    const creator = (await this.makers.of(organizationId, [result.key.id])).get(result.key.id) ?? null;
    return { data: openRouterKey(result.key, NOTHING_CHARGED, creator, now), key: result.secret.reveal() };
  }

  /** Changes the settings first, and switches then: what is refused leaves the key as it is. */
  async update(
    organizationId: string,
    id: string,
    request: UpdateOpenRouterKeyRequest,
    actor: Actor,
    now: Date,
  ): Promise<OpenRouterKey> {
    await this.keyOf(organizationId, id);
    const { name, limit, limit_reset: reset, disabled } = request;
    const change = {
      ...(name !== undefined && { name }),
      ...(limit !== undefined && { credit_limit_usd: limit }),
      ...(reset !== undefined && { credit_reset: reset }),
      // A limit that is taken away takes its cycle along.
      ...(limit === null && reset === undefined && { credit_reset: null }),
    };
    const updated = await this.updateKey.execute(organizationId, id, change, NO_PRECONDITION, actor, now);
    let key = updated?.key ?? null;
    if (disabled !== undefined) {
      const to = disabled ? 'disabled' : 'enabled';
      ({ key } = await this.switchKey.execute(organizationId, id, to, NO_PRECONDITION, actor, now));
    }
    if (key === null) throw new Problem('api_key_not_found');
    return this.shownOne(organizationId, key, now);
  }

  /** @throws {Problem} `api_key_not_found` */
  async keyOf(organizationId: string, id: string): Promise<ApiKey> {
    const key = await this.store.find(organizationId, id);
    if (key === null || key.kind === 'project') throw new Problem('api_key_not_found');
    return key;
  }

  /**
   * What each key was charged. The shape has a number for it, and a sum that is unknown must not read as 0.
   * @throws {Problem} `service_unavailable` if usage-billing does not answer
   */
  async chargedTo(organizationId: string, ids: readonly string[]): Promise<ReadonlyMap<string, ChargedSums>> {
    const charged = await this.spending.of(organizationId, ids);
    if (ids.some((id) => !charged.has(id)))
      throw new Problem('service_unavailable', {
        detail: 'It cannot be found out at the moment what keys have spent.',
        headers: { 'retry-after': '1' },
      });
    return charged;
  }

  private async shownOne(organizationId: string, key: ApiKey, now: Date): Promise<OpenRouterKey> {
    const [shown] = await this.shown(organizationId, [key], now);
    if (shown === undefined) throw new Error('a key was there, and is not');
    return shown;
  }

  private async shown(organizationId: string, keys: readonly ApiKey[], now: Date): Promise<OpenRouterKey[]> {
    const ids = keys.map(({ id }) => id);
    const [charged, makers] = await Promise.all([
      this.chargedTo(organizationId, ids),
      this.makers.of(organizationId, ids),
    ]);
    return keys.map((key) =>
      openRouterKey(key, charged.get(key.id) ?? NOTHING_CHARGED, makers.get(key.id) ?? null, now),
    );
  }
}
