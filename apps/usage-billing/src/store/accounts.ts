import { cycleOf, type CreditCycle, type CycleReset } from '@tollgate/api-key';
import type { EntityManager } from 'typeorm';
import type { AccountState } from '../ledger/account.js';
import { insertRows, type Column } from './insert-rows.js';

interface AccountRow {
  account_id: string;
  organization_id: string;
  api_key_id: string | null;
  credit_reset: CycleReset;
  cycle_starts_at: Date | null;
  cycle_ends_at: Date | null;
  cap_nano_usd: string | null;
  posted_nano_usd: string;
  unheld_nano_usd: string;
  ceiling_nano_usd: string | null;
  generation: string;
}

const COLUMNS = `account_id, organization_id, api_key_id, credit_reset, cycle_starts_at, cycle_ends_at, cap_nano_usd,
  posted_nano_usd, unheld_nano_usd, ceiling_nano_usd, generation`;

/** Groups and projects that may have a budget. */
export type Budgets = readonly {
  readonly organizationId: string;
  readonly kind: 'group' | 'project';
  readonly ownerId: string;
}[];

/** Whose accounts are read besides those that are named by their ids: those whose period ends after `sinceMs`. */
interface Owners {
  readonly apiKeyIds: readonly string[];
  readonly budgets: Budgets;
  readonly sinceMs: number;
}

const NOBODY: Owners = { apiKeyIds: [], budgets: [], sinceMs: 0 };

/** Index: account_pk. */
const POSTED = 'SELECT account_id, posted_nano_usd FROM billing.account WHERE account_id = ANY($1::text[])';

/** What is charged to accounts, in nano-USD, by their ids, without a lock; one that has no calls yet is left out. */
export async function readPosted(
  manager: EntityManager,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  if (accountIds.length === 0) return new Map();
  const rows = await manager.query<{ account_id: string; posted_nano_usd: string }[]>(POSTED, [accountIds]);
  return new Map(rows.map((row) => [row.account_id, BigInt(row.posted_nano_usd)]));
}

/**
 * Locks and reads accounts by their ids, and the accounts with a limit of these keys, groups and projects. Indexes:
 * account_pk, account_by_key, account_by_owner.
 */
export async function readAccounts(
  manager: EntityManager,
  accountIds: readonly string[],
  { apiKeyIds, budgets, sinceMs }: Owners = NOBODY,
): Promise<Map<string, AccountState>> {
  const rows: AccountRow[] = await manager.query(
    `SELECT ${COLUMNS} FROM billing.account WHERE account_id IN (
       SELECT unnest($1::text[])
       UNION SELECT account_id FROM billing.account
       WHERE api_key_id = ANY($2::text[]) AND ceiling_nano_usd IS NOT NULL AND (cycle_ends_at IS NULL OR cycle_ends_at > $3)
       UNION SELECT account_id FROM unnest($4::text[], $5::text[], $6::text[]) AS budget (organization_id, kind, owner_id)
         JOIN billing.account USING (organization_id, kind, owner_id)
       WHERE ceiling_nano_usd IS NOT NULL AND (cycle_ends_at IS NULL OR cycle_ends_at > $3)
     ) ORDER BY account_id FOR UPDATE`,
    [
      accountIds,
      apiKeyIds,
      new Date(sinceMs),
      budgets.map(({ organizationId }) => organizationId),
      budgets.map(({ kind }) => kind),
      budgets.map(({ ownerId }) => ownerId),
    ],
  );
  return new Map(rows.map((row) => [row.account_id, accountState(row)]));
}

function accountState(row: AccountRow): AccountState {
  return {
    organizationId: row.organization_id,
    apiKeyId: row.api_key_id,
    cycle: cycleIn(row),
    capNanoUsd: bigOrNull(row.cap_nano_usd),
    postedNanoUsd: BigInt(row.posted_nano_usd),
    unheldNanoUsd: BigInt(row.unheld_nano_usd),
    ceilingNanoUsd: bigOrNull(row.ceiling_nano_usd),
    generation: Number(row.generation),
  };
}

/** The period of an account, as its columns have it: without bounds, or from its start to before its end. */
function cycleIn({ credit_reset: reset, cycle_starts_at: start, cycle_ends_at: end }: AccountRow): CreditCycle {
  if (start === null || end === null) return cycleOf('never', 0);
  return { reset, startMs: start.getTime(), endMs: end.getTime() };
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
