import { Injectable } from '@nestjs/common';
import { momentText, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { Alert } from './alert.js';
import type { Level } from './credit-level.js';

/** Where an alert stands in the list: when it was raised, to the microsecond, and its id. */
export type AlertPosition = readonly [raisedAt: string, id: string];

/** An alert in a list. */
export interface ListedAlert {
  readonly alert: Alert;
  readonly position: AlertPosition;
}

/** What is asked of a list; nulls for all. */
export interface AlertFilters {
  readonly kind: Alert['kind'] | null;
  readonly accountId: string | null;
  readonly apiKeyId: string | null;
  readonly level: Level | null;
}

interface AlertRow {
  organization_id: string;
  id: string;
  account_id: string;
  api_key_id: string | null;
  level: Level | null;
  reason: 'posted' | 'refused' | 'spending';
  used_nano_usd: string;
  limit_nano_usd: string;
  asked_nano_usd: string | null;
  left_nano_usd: string | null;
  day: string | null;
  raised_at: Date;
}

const COLUMNS = `organization_id, id, account_id, api_key_id, level, reason, used_nano_usd, limit_nano_usd, asked_nano_usd,
  left_nano_usd, day::text, raised_at`;

/** Index: alert_listed. */
const SELECT_ALERTS = `SELECT ${COLUMNS}, ${momentText('raised_at')} AS raised_at_text FROM billing.alert
  WHERE organization_id = $1 AND told AND ($2::timestamptz IS NULL OR (raised_at, id) < ($2::timestamptz, $3::uuid))
    AND ($4::text IS NULL OR kind = $4) AND ($5::text IS NULL OR account_id = $5) AND ($6::text IS NULL OR api_key_id = $6)
    AND ($7::smallint IS NULL OR level = $7)
  ORDER BY raised_at DESC, id DESC LIMIT $8`;

/** The alerts that people were told of. */
@Injectable()
export class AlertStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** The first `count` behind a position, newest first; null for all. */
  async list(
    organizationId: string,
    count: number,
    after: AlertPosition | null,
    { kind, accountId, apiKeyId, level }: AlertFilters,
  ): Promise<ListedAlert[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<(AlertRow & { raised_at_text: string })[]>(SELECT_ALERTS, [
        organizationId,
        after?.[0] ?? null,
        after?.[1] ?? null,
        kind,
        accountId,
        apiKeyId,
        level,
        count,
      ]),
    );
    return rows.map((row) => ({ alert: alertOf(row), position: [row.raised_at_text, row.id] }));
  }

  /** The alerts with these ids, of any organisation. Index: alert_pk. */
  async findAll(manager: EntityManager, ids: readonly string[]): Promise<Alert[]> {
    const rows = await manager.query<AlertRow[]>(
      `SELECT ${COLUMNS} FROM billing.alert WHERE id = ANY ($1::uuid[]) ORDER BY raised_at, id`,
      [ids],
    );
    return rows.map(alertOf);
  }
}

function alertOf(row: AlertRow): Alert {
  const facts = {
    organizationId: row.organization_id,
    id: row.id,
    accountId: row.account_id,
    apiKeyId: row.api_key_id,
    usedNanoUsd: BigInt(row.used_nano_usd),
    limitNanoUsd: BigInt(row.limit_nano_usd),
    raisedAt: row.raised_at,
  };
  if (row.level === null) return { ...facts, kind: 'unusual_spend', day: row.day ?? '' };
  return {
    ...facts,
    kind: 'credit_threshold',
    level: row.level,
    reason: row.reason === 'refused' ? 'refused' : 'posted',
    refusedCall:
      row.asked_nano_usd === null
        ? null
        : {
            askedNanoUsd: BigInt(row.asked_nano_usd),
            leftNanoUsd: row.left_nano_usd === null ? null : BigInt(row.left_nano_usd),
          },
  };
}
