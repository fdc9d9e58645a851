import type { KeySpending } from '@tollgate/contracts';
import type { ServiceDatabase } from '@tollgate/postgres';

interface SpendingRow {
  api_key_id: string;
  requests: string;
  input_tokens: string;
  output_tokens: string;
  charge_nano_usd: string;
  last_used_at: Date;
  last_used_from: string;
}

/**
 * Reads what these keys of an organisation have spent, in the order of `apiKeyIds`; zeros for keys that were never used
 * or belong to another organisation. Index: key_usage_pk.
 */
export async function spendingByKey(
  database: ServiceDatabase,
  organizationId: string,
  apiKeyIds: readonly string[],
): Promise<KeySpending[]> {
  const rows = await database.inOrganization(organizationId, (manager) =>
    manager.query<SpendingRow[]>(
      `SELECT api_key_id, requests, input_tokens, output_tokens, charge_nano_usd, last_used_at, last_used_from
       FROM billing.key_usage WHERE api_key_id = ANY($1::text[]) AND organization_id = $2`,
      [apiKeyIds, organizationId],
    ),
  );
  const found = new Map(rows.map((row) => [row.api_key_id, spendingOf(row)]));
  return apiKeyIds.map((apiKeyId) => found.get(apiKeyId) ?? { ...NEVER_USED, apiKeyId });
}

const NEVER_USED: Omit<KeySpending, 'apiKeyId'> = {
  requests: 0,
  inputTokens: 0,
  outputTokens: 0,
  chargedNanoUsd: '0',
  lastUsedAt: null,
  lastUsedFrom: null,
};

function spendingOf(row: SpendingRow): KeySpending {
  return {
    apiKeyId: row.api_key_id,
    requests: Number(row.requests),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    chargedNanoUsd: row.charge_nano_usd,
    lastUsedAt: row.last_used_at.toISOString(),
    lastUsedFrom: row.last_used_from === '' ? null : row.last_used_from,
  };
}
