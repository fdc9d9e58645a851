import { Injectable } from '@nestjs/common';
import { NOBODY, type Actor } from '@tollgate/auth';
import { momentText, oneRow, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords } from '../audit/audit-records.js';
import { lockOrganizations } from '../store/organization-lock.js';
import { webhookAct } from './webhook-audit.js';
import type { WebhookEvent } from './webhook-events.js';
import { WEBHOOKS_MAX, type Webhook } from './webhook.js';

/** Who changes a webhook, and what that is. */
export interface WebhookChange {
  readonly actor: Actor;
  readonly act: 'updated' | 'rotated' | 'disabled';
}

/** Where a webhook stands in the list: when it was created, to the microsecond, and its id. */
export type WebhookPosition = readonly [createdAt: string, id: string];

/** A webhook in a list. */
export interface ListedWebhook {
  readonly webhook: Webhook;
  readonly position: WebhookPosition;
}

interface WebhookRow {
  organization_id: string;
  id: string;
  url: string;
  events: WebhookEvent[];
  description: string | null;
  secret: string;
  former_secret: string | null;
  former_secret_until: Date | null;
  disabled_at: Date | null;
  disabled_reason: 'by_hand' | 'gone' | null;
  created_at: Date;
  version: number;
}

const COLUMNS = `organization_id, id, url, events, description, secret, former_secret, former_secret_until, disabled_at,
  disabled_reason, created_at, version`;

/** Index: webhook_pk. */
const SELECT_WEBHOOK = `SELECT ${COLUMNS} FROM billing.webhook WHERE organization_id = $1 AND id = $2`;

/** An organisation has few: they are sorted as they are read. Index: webhook_pk. */
const SELECT_WEBHOOKS = `SELECT ${COLUMNS}, ${momentText('created_at')} AS created_at_text FROM billing.webhook
  WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2::timestamptz, $3::uuid))
  ORDER BY created_at DESC, id DESC LIMIT $4`;

