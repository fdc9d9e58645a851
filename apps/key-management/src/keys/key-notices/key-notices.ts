import { Inject, Injectable } from '@nestjs/common';
import { Periodic } from '@tollgate/periodic';
import { Outbox, ServiceDatabase, type OutboxEntry } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { KEYS_SCHEMA } from '../../store/outbox-effects.js';
import { noticeEntry } from '../api-key/key-notice.js';
import { MailOutbox } from '../../sign-in/mails/mail-outbox.js';
import { expiryMail, rotationMail, type NoticedKey } from './notice-mails.js';

/** Keys that pass a threshold within this time are in one mail. */
const EVERY_MS = 10 * 60_000;
/** Keys that are claimed in one transaction, and told of in one mail. */
const KEYS_AT_ONCE = 10_000;
/** After this long a mail about a rotation is given up. */
const ROTATION_MAIL_MS = 7 * 86_400_000;

/** What owners are told of: that a key expires soon, or that its secret is as old as they have planned. */
type Kind = 'expiry' | 'rotation';

interface ClaimedRow {
  id: string;
  name: string;
  masked: string;
  due_at: Date;
  created_by_kind: string | null;
  created_by_id: string | null;
}

/** A key whose notice this process has claimed. */
type ClaimedKey = NoticedKey & { readonly id: string };

interface Recipient {
  readonly personId: string;
  readonly email: string;
  readonly isOwner: boolean;
}

/**
 * Tells the owners of an organisation, and the makers of keys, that keys expire in 14, 3 and 1 days, and that planned
 * rotations are due. Each notice is claimed by a row that is written with its mail, so it is told once, however many
 * processes look, and whenever they start.
 */
@Injectable()
export class KeyNotices {
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly periodic = new Periodic(() => this.run(), { everyMs: EVERY_MS, background: true });

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(MailOutbox) private readonly mails: Pick<MailOutbox, 'add'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(): void {
    this.periodic.start();
  }

  stop(): Promise<void> {
    return this.periodic.stop();
  }

  /** Writes down the mails that are due at `now`; resolves with the number of notices that they tell. */
  async tell(now: Date): Promise<number> {
    let told = 0;
    for (const kind of ['expiry', 'rotation'] as const) {
      for (const organizationId of await this.organizationsWithDue(kind, now)) {
        for (let claimed = KEYS_AT_ONCE; claimed === KEYS_AT_ONCE; told += claimed)
          claimed = await this.tellOrganization(organizationId, kind, now);
      }
    }
    return told;
  }

  /** Indexes: api_key_expiring, api_key_to_rotate, api_key_secret_by_key, organization_pk, key_notice_pk. */
  private async organizationsWithDue(kind: Kind, now: Date): Promise<string[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string }[]>(ORGANIZATIONS_WITH_DUE[kind], [now]),
    );
    return rows.map((row) => row.organization_id);
  }

  private tellOrganization(organizationId: string, kind: Kind, now: Date): Promise<number> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const keys = await claim(manager, organizationId, kind, now);
      if (keys.length === 0) return 0;
      await this.outbox.add(manager, ...keys.map((key) => noticeOf(organizationId, kind, key, now)));
      const name = await organizationName(manager, organizationId);
      for (const recipient of await recipientsOf(manager, organizationId, keys)) {
        const theirs = recipient.isOwner ? keys : keys.filter(({ makerId }) => makerId === recipient.personId);
        const mail = kind === 'expiry' ? expiryMail(name, theirs, now) : rotationMail(name, theirs);
        await this.mails.add(manager, { to: recipient.email, ...mail, until: untilOf(kind, theirs, now) });
      }
      return keys.length;
    });
  }

  private async run(): Promise<void> {
    try {
      const notices = await this.tell(new Date());
      if (notices > 0)
        this.logger.info({ notices }, 'people are sent mails about keys that expire or are to be rotated');
    } catch (err) {
      this.logger.warn({ err }, 'mails about keys that expire or are to be rotated could not be written down');
    }
  }
}

/**
 * The notices that are due at $1. Of the thresholds that a key has passed only the nearest counts, so that a key is
 * told of once after an outage; one that was passed before the key had this expiry counts as told, so that a key with
 * two days to live is told of when it has one. Disabled and revoked keys are not told of.
 */
const DUE_EXPIRIES = `
  SELECT k.organization_id, k.id, k.expires_at AS due_at, nearest.days FROM keys.api_key AS k
  JOIN keys.organization AS o ON o.id = k.organization_id AND o.deleted_at IS NULL
  CROSS JOIN LATERAL (SELECT CASE
    WHEN k.expires_at <= $1::timestamptz + interval '24 hours' THEN 1
    WHEN k.expires_at <= $1::timestamptz + interval '72 hours' THEN 3
    ELSE 14 END AS days) AS nearest
  WHERE k.expires_at > $1::timestamptz AND k.expires_at <= $1::timestamptz + interval '336 hours'
    AND k.revoked_at IS NULL AND k.disabled_at IS NULL
    AND coalesce(k.expires_set_at, k.created_at) < k.expires_at - nearest.days * interval '24 hours'
    AND NOT EXISTS (SELECT 1 FROM keys.key_notice AS n WHERE n.organization_id = k.organization_id AND n.api_key_id = k.id
      AND n.kind = 'expiry' AND n.due_at = k.expires_at AND n.days_before <= nearest.days)`;

