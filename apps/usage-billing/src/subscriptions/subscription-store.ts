import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { LOOK_AT_LIMITS, noteLimits } from '../alerts/watch-limits/watched-limit-store.js';
import { feesAccountId } from '../ledger/show-accounts/known-accounts.js';
import { Injectable } from '@nestjs/common';
import { SUBSCRIPTIONS_CHANGED_V1, type SubscriptionsChangedV1, type SubscriptionTerms } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { BillingRelay } from '../relay/billing-relay.js';
import { newestCharge, type CycleCharge, type Payg, type Subscription } from './subscription.js';
import { isSameTerms } from './subscription-terms.js';
import {
  isUndone,
  SELECT_SUBSCRIPTION,
  storedSubscriptionOf,
  type StoredSubscription,
  type SubscriptionRow,
} from './subscription-row.js';

/** Where a subscription stands in the list: when it was made, to the microsecond, and its id. */
type SubscriptionPosition = readonly [createdAt: string, id: string];

/** A subscription in a list. */
export interface ListedSubscription {
  readonly stored: StoredSubscription;
  readonly position: SubscriptionPosition;
}

/** A subscription that must be looked at. */
interface DueSubscription {
  readonly organizationId: string;
  readonly id: string;
  /** Whether its key was made. */
  readonly made: boolean;
  /** A key that was to take the place of its own, and whose request was broken off long ago; null for none. */
  readonly leftKeyId: string | null;
}

/** Indexes: subscription_newest, plan_pk, subscription_charge_pk. */
const LIST = `${SELECT_SUBSCRIPTION} WHERE s.organization_id = $1 AND s.made_at IS NOT NULL
    AND ($2::timestamptz IS NULL OR (s.created_at, s.id) < ($2::timestamptz, $3::uuid))
  ORDER BY s.created_at DESC, s.id DESC LIMIT $4`;

/** Index: subscription_id_unique. */
const FIND = `${SELECT_SUBSCRIPTION} WHERE s.organization_id = $1 AND s.id = $2 AND s.made_at IS NOT NULL`;

/** Index: subscription_id_unique. */
const SEVERAL = `${SELECT_SUBSCRIPTION} WHERE s.organization_id = $1 AND s.id = ANY($2::uuid[]) AND s.made_at IS NOT NULL`;

/** Index: subscription_key_unique. */
const FIND_OF_KEY = `${SELECT_SUBSCRIPTION} WHERE s.organization_id = $1 AND s.api_key_id = $2 AND s.made_at IS NOT NULL`;

/** Index: subscription_id_unique. */
const LOCK = 'SELECT 1 FROM billing.subscription WHERE organization_id = $1 AND id = $2 FOR UPDATE';

/** Index: subscription_id_unique. */
const ORGANIZATION_OF = 'SELECT organization_id FROM billing.subscription WHERE id = $1';

/** SQL: a key that a request has not put in its place by then is given up; it is there by then, if it ever is. */
const KEY_LEFT_AFTER = `interval '15 minutes'`;

/** Index: subscription_id_unique. */
const UPDATE = `UPDATE billing.subscription SET plan_id = $3, next_plan_id = $4, ends_at = $5, payg_enabled = $6, payg_limit_nano_usd = $7,
    version = $8, told = $9, due_at = least($10::timestamptz, next_api_key_until + ${KEY_LEFT_AFTER}), payg_raise_nano_usd = $11, payg_raise_until = $12 WHERE organization_id = $1 AND id = $2`;