/** The webhooks of organisations. Their secrets are sealed. */
@Injectable()
export class WebhookStore {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditRecords,
  ) {}

  /**
   * Inserts a webhook in a transaction about its organisation; false if that has as many as it may have. Call
   * `announced` after the commit. Index: webhook_pk.
   */
  async insert(manager: EntityManager, webhook: Webhook, actor: Actor): Promise<boolean> {
    await lockOrganizations(manager, [webhook.organizationId]);
    const { n } = oneRow<{ n: number }>(
      await manager.query('SELECT count(*)::integer AS n FROM billing.webhook WHERE organization_id = $1', [
        webhook.organizationId,
      ]),
    );
    if (n >= WEBHOOKS_MAX) return false;
    await manager.query(
      `INSERT INTO billing.webhook (organization_id, id, url, events, description, secret, created_at, version)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        webhook.organizationId,
        webhook.id,
        webhook.url,
        webhook.events,
        webhook.description,
        webhook.secret,
        webhook.createdAt,
        webhook.version,
      ],
    );
    await this.audit.add(manager, webhookAct(actor, 'created', { before: null, after: webhook }));
    return true;
  }

  /** Tells of committed changes at once. */
  announced(): void {
    this.audit.announced();
  }

  /** Null if the organisation has no such webhook. */
  async find(organizationId: string, id: string): Promise<Webhook | null> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<WebhookRow[]>(SELECT_WEBHOOK, [organizationId, id]),
    );
    return rows[0] === undefined ? null : webhookOf(rows[0]);
  }

  /** The first `count` behind a position, newest first; null for all. */
  async list(organizationId: string, count: number, after: WebhookPosition | null): Promise<ListedWebhook[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<(WebhookRow & { created_at_text: string })[]>(SELECT_WEBHOOKS, [
        organizationId,
        after?.[0] ?? null,
        after?.[1] ?? null,
        count,
      ]),
    );
    return rows.map((row) => ({ webhook: webhookOf(row), position: [row.created_at_text, row.id] }));
  }

  /**
   * Changes a webhook under its lock, and resolves with it as it is then; null if the organisation has none with this
   * id. `decide` gives null for no change, and may throw. What waits for a webhook that is disabled is given up.
   */
  async change(
    organizationId: string,
    id: string,
    change: WebhookChange,
    decide: (webhook: Webhook) => Webhook | null,
  ): Promise<Webhook | null> {
    const changed = await this.database.inOrganization(organizationId, (manager) =>
      this.changeIn(manager, organizationId, id, change, decide),
    );
    this.announced();
    return changed;
  }

  /** The same in the caller's transaction about the organisation. Call `announced` after its commit. */
  async changeIn(
    manager: EntityManager,
    organizationId: string,
    id: string,
    { actor, act }: WebhookChange,
    decide: (webhook: Webhook) => Webhook | null,
  ): Promise<Webhook | null> {
    const [row] = await manager.query<WebhookRow[]>(`${SELECT_WEBHOOK} FOR UPDATE`, [organizationId, id]);
    if (row === undefined) return null;
    const before = webhookOf(row);
    const after = decide(before);
    if (after === null) return before;
    await save(manager, after);
    if (after.disabled !== null) await giveUp(manager, after);
    await this.audit.add(manager, webhookAct(actor, act, { before, after }));
    return after;
  }

  /** Deletes a webhook with its deliveries; null if there is none. `allow` may throw. Index: webhook_pk. */
  async delete(
    organizationId: string,
    id: string,
    actor: Actor,
    allow: (webhook: Webhook) => void,
  ): Promise<Webhook | null> {
    const deleted = await this.database.inOrganization(organizationId, async (manager) => {
      const [row] = await manager.query<WebhookRow[]>(`${SELECT_WEBHOOK} FOR UPDATE`, [organizationId, id]);
      if (row === undefined) return null;
      const webhook = webhookOf(row);
      allow(webhook);
      await manager.query('DELETE FROM billing.webhook WHERE organization_id = $1 AND id = $2', [organizationId, id]);
      await this.audit.add(manager, webhookAct(actor, 'deleted', { before: webhook, after: null }));
      return webhook;
    });
    this.announced();
    return deleted;
  }

  /** Sends nothing more to a webhook that has answered that it is gone. Index: webhook_pk. */
  async disableGone(organizationId: string, id: string, now: Date): Promise<void> {
    await this.change(organizationId, id, { actor: NOBODY, act: 'disabled' }, (webhook) =>
      webhook.disabled !== null
        ? null
        : { ...webhook, disabled: { at: now, reason: 'gone' }, version: webhook.version + 1 },
    );
  }
}

/** Index: webhook_pk. */
async function save(manager: EntityManager, webhook: Webhook): Promise<void> {
  const { organizationId, id, url, events, description, secret, formerSecret, disabled, version } = webhook;
  await manager.query(
    `UPDATE billing.webhook SET url = $3, events = $4, description = $5, secret = $6, former_secret = $7,
       former_secret_until = $8, disabled_at = $9, disabled_reason = $10, version = $11
     WHERE organization_id = $1 AND id = $2`,
    [
      organizationId,
      id,
      url,
      events,
      description,
      secret,
      formerSecret?.sealed ?? null,
      formerSecret?.until ?? null,
      disabled?.at ?? null,
      disabled?.reason ?? null,
      version,
    ],
  );
}

/** Index: webhook_delivery_listed. */
async function giveUp(manager: EntityManager, { organizationId, id }: Webhook): Promise<void> {
  await manager.query(
    `UPDATE billing.webhook_delivery SET state = 'failed', last_error = coalesce(last_error, 'webhook_disabled')
     WHERE organization_id = $1 AND webhook_id = $2 AND state = 'pending'`,
    [organizationId, id],
  );
}

function webhookOf(row: WebhookRow): Webhook {
  const { former_secret: former, former_secret_until: until, disabled_at: at, disabled_reason: reason } = row;
  return {
    organizationId: row.organization_id,
    id: row.id,
    url: row.url,
    events: row.events,
    description: row.description,
    secret: row.secret,
    formerSecret: former === null || until === null ? null : { sealed: former, until },
    disabled: at === null || reason === null ? null : { at, reason },
    createdAt: row.created_at,
    version: row.version,
  };
}
