import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

/** Whom to tell of the leak of which key. */
export type OwedMail = Pick<DueMail, 'apiKeyId' | 'recipient'>;

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

/** The mails owed for leaks: each is sent until it is sent, by whichever process takes it. */
@Injectable()
export class MailStore {
  constructor(private readonly dataSource: DataSource) {}

  /** Notes in the caller's transaction that these mails are owed; one that is on record already stays as it is. */
  async owe(manager: EntityManager, mails: readonly OwedMail[], now: Date): Promise<void> {
    await manager.query(
      `INSERT INTO scanning.leak_mail (api_key_id, recipient, created_at)
       SELECT api_key_id, recipient, $3 FROM unnest($1::text[], $2::text[]) AS m (api_key_id, recipient)
       ORDER BY api_key_id, recipient ON CONFLICT ON CONSTRAINT leak_mail_once DO NOTHING`,
      [mails.map(({ apiKeyId }) => apiKeyId), mails.map(({ recipient }) => recipient), now],
    );
  }

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
}
