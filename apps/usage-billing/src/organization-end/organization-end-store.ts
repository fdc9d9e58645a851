import { Injectable } from '@nestjs/common';
import { momentText, ServiceDatabase } from '@tollgate/postgres';
import { exportOrganization } from './export-organization.js';

/** What is under way after the end of an organisation. */
export interface OrganizationEnd {
  readonly organizationId: string;
  readonly requestedAt: Date;
  readonly exportedAt: Date | null;
  readonly erasedAt: Date | null;
  /** Whether the export can still be fetched. */
  readonly kept: boolean;
  /** `requestedAt` to the microsecond. */
  readonly position: string;
}

interface EndRow {
  organization_id: string;
  requested_at: Date;
  exported_at: Date | null;
  erased_at: Date | null;
  kept: boolean;
  position: string;
}

/** Events whose addresses are erased in one transaction. */
const ERASED_AT_ONCE = 5_000;

/**
 * Those with a subscription or a grant that has not ended. Indexes: organization_end_newest, subscription_due,
 * grant_open.
 */
const STILL_BILLED = `SELECT e.organization_id FROM billing.organization_end AS e
  WHERE EXISTS (SELECT 1 FROM billing.subscription AS s WHERE s.organization_id = e.organization_id AND s.due_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM billing.grant AS g WHERE g.organization_id = e.organization_id AND g.closed_at IS NULL AND g.live)
  ORDER BY e.requested_at, e.organization_id LIMIT 100`;

/** The calls of an ended organisation `e` that are booked. Index: key_usage_by_organization. */
const BOOKED_CALLS = `SELECT coalesce(sum(requests), 0) FROM billing.key_usage AS k WHERE k.organization_id = e.organization_id`;

/** Indexes: key_usage_by_organization, quarantine_by_said_organization. */
const TO_ERASE = `SELECT organization_id FROM billing.organization_end AS e
  WHERE exported_at IS NOT NULL AND (erased_at IS NULL OR erased_calls IS DISTINCT FROM (${BOOKED_CALLS})
    OR EXISTS (SELECT 1 FROM billing.quarantine AS q
      WHERE q.said_organization_id = e.organization_id AND q.quarantined_at >= e.erased_at - interval '10 minutes'))
  ORDER BY requested_at LIMIT 100`;

/** The table of organisations that were deleted. */
@Injectable()
export class OrganizationEndStore {
  constructor(private readonly database: ServiceDatabase) {}

  /**
   * Notes that an organisation was deleted, and when (null where that is not told: then it counts as now); once,
   * however often it is called. Index: organization_end_pk.
   */
  async request(organizationId: string, endedAt: Date | null): Promise<void> {
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query(
        `INSERT INTO billing.organization_end (organization_id, ended_at) VALUES ($1, coalesce($2::timestamptz, now()))
         ON CONFLICT (organization_id) DO NOTHING`,
        [organizationId, endedAt],
      ),
    );
  }

  /** Up to a hundred organisations of which something goes on. */
  async stillBilled(): Promise<string[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string }[]>(STILL_BILLED),
    );
    return rows.map((row) => row.organization_id);
  }

  /** Those that were deleted before `before` and are not exported yet, a hundred at most. */
  async toExport(before: Date): Promise<string[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string }[]>(
        `SELECT organization_id FROM billing.organization_end WHERE exported_at IS NULL AND requested_at <= $1
         ORDER BY requested_at LIMIT 100`,
        [before],
      ),
    );
    return rows.map((row) => row.organization_id);
  }

  /**
   * Exports an organisation under the name that it had; false if it is exported already, or another process does so.
   * Index: organization_end_pk.
   */
  async export(organizationId: string, name: string | null, now: Date): Promise<boolean> {
    return this.database.acrossOrganizations(async (manager) => {
      const due = await manager.query<unknown[]>(
        `SELECT organization_id FROM billing.organization_end WHERE organization_id = $1 AND exported_at IS NULL
         FOR UPDATE SKIP LOCKED`,
        [organizationId],
      );
      if (due.length === 0) return false;
      const content = await exportOrganization(manager, organizationId, name, now);
      await manager.query(
        'UPDATE billing.organization_end SET exported_at = $2, content = $3 WHERE organization_id = $1',
        [organizationId, now, content],
      );
      return true;
    });
  }

  /**
   * The organisations that are exported and of which not all is erased: also those of which something was booked or
   * quarantined since. Clocks of services may differ by minutes.
   */
  async toErase(): Promise<string[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string }[]>(TO_ERASE),
    );
    return rows.map((row) => row.organization_id);
  }

  /**
   * Erases what is personal: a part in each transaction, so that no booking waits for long. It may be repeated. What a
   * process has begun another one goes on with.
   */
  async erase(organizationId: string, now: Date): Promise<void> {
    // Read before: a call that is booked meanwhile is erased with the next run.
    const [booked] = await this.database.acrossOrganizations((manager) =>
      manager.query<{ calls: string }[]>(
        `SELECT (${BOOKED_CALLS}) AS calls FROM billing.organization_end AS e WHERE organization_id = $1`,
        [organizationId],
      ),
    );
    let erased: number;
    do {
      const rows = await this.database.acrossOrganizations((manager) =>
        manager.query<{ erased: string }[]>('SELECT billing.erase_event_addresses($1, $2) AS erased', [
          organizationId,
          ERASED_AT_ONCE,
        ]),
      );
      erased = Number(rows[0]?.erased ?? 0);
    } while (erased === ERASED_AT_ONCE);
    await this.database.acrossOrganizations(async (manager) => {
      await manager.query('SELECT billing.erase_personal($1)', [organizationId]);
      await manager.query(
        'UPDATE billing.organization_end SET erased_at = $2, erased_calls = $3 WHERE organization_id = $1',
        [organizationId, now, booked?.calls ?? '0'],
      );
    });
  }

  /**
   * Forgets exports of before `before`. What was booked for their organisations since is erased with the next run.
   * Resolves with how many exports were forgotten.
   */
  async forget(before: Date): Promise<number> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<unknown[]>(
        `WITH forgotten AS (
           UPDATE billing.organization_end SET content = NULL, erased_at = NULL
           WHERE exported_at < $1 AND content IS NOT NULL RETURNING organization_id)
         SELECT organization_id FROM forgotten`,
        [before],
      ),
    );
    return rows.length;
  }

  /** The newest first, after a position. Index: organization_end_newest. */
  async list(limit: number, after: readonly [string, string] | null): Promise<OrganizationEnd[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<EndRow[]>(
        `SELECT organization_id, requested_at, exported_at, erased_at, content IS NOT NULL AS kept,
           ${momentText('requested_at')} AS position
         FROM billing.organization_end
         WHERE $1::timestamptz IS NULL OR (requested_at, organization_id) < ($1, $2)
         ORDER BY requested_at DESC, organization_id DESC LIMIT $3`,
        [after?.[0] ?? null, after?.[1] ?? null, limit],
      ),
    );
    return rows.map((row) => ({
      organizationId: row.organization_id,
      requestedAt: row.requested_at,
      exportedAt: row.exported_at,
      erasedAt: row.erased_at,
      kept: row.kept,
      position: row.position,
    }));
  }

  /**
   * The export of an organisation, compressed by gzip; null if there is none, or none any more. Index:
   * organization_end_pk.
   */
  async content(organizationId: string): Promise<Buffer | null> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ content: Buffer | null }[]>(
        'SELECT content FROM billing.organization_end WHERE organization_id = $1',
        [organizationId],
      ),
    );
    return rows[0]?.content ?? null;
  }
}
