import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { SubscriptionTerms } from '@tollgate/contracts';
import type { Actor } from '@tollgate/auth';
import { Problem, type IdempotentRequest } from '@tollgate/http';
import { oneRow, ServiceDatabase } from '@tollgate/postgres';
import { SEALING, type Sealing } from '@tollgate/sealing';
import type { EntityManager } from 'typeorm';
import { AuditRecords } from '../audit/audit-records.js';
import { PlanStore } from '../plans/plan-store.js';
import type { Plan } from '../plans/plan.js';
import { termsNow } from './change-subscription.js';
import { PlanVersions } from './plan-versions.js';
import { cycleCharge, type Payg, type Subscription } from './subscription.js';
import { MAKING_MS, SubscriptionKeys, type MadeKey, type SubscriptionKey } from './subscription-keys.js';
import { subscriptionChange } from './subscription-audit.js';
import { sealedForSubscription } from './sealed-secret.js';
import type { StoredSubscription } from './subscription-row.js';
import { addDeliveries } from '../webhooks/deliver-webhooks/delivery-store.js';
import { subscriptionNotices } from './subscription-notices.js';
import { dueAt, SubscriptionStore, writeCharge } from './subscription-store.js';

/** For how long a repeated request finds the subscription that it has begun. */
const REPEATABLE_MS = 24 * 60 * 60_000;
/** A key that may still be made when its request was refused is there by then, and is told that it has ended. */
const KEY_THERE_AFTER_MS = 60_000;

/** Who is to have what. */
export interface SubscribeRequest {
  readonly organizationId: string;
  readonly memberId: string | null;
  /** The person that this member is; null for an organisation, and where it is not known. */
  readonly personId: string | null;
  readonly plan: Plan;
  readonly payg: Payg;
  /** Whether they may have one cycle's quota at a time only: who subscribes by themselves may not take a second one. */
  readonly onceACycle: boolean;
  /** Who asks, by a name that nobody else has. */
  readonly asker: string;
  readonly actor: Actor;
}

/** A subscription whose key is there. It is none before `complete` has written it. */
export interface PreparedSubscription {
  readonly request: SubscribeRequest;
  readonly isNamed: boolean;
  readonly begun: Pick<BegunRow, 'id'>;
  /** What is to be written; null where it was, by a request of the same name. */
  readonly made: {
    readonly subscription: Subscription;
    readonly terms: SubscriptionTerms;
    readonly key: Pick<MadeKey<SubscriptionKey>, 'maskedKey' | 'secret'>;
  } | null;
}

/** A new subscription with the secret of its key, which is shown once. */
export interface Subscribed {
  readonly stored: StoredSubscription;
  readonly secret: string;
}

interface BegunRow {
  id: string;
  member_id: string | null;
  api_key_id: string;
  plan_id: string;
  anchor: Date;
  created_at: Date;
  made_at: Date | null;
  abandoned_at: Date | null;
  payg_enabled: boolean;
  payg_limit_nano_usd: string | null;
  request_fingerprint: Buffer | null;
  sealed_secret: string | null;
}

/** A key that is to be made, for a subscription whose row is there. */
interface ChosenSubscription extends SubscriptionKey {
  readonly begun: BegunRow;
  readonly subscription: Subscription;
}

const BEGUN = `SELECT id, member_id, api_key_id, plan_id, anchor, created_at, made_at, abandoned_at, payg_enabled, payg_limit_nano_usd, request_fingerprint,
    sealed_secret FROM billing.subscription`;

/** Index: subscription_of_request. */
const OF_REQUEST = `${BEGUN} WHERE organization_id = $1 AND request_scope = $2 AND created_at > $3 AND abandoned_at IS NULL
  ORDER BY created_at DESC LIMIT 1`;

/**
 * Until when those who want a subscription have one, or the cycle of one that has ended; null where it renews itself or
 * is being made; an organisation has few. A person who was removed and came back is another member, and has had the
 * quota of the one before. Indexes: subscription_pk, subscription_charge_pk.
 */
const PRESENT = `SELECT CASE WHEN s.ends_at IS NOT NULL THEN greatest(s.ends_at, charged.until) END AS until
  FROM billing.subscription AS s CROSS JOIN LATERAL (
    SELECT max(c.ends_at) AS until FROM billing.subscription_charge AS c
    WHERE c.organization_id = s.organization_id AND c.subscription_id = s.id
  ) AS charged
  WHERE s.organization_id = $1 AND (s.member_id IS NOT DISTINCT FROM $2::uuid OR s.person_id = $4::uuid) AND s.abandoned_at IS NULL
    AND (s.ends_at IS NULL OR greatest(s.ends_at, charged.until) > $3)
  ORDER BY 1 DESC NULLS FIRST LIMIT 1`;