const INSERT_CHARGE = `INSERT INTO billing.subscription_charge (organization_id, subscription_id, number, sequence, id, at, starts_at, ends_at,
    plan_id, plan_version, quota_nano_usd, amount_nano_usd)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;

const INSERT_FEE = `INSERT INTO billing.transfer (request_id, account_id, kind, amount_nano_usd, note, organization_id)
  VALUES ($1, $2, 'fee', $3, $4, $5)`;

/** Index: subscription_id_unique. */
const NOTE_OWNER_END = `UPDATE billing.subscription SET owner_ended_at = least(owner_ended_at, $3)
  WHERE organization_id = $1 AND id = $2`;

/**
 * What is not owed of a subscription is given back, each charge once. Indexes: subscription_charge_pk,
 * subscription_id_unique.
 */
const REFUND = `INSERT INTO billing.transfer (request_id, account_id, kind, amount_nano_usd, note, organization_id)
  SELECT c.id, $3, 'refund', -c.amount_nano_usd, 'subscription ' || c.subscription_id || ', cycle ' || c.number, c.organization_id
  FROM billing.subscription_charge AS c JOIN billing.subscription AS s ON s.organization_id = c.organization_id AND s.id = c.subscription_id
  WHERE c.organization_id = $1 AND c.subscription_id = $2 AND c.amount_nano_usd > 0 AND ${isUndone('c', 's.owner_ended_at')}
  ON CONFLICT DO NOTHING`;

/** Index: subscription_due. */
const DUE = `SELECT organization_id, id, made_at IS NOT NULL AS made,
    CASE WHEN coalesce(next_api_key_until + ${KEY_LEFT_AFTER}, '-infinity') <= $1 THEN next_api_key_id END AS left_key_id
  FROM billing.subscription
  WHERE due_at <= $1 ORDER BY due_at LIMIT $2`;

/** Index: subscription_due. */
const ABANDON = `UPDATE billing.subscription SET abandoned_at = coalesce(abandoned_at, $3), due_at = NULL
  WHERE organization_id = $1 AND id = $2 AND made_at IS NULL AND due_at <= $4
  RETURNING api_key_id, anchor`;

/**
 * The id of the next key is kept until the key is there, so that a repetition asks for the same one. No row while
 * another request makes it. Index: subscription_id_unique.
 */
const CHOOSE_KEY = `UPDATE billing.subscription
  SET next_api_key_id = coalesce(next_api_key_id, $3::uuid), next_api_key_until = $5, due_at = least(due_at, $5::timestamptz + ${KEY_LEFT_AFTER})
  WHERE organization_id = $1 AND id = $2 AND (next_api_key_until IS NULL OR next_api_key_until <= $4)
  RETURNING next_api_key_id`;

/** Index: subscription_id_unique. */
const KEY_FAILED = `UPDATE billing.subscription SET next_api_key_until = $4
  WHERE organization_id = $1 AND id = $2 AND next_api_key_id = $3`;

/** Index: subscription_id_unique. */
const GIVE_UP_KEY = `UPDATE billing.subscription SET next_api_key_id = NULL, next_api_key_until = NULL
  WHERE organization_id = $1 AND id = $2 AND next_api_key_id = $3
  RETURNING anchor, version`;

/** False if somebody else was faster. Index: subscription_id_unique. */
const REPLACE_KEY = `UPDATE billing.subscription SET api_key_id = $3, masked_key = $4, next_api_key_id = NULL, next_api_key_until = NULL
  WHERE organization_id = $1 AND id = $2 AND next_api_key_id = $3 RETURNING id`;

/** Index: organization_end_pk. */
const ORGANIZATION_END =
  'SELECT coalesce(ended_at, requested_at) AS ended_at FROM billing.organization_end WHERE organization_id = $1';

/** Those that have not ended by then, or are being made. Index: subscription_pk. */
const GOING_ON = `SELECT id FROM billing.subscription WHERE organization_id = $1
  AND (due_at IS NOT NULL OR (made_at IS NOT NULL AND ends_at > $3)) AND ($2::text IS NULL OR member_id::text = $2) ORDER BY id`;

/** Index: subscription_sealed. */
const FORGET_SECRETS =
  'UPDATE billing.subscription SET sealed_secret = NULL WHERE sealed_secret IS NOT NULL AND created_at <= $1';

/** Subscriptions with what was charged for them, and what their keys are told. */
@Injectable()
export class SubscriptionStore {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly relay: BillingRelay,
  ) {
    relay.publishes(SUBSCRIPTIONS_CHANGED_V1);
  }

  /** Those of an organisation, newest first. */
  async list(organizationId: string, count: number, after: SubscriptionPosition | null): Promise<ListedSubscription[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<SubscriptionRow[]>(LIST, [organizationId, after?.[0] ?? null, after?.[1] ?? null, count]),
    );
    return rows.map((row) => ({ stored: storedSubscriptionOf(row), position: [row.created_at_text, row.id] }));
  }

  /** Null if the organisation has none of this id. */
  async find(organizationId: string, id: string): Promise<StoredSubscription | null> {
    return this.database.inOrganization(organizationId, (manager) => this.findIn(manager, organizationId, id));
  }

  /** Those of these ids, in any order. */
  async several(organizationId: string, ids: readonly string[]): Promise<StoredSubscription[]> {
    if (ids.length === 0) return [];
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<SubscriptionRow[]>(SEVERAL, [organizationId, ids]),
    );
    return rows.map(storedSubscriptionOf);
  }

  /** The one that a key was made for; null if there is none. */
  async findOfKey(organizationId: string, apiKeyId: string): Promise<StoredSubscription | null> {
    const [row] = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<SubscriptionRow[]>(FIND_OF_KEY, [organizationId, apiKeyId]),
    );
    return row === undefined ? null : storedSubscriptionOf(row);
  }

  /** The same as `find` in the caller's transaction about the organisation. */
  async findIn(manager: EntityManager, organizationId: string, id: string): Promise<StoredSubscription | null> {
    const [row] = await manager.query<SubscriptionRow[]>(FIND, [organizationId, id]);
    return row === undefined ? null : storedSubscriptionOf(row);
  }

  /** The same, locked until the end of the transaction. */
  async lock(manager: EntityManager, organizationId: string, id: string): Promise<StoredSubscription | null> {
    return this.lockSince(manager, organizationId, id, null);
  }

  /**
   * The same of which whom it is for is gone since a moment (milliseconds since 1970; null for who is there): what was
   * charged for cycles that would have begun from then on is given back, and is no part of it any more.
   */
  async lockSince(
    manager: EntityManager,
    organizationId: string,
    id: string,
    ownerEndMs: number | null,
  ): Promise<StoredSubscription | null> {
    await manager.query(LOCK, [organizationId, id]);
    if (ownerEndMs !== null) {
      await manager.query(NOTE_OWNER_END, [organizationId, id, new Date(ownerEndMs)]);
      await manager.query(REFUND, [organizationId, id, feesAccountId(organizationId)]);
    }
    // Read only now: a statement that waited for the lock would still see what was charged as it was before.
    return this.findIn(manager, organizationId, id);
  }

  /** Whose a subscription is, for the operator, who may act in every organisation; null for nobody's. */
  async organizationOf(id: string): Promise<string | null> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string }[]>(ORGANIZATION_OF, [id]),
    );
    return rows[0]?.organization_id ?? null;
  }

  /**
   * Writes a locked subscription as it is after a change: its new charges, each once, with their transfers; and the
   * message to its key where `terms` are others than it was told. Call `announced` after the commit.
   */
  async save(
    manager: EntityManager,
    before: StoredSubscription,
    after: Subscription,
    terms: SubscriptionTerms,
    now: Date,
  ): Promise<void> {
    const { organizationId, id } = after;
    const known = newestCharge(before.subscription);
    for (const charge of after.charges) if (isAfter(charge, known)) await writeCharge(manager, after, charge);
    const newest = newestCharge(after);
    await manager.query(UPDATE, [
      organizationId,
      id,
      newest.planId,
      after.nextPlanId,
      after.endsAtMs === null ? null : new Date(after.endsAtMs),
      after.payg.enabled,
      after.payg.limitNanoUsd?.toString() ?? null,
      after.version,
      JSON.stringify(terms),
      dueAt(after, now),
      after.payg.raise?.amountNanoUsd.toString() ?? null,
      after.payg.raise?.until ?? null,
    ]);
    await this.watchPayg(manager, before.subscription.payg, after, now);
    if (isSameTerms(before.told, terms)) return;
    await this.tell(manager, organizationId, after.apiKeyId, terms);
  }

  /** More may be used of another limit of pay-as-you-go, although nobody calls. */
  private async watchPayg(manager: EntityManager, before: Payg, after: Subscription, now: Date): Promise<void> {
    const { organizationId, id, version, anchorMs, payg } = after;
    if (isDeepStrictEqual(before, payg)) return;
    const limitId = `payg:${id}`;
    const capNanoUsd = payg.enabled ? payg.limitNanoUsd : null;
    const { raise } = payg;
    const limit = { organizationId, limitId, version, capNanoUsd, reset: 'subscription', anchorMs, raise } as const;
    await noteLimits(manager, [limit], now);
    await this.relay.outbox.add(manager, { effect: LOOK_AT_LIMITS, key: limitId, payload: '' });
  }

  /** When the organisation was deleted, in ms since 1970, in the caller's transaction; null while it is there. */
  async organizationEnd(manager: EntityManager, organizationId: string): Promise<number | null> {
    const [row] = await manager.query<{ ended_at: Date }[]>(ORGANIZATION_END, [organizationId]);
    return row?.ended_at.getTime() ?? null;
  }

  /**
   * The ids of those of an organisation, or of one of its members, whose end was not told yet or lies after a moment,
   * and of those that are being made. For an organisation (null) that moment is its own end, if it is known.
   */
  async goingOn(
    organizationId: string,
    member: { readonly memberId: string; readonly endedAt: Date } | null,
  ): Promise<string[]> {
    const rows = await this.database.inOrganization(organizationId, async (manager) => {
      const endMs = member === null ? await this.organizationEnd(manager, organizationId) : member.endedAt.getTime();
      const from = endMs === null ? 'infinity' : new Date(endMs);
      return manager.query<{ id: string }[]>(GOING_ON, [organizationId, member?.memberId ?? null, from]);
    });
    return rows.map(({ id }) => id);
  }

  /** At most `count` subscriptions that must be looked at by then, of all organisations. */
  async due(by: Date, count: number): Promise<DueSubscription[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string; id: string; made: boolean; left_key_id: string | null }[]>(DUE, [
        by,
        count,
      ]),
    );
    return rows.map(({ organization_id: organizationId, id, made, left_key_id: leftKeyId }) => {
      return { organizationId, id, made, leftKeyId };
    });
  }

  /**
   * Chooses the id of the key that is to take the place of a locked subscription's own, for a request that makes it
   * until a moment, or finds the one that was chosen before. Null while another request makes it.
   */
  async chooseKey(
    manager: EntityManager,
    { organizationId, id }: Pick<Subscription, 'organizationId' | 'id'>,
    now: Date,
    until: Date,
  ): Promise<string | null> {
    const [rows] = await manager.query<[{ next_api_key_id: string }[], number]>(CHOOSE_KEY, [
      organizationId,
      id,
      randomUUID(),
      now,
      until,
    ]);
    return rows[0]?.next_api_key_id ?? null;
  }

  /** Lets the next request go on with a chosen key at once. */
  async keyFailed({ organizationId, id }: Subscription, apiKeyId: string, now: Date): Promise<void> {
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query(KEY_FAILED, [organizationId, id, apiKeyId, now]),
    );
  }

  /**
   * Gives up a key that was chosen, and whose secret nobody was shown: it is told that it has ended. One that has taken
   * its place meanwhile stays.
   */
  async giveUpKey(organizationId: string, id: string, apiKeyId: string): Promise<void> {
    await this.database.inOrganization(organizationId, async (manager) => {
      const [rows] = await manager.query<[{ anchor: Date; version: number }[], number]>(GIVE_UP_KEY, [
        organizationId,
        id,
        apiKeyId,
      ]);
      for (const { anchor, version } of rows)
        await this.tell(manager, organizationId, apiKeyId, ended(id, anchor, version + 1));
    });
    this.announced();
  }

  /** Puts a chosen key in its place; false if it was given up meanwhile. */
  async replaceKey(
    manager: EntityManager,
    { organizationId, id }: Subscription,
    { apiKeyId, maskedKey }: { readonly apiKeyId: string; readonly maskedKey: string },
  ): Promise<boolean> {
    const [rows] = await manager.query<[object[], number]>(REPLACE_KEY, [organizationId, id, apiKeyId, maskedKey]);
    return rows.length > 0;
  }

  /**
   * Gives up a subscription whose key was not made in time. Should the key be there all the same, it is told that it
   * has ended. `dueBy` is a later moment than `now` for one that nobody is to wait for any more.
   */
  async abandon(organizationId: string, id: string, now: Date, dueBy: Date = now): Promise<void> {
    await this.database.inOrganization(organizationId, async (manager) => {
      const [rows] = await manager.query<[{ api_key_id: string; anchor: Date }[], number]>(ABANDON, [
        organizationId,
        id,
        now,
        dueBy,
      ]);
      for (const { api_key_id: apiKeyId, anchor } of rows)
        await this.tell(manager, organizationId, apiKeyId, ended(id, anchor, 2));
    });
    this.announced();
  }

  /** Forgets the secrets that were kept for repeated requests which began by then. */
  async forgetSecrets(by: Date): Promise<void> {
    await this.database.acrossOrganizations((manager) => manager.query(FORGET_SECRETS, [by]));
  }

  private async tell(
    manager: EntityManager,
    organizationId: string,
    apiKeyId: string,
    terms: SubscriptionTerms,
  ): Promise<void> {
    const message: SubscriptionsChangedV1 = { eventVersion: 1, organizationId, apiKeyId, terms };
    await this.relay.outbox.add(manager, {
      effect: SUBSCRIPTIONS_CHANGED_V1,
      key: apiKeyId,
      payload: JSON.stringify(message),
    });
  }

  /** Tells of committed changes at once. */
  announced(): void {
    this.relay.wake();
  }
}

/** Writes what was charged for a cycle, and its transfer. A cycle that is free has none. */
export async function writeCharge(
  manager: EntityManager,
  { organizationId, id }: Pick<Subscription, 'organizationId' | 'id'>,
  charge: CycleCharge,
): Promise<void> {
  const chargeId = randomUUID();
  await manager.query(INSERT_CHARGE, [
    organizationId,
    id,
    charge.number,
    charge.sequence,
    chargeId,
    new Date(charge.atMs),
    new Date(charge.startMs),
    new Date(charge.endMs),
    charge.planId,
    charge.planVersion,
    charge.quotaNanoUsd.toString(),
    charge.amountNanoUsd.toString(),
  ]);
  if (charge.amountNanoUsd === 0n) return;
  const note = `subscription ${id}, cycle ${charge.number}${charge.sequence === 0 ? '' : `, change ${charge.sequence}`}`;
  await manager.query(INSERT_FEE, [
    chargeId,
    feesAccountId(organizationId),
    charge.amountNanoUsd.toString(),
    note,
    organizationId,
  ]);
}

/** When a subscription must be looked at next: its next cycle begins, or it ends. Null where it has ended by `now`. */
export function dueAt(subscription: Pick<Subscription, 'endsAtMs' | 'charges'>, now: Date): Date | null {
  const { endMs } = newestCharge(subscription);
  const { endsAtMs } = subscription;
  if (endsAtMs === null || endsAtMs > endMs) return new Date(endMs);
  return endsAtMs <= now.getTime() ? null : new Date(endsAtMs);
}

const isAfter = (charge: CycleCharge, known: CycleCharge): boolean =>
  charge.number > known.number || (charge.number === known.number && charge.sequence > known.sequence);

/** The terms of a key whose secret nobody was shown. */
const ended = (subscriptionId: string, anchor: Date, version: number): SubscriptionTerms => ({
  subscriptionId,
  version,
  anchorMs: anchor.getTime(),
  quotas: [{ fromMs: anchor.getTime(), quotaNanoUsd: '0' }],
  endsAtMs: anchor.getTime(),
  payg: null,
  markupMillionths: null,
  models: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
});
