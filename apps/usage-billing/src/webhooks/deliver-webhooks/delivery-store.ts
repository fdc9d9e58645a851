import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { momentText, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords } from '../../audit/audit-records.js';
import { webhookAct } from '../webhook-audit.js';
import { bodyOf, messageIdOf, type Notice } from '../webhook-events.js';
import type { Webhook } from '../webhook.js';
import type { Attempt, AttemptError } from './post-webhook.js';

/** A message to one webhook, and what came of its attempts. */
export interface Delivery {
  readonly organizationId: string;
  readonly id: string;
  readonly webhookId: string;
  readonly messageId: string;
  readonly type: string;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  /** When it is tried again; null once it is delivered or given up. */
  readonly nextAttemptAt: Date | null;
  readonly lastAttemptAt: Date | null;
  readonly lastStatus: number | null;
  readonly lastError: AttemptError | 'webhook_disabled' | null;
  readonly lastDurationMs: number | null;
  readonly createdAt: Date;
}

/** A message to send now, leased to the process that took it. */
export interface DueDelivery {
  readonly organizationId: string;
  readonly id: string;
  readonly webhookId: string;
  readonly messageId: string;
  readonly type: string;
  readonly body: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Its first attempt, or its last replay. */
  readonly retriedSince: Date;
  readonly url: string;
  /** Sealed. The second one is there while the secret is rotated. */
  readonly secrets: readonly string[];
}

/** What becomes of a message after an attempt; `retryInMs` is null if there is no other attempt. */
export interface AttemptOutcome {
  readonly attempt: Attempt;
  readonly state: Delivery['state'];
  readonly retryInMs: number | null;
}

/** Where a delivery stands in the list: when it was created, to the microsecond, and its id. */
export type DeliveryPosition = readonly [createdAt: string, id: string];

/** A delivery in a list. */
export interface ListedDelivery {
  readonly delivery: Delivery;
  readonly position: DeliveryPosition;
}

interface DeliveryRow {
  organization_id: string;
  id: string;
  webhook_id: string;
  message_id: string;
  type: string;
  state: Delivery['state'];
  attempts: number;
  next_attempt_at: Date;
  last_attempt_at: Date | null;
  last_status: number | null;
  last_error: Delivery['lastError'];
  last_duration_ms: number | null;
  created_at: Date;
}

interface DueRow {
  organization_id: string;
  id: string;
  webhook_id: string;
  message_id: string;
  type: string;
  body: string;
  attempts: number;
  retried_since: Date;
  url: string;
  secret: string;
  former_secret: string | null;
}

const COLUMNS = `organization_id, id, webhook_id, message_id, type, state, attempts, next_attempt_at, last_attempt_at,
  last_status, last_error, last_duration_ms, created_at`;

/** Index: webhook_delivery_listed. */
const SELECT_DELIVERIES = `SELECT ${COLUMNS}, ${momentText('created_at')} AS created_at_text FROM billing.webhook_delivery
  WHERE organization_id = $1 AND webhook_id = $2 AND ($5::text IS NULL OR state = $5)
    AND ($3::timestamptz IS NULL OR (created_at, id) < ($3::timestamptz, $4::uuid))
  ORDER BY created_at DESC, id DESC LIMIT $6`;

const DUE_COLUMNS = `d.organization_id, d.id, d.webhook_id, d.message_id, d.type, d.body, d.attempts, d.retried_since, w.url,
  w.secret, CASE WHEN w.former_secret_until > now() THEN w.former_secret END AS former_secret`;

/**
 * Writes messages to all webhooks of their organisations that ask for them, in the caller's transaction across
 * organisations. A message that a webhook has already stays as it is. A webhook that is deleted meanwhile is passed
 * over. Index: webhook_pk.
 */
export async function addDeliveries(manager: EntityManager, notices: readonly Notice[], now: Date): Promise<void> {
  if (notices.length === 0) return;
  await manager.query(
    `INSERT INTO billing.webhook_delivery (organization_id, id, webhook_id, message_id, type, body, retried_since, created_at)
     SELECT w.organization_id, gen_random_uuid(), w.id, n.message_id, n.type, n.body, $5, $5
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n (organization_id, message_id, type, body)
     JOIN billing.webhook AS w ON w.organization_id = n.organization_id AND n.type = ANY (w.events) AND w.disabled_at IS NULL
     FOR KEY SHARE OF w
     ON CONFLICT ON CONSTRAINT webhook_delivery_once DO NOTHING`,
    [
      notices.map(({ organizationId }) => organizationId),
      notices.map(({ noticeId }) => messageIdOf(noticeId)),
      notices.map(({ type }) => type),
      notices.map(bodyOf),
      now,
    ],
  );
}

