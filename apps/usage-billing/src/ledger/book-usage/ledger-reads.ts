import type { UsageRecordedV1 } from '@tollgate/contracts';
import type { EntityManager } from 'typeorm';
import type { AccountState, LedgerState } from './decide-booking.js';

interface AccountRow {
  account_id: string;
  organization_id: string;
  api_key_id: string | null;
  cap_nano_usd: string | null;
  posted_nano_usd: string;
  ceiling_nano_usd: string | null;
}

/** Reads the ledger's state for these events. The caller has locked their organisations. */
export async function readLedger(manager: EntityManager, events: readonly UsageRecordedV1[]): Promise<LedgerState> {
  const requestIds = events.map((event) => event.requestId);
  const resolved = await readResolutions(manager, requestIds);
  return {
    accounts: await readAccounts(manager, [
      ...new Set(events.flatMap((event) => event.accounts.map((account) => account.accountId))),
    ]),
    booked: new Set(resolved.filter((row) => row.booked).map((row) => row.request_id)),
    voided: new Set(resolved.filter((row) => !row.booked).map((row) => row.request_id)),
    liveJournals: await readLiveJournals(manager),
  };
}

// Indexes: usage_event_pk, transfer_one_resolution.
async function readResolutions(
  manager: EntityManager,
  requestIds: readonly string[],
): Promise<{ request_id: string; booked: boolean }[]> {
  return manager.query(
    `SELECT request_id, true AS booked FROM billing.usage_event WHERE request_id = ANY($1::uuid[])
     UNION ALL SELECT DISTINCT request_id, false FROM billing.transfer WHERE kind = 'void' AND request_id = ANY($1::uuid[])`,
    [requestIds],
  );
}

async function readAccounts(manager: EntityManager, accountIds: readonly string[]): Promise<Map<string, AccountState>> {
  const rows: AccountRow[] = await manager.query(
    `SELECT account_id, organization_id, api_key_id, cap_nano_usd, posted_nano_usd, ceiling_nano_usd
     FROM billing.account WHERE account_id = ANY($1::text[]) ORDER BY account_id FOR UPDATE`,
    [accountIds],
  );
  return new Map(rows.map((row) => [row.account_id, accountState(row)]));
}

function accountState(row: AccountRow): AccountState {
  return {
    organizationId: row.organization_id,
    apiKeyId: row.api_key_id,
    capNanoUsd: bigOrNull(row.cap_nano_usd),
    postedNanoUsd: BigInt(row.posted_nano_usd),
    ceilingNanoUsd: bigOrNull(row.ceiling_nano_usd),
  };
}

async function readLiveJournals(manager: EntityManager): Promise<Set<string>> {
  const rows: { journal_id: string }[] = await manager.query(
    'SELECT journal_id FROM billing.gateway_instance WHERE gone_at IS NULL',
  );
  return new Set(rows.map((row) => row.journal_id));
}

const bigOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));
