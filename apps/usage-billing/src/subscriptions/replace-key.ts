import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { ApiKeyStatus } from '@tollgate/contracts';
import { Problem, type IdempotentRequest } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords } from '../audit/audit-records.js';
import { ChangeSubscription, termsNow } from './change-subscription.js';
import { subscriptionChange } from './subscription-audit.js';
import { MAKING_MS, SubscriptionKeys, type MadeKey, type SubscriptionKey } from './subscription-keys.js';
import type { StoredSubscription } from './subscription-row.js';
import { SubscriptionStore } from './subscription-store.js';
import { statusOf, type Subscription } from './subscription.js';

/** A subscription with its new key, whose secret is shown once. */
interface ReplacedKey {
  readonly stored: StoredSubscription;
  readonly secret: string;
}

/** A key that is to be made, and the subscription as it was when it was chosen. */
interface ChosenKey extends SubscriptionKey {
  readonly stored: StoredSubscription;
}

/** A subscription whose next key is there. It is not its key before `complete` has written it. */
interface PreparedKey {
  readonly present: StoredSubscription;
  readonly isNamed: boolean;
  /** Null where the present key can be used. */
  readonly made: MadeKey<ChosenKey> | null;
}

/** What can be mended by hand, or works: the key stays. */
const LASTING: readonly ApiKeyStatus[] = ['active', 'disabled'];

/**
 * Gives a subscription a new key in the place of one that was revoked, because it leaked for example. Quota and
 * pay-as-you-go are the subscription's own: what is used of them stays used. It can be repeated after each step: only
 * who has the secret of a key puts it in its place, and one whose secret nobody was shown is given up.
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
   * Has the key made, and nothing changed yet. Null if the organisation has no such subscription. Never call it inside
   * a transaction.
   * @throws {Problem} `subscription_ended`; `organization_not_found`; `service_unavailable` where key-management cannot
   * be asked; `conflict` while another request makes a key, or `idempotency_conflict` to one that has a name
   */
  async prepare(
    organizationId: string,
    id: string,
    { key: name }: Pick<IdempotentRequest, 'key'>,
    now: Date,
  ): Promise<PreparedKey | null> {
    const isNamed = name !== null;
    const present = await this.change.execute(organizationId, id, now, null, (subscription) => subscription);
    if (present === null) return null;
    demandLasts(present.subscription, now);
    const { apiKeyId } = present.subscription;
    const status = (await this.keys.statuses(organizationId, [apiKeyId])).get(apiKeyId);
    if (status === undefined) throw new Problem('service_unavailable');
    if (LASTING.includes(status)) return { present, isNamed, made: null };
    const first = await this.choose(present, isNamed, now);
    if (first === null) return { present, isNamed, made: null };
    const made = await this.keys.makeWithSecret(present.subscription, first, {
      instead: async (chosen) => {
        await this.store.giveUpKey(organizationId, id, chosen.apiKeyId);
        const another = await this.choose(present, isNamed, now);
        if (another === null) throw beingMade(isNamed);
        return another;
      },
      failed: (chosen) => this.store.keyFailed(present.subscription, chosen.apiKeyId, now),
    });
    return { present, isNamed, made };
  }

  /**
   * Puts the key in its place, in a transaction about the organisation. What was changed of the subscription meanwhile
   * the key is told. Call `announced` after its commit.
   * @throws {Problem} `conflict` while the present key can be used, or if the new one was given up meanwhile
   */
  async complete(
    manager: EntityManager,
    { present, isNamed, made }: PreparedKey,
    actor: Actor,
    now: Date,
  ): Promise<ReplacedKey> {
    const { organizationId, id, apiKeyId: former } = present.subscription;
    const before = await this.locked(manager, organizationId, id, now);
    if (made === null || before.subscription.apiKeyId !== former) throw lives(before.subscription.apiKeyId);
    const { apiKeyId, terms } = made.chosen;
    const key = { apiKeyId, maskedKey: made.maskedKey };
    if (!(await this.store.replaceKey(manager, before.subscription, key))) throw beingMade(isNamed);
    const versions = await this.change.versionsOf(manager, [before]);
    const after = { ...before.subscription, apiKeyId, version: before.subscription.version + 1 };
    await this.store.save(manager, { ...before, told: terms }, after, termsNow(after, versions), now);
    const act = { actor, action: 'subscription.key_replaced' } as const;
    await this.audit.add(manager, subscriptionChange(act, before.subscription, after, { plan: before.planName }));
    const stored = await this.store.findIn(manager, organizationId, id);
    if (stored === null) throw new Error('a subscription whose key was replaced is not there');
    return { stored, secret: made.secret };
  }

  /** Tells of committed changes at once. */
  announced(): void {
    this.audit.announced();
  }

  /**
   * The key that is to be made: a new one, or the one that a request which was broken off has chosen. Null if the
   * former one was replaced meanwhile.
   */
  private choose({ subscription }: StoredSubscription, isNamed: boolean, now: Date): Promise<ChosenKey | null> {
    const { organizationId, id, apiKeyId: former } = subscription;
    return this.database.inOrganization(organizationId, async (manager) => {
      const stored = await this.locked(manager, organizationId, id, now);
      if (stored.subscription.apiKeyId !== former) return null;
      const until = new Date(now.getTime() + MAKING_MS);
      const apiKeyId = await this.store.chooseKey(manager, subscription, now, until);
      if (apiKeyId === null) throw beingMade(isNamed);
      const versions = await this.change.versionsOf(manager, [stored]);
      return { stored, apiKeyId, name: stored.planName, terms: termsNow(stored.subscription, versions) };
    });
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

/** Who has named the request gets the answer of the other one by repeating it, if that has the same name. */
const beingMade = (isNamed: boolean): Problem => {
  const headers = { 'retry-after': '1' };
  if (isNamed) return new Problem('idempotency_conflict', { headers });
  return new Problem('conflict', { headers, detail: 'Another request is making its new key.' });
};
