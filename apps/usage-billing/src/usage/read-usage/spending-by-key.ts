import type { KeySpending } from '@tollgate/contracts';
import type { ServiceDatabase } from '@tollgate/postgres';
import { periodParameters, periodSums } from './period-sums.js';

/** A row of what one key has spent, with the sums of the periods. */
export interface SpendingRow {
  api_key_id: string;
  requests: string;
  input_tokens: string;
  output_tokens: string;
  charge_nano_usd: string;
  last_used_at: Date;
  last_used_from: string;
  today: string;
  this_week: string;
  this_month: string;
}

/**
 * Reads what these keys of an organisation have spent, in the order of `apiKeyIds`; zeros for keys that were never used
 * or belong to another organisation. `now` says which day, week and month the sums of periods are of.
 * Index: key_usage_pk.
 */
export async function spendingByKey(
  database: ServiceDatabase,
  organizationId: string,
  apiKeyIds: readonly string[],
  now: Date,
): Promise<KeySpending[]> {
  const rows = await database.inOrganization(organizationId, (manager) =>
    manager.query<SpendingRow[]>(
      `SELECT k.api_key_id, k.requests, k.input_tokens, k.output_tokens, k.charge_nano_usd, k.last_used_at, k.last_used_from,
         sums.today, sums.this_week, sums.this_month
       FROM billing.key_usage AS k ${periodSums(3)} WHERE k.api_key_id = ANY($1::text[]) AND k.organization_id = $2`,
      [apiKeyIds, organizationId, ...periodParameters(now)],
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
  chargedTodayNanoUsd: '0',
  chargedThisWeekNanoUsd: '0',
  chargedThisMonthNanoUsd: '0',
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
    chargedTodayNanoUsd: row.today,
    chargedThisWeekNanoUsd: row.this_week,
    chargedThisMonthNanoUsd: row.this_month,
  };
}