/** Index: subscription_id_unique. */
const LOCK_BEGUN = `${BEGUN} WHERE organization_id = $1 AND id = $2 FOR UPDATE`;

const BEGIN = `INSERT INTO billing.subscription (organization_id, id, member_id, api_key_id, plan_id, anchor, payg_enabled, payg_limit_nano_usd,
    version, created_at, due_at, request_scope, request_fingerprint, person_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11, $12, $13)`;

/** Index: subscription_id_unique. */
const MADE = `UPDATE billing.subscription SET made_at = $3, masked_key = $4, told = $5, due_at = $6, sealed_secret = $7
  WHERE organization_id = $1 AND id = $2`;

/** Index: subscription_id_unique. */
const GIVE_UP = `UPDATE billing.subscription SET abandoned_at = $3, due_at = $4
  WHERE organization_id = $1 AND id = $2 AND made_at IS NULL AND abandoned_at IS NULL`;

/**
 * Subscribes organisations and members. The ids of subscription and key are stored before key-management is asked for
 * the key, so that a request that was broken off can be repeated: it makes nothing twice. Nothing is charged before the
 * key is there.
 */
@Injectable()
export class Subscribe {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly plans: PlanStore,
    private readonly store: SubscriptionStore,
    private readonly keys: SubscriptionKeys,
    private readonly audit: AuditRecords,
    @Inject(SEALING) private readonly sealing: Pick<Sealing, 'seal' | 'open'>,
  ) {}

  /**
   * Has the key made, and nothing charged yet. Never call it inside a transaction.
   * @throws {Problem} `organization_not_found`; `service_unavailable` where key-management cannot be asked;
   * `subscription_exists` for a second one in a cycle; `idempotency_conflict` while a request of the same name is being
   * answered, `idempotency_key_reused`
   */
  async prepare(request: SubscribeRequest, named: IdempotentRequest, now: Date): Promise<PreparedSubscription> {
    const { organizationId } = request;
    const isNamed = named.key !== null;
    const begun = await this.begin(request, named, now);
    if (begun.made_at !== null) return { request, begun, isNamed, made: null };
    const key = await this.keys.makeWithSecret(request, await this.first(request, begun), {
      instead: async (chosen) => {
        await this.giveUp(organizationId, chosen.begun, now);
        return this.first(request, await this.begin(request, named, now));
      },
      // Who is answered that it failed may try again at once.
      failed: (chosen) => this.giveUp(organizationId, chosen.begun, now),
    });
    const { chosen } = key;
    return { request, begun: chosen.begun, isNamed, made: { ...chosen, key } };
  }

  /**
   * Charges the first cycle in a transaction about the organisation. Call `announced` after its commit. Of two that do
   * it at once, the second finds it done.
   * @throws {Problem} `service_unavailable` for a subscription that was given up meanwhile, and where no secret is
   * known
   */
  async complete(manager: EntityManager, prepared: PreparedSubscription, now: Date): Promise<Subscribed> {
    const { organizationId } = prepared.request;
    const { id } = prepared.begun;
    const row = oneRow(await manager.query<BegunRow[]>(LOCK_BEGUN, [organizationId, id]));
    if (row.abandoned_at !== null) throw new Problem('service_unavailable');
    const isNew = row.made_at === null;
    if (isNew) await this.write(manager, prepared, now);
    const stored = await this.store.findIn(manager, organizationId, id);
    if (stored === null) throw new Error('a subscription that was made is not there');
    if (isNew) await addDeliveries(manager, subscriptionNotices(null, stored, now.getTime()), now);
    const secret = prepared.made?.key.secret ?? this.sealedSecret(organizationId, row);
    // A process of a release before may have answered without one.
    if (secret === null) throw new Problem('service_unavailable');
    return { stored, secret };
  }

  /** Tells of committed changes at once. */
  announced(): void {
    this.audit.announced();
  }

  /** The row of this request: a new one, or that of the same request before. */
  private begin(request: SubscribeRequest, named: IdempotentRequest, now: Date): Promise<BegunRow> {
    const { organizationId } = request;
    const scope = named.key === null ? null : JSON.stringify([request.asker, named.method, named.path, named.key]);
    return this.database.inOrganization(organizationId, async (manager) => {
      const earlier = scope === null ? null : await claimed(manager, organizationId, scope, now);
      if (earlier !== null) {
        if (earlier.request_fingerprint?.equals(named.fingerprint) !== true)
          throw new Problem('idempotency_key_reused');
        const isBeingMade = earlier.made_at === null && now.getTime() - earlier.created_at.getTime() < MAKING_MS;
        if (isBeingMade) throw new Problem('idempotency_conflict', { headers: { 'retry-after': '1' } });
        return earlier;
      }
      if (request.onceACycle) await demandNone(manager, request, now);
      const id = randomUUID();
      await manager.query(BEGIN, [
        organizationId,
        id,
        request.memberId,
        randomUUID(),
        request.plan.id,
        new Date(Math.floor(now.getTime() / 1_000) * 1_000),
        request.payg.enabled,
        request.payg.limitNanoUsd?.toString() ?? null,
        now,
        new Date(now.getTime() + ABANDONED_AFTER_MS),
        scope,
        named.key === null ? null : named.fingerprint,
        request.personId,
      ]);
      return oneRow(
        await manager.query<BegunRow[]>(`${BEGUN} WHERE organization_id = $1 AND id = $2`, [organizationId, id]),
      );
    });
  }

  /** The subscription with its first cycle, and what its key is told. */
  private async first(request: SubscribeRequest, begun: BegunRow): Promise<ChosenSubscription> {
    const { organizationId } = request;
    const versions = new PlanVersions(
      await this.database.inOrganization(organizationId, (manager) => this.plans.versions(manager, [begun.plan_id])),
    );
    const anchorMs = begun.anchor.getTime();
    const subscription: Subscription = {
      id: begun.id,
      organizationId,
      memberId: begun.member_id,
      apiKeyId: begun.api_key_id,
      anchorMs,
      version: 1,
      nextPlanId: null,
      endsAtMs: null,
      payg: {
        enabled: begun.payg_enabled,
        limitNanoUsd: begun.payg_limit_nano_usd === null ? null : BigInt(begun.payg_limit_nano_usd),
        raise: null,
      },
      // A plan that was changed in the second of the anchor counts as it was asked for.
      charges: [cycleCharge(versions.at(begun.plan_id, begun.created_at.getTime()), anchorMs, 0)],
    };
    const terms = termsNow(subscription, versions);
    return { begun, subscription, apiKeyId: begun.api_key_id, name: request.plan.name, terms };
  }

  /** Gives up what nobody was told of. Should its key be there, or come to be, it is told soon that it has ended. */
  private async giveUp(organizationId: string, { id }: BegunRow, now: Date): Promise<void> {
    const toldAt = new Date(now.getTime() + KEY_THERE_AFTER_MS);
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query(GIVE_UP, [organizationId, id, now, toldAt]),
    );
  }

  private async write(
    manager: EntityManager,
    { request, made, isNamed }: PreparedSubscription,
    now: Date,
  ): Promise<void> {
    if (made === null) throw new Error('a subscription whose key was not made is not there');
    const { subscription, terms, key } = made;
    const { organizationId, id } = subscription;
    const sealed = isNamed ? this.sealing.seal(key.secret, sealedForSubscription(organizationId, id)) : null;
    await manager.query(MADE, [
      organizationId,
      id,
      now,
      key.maskedKey,
      JSON.stringify(terms),
      dueAt(subscription, now),
      sealed,
    ]);
    await writeCharge(manager, subscription, subscription.charges[0]);
    const act = { actor: request.actor, action: 'subscription.created' } as const;
    await this.audit.add(manager, subscriptionChange(act, null, subscription, { plan: request.plan.name }));
  }

  /** What a process of the release before has kept of a request that it has answered, and reads when this one has. */
  private sealedSecret(organizationId: string, { id, sealed_secret: sealed }: BegunRow): string | null {
    return sealed === null ? null : this.sealing.open(sealed, sealedForSubscription(organizationId, id));
  }
}