/** One message to one webhook. */
interface DeliveryTo {
  readonly webhook: Webhook;
  readonly id: string;
}

/** The messages to webhooks. Any process can take one that is due. */
@Injectable()
export class DeliveryStore {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditRecords,
  ) {}

  /**
   * Writes one message to one webhook and leases it to the caller, who sends it now; null if the webhook is not there.
   * Index: webhook_pk.
   */
  async addTaken(
    { webhook, id }: DeliveryTo,
    notice: Notice,
    actor: Actor,
    now: Date,
    leaseMs: number,
  ): Promise<DueDelivery | null> {
    const { organizationId, id: webhookId } = webhook;
    const taken = await this.database.inOrganization(organizationId, async (manager) => {
      const rows = await manager.query<DueRow[]>(
        `WITH d AS (
           INSERT INTO billing.webhook_delivery (organization_id, id, webhook_id, message_id, type, body, attempts, leased_until,
             retried_since, created_at)
           SELECT organization_id, $3::uuid, id, $4, $5, $6, 1, now() + $7 * interval '1 millisecond', $8, $8 FROM billing.webhook
           WHERE organization_id = $1 AND id = $2 FOR KEY SHARE
           RETURNING *)
         SELECT ${DUE_COLUMNS} FROM d JOIN billing.webhook AS w ON w.organization_id = d.organization_id AND w.id = d.webhook_id`,
        [organizationId, webhookId, id, messageIdOf(notice.noticeId), notice.type, bodyOf(notice), leaseMs, now],
      );
      if (rows[0] === undefined) return null;
      await this.audit.add(manager, webhookAct(actor, 'tested', both(webhook), { delivery_id: id }));
      return dueOf(rows[0]);
    });
    this.audit.announced();
    return taken;
  }

  /**
   * Takes the message that has been due longest, with a lease of `leaseMs`; null if none is due. A webhook that another
   * attempt is under way to waits for its end, so that a slow one takes no more than one place. If the lease expires
   * without a result, the message is due again. Indexes: webhook_delivery_due, webhook_delivery_pending.
   *
   * The due message is found in a part of its own: in the FROM of the UPDATE, PostgreSQL may look for one for each row
   * of a small table, and lease several, of which only the first is sent.
   */
  async take(leaseMs: number): Promise<DueDelivery | null> {
    const [rows] = await this.run<[DueRow[], number]>(
      `WITH first AS MATERIALIZED (
         SELECT due.id FROM billing.webhook_delivery AS due
         WHERE due.state = 'pending' AND due.next_attempt_at <= now() AND due.leased_until <= now()
           AND NOT EXISTS (SELECT FROM billing.webhook_delivery AS busy
             WHERE busy.webhook_id = due.webhook_id AND busy.state = 'pending' AND busy.leased_until > now())
         ORDER BY due.next_attempt_at, due.id LIMIT 1 FOR UPDATE OF due SKIP LOCKED)
       UPDATE billing.webhook_delivery AS d SET attempts = d.attempts + 1, leased_until = now() + $1 * interval '1 millisecond'
       FROM first, billing.webhook AS w
       WHERE d.id = first.id AND w.organization_id = d.organization_id AND w.id = d.webhook_id
       RETURNING ${DUE_COLUMNS}`,
      [leaseMs],
    );
    return rows[0] === undefined ? null : dueOf(rows[0]);
  }

  /**
   * Stores what came of an attempt. A result that comes after the lease has expired, and the message was taken again,
   * is not stored. Index: webhook_delivery_pk.
   */
  async attempted({ id, attempt: number }: DueDelivery, { attempt, state, retryInMs }: AttemptOutcome): Promise<void> {
    await this.run(
      `UPDATE billing.webhook_delivery SET state = $3, leased_until = '-infinity', last_attempt_at = now(), last_status = $4,
         last_error = $5, last_duration_ms = $6, next_attempt_at = now() + coalesce($7::bigint, 0) * interval '1 millisecond'
       WHERE id = $1 AND attempts = $2 AND state = 'pending'`,
      [id, number, state, attempt.status, attempt.error, attempt.durationMs, retryInMs],
    );
  }

  /** Null if the webhook has no such delivery. Index: webhook_delivery_pk. */
  async find(organizationId: string, webhookId: string, id: string): Promise<Delivery | null> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<DeliveryRow[]>(
        `SELECT ${COLUMNS} FROM billing.webhook_delivery WHERE id = $3 AND organization_id = $1 AND webhook_id = $2`,
        [organizationId, webhookId, id],
      ),
    );
    return rows[0] === undefined ? null : deliveryOf(rows[0]);
  }

  /** The first `count` behind a position, newest first; null for all. */
  async list(
    organizationId: string,
    webhookId: string,
    count: number,
    after: DeliveryPosition | null,
    state: Delivery['state'] | null,
  ): Promise<ListedDelivery[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<(DeliveryRow & { created_at_text: string })[]>(SELECT_DELIVERIES, [
        organizationId,
        webhookId,
        after?.[0] ?? null,
        after?.[1] ?? null,
        state,
        count,
      ]),
    );
    return rows.map((row) => ({ delivery: deliveryOf(row), position: [row.created_at_text, row.id] }));
  }

  /**
   * Makes a message due again, for another day; null if the webhook has none with this id. One that is pending is due
   * at once. Index: webhook_delivery_pk.
   */
  async replay({ webhook, id }: DeliveryTo, actor: Actor, now: Date): Promise<Delivery | null> {
    const { organizationId, id: webhookId } = webhook;
    const replayed = await this.database.inOrganization(organizationId, async (manager) => {
      const [[row]] = await manager.query<[DeliveryRow[], number]>(
        `UPDATE billing.webhook_delivery SET state = 'pending', retried_since = $4, next_attempt_at = now()
         WHERE id = $3 AND organization_id = $1 AND webhook_id = $2 RETURNING ${COLUMNS}`,
        [organizationId, webhookId, id, now],
      );
      if (row === undefined) return null;
      await this.audit.add(manager, webhookAct(actor, 'replayed', both(webhook), { delivery_id: id }));
      return deliveryOf(row);
    });
    this.audit.announced();
    return replayed;
  }

  /** Deletes messages that were written before `before`, whatever came of them. Index: webhook_delivery_by_age. */
  async forgetBefore(before: Date): Promise<void> {
    await this.run('DELETE FROM billing.webhook_delivery WHERE created_at < $1', [before]);
  }

  /** Counts the messages that wait, and how long the oldest has; 0 if none waits. Index: webhook_delivery_due. */
  async waiting(): Promise<{ readonly deliveries: number; readonly ageSeconds: number }> {
    const [row] = await this.run<{ n: number; age: number | null }[]>(
      `SELECT count(*)::integer AS n, extract(epoch FROM now() - min(next_attempt_at))::float8 AS age
       FROM billing.webhook_delivery WHERE state = 'pending'`,
    );
    return { deliveries: row?.n ?? 0, ageSeconds: Math.max(0, row?.age ?? 0) };
  }

  private run<Result>(statement: string, parameters: unknown[] = []): Promise<Result> {
    return this.database.acrossOrganizations((manager) => manager.query<Result>(statement, parameters));
  }
}

/** What is sent to a webhook changes none of its fields. */
const both = (webhook: Webhook) => ({ before: webhook, after: webhook });

function dueOf(row: DueRow): DueDelivery {
  return {
    organizationId: row.organization_id,
    id: row.id,
    webhookId: row.webhook_id,
    messageId: row.message_id,
    type: row.type,
    body: row.body,
    attempt: row.attempts,
    retriedSince: row.retried_since,
    url: row.url,
    secrets: row.former_secret === null ? [row.secret] : [row.secret, row.former_secret],
  };
}

function deliveryOf(row: DeliveryRow): Delivery {
  return {
    organizationId: row.organization_id,
    id: row.id,
    webhookId: row.webhook_id,
    messageId: row.message_id,
    type: row.type,
    state: row.state,
    attempts: row.attempts,
    nextAttemptAt: row.state === 'pending' ? row.next_attempt_at : null,
    lastAttemptAt: row.last_attempt_at,
    lastStatus: row.last_status,
    lastError: row.last_error,
    lastDurationMs: row.last_duration_ms,
    createdAt: row.created_at,
  };
}
