import type { EntityManager } from 'typeorm';
import { oneRow } from './one-row.js';
import type { OutboxRow } from './outbox.js';
import type { ServiceDatabase } from './service-database.js';

/** The entries that wait for one effect. */
export interface OutboxBacklog {
  readonly effect: string;
  readonly entries: number;
  /** Age of the oldest entry. */
  readonly ageSeconds: number;
}

interface ClaimedRow {
  id: string;
  effect: string;
  key: string;
  payload: string;
  created_at: Date;
  attempts: number;
}

/**
 * The statements of the relay. Each is a transaction of its own, so that no effect runs inside one. The relay that has
 * leased the oldest entry of a key has the whole key: no other relay can lease the key's later entries.
 */
export class OutboxClaims {
  constructor(
    private readonly database: Pick<ServiceDatabase, 'acrossOrganizations'>,
    private readonly schema: string,
  ) {}

  /**
   * Leases the oldest entries of their keys, with the later entries of the same keys, oldest first. Entries that have
   * failed are leased one key at a time, and only if there are no new ones. So an entry that can never succeed, or an
   * effect that is out of order, blocks only its own key.
   */
  async claim(effect: string, claimId: string, leaseMs: number, limit: number): Promise<OutboxRow[]> {
    return this.database.acrossOrganizations(async (manager) => {
      if (!(await this.someAreDue(manager, effect))) return [];
      const fresh = await this.lease(manager, effect, claimId, leaseMs, limit, limit, 'o.attempts = 0');
      return fresh.length > 0 ? fresh : this.lease(manager, effect, claimId, leaseMs, 1, limit, 'o.attempts > 0');
    });
  }

  /**
   * Mostly there is nothing to do, and relays look twice a second: a lease costs far more. Index: outbox_effect_key.
   */
  private async someAreDue(manager: EntityManager, effect: string): Promise<boolean> {
    const rows: unknown[] = await manager.query(
      `SELECT 1 FROM ${this.schema}.outbox WHERE effect = $1 AND claimed_until <= now() AND next_attempt_at <= now() LIMIT 1`,
      [effect],
    );
    return rows.length > 0;
  }

  // Index: outbox_effect_key (the search for an older entry), outbox_pk.
  private async lease(
    manager: EntityManager,
    effect: string,
    claimId: string,
    leaseMs: number,
    keys: number,
    rows: number,
    which: string,
  ): Promise<OutboxRow[]> {
    const claimed = await manager.query<[ClaimedRow[], number]>(
      `WITH head AS (
         SELECT o.id, o.key FROM ${this.schema}.outbox o
         WHERE o.effect = $1 AND o.claimed_until <= now() AND o.next_attempt_at <= now() AND ${which}
           AND NOT EXISTS (SELECT 1 FROM ${this.schema}.outbox older WHERE older.effect = o.effect AND older.key = o.key AND older.id < o.id)
         ORDER BY o.id LIMIT $4
         FOR UPDATE SKIP LOCKED
       ), queue AS (
         SELECT o.id FROM ${this.schema}.outbox o JOIN head ON o.effect = $1 AND o.key = head.key AND o.id >= head.id
         ORDER BY o.id LIMIT $5
       )
       UPDATE ${this.schema}.outbox o
       SET claim_id = $2, claimed_until = now() + $3 * interval '1 millisecond', attempts = o.attempts + 1
       FROM queue WHERE o.id = queue.id
       RETURNING o.id, o.effect, o.key, o.payload, o.created_at, o.attempts`,
      [effect, claimId, leaseMs, keys, rows],
    );
    return claimed[0]
      .sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1))
      .map((row) => ({
        id: row.id,
        effect: row.effect,
        key: row.key,
        payload: row.payload,
        createdAt: row.created_at,
        attempt: row.attempts,
      }));
  }

  async renew(claimId: string, leaseMs: number): Promise<void> {
    await this.run(
      `UPDATE ${this.schema}.outbox SET claimed_until = now() + $2 * interval '1 millisecond' WHERE claim_id = $1`,
      [claimId, leaseMs],
    );
  }

  async done(ids: readonly string[]): Promise<void> {
    await this.run(`DELETE FROM ${this.schema}.outbox WHERE id = ANY($1::bigint[])`, [ids]);
  }

  async failed(claimId: string, retryInMs: number): Promise<void> {
    await this.run(
      `UPDATE ${this.schema}.outbox
       SET claim_id = NULL, claimed_until = '-infinity', next_attempt_at = now() + $2 * interval '1 millisecond' WHERE claim_id = $1`,
      [claimId, retryInMs],
    );
  }

  /** The waiting entries by effect; an effect without any is left out. */
  async backlog(): Promise<OutboxBacklog[]> {
    const rows = await this.run<{ effect: string; entries: string; age: string }[]>(
      `SELECT effect, count(*) AS entries, greatest(0, extract(epoch FROM now() - min(created_at))) AS age FROM ${this.schema}.outbox GROUP BY effect`,
    );
    return rows.map(({ effect, entries, age }) => ({ effect, entries: Number(entries), ageSeconds: Number(age) }));
  }

  /** Milliseconds for which the oldest entry of these effects has waited; 0 if none waits. Index: outbox_effect_key. */
  async oldestMs(effects: readonly string[]): Promise<number> {
    const rows = await this.run<{ age: string | null }[]>(
      `SELECT extract(epoch FROM now() - min(created_at)) * 1000 AS age FROM ${this.schema}.outbox WHERE effect = ANY($1::text[])`,
      [effects],
    );
    return Math.max(0, Number(oneRow(rows).age ?? 0));
  }

  /** How many of these entries are not done yet. */
  async waiting(ids: readonly string[]): Promise<number> {
    const rows = await this.run<{ n: string }[]>(
      `SELECT count(*) AS n FROM ${this.schema}.outbox WHERE id = ANY($1::bigint[])`,
      [ids],
    );
    return Number(oneRow(rows).n);
  }

  private run<Result>(statement: string, parameters: unknown[] = []): Promise<Result> {
    return this.database.acrossOrganizations((manager: EntityManager) => manager.query<Result>(statement, parameters));
  }
}