/** A subscription whose key is not made after this long is given up; nobody was told that it is there. */
export const ABANDONED_AFTER_MS = 15 * 60_000;

/** Two requests of one name wait for each other. Null where the name is new. */
async function claimed(
  manager: EntityManager,
  organizationId: string,
  scope: string,
  now: Date,
): Promise<BegunRow | null> {
  await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`${organizationId} ${scope}`]);
  const since = new Date(now.getTime() - REPEATABLE_MS);
  const [row] = await manager.query<BegunRow[]>(OF_REQUEST, [organizationId, scope, since]);
  return row ?? null;
}

/**
 * Two that want a first subscription for the same wait for each other.
 * @throws {Problem} `subscription_exists`
 */
async function demandNone(
  manager: EntityManager,
  { organizationId, memberId, personId }: SubscribeRequest,
  now: Date,
): Promise<void> {
  const whose = JSON.stringify(['subscriber', organizationId, personId ?? memberId]);
  await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [whose]);
  const [present] = await manager.query<{ until: Date | null }[]>(PRESENT, [organizationId, memberId, now, personId]);
  if (present === undefined) return;
  const subscriber = memberId === null ? 'The organisation' : 'The member';
  throw new Problem('subscription_exists', {
    detail:
      present.until === null
        ? `${subscriber} has a subscription already: change its plan, or have the operator add one.`
        : `${subscriber} has had a subscription for the cycle until ${present.until.toISOString()}: ` +
          'subscribe again then, or have the operator do so.',
  });
}
