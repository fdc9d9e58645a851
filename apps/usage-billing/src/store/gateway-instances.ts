import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';

/** A process of a gateway, with the journal that it writes. */
export interface GatewayInstance {
  readonly instanceId: string;
  readonly journalId: string;
}

/** What is known of the process that writes a journal. */
export type JournalOwner = 'running' | 'gone' | 'unknown';

/**
 * SQL: whether the holds of a gateway process stand. Those of a process that is gone do while another gateway claims
 * its journal: their finals are on their way. An epoch that is opened meanwhile waits for them, until they are
 * resolved. It reads the present time, not that of the transaction's begin: who has waited for an organisation's lock
 * must not take for claimed what `unresolved` has found unclaimed before. Index: gateway_instance_unresolved.
 */
export const HOLDS_STAND = `resolved_at IS NULL
  AND (gone_at IS NULL OR coalesce(claimed_at > clock_timestamp() - interval '30 seconds', false))`;

/** The gateway processes to watch, and whether holds are carried (`ReleaseCarriedHolds`). */
export interface WatchedInstances {
  readonly instances: readonly { readonly instanceId: string; readonly gone: boolean }[];
  readonly isCarrying: boolean;
}

/** Stores gateway processes beyond their end: which must announce under a new epoch, and whose holds are orphans. */
@Injectable()
export class GatewayInstances {
  constructor(private readonly database: ServiceDatabase) {}

  /**
   * Registers an instance, and marks earlier instances of its journal as gone in the same transaction. `cameBack` says
   * whether this instance had counted as gone. Indexes: gateway_instance_by_journal, gateway_instance_pk.
   */
  async register({ instanceId, journalId }: GatewayInstance): Promise<{ readonly cameBack: boolean }> {
    return this.database.acrossOrganizations(async (manager) => {
      // What the journal held is on the bus, so nobody else need ship it.
      await manager.query(
        `UPDATE billing.gateway_instance SET gone_at = coalesce(gone_at, now()), claimed_at = NULL
         WHERE journal_id = $1 AND instance_id <> $2 AND (gone_at IS NULL OR claimed_at IS NOT NULL)`,
        [journalId, instanceId],
      );
      const before: { gone: boolean }[] = await manager.query(
        'SELECT gone_at IS NOT NULL AS gone FROM billing.gateway_instance WHERE instance_id = $1 FOR UPDATE',
        [instanceId],
      );
      await manager.query(
        `INSERT INTO billing.gateway_instance (instance_id, journal_id) VALUES ($1, $2)
         ON CONFLICT (instance_id) DO UPDATE SET gone_at = NULL, resolved_at = NULL, claimed_at = NULL`,
        [instanceId, journalId],
      );
      return { cameBack: before[0]?.gone ?? false };
    });
  }

  /**
   * Instances that are running, and those that went within the last hour and may come back. It is asked each second,
   * and says with that whether any process has carried a hold, so that nobody else needs to ask each second.
   */
  async watched(): Promise<WatchedInstances> {
    const rows = await this.run<{ instance_id: string | null; gone: boolean; is_carrying: boolean }[]>(
      `SELECT g.instance_id, g.gone_at IS NOT NULL AS gone, carried.is_carrying
       FROM (SELECT EXISTS (SELECT FROM billing.carried_hold) AS is_carrying) AS carried
       LEFT JOIN billing.gateway_instance AS g ON g.gone_at IS NULL OR g.gone_at > now() - interval '1 hour'`,
    );
    return {
      instances: rows.flatMap(({ instance_id: instanceId, gone }) =>
        instanceId === null ? [] : [{ instanceId, gone }],
      ),
      isCarrying: rows[0]?.is_carrying ?? false,
    };
  }

  async markGone(instanceIds: readonly string[]): Promise<void> {
    await this.run(
      'UPDATE billing.gateway_instance SET gone_at = now() WHERE instance_id = ANY($1::text[]) AND gone_at IS NULL',
      [instanceIds],
    );
  }

