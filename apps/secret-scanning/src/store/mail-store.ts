import type { DataSource } from 'typeorm';
import type { LeakReport } from '../leak-mail/leak-mail.js';

/** A mail that is owed, leased to whoever took it. */
export interface DueMail {
  readonly id: string;
  readonly apiKeyId: string;
  readonly recipient: string;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly createdAt: Date;
}

/** Mails that are neither sent nor given up, and the age of the oldest; 0 where there is none. */
export interface MailsWaiting {
  readonly mails: number;
  readonly ageSeconds: number;
}

interface LeakRow {
  organization_id: string;
  key_name: string;
  masked_key: string;
  revoked_at: Date;
  reported_at: Date;
}

/** The mails owed for leaks: each is sent until it is sent, by whichever process takes it. */
export class MailStore {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Takes the mail that is due longest, for `leaseMs`: after that, without a word, it is due again. Index:
   * leak_mail_waiting.
   */
  async take(leaseMs: number): Promise<DueMail | null> {
    const [rows] = await this.dataSource.query<
      [{ id: string; api_key_id: string; recipient: string; attempts: number; created_at: Date }[], number]
    >(
      `UPDATE scanning.leak_mail m SET attempts = m.attempts + 1, next_attempt_at = now() + $1 * interval '1 millisecond'
       FROM (SELECT id FROM scanning.leak_mail WHERE sent_at IS NULL AND abandoned_at IS NULL AND next_attempt_at <= now()
             ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) due
       WHERE m.id = due.id RETURNING m.id, m.api_key_id, m.recipient, m.attempts, m.created_at`,
      [leaseMs],
    );
    const row = rows[0];
    return row === undefined
      ? null
      : {
          id: row.id,
          apiKeyId: row.api_key_id,
          recipient: row.recipient,
          attempt: row.attempts,
          createdAt: row.created_at,
        };
  }

  /** Index: leak_mail_waiting. */
  async waiting(): Promise<MailsWaiting> {
    const rows: { mails: string; age: string | null }[] = await this.dataSource.query(
      `SELECT count(*) AS mails, extract(epoch FROM now() - min(created_at)) AS age FROM scanning.leak_mail WHERE sent_at IS NULL AND abandoned_at IS NULL`,
    );
    return { mails: Number(rows[0]!.mails), ageSeconds: Math.max(0, Number(rows[0]!.age ?? 0)) };
  }

  async sent(id: string): Promise<void> {
    await this.dataSource.query(`UPDATE scanning.leak_mail SET sent_at = now() WHERE id = $1`, [id]);
  }

  async retryIn(id: string, ms: number): Promise<void> {
    await this.dataSource.query(
      `UPDATE scanning.leak_mail SET next_attempt_at = now() + $2 * interval '1 millisecond' WHERE id = $1`,
      [id, ms],
    );
  }

  async abandon(id: string): Promise<void> {
    await this.dataSource.query(`UPDATE scanning.leak_mail SET abandoned_at = now() WHERE id = $1`, [id]);
  }

  /** The leak of a key, with all places known by now, first seen first. Index: finding_by_key. */
  async leakOf(apiKeyId: string): Promise<LeakReport> {
    const rows: LeakRow[] = await this.dataSource.query(
      `SELECT organization_id, key_name, masked_key, revoked_at, reported_at FROM scanning.leak WHERE api_key_id = $1`,
      [apiKeyId],
    );
    const places: { origin: string; source: string; url: string }[] = await this.dataSource.query(
      `SELECT origin, source, url FROM scanning.finding WHERE api_key_id = $1 ORDER BY received_at, id LIMIT 1000`,
      [apiKeyId],
    );
    const leak = rows[0]!;
    return {
      organizationId: leak.organization_id,
      keyName: leak.key_name,
      maskedKey: leak.masked_key,
      revokedAt: leak.revoked_at,
      reportedAt: leak.reported_at,
      places,
    };
  }
}
