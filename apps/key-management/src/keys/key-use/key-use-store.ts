import { Injectable } from '@nestjs/common';
import type { KeySpending, KeysUsedV1 } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { periodsOf } from './credit-used.js';

type UsedKey = KeysUsedV1['keys'][number];

/** One key's sums, as a message of usage-billing has them, with the key's organisation. */
export interface ToldUse extends UsedKey {
  readonly organizationId: string;
}

/** What one secret of a key was used for. */
export interface SecretUse {
  readonly secretId: string;
  readonly requests: number;
  readonly chargedNanoUsd: bigint;
  readonly lastUsedAt: Date;
  /** The newest first, at most ten. */
  readonly addresses: readonly { readonly address: string; readonly lastUsedAt: string }[];
}

interface UseRow {
  api_key_id: string;
  requests: string;
  input_tokens: string;
  output_tokens: string;
  charged_nano_usd: string;
  day: string;
  charged_today_nano_usd: string;
  charged_this_week_nano_usd: string;
  charged_this_month_nano_usd: string;
  last_used_at: Date;
  last_used_from: string | null;
}

/** The tables of what keys and their secrets were used for: usage-billing tells it, at most 5 s behind. */
@Injectable()
export class KeyUseStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Stores sums, unless later ones are stored. Those of a key that does not exist are passed over. */
  async store(told: readonly ToldUse[]): Promise<void> {
    if (told.length === 0) return;
    // In one order, so that two processes never wait for each other.
    const keys = [...told].sort((one, other) => (one.apiKeyId < other.apiKeyId ? -1 : 1));
    await this.database.acrossOrganizations(async (manager) => {
      await storeKeys(manager, keys);
      await storeSecrets(manager, keys);
    });
  }

  /** What keys of one organisation were used for, by key id; none for keys that were never used. */
  async of(organizationId: string, apiKeyIds: readonly string[], now: Date): Promise<Map<string, KeySpending>> {
    if (apiKeyIds.length === 0) return new Map();
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<UseRow[]>(SELECT_USE, [organizationId, apiKeyIds]),
    );
    return new Map(rows.map((row) => [row.api_key_id, spendingOf(row, now)]));
  }

  /** What all keys of one organisation were charged together, in nano-USD. Index: api_key_use_by_charge. */
  async chargedToOrganization(organizationId: string): Promise<bigint> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ charged: string }[]>(
        'SELECT coalesce(sum(charged_nano_usd), 0)::text AS charged FROM keys.api_key_use WHERE organization_id = $1',
        [organizationId],
      ),
    );
    return BigInt(rows[0]?.charged ?? 0);
  }

  /** What the secrets of a key were used for; none for those that were never used. Index: api_key_secret_use_pk. */
  async ofSecrets(organizationId: string, apiKeyId: string): Promise<SecretUse[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<
        {
          secret_id: string;
          requests: string;
          charged_nano_usd: string;
          last_used_at: Date;
          addresses: SecretUse['addresses'];
        }[]
      >(
        `SELECT secret_id, requests, charged_nano_usd, last_used_at, addresses FROM keys.api_key_secret_use
         WHERE organization_id = $1 AND api_key_id = $2 ORDER BY last_used_at DESC, secret_id`,
        [organizationId, apiKeyId],
      ),
    );
    return rows.map((row) => ({
      secretId: row.secret_id,
      requests: Number(row.requests),
      chargedNanoUsd: BigInt(row.charged_nano_usd),
      lastUsedAt: row.last_used_at,
      addresses: row.addresses,
    }));
  }
}

/**
 * Forgets where the keys of an organisation were used from, in the transaction that deletes it. Indexes:
 * api_key_use_by_charge, api_key_secret_use_pk.
 */
export async function forgetAddresses(manager: EntityManager, organizationId: string): Promise<void> {
  await manager.query(
    'UPDATE keys.api_key_use SET last_used_from = NULL WHERE organization_id = $1 AND last_used_from IS NOT NULL',
    [organizationId],
  );
  await manager.query(
    `UPDATE keys.api_key_secret_use SET addresses = '[]' WHERE organization_id = $1 AND addresses <> '[]'`,
    [organizationId],
  );
}

/** Index: api_key_use_pk. */
const SELECT_USE = `SELECT api_key_id, requests, input_tokens, output_tokens, charged_nano_usd, day::text,
    charged_today_nano_usd, charged_this_week_nano_usd, charged_this_month_nano_usd, last_used_at, last_used_from
  FROM keys.api_key_use WHERE organization_id = $1 AND api_key_id = ANY($2::uuid[])`;

function spendingOf(row: UseRow, now: Date): KeySpending {
  const same = periodsOf(row.day, now);
  return {
    apiKeyId: row.api_key_id,
    requests: Number(row.requests),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    chargedNanoUsd: row.charged_nano_usd,
    lastUsedAt: row.last_used_at.toISOString(),
    lastUsedFrom: row.last_used_from,
    chargedTodayNanoUsd: same.day ? row.charged_today_nano_usd : '0',
    chargedThisWeekNanoUsd: same.week ? row.charged_this_week_nano_usd : '0',
    chargedThisMonthNanoUsd: same.month ? row.charged_this_month_nano_usd : '0',
  };
}