  /**
   * Marks instances as running again, except those whose journal another instance has taken over since. Resolves with
   * the number of marked ones.
   */
  async markBack(instanceIds: readonly string[]): Promise<number> {
    const [, count] = await this.run<[unknown[], number]>(
      `UPDATE billing.gateway_instance AS back SET gone_at = NULL, resolved_at = NULL
       WHERE instance_id = ANY($1::text[]) AND gone_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM billing.gateway_instance AS other
                         WHERE other.journal_id = back.journal_id AND other.instance_id <> back.instance_id AND other.registered_at >= back.registered_at)`,
      [instanceIds],
    );
    return count;
  }

  /**
   * Says whether the process of a journal is running, and notes that somebody claims the journal: until half a minute
   * after the last claim, the holds of its processes stand. `standAgain` are its processes whose holds did not stand a
   * moment ago. Index: gateway_instance_by_journal.
   */
  async claim(journalId: string): Promise<{ readonly owner: JournalOwner; readonly standAgain: readonly string[] }> {
    return this.database.acrossOrganizations(async (manager) => {
      const unresolved: { instance_id: string; stands: boolean }[] = await manager.query(
        `SELECT instance_id, ${HOLDS_STAND} AS stands FROM billing.gateway_instance
         WHERE journal_id = $1 AND resolved_at IS NULL FOR UPDATE`,
        [journalId],
      );
      await manager.query(
        `UPDATE billing.gateway_instance SET claimed_at = clock_timestamp()
         WHERE journal_id = $1 AND resolved_at IS NULL`,
        [journalId],
      );
      const standAgain = unresolved.flatMap((row) => (row.stands ? [] : [row.instance_id]));
      const rows: { gone: boolean }[] = await manager.query(
        'SELECT gone_at IS NOT NULL AS gone FROM billing.gateway_instance WHERE journal_id = $1',
        [journalId],
      );
      if (rows.length === 0) return { owner: 'unknown', standAgain };
      return { owner: rows.every(({ gone }) => gone) ? 'gone' : 'running', standAgain };
    });
  }

  /**
   * Ends the claims of a journal. Its processes that are gone are resolved once more: what resolved them before may
   * have been a process of the release before, which knows no claims. Index: gateway_instance_by_journal.
   */
  async endClaims(journalId: string): Promise<void> {
    await this.run(
      `UPDATE billing.gateway_instance SET claimed_at = NULL, resolved_at = NULL
       WHERE journal_id = $1 AND claimed_at IS NOT NULL`,
      [journalId],
    );
  }

  /** Instances that are gone and whose holds may still be open, except those whose journal is being shipped. */
  async unresolved(): Promise<GatewayInstance[]> {
    const rows = await this.run<{ instance_id: string; journal_id: string }[]>(
      `SELECT instance_id, journal_id FROM billing.gateway_instance WHERE resolved_at IS NULL AND NOT (${HOLDS_STAND})`,
    );
    return rows.map((row) => ({ instanceId: row.instance_id, journalId: row.journal_id }));
  }

  /** Those that were claimed meanwhile are resolved once more, since an epoch may wait for them. */
  async markResolved(instanceIds: readonly string[]): Promise<void> {
    await this.run(
      `UPDATE billing.gateway_instance SET resolved_at = now()
       WHERE instance_id = ANY($1::text[]) AND resolved_at IS NULL AND NOT (${HOLDS_STAND})`,
      [instanceIds],
    );
  }

  async organizationsWithEpoch(): Promise<string[]> {
    const rows = await this.run<{ organization_id: string }[]>('SELECT organization_id FROM billing.credit_epoch');
    return rows.map((row) => row.organization_id);
  }

  private run<Result>(statement: string, parameters: unknown[] = []): Promise<Result> {
    return this.database.acrossOrganizations((manager) => manager.query<Result>(statement, parameters));
  }
}

/** Those of the instances that are gone still, and whose holds may be open. Index: gateway_instance_unresolved. */
export async function unresolvedOf(
  manager: EntityManager,
  instances: readonly GatewayInstance[],
): Promise<readonly GatewayInstance[]> {
  const rows = await manager.query<{ instance_id: string }[]>(
    `SELECT instance_id FROM billing.gateway_instance
     WHERE instance_id = ANY($1::text[]) AND resolved_at IS NULL AND NOT (${HOLDS_STAND})`,
    [instances.map(({ instanceId }) => instanceId)],
  );
  const unresolved = new Set(rows.map((row) => row.instance_id));
  return instances.filter(({ instanceId }) => unresolved.has(instanceId));
}
