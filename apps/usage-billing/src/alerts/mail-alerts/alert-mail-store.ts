import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { AlertMail } from './alert-mail.js';

/** A mail about an alert to one recipient, leased to the process that took it. */
export interface DueAlertMail {
  readonly id: string;
  readonly recipient: string;
  readonly mail: AlertMail;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly createdAt: Date;
}

interface DueRow {
  id: string;
  recipient: string;
  subject: string;
  body: string;
  attempts: number;
  created_at: Date;
}

/** The mails about alerts. Any process can take one that is due; each is tried until it is sent or given up. */
@Injectable()
export class AlertMailStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Writes one mail to each recipient. A mail that is there already stays as it is. Index: alert_mail_once. */
  async owe(
    { organizationId, id }: { readonly organizationId: string; readonly id: string },
    recipients: readonly string[],
    { subject, text }: AlertMail,
    now: Date,
  ): Promise<void> {
    await this.run(
      `INSERT INTO billing.alert_mail (organization_id, id, alert_id, recipient, subject, body, created_at)
       SELECT $1, id, $2, recipient, $5, $6, $7 FROM unnest($3::uuid[], $4::text[]) AS m (id, recipient)
       ON CONFLICT ON CONSTRAINT alert_mail_once DO NOTHING`,
      [organizationId, id, recipients.map(() => randomUUID()), recipients, subject, text, now],
    );
  }

  /**
   * Takes the mail that has been due longest, with a lease of `leaseMs`; null if none is due. If the lease expires
   * without a result, the mail is due again. Index: alert_mail_waiting.
   *
   * The due mail is found in a part of its own: in the FROM of the UPDATE, PostgreSQL may look for one for each row of
   * a small table, and lease several, of which only the first is sent.
   */
  async take(leaseMs: number): Promise<DueAlertMail | null> {
    const [rows] = await this.run<[DueRow[], number]>(
      `WITH due AS MATERIALIZED (
         SELECT id FROM billing.alert_mail WHERE sent_at IS NULL AND abandoned_at IS NULL AND next_attempt_at <= now()
         ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
       UPDATE billing.alert_mail AS m SET attempts = m.attempts + 1, next_attempt_at = now() + $1 * interval '1 millisecond'
       FROM due WHERE m.id = due.id RETURNING m.id, m.recipient, m.subject, m.body, m.attempts, m.created_at`,
      [leaseMs],
    );
    const row = rows[0];
    if (row === undefined) return null;
    return {
      id: row.id,
      recipient: row.recipient,
      mail: { subject: row.subject, text: row.body },
      attempt: row.attempts,
      createdAt: row.created_at,
    };
  }

  /** Index: alert_mail_pk. */
  async sent(id: string): Promise<void> {
    await this.run('UPDATE billing.alert_mail SET sent_at = now() WHERE id = $1', [id]);
  }

  /** Index: alert_mail_pk. */
  async retryIn(id: string, ms: number): Promise<void> {
    await this.run(
      `UPDATE billing.alert_mail SET next_attempt_at = now() + $2 * interval '1 millisecond' WHERE id = $1`,
      [id, ms],
    );
  }

  /** Index: alert_mail_pk. */
  async abandon(id: string): Promise<void> {
    await this.run('UPDATE billing.alert_mail SET abandoned_at = now() WHERE id = $1', [id]);
  }

  /** Counts the mails that still have to be sent, and how old the oldest is. Index: alert_mail_waiting. */
  async waiting(): Promise<{ readonly mails: number; readonly ageSeconds: number }> {
    const [row] = await this.run<{ n: number; age: number | null }[]>(
      `SELECT count(*)::integer AS n, extract(epoch FROM now() - min(created_at))::float8 AS age FROM billing.alert_mail
       WHERE sent_at IS NULL AND abandoned_at IS NULL`,
    );
    return { mails: row?.n ?? 0, ageSeconds: Math.max(0, row?.age ?? 0) };
  }

  private run<Result>(statement: string, parameters: unknown[] = []): Promise<Result> {
    return this.database.acrossOrganizations((manager) => manager.query<Result>(statement, parameters));
  }
}