/** A rotation is due once the present secret is as old as planned. A new secret, or another plan, is another date. */
const DUE_ROTATIONS = `
  SELECT k.organization_id, k.id, due.due_at, 0 AS days FROM keys.api_key AS k
  JOIN keys.organization AS o ON o.id = k.organization_id AND o.deleted_at IS NULL
  CROSS JOIN LATERAL (SELECT max(s.created_at) + k.rotate_every_days * interval '24 hours' AS due_at
    FROM keys.api_key_secret AS s WHERE s.api_key_id = k.id) AS due
  WHERE k.rotate_every_days IS NOT NULL AND k.revoked_at IS NULL AND k.disabled_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > $1::timestamptz) AND due.due_at <= $1::timestamptz
    AND NOT EXISTS (SELECT 1 FROM keys.key_notice AS n WHERE n.organization_id = k.organization_id AND n.api_key_id = k.id
      AND n.kind = 'rotation' AND n.due_at = due.due_at)`;

const DUE: Readonly<Record<Kind, string>> = { expiry: DUE_EXPIRIES, rotation: DUE_ROTATIONS };

const organizationsOf = (due: string): string =>
  `SELECT DISTINCT organization_id FROM (${due}) AS due ORDER BY organization_id`;
const ORGANIZATIONS_WITH_DUE: Readonly<Record<Kind, string>> = {
  expiry: organizationsOf(DUE_EXPIRIES),
  rotation: organizationsOf(DUE_ROTATIONS),
};

/**
 * Claims notices of one organisation and gives their keys, the first one first. A notice that another transaction
 * claims is waited for, and is not given here then. Indexes: key_notice_pk, api_key_pk, api_key_secret_by_key.
 */
async function claim(manager: EntityManager, organizationId: string, kind: Kind, now: Date): Promise<ClaimedKey[]> {
  const rows = await manager.query<ClaimedRow[]>(
    `WITH due AS (${DUE[kind]} AND k.organization_id = $2 ORDER BY due_at, id LIMIT $4),
     claimed AS (
       INSERT INTO keys.key_notice (organization_id, api_key_id, kind, due_at, days_before, claimed_at)
       SELECT organization_id, id, $3, due_at, days, $1 FROM due ORDER BY id
       ON CONFLICT ON CONSTRAINT key_notice_pk DO NOTHING RETURNING api_key_id, due_at)
     SELECT k.id, k.name, k.created_by_kind, k.created_by_id, claimed.due_at,
       (SELECT masked FROM keys.api_key_secret WHERE api_key_id = k.id ORDER BY created_at DESC, digest LIMIT 1) AS masked
     FROM claimed JOIN keys.api_key AS k ON k.id = claimed.api_key_id ORDER BY claimed.due_at, k.id`,
    [now, organizationId, kind, KEYS_AT_ONCE],
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    maskedKey: row.masked,
    dueAt: row.due_at,
    makerId: row.created_by_kind === 'person' ? row.created_by_id : null,
  }));
}

/** What webhooks are told of a key that a mail tells of. */
function noticeOf(organizationId: string, kind: Kind, key: ClaimedKey, now: Date): OutboxEntry {
  const due = key.dueAt.toISOString();
  return kind === 'expiry'
    ? noticeEntry('api_key.expiring', { ...key, organizationId }, now, { expires_at: due })
    : noticeEntry('api_key.rotation_due', { ...key, organizationId }, now, { due_at: due });
}

/** Index: organization_pk. */
async function organizationName(manager: EntityManager, organizationId: string): Promise<string> {
  const [row] = await manager.query<{ name: string }[]>('SELECT name FROM keys.organization WHERE id = $1', [
    organizationId,
  ]);
  return row?.name ?? organizationId;
}

/** The owners, and those makers of the keys who are members still. Index: person_pk. */
async function recipientsOf(
  manager: EntityManager,
  organizationId: string,
  keys: readonly NoticedKey[],
): Promise<Recipient[]> {
  const makers = [...new Set(keys.flatMap(({ makerId }) => makerId ?? []))];
  const rows = await manager.query<{ person_id: string; email: string; role: string }[]>(
    `SELECT m.person_id, p.email, m.role FROM keys.member AS m JOIN keys.person AS p ON p.id = m.person_id
     WHERE m.organization_id = $1 AND (m.role = 'owner' OR m.person_id = ANY($2::uuid[])) ORDER BY p.email`,
    [organizationId, makers],
  );
  return rows.map((row) => ({ personId: row.person_id, email: row.email, isOwner: row.role === 'owner' }));
}

/** When a mail says nothing any more that holds: a key that has expired needs no notice. */
function untilOf(kind: Kind, keys: readonly NoticedKey[], now: Date): Date {
  if (kind === 'rotation') return new Date(now.getTime() + ROTATION_MAIL_MS);
  return new Date(Math.max(...keys.map(({ dueAt }) => dueAt.getTime())));
}
