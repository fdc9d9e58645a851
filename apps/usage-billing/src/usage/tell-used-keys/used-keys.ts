import { Injectable } from '@nestjs/common';
import type { KeysUsedV1 } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { groupedBy } from '../../grouped-by.js';
import { utcDay } from '../../store/utc-day.js';
import { periodParameters, periodSums } from '../read-usage/period-sums.js';
import type { SpendingRow } from '../read-usage/spending-by-key.js';

/** The most secrets that are told of one key. Each rotation makes one, but at most two are in use at a time. */
const SECRETS_MAX = 10;

/** The sums of one key, as `keys.used.v1` has them. */
export type UsedKey = KeysUsedV1['keys'][number];

/** A key whose sums have changed since they were told. */
export interface ChangedKey {
  readonly organizationId: string;
  readonly key: UsedKey;
}

/** Where a page of changed keys ended. */
export interface Place {
  readonly organizationId: string;
  readonly apiKeyId: string;
}

interface KeyRow extends SpendingRow {
  organization_id: string;
  corrections: string;
}

interface SecretRow {
  api_key_id: string;
  secret_id: string;
  requests: string;
  charge_nano_usd: string;
  last_used_at: Date;
  addresses: { address: string; lastUsedAt: string }[];
}

/** Reads which keys were used since that was told, and notes what is told. */
@Injectable()
export class UsedKeys {
  constructor(private readonly database: ServiceDatabase) {}

  /** The next changed keys behind a place, by organisation and id; from the first on if it is null. */
  async changed(after: Place | null, count: number, now: Date): Promise<ChangedKey[]> {
    return this.database.acrossOrganizations(async (manager) => {
      const keys = await readKeys(manager, after, count, now);
      const secrets = keys.length === 0 ? [] : await readSecrets(manager, keys);
      const byKey = groupedBy(secrets, (row) => row.api_key_id);
      return keys.map((row) => ({
        organizationId: row.organization_id,
        key: usedKey(row, byKey.get(row.api_key_id) ?? [], now),
      }));
    });
  }

  /**
   * Notes that these sums are told; what was booked meanwhile still counts as changed. The rows are locked in the order
   * in which bookings lock them. Index: key_usage_pk.
   */
  async told(keys: readonly UsedKey[]): Promise<void> {
    await this.database.acrossOrganizations((manager) =>
      manager.query(
        `WITH told AS (SELECT * FROM unnest($1::text[], $2::bigint[]) AS given (api_key_id, sequence)),
           locked AS MATERIALIZED (SELECT api_key_id FROM billing.key_usage
             WHERE api_key_id = ANY($1::text[]) ORDER BY api_key_id COLLATE "C" FOR UPDATE)
         UPDATE billing.key_usage AS k SET published_requests = greatest(k.published_requests, told.sequence)
         FROM told JOIN locked USING (api_key_id) WHERE k.api_key_id = told.api_key_id`,
        [keys.map(({ apiKeyId }) => apiKeyId), keys.map(({ sequence }) => sequence)],
      ),
    );
  }

  /** The number of keys whose use is not told yet, up to `most`. Index: key_usage_unpublished. */
  async waiting(most: number): Promise<number> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ waiting: string }[]>(
        `SELECT count(*) AS waiting FROM (
           SELECT FROM billing.key_usage WHERE requests + corrections > published_requests LIMIT $1) AS changed`,
        [most],
      ),
    );
    return Number(rows[0]?.waiting ?? 0);
  }
}

/** Index: key_usage_unpublished. */
async function readKeys(manager: EntityManager, after: Place | null, count: number, now: Date): Promise<KeyRow[]> {
  return manager.query(
    `SELECT k.organization_id, k.api_key_id, k.requests, k.corrections, k.input_tokens, k.output_tokens, k.charge_nano_usd, k.last_used_at,
       k.last_used_from, sums.today, sums.this_week, sums.this_month
     FROM (SELECT * FROM billing.key_usage
       WHERE requests + corrections > published_requests AND (organization_id, api_key_id) > ($1::text, $2::text)
       ORDER BY organization_id, api_key_id LIMIT $3) AS k ${periodSums(4)}
     ORDER BY k.organization_id, k.api_key_id`,
    [after?.organizationId ?? '', after?.apiKeyId ?? '', count, ...periodParameters(now)],
  );
}

/**
 * The secrets of each key that were used last. A message must stay small, however often a key was rotated: one that the
 * bus refuses would hold back the use of all keys. Index: secret_usage_pk.
 */
async function readSecrets(manager: EntityManager, keys: readonly KeyRow[]): Promise<SecretRow[]> {
  return manager.query(
    `SELECT api_key_id, secret_id, requests, charge_nano_usd, last_used_at, addresses
     FROM (SELECT *, row_number() OVER (PARTITION BY api_key_id ORDER BY last_used_at DESC, secret_id) AS place
       FROM billing.secret_usage WHERE api_key_id = ANY($1::text[])) AS used
     WHERE place <= $2`,
    [keys.map((row) => row.api_key_id), SECRETS_MAX],
  );
}

function usedKey(row: KeyRow, secrets: readonly SecretRow[], now: Date): UsedKey {
  return {
    apiKeyId: row.api_key_id,
    sequence: Number(row.requests) + Number(row.corrections),
    requests: Number(row.requests),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    chargedNanoUsd: row.charge_nano_usd,
    day: utcDay(now.getTime()),
    chargedTodayNanoUsd: row.today,
    chargedThisWeekNanoUsd: row.this_week,
    chargedThisMonthNanoUsd: row.this_month,
    lastUsedAt: row.last_used_at.toISOString(),
    lastUsedFrom: row.last_used_from === '' ? null : row.last_used_from,
    secrets: secrets.map((secret) => ({
      secretId: secret.secret_id,
      requests: Number(secret.requests),
      chargedNanoUsd: secret.charge_nano_usd,
      lastUsedAt: secret.last_used_at.toISOString(),
      addresses: secret.addresses,
    })),
  };
}
