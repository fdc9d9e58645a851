import { cycleOf, type CreditReset } from '@tollgate/api-key';
import type { EntityManager } from 'typeorm';
import type { AccountState } from '../ledger/account.js';
import { insertRows, type Column } from './insert-rows.js';

interface AccountRow {
  account_id: string;
  organization_id: string;
  api_key_id: string | null;
  credit_reset: CreditReset;
  cycle_starts_at: Date | null;
  cap_nano_usd: string | null;
  posted_nano_usd: string;
  unheld_nano_usd: string;
  ceiling_nano_usd: string | null;
  generation: string;
}

const COLUMNS = `account_id, organization_id, api_key_id, credit_reset, cycle_starts_at, cap_nano_usd, posted_nano_usd,
  unheld_nano_usd, ceiling_nano_usd, generation`;

/**
 * Locks and reads accounts by their ids, and the accounts with a limit of these keys whose period covers a moment from
 * `sinceMs` on. Indexes: account_pk, account_by_key.
 */
export async function readAccounts(
  manager: EntityManager,
  accountIds: readonly string[],
  apiKeyIds: readonly string[] = [],
  sinceMs = 0,
): Promise<Map<string, AccountState>> {
  const rows: AccountRow[] = await manager.query(
    `SELECT ${COLUMNS} FROM billing.account WHERE account_id IN (
       SELECT unnest($1::text[])
       UNION SELECT account_id FROM billing.account
       WHERE api_key_id = ANY($2::text[]) AND ceiling_nano_usd IS NOT NULL AND (cycle_ends_at IS NULL OR cycle_ends_at > $3)
     ) ORDER BY account_id FOR UPDATE`,
    [accountIds, apiKeyIds, new Date(sinceMs)],
  );
  return new Map(rows.map((row) => [row.account_id, accountState(row)]));
}

function accountState(row: AccountRow): AccountState {
  return {
    organizationId: row.organization_id,
    apiKeyId: row.api_key_id,
    cycle: cycleOf(row.credit_reset, row.cycle_starts_at?.getTime() ?? 0),
    capNanoUsd: bigOrNull(row.cap_nano_usd),
    postedNanoUsd: BigInt(row.posted_nano_usd),
    unheldNanoUsd: BigInt(row.unheld_nano_usd),
    ceilingNanoUsd: bigOrNull(row.ceiling_nano_usd),
    generation: Number(row.generation),
  };
}

const bigOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));
const momentOrNull = (ms: number): string | null => (Number.isFinite(ms) ? new Date(ms).toISOString() : null);

const ACCOUNT_COLUMNS: readonly Column<readonly [string, AccountState]>[] = [
  ['account_id', 'text', ([accountId]) => accountId],
  ['organization_id', 'text', ([, { organizationId }]) => organizationId],
  ['api_key_id', 'text', ([, { apiKeyId }]) => apiKeyId],
  ['credit_reset', 'text', ([, { cycle }]) => cycle.reset],
  ['cycle_starts_at', 'timestamptz', ([, { cycle }]) => momentOrNull(cycle.startMs)],
  ['cycle_ends_at', 'timestamptz', ([, { cycle }]) => momentOrNull(cycle.endMs)],
  ['cap_nano_usd', 'bigint', ([, { capNanoUsd }]) => capNanoUsd?.toString() ?? null],
  ['posted_nano_usd', 'bigint', ([, { postedNanoUsd }]) => postedNanoUsd.toString()],
  ['unheld_nano_usd', 'bigint', ([, { unheldNanoUsd }]) => unheldNanoUsd.toString()],
  ['ceiling_nano_usd', 'bigint', ([, { ceilingNanoUsd }]) => ceilingNanoUsd?.toString() ?? null],
  ['generation', 'bigint', ([, { generation }]) => generation],
];

/** Writes accounts that the caller has locked. Index: account_pk. */
export async function saveAccounts(manager: EntityManager, accounts: ReadonlyMap<string, AccountState>): Promise<void> {
  await insertRows(
    manager,
    'account',
    ACCOUNT_COLUMNS,
    [...accounts],
    `ON CONFLICT (account_id) DO UPDATE SET cap_nano_usd = EXCLUDED.cap_nano_usd,
       posted_nano_usd = EXCLUDED.posted_nano_usd, unheld_nano_usd = EXCLUDED.unheld_nano_usd,
       ceiling_nano_usd = EXCLUDED.ceiling_nano_usd, generation = EXCLUDED.generation`,
  );
}
