import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { ApiKeyStatus, CreatedSubscriptionKey, SubscriptionTerms } from '@tollgate/contracts';
import { Problem } from '@tollgate/http';
import { oneRow, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords } from '../audit/audit-records.js';
import { ChangeSubscription, termsNow } from './change-subscription.js';
import { subscriptionChange } from './subscription-audit.js';
import { SubscriptionKeys } from './subscription-keys.js';
import type { StoredSubscription } from './subscription-row.js';
import { SubscriptionStore } from './subscription-store.js';
import { statusOf, type Subscription } from './subscription.js';

/** A subscription with its new key, whose secret is shown once. */
export interface ReplacedKey {
  readonly stored: StoredSubscription;
  /** Null where an earlier request has made the key, and was broken off. */
  readonly secret: string | null;
}

/** A new key that is to be made. */
interface Begun {
  readonly stored: StoredSubscription;
  readonly apiKeyId: string;
  readonly terms: SubscriptionTerms;
}

/** The id is kept until the key is there, so that a repetition finds the same key. Index: subscription_id_unique. */
const CHOOSE = `UPDATE billing.subscription SET next_api_key_id = coalesce(next_api_key_id, $3::uuid)
  WHERE organization_id = $1 AND id = $2 RETURNING next_api_key_id`;

/** False if somebody else was faster. Index: subscription_id_unique. */
const REPLACE = `UPDATE billing.subscription SET api_key_id = $3, masked_key = $4, next_api_key_id = NULL
  WHERE organization_id = $1 AND id = $2 AND next_api_key_id = $3 RETURNING id`;

/** What can be mended by hand, or works: the key stays. */
const LASTING: readonly ApiKeyStatus[] = ['active', 'disabled'];

/**
 * Gives a subscription a new key in the place of one that was revoked, because it leaked for example. Quota and
 * pay-as-you-go are the subscription's own: what is used of them stays used. It can be repeated after each step.
 */
@Injectable()
export class ReplaceKey {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: SubscriptionStore,
    private readonly change: ChangeSubscription,
    private readonly keys: SubscriptionKeys,
    private readonly audit: AuditRecords,
  ) {}

  /**
   * Null if the organisation has no such subscription.
   * @throws {Problem} `subscription_ended`; `conflict` while its key lives; `organization_not_found`;
   * `service_unavailable` where key-management cannot be asked
   */
  async execute(organizationId: string, id: string, actor: Actor, now: Date): Promise<ReplacedKey | null> {
    const present = await this.change.execute(organizationId, id, now, null, (subscription) => subscription);
    if (present === null) return null;
    demandLasts(present.subscription, now);
    const { apiKeyId } = present.subscription;
    const status = (await this.keys.statuses(organizationId, [apiKeyId])).get(apiKeyId);
    if (status === undefined) throw new Problem('service_unavailable');
    if (LASTING.includes(status)) throw lives(apiKeyId);
    const begun = await this.begin(present, now);
    const { stored, ...key } = begun;
    const made = await this.keys.make(stored.subscription, { ...key, name: stored.planName });
    return this.complete(begun, made, actor, now);
  }

  /** Chooses the id of the new key, or finds the one that a request which was broken off has chosen. */
  private begin({ subscription: { organizationId, id, apiKeyId: former } }: StoredSubscription, now: Date) {
    return this.database.inOrganization(organizationId, async (manager): Promise<Begun> => {
      const stored = await this.locked(manager, organizationId, id, now);
      // Somebody has replaced it meanwhile.
      if (stored.subscription.apiKeyId !== former) throw lives(stored.subscription.apiKeyId);
      const [rows] = await manager.query<[{ next_api_key_id: string }[], number]>(CHOOSE, [
        organizationId,
        id,
        randomUUID(),
      ]);
      const { next_api_key_id: apiKeyId } = oneRow(rows);
      const versions = await this.change.versionsOf(manager, [stored]);
      return { stored, apiKeyId, terms: termsNow(stored.subscription, versions) };
    });
  }

  /** Puts the key in its place. What was changed of the subscription meanwhile the key is told. */
  private async complete(
    { stored: { subscription: begun, planName }, apiKeyId, terms }: Begun,
    { maskedKey, secret }: CreatedSubscriptionKey,
    actor: Actor,
    now: Date,
  ): Promise<ReplacedKey> {
    const { organizationId, id } = begun;
    const stored = await this.database.inOrganization(organizationId, async (manager) => {
      const before = await this.locked(manager, organizationId, id, now);
      const [rows] = await manager.query<[object[], number]>(REPLACE, [organizationId, id, apiKeyId, maskedKey]);
      if (rows.length === 0) throw lives(before.subscription.apiKeyId);
      const versions = await this.change.versionsOf(manager, [before]);
      const after = { ...before.subscription, apiKeyId, version: before.subscription.version + 1 };
      await this.store.save(manager, { ...before, told: terms }, after, termsNow(after, versions), now);
      const act = { actor, action: 'subscription.key_replaced' } as const;
      await this.audit.add(manager, subscriptionChange(act, before.subscription, after, { plan: planName }));
      const replaced = await this.store.findIn(manager, organizationId, id);
      if (replaced === null) throw new Error('a subscription whose key was replaced is not there');
      return replaced;
    });
    this.audit.announced();
    return { stored, secret };
  }

  private async locked(manager: EntityManager, organizationId: string, id: string, now: Date) {
    const stored = await this.store.lock(manager, organizationId, id);
    if (stored === null) throw new Problem('subscription_not_found');
    demandLasts(stored.subscription, now);
    return stored;
  }
}

function demandLasts(subscription: Subscription, now: Date): void {
  if (statusOf(subscription, now.getTime()) === 'ended') throw new Problem('subscription_ended');
}

const lives = (apiKeyId: string): Problem =>
  new Problem('conflict', {
    detail: `Its key can be used: for a new secret rotate that, by POST /v1/api-keys/${apiKeyId}/rotate.`,
  });