/**
 * Addresses are not kept of the keys of organisations that were deleted: calls may be told after that. Indexes:
 * api_key_use_pk, organization_pk.
 */
async function storeKeys(manager: EntityManager, keys: readonly ToldUse[]): Promise<void> {
  await manager.query(
    `INSERT INTO keys.api_key_use AS known (organization_id, api_key_id, sequence, requests, input_tokens, output_tokens,
       charged_nano_usd, day, charged_today_nano_usd, charged_this_week_nano_usd, charged_this_month_nano_usd, last_used_at, last_used_from)
     SELECT told.organization_id, told.api_key_id, told.sequence, told.requests, told.input_tokens, told.output_tokens,
       told.charged, told.day, told.today, told.week, told.month, told.at, CASE WHEN o.deleted_at IS NULL THEN told.address END
     FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::date[],
         $9::bigint[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::text[])
       AS told (organization_id, api_key_id, sequence, requests, input_tokens, output_tokens, charged, day, today, week, month, at, address)
     JOIN keys.api_key AS key ON key.id = told.api_key_id AND key.organization_id = told.organization_id
     JOIN keys.organization AS o ON o.id = told.organization_id
     ON CONFLICT (organization_id, api_key_id) DO UPDATE SET sequence = EXCLUDED.sequence, requests = EXCLUDED.requests,
       input_tokens = EXCLUDED.input_tokens, output_tokens = EXCLUDED.output_tokens, charged_nano_usd = EXCLUDED.charged_nano_usd,
       day = EXCLUDED.day, charged_today_nano_usd = EXCLUDED.charged_today_nano_usd,
       charged_this_week_nano_usd = EXCLUDED.charged_this_week_nano_usd,
       charged_this_month_nano_usd = EXCLUDED.charged_this_month_nano_usd,
       last_used_at = EXCLUDED.last_used_at, last_used_from = EXCLUDED.last_used_from
     WHERE (EXCLUDED.sequence, EXCLUDED.day) > (known.sequence, known.day)`,
    [
      keys.map(({ organizationId }) => organizationId),
      keys.map(({ apiKeyId }) => apiKeyId),
      keys.map(({ sequence }) => sequence),
      keys.map(({ requests }) => requests),
      keys.map(({ inputTokens }) => inputTokens),
      keys.map(({ outputTokens }) => outputTokens),
      keys.map(({ chargedNanoUsd }) => chargedNanoUsd),
      keys.map(({ day }) => day),
      keys.map(({ chargedTodayNanoUsd }) => chargedTodayNanoUsd),
      keys.map(({ chargedThisWeekNanoUsd }) => chargedThisWeekNanoUsd),
      keys.map(({ chargedThisMonthNanoUsd }) => chargedThisMonthNanoUsd),
      keys.map(({ lastUsedAt }) => lastUsedAt),
      keys.map(({ lastUsedFrom }) => lastUsedFrom),
    ],
  );
}

/**
 * Stores what secrets were used for where the sums of their key that came with them are stored: a corrected charge has
 * no more requests than the one before. Indexes: api_key_secret_use_pk, api_key_use_pk.
 */
async function storeSecrets(manager: EntityManager, keys: readonly ToldUse[]): Promise<void> {
  const secrets = keys.flatMap(({ organizationId, apiKeyId, sequence, secrets }) =>
    secrets.map((secret) => ({ ...secret, organizationId, apiKeyId, sequence })),
  );
  if (secrets.length === 0) return;
  await manager.query(
    `INSERT INTO keys.api_key_secret_use AS known (organization_id, api_key_id, secret_id, requests, charged_nano_usd, last_used_at, addresses)
     SELECT told.organization_id, told.api_key_id, told.secret_id, told.requests, told.charged, told.at,
       CASE WHEN o.deleted_at IS NULL THEN told.addresses::jsonb ELSE '[]' END
     FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::text[], $8::bigint[])
       AS told (organization_id, api_key_id, secret_id, requests, charged, at, addresses, sequence)
     JOIN keys.api_key AS key ON key.id = told.api_key_id AND key.organization_id = told.organization_id
     JOIN keys.api_key_use AS stored ON stored.organization_id = told.organization_id AND stored.api_key_id = told.api_key_id
       AND stored.sequence = told.sequence
     JOIN keys.organization AS o ON o.id = told.organization_id
     ON CONFLICT (organization_id, api_key_id, secret_id) DO UPDATE SET requests = EXCLUDED.requests,
       charged_nano_usd = EXCLUDED.charged_nano_usd, last_used_at = EXCLUDED.last_used_at, addresses = EXCLUDED.addresses`,
    [
      secrets.map(({ organizationId }) => organizationId),
      secrets.map(({ apiKeyId }) => apiKeyId),
      secrets.map(({ secretId }) => secretId),
      secrets.map(({ requests }) => requests),
      secrets.map(({ chargedNanoUsd }) => chargedNanoUsd),
      secrets.map(({ lastUsedAt }) => lastUsedAt),
      secrets.map(({ addresses }) => JSON.stringify(addresses)),
      secrets.map(({ sequence }) => sequence),
    ],
  );
}
