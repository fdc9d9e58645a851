import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { utcDay } from '../../store/utc-day.js';
import { DEFAULT_ALERT_SETTINGS, readAlertSettings } from '../alert-settings.js';
import type { UnusualSpendAlert } from '../alert.js';
import { tell } from '../raise-alerts.js';
import { isUnusual } from './unusual-spend.js';

const EVERY_MS = 60_000;
/** From the start of the process, which has other things to do at first. */
const FIRST_IN_MS = 15_000;

interface SpendingRow {
  organization_id: string;
  api_key_id: string;
  spent: string;
  usual: string;
  known: boolean;
}

/**
 * The keys that spent at least the floor of their organisation on a day, and of which nobody was told on it.
 * Indexes: key_usage_day_by_day, key_usage_day_pk, alert_settings_pk, alert_day_once.
 */
const SPENDING = `
  SELECT t.organization_id, t.api_key_id, t.charge_nano_usd AS spent, coalesce(usual.charge_nano_usd, 0) AS usual,
    EXISTS (SELECT FROM billing.key_usage_day AS h WHERE h.api_key_id = t.api_key_id AND h.day <= $1::date - 7) AS known
  FROM billing.key_usage_day AS t
  LEFT JOIN billing.alert_settings AS s ON s.organization_id = t.organization_id
  LEFT JOIN LATERAL (SELECT h.charge_nano_usd FROM billing.key_usage_day AS h
    WHERE h.api_key_id = t.api_key_id AND h.day >= $1::date - 28 AND h.day < $1::date
    ORDER BY h.charge_nano_usd DESC OFFSET 1 LIMIT 1) AS usual ON true
  WHERE t.day = $1::date AND coalesce(s.unusual_spend, true)
    AND t.charge_nano_usd >= coalesce(s.unusual_floor_nano_usd, $2::bigint)
    AND NOT EXISTS (SELECT FROM billing.alert AS a
      WHERE a.account_id = 'key:' || t.api_key_id AND a.day = $1::date AND a.kind = 'unusual_spend')`;

/** Looks each minute whether keys spend far more than in their last weeks. Each is told of once a day. */
@Injectable()
export class WatchSpending extends PeriodicService {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, firstInMs: FIRST_IN_MS, background: true });
  }

  /** Raises the alerts of the day that `now` lies in, in UTC; resolves with them. Rejects without the database. */
  async look(now: Date): Promise<readonly UnusualSpendAlert[]> {
    return this.database.acrossOrganizations(async (manager) => {
      const day = utcDay(now.getTime());
      const rows = await manager.query<SpendingRow[]>(SPENDING, [
        day,
        DEFAULT_ALERT_SETTINGS.unusualFloorNanoUsd.toString(),
      ]);
      const settings = await readAlertSettings(manager, [...new Set(rows.map((row) => row.organization_id))]);
      const unusual = rows.filter((row) => {
        const { unusualFloorNanoUsd } = settings.get(row.organization_id) ?? DEFAULT_ALERT_SETTINGS;
        const keyDay = { spentNanoUsd: BigInt(row.spent), usualNanoUsd: BigInt(row.usual), known: row.known };
        return isUnusual(keyDay, unusualFloorNanoUsd);
      });
      const alerts = unusual.map((row): UnusualSpendAlert => ({
        kind: 'unusual_spend',
        organizationId: row.organization_id,
        id: randomUUID(),
        accountId: `key:${row.api_key_id}`,
        apiKeyId: row.api_key_id,
        usedNanoUsd: BigInt(row.spent),
        limitNanoUsd: BigInt(row.usual),
        day,
        raisedAt: now,
      }));
      const written = await insertUnusual(manager, alerts);
      await tell(manager, written, now);
      return written;
    });
  }

  protected override async work(): Promise<void> {
    await this.look(new Date()).catch((err: unknown) =>
      this.logger.warn({ err }, 'unusual spending could not be looked for; the next attempt follows in a minute'),
    );
  }
}

/** Resolves with those that another process has not written meanwhile. Index: alert_day_once. */
async function insertUnusual(
  manager: EntityManager,
  alerts: readonly UnusualSpendAlert[],
): Promise<readonly UnusualSpendAlert[]> {
  if (alerts.length === 0) return [];
  const inserted = await manager.query<{ id: string }[]>(
    `INSERT INTO billing.alert (organization_id, id, kind, account_id, api_key_id, reason, used_nano_usd, limit_nano_usd, day, told,
       raised_at)
     SELECT organization_id, id, 'unusual_spend', 'key:' || api_key_id, api_key_id, 'spending', used, usual, $6, true, $7
     FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[]) AS a (organization_id, id, api_key_id, used, usual)
     ORDER BY api_key_id ON CONFLICT (account_id, day) WHERE kind = 'unusual_spend' DO NOTHING RETURNING id`,
    [
      alerts.map(({ organizationId }) => organizationId),
      alerts.map(({ id }) => id),
      alerts.map(({ apiKeyId }) => apiKeyId),
      alerts.map(({ usedNanoUsd }) => usedNanoUsd.toString()),
      alerts.map(({ limitNanoUsd }) => limitNanoUsd.toString()),
      alerts[0]?.day,
      alerts[0]?.raisedAt,
    ],
  );
  const ids = new Set(inserted.map(({ id }) => id));
  return alerts.filter(({ id }) => ids.has(id));
}
