import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { formatUsd } from '@tollgate/credit';
import { oneRow, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords, personalEmail, type AuditFields } from '../audit/audit-records.js';
import type { Level } from './credit-level.js';

/** What an organisation wants to be told of, and who besides its owners. */
export interface AlertSettings {
  /** Ascending; none is told of if it is empty. */
  readonly levels: readonly Level[];
  readonly emails: readonly string[];
  readonly unusualSpend: boolean;
  /** A day's spending below it is never unusual. */
  readonly unusualFloorNanoUsd: bigint;
}

interface SettingsRow {
  organization_id: string;
  levels: Level[];
  emails: string[];
  unusual_spend: boolean;
  unusual_floor_nano_usd: string;
}

/** Of an organisation that has set nothing. */
export const DEFAULT_ALERT_SETTINGS: AlertSettings = {
  levels: [80, 90, 100],
  emails: [],
  unusualSpend: true,
  unusualFloorNanoUsd: 1_000_000_000n,
};

const COLUMNS = 'organization_id, levels, emails, unusual_spend, unusual_floor_nano_usd';

/** The settings of organisations about their alerts. */
@Injectable()
export class AlertSettingsStore {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditRecords,
  ) {}

  /** Index: alert_settings_pk. */
  async find(organizationId: string): Promise<AlertSettings> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const found = await readAlertSettings(manager, [organizationId]);
      return found.get(organizationId) ?? DEFAULT_ALERT_SETTINGS;
    });
  }

  /** Changes the settings under their lock, and resolves with them as they are then. Index: alert_settings_pk. */
  async change(
    organizationId: string,
    actor: Actor,
    edit: (before: AlertSettings) => AlertSettings,
  ): Promise<AlertSettings> {
    const changed = await this.database.inOrganization(organizationId, async (manager) => {
      await manager.query(
        `INSERT INTO billing.alert_settings (organization_id) VALUES ($1) ON CONFLICT ON CONSTRAINT alert_settings_pk DO NOTHING`,
        [organizationId],
      );
      const row = oneRow(
        await manager.query<SettingsRow[]>(
          `SELECT ${COLUMNS} FROM billing.alert_settings WHERE organization_id = $1 FOR UPDATE`,
          [organizationId],
        ),
      );
      const before = settingsOf(row);
      const after = edit(before);
      if (isDeepStrictEqual(before, after)) return after;
      await manager.query(
        `UPDATE billing.alert_settings SET levels = $2, emails = $3, unusual_spend = $4, unusual_floor_nano_usd = $5
         WHERE organization_id = $1`,
        [organizationId, after.levels, after.emails, after.unusualSpend, after.unusualFloorNanoUsd.toString()],
      );
      await this.audit.add(manager, {
        organizationId,
        actor,
        action: 'alert_settings.updated',
        target: { type: 'alert_settings', id: organizationId },
        before: fieldsOf(before),
        after: fieldsOf(after),
      });
      return after;
    });
    this.audit.announced();
    return changed;
  }
}

/** The settings of those of these organisations that have any. Index: alert_settings_pk. */
export async function readAlertSettings(
  manager: EntityManager,
  organizationIds: readonly string[],
): Promise<Map<string, AlertSettings>> {
  const rows = await manager.query<SettingsRow[]>(
    `SELECT ${COLUMNS} FROM billing.alert_settings WHERE organization_id = ANY ($1::text[])`,
    [organizationIds],
  );
  return new Map(rows.map((row) => [row.organization_id, settingsOf(row)]));
}

const settingsOf = (row: SettingsRow): AlertSettings => ({
  levels: row.levels,
  emails: row.emails,
  unusualSpend: row.unusual_spend,
  unusualFloorNanoUsd: BigInt(row.unusual_floor_nano_usd),
});

const fieldsOf = ({ levels, emails, unusualSpend, unusualFloorNanoUsd }: AlertSettings): AuditFields => ({
  levels,
  emails: emails.map(personalEmail),
  unusual_spend: { enabled: unusualSpend, floor_usd: formatUsd(unusualFloorNanoUsd) },
});
