import { queryDatabase } from '@tollgate/journey';

/** A usage event as the ledger has it; amounts in nano-USD. */
export interface LedgerEvent {
  readonly requestId: string;
  readonly apiKeyId: string;
  readonly outcome: string;
  readonly charge: bigint;
  readonly accountIds: readonly string[];
}

/** All usage events of the database at this address. */
export async function eventsIn(databaseUrl: string): Promise<LedgerEvent[]> {
  const rows = await queryDatabase<{ request_id: string; api_key_id: string; outcome: string; charge_nano_usd: string; accounts: { accountId: string }[] }>(
    databaseUrl,
    'SELECT request_id, api_key_id, outcome, charge_nano_usd, accounts FROM billing.usage_event',
  );
  return rows.map((row) => ({
    requestId: row.request_id,
    apiKeyId: row.api_key_id,
    outcome: row.outcome,
    charge: BigInt(row.charge_nano_usd),
    accountIds: row.accounts.map(({ accountId }) => accountId),
  }));
}

/** What the ledger has posted to each account. */
export async function postedIn(databaseUrl: string): Promise<ReadonlyMap<string, bigint>> {
  const rows = await queryDatabase<{ account_id: string; posted_nano_usd: string }>(databaseUrl, 'SELECT account_id, posted_nano_usd FROM billing.account');
  return new Map(rows.map((row) => [row.account_id, BigInt(row.posted_nano_usd)]));
}
