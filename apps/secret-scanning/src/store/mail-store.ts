import { Injectable } from '@nestjs/common';
import { oneRow, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';

/** A mail to one recipient about one leak. */
export type OwedMail = Pick<DueMail, 'organizationId' | 'apiKeyId' | 'secretId' | 'recipient'>;

/** A mail to send now, leased to the process that took it. */
export interface DueMail {
  readonly id: string;
  readonly organizationId: string;
  readonly apiKeyId: string;
  /** Empty where the whole key leaked. */
  readonly secretId: string;
  readonly recipient: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly createdAt: Date;
}

/** The number of mails that are neither sent nor given up, and the age of the oldest; 0 if there is none. */
export interface MailsWaiting {
  readonly mails: number;
  readonly ageSeconds: number;
}

interface DueRow {
  id: string;
  organization_id: string;
  api_key_id: string;
  secret_id: string;
  recipient: string;
  attempts: number;
  created_at: Date;
}

/** Stores the mails about leaks. Any process can take one that is due; each is retried until it is sent or given up. */
@Injectable()
export class MailStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Adds mails in the caller's transaction. A mail that is stored already stays as it is. */
  async owe(manager: EntityManager, mails: readonly OwedMail[], now: Date): Promise<void> {
    await manager.query(
      `INSERT INTO scanning.leak_mail (organization_id, api_key_id, secret_id, recipient, created_at)
       SELECT organization_id, api_key_id, secret_id, recipient, $5
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS m (organization_id, api_key_id, secret_id, recipient)
       ORDER BY api_key_id, secret_id, recipient ON CONFLICT ON CONSTRAINT leak_mail_once DO NOTHING`,
      [
        mails.map(({ organizationId }) => organizationId),
        mails.map(({ apiKeyId }) => apiKeyId),
        mails.map(({ secretId }) => secretId),
        mails.map(({ recipient }) => recipient),
        now,
      ],
    );
  }

  /**
   * Takes the mail that has been due longest, with a lease of `leaseMs`; null if none is due. If the lease expires
   * without a result, the mail is due again. Index: leak_mail_waiting.
   *
   * The due mail is found in a part of its own: in the FROM of the UPDATE, PostgreSQL may look for one for each row of
   * a small table, and lease several, of which only the first is sent.
   */
  async take(leaseMs: number): Promise<DueMail | null> {
    const [rows] = await this.run<[DueRow[], number]>(
      `WITH due AS MATERIALIZED (
         SELECT id FROM scanning.leak_mail WHERE sent_at IS NULL AND abandoned_at IS NULL AND next_attempt_at <= now()
         ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
       UPDATE scanning.leak_mail m SET attempts = m.attempts + 1, next_attempt_at = now() + $1 * interval '1 millisecond'
       FROM due WHERE m.id = due.id
       RETURNING m.id, m.organization_id, m.api_key_id, m.secret_id, m.recipient, m.attempts, m.created_at`,
      [leaseMs],
    );
    const row = rows[0];
    return row === undefined
      ? null
      : {
          id: row.id,
          organizationId: row.organization_id,
          apiKeyId: row.api_key_id,
          secretId: row.secret_id,
          recipient: row.recipient,
          attempt: row.attempts,
          createdAt: row.created_at,
        };
  }

  /** Counts the mails that still have to be sent. Index: leak_mail_waiting. */
  async waiting(): Promise<MailsWaiting> {
    const rows = await this.run<{ mails: string; age: string | null }[]>(
      `SELECT count(*) AS mails, extract(epoch FROM now() - min(created_at)) AS age FROM scanning.leak_mail WHERE sent_at IS NULL AND abandoned_at IS NULL`,
    );
    const { mails, age } = oneRow(rows);
    return { mails: Number(mails), ageSeconds: Math.max(0, Number(age ?? 0)) };
  }

  async sent(id: string): Promise<void> {
    await this.run(`UPDATE scanning.leak_mail SET sent_at = now() WHERE id = $1`, [id]);
  }

  async retryIn(id: string, ms: number): Promise<void> {
    await this.run(
      `UPDATE scanning.leak_mail SET next_attempt_at = now() + $2 * interval '1 millisecond' WHERE id = $1`,
      [id, ms],
    );
  }

  async abandon(id: string): Promise<void> {
    await this.run(`UPDATE scanning.leak_mail SET abandoned_at = now() WHERE id = $1`, [id]);
  }

  private run<Result>(statement: string, parameters: unknown[] = []): Promise<Result> {
    return this.database.acrossOrganizations((manager) => manager.query<Result>(statement, parameters));
  }
}
