import { queryDatabase } from '@tollgate/journey';

/** A usage event as the ledger has it; amounts in nano-USD. */
export interface LedgerEvent {
  readonly requestId: string;
  readonly apiKeyId: string;
  readonly outcome: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly charge: bigint;
  /** Null for an uncapped key. */
  readonly hold: bigint | null;
  readonly accountIds: readonly string[];
}

/** All usage events of the database at this address, or those of one request. */
export async function eventsIn(databaseUrl: string, requestId: string | null = null): Promise<LedgerEvent[]> {
  const rows = await queryDatabase<{
    request_id: string;
    api_key_id: string;
    outcome: string;
    input_tokens: string;
    output_tokens: string;
    charge_nano_usd: string;
    hold_nano_usd: string | null;
    accounts: { accountId: string }[];
  }>(
    databaseUrl,
    'SELECT request_id, api_key_id, outcome, input_tokens, output_tokens, charge_nano_usd, hold_nano_usd, accounts FROM billing.usage_event WHERE $1::uuid IS NULL OR request_id = $1',
    [requestId],
  );
  return rows.map((row) => ({
    requestId: row.request_id,
    apiKeyId: row.api_key_id,
    outcome: row.outcome,
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    charge: BigInt(row.charge_nano_usd),
    hold: row.hold_nano_usd === null ? null : BigInt(row.hold_nano_usd),
    accountIds: row.accounts.map(({ accountId }) => accountId),
  }));
}

/** The event of one request; undefined as long as it is not booked. */
export async function eventOf(databaseUrl: string, requestId: string): Promise<LedgerEvent | undefined> {
  return (await eventsIn(databaseUrl, requestId))[0];
}

/** What the ledger has posted to each account. */
export async function postedIn(databaseUrl: string): Promise<ReadonlyMap<string, bigint>> {
  const rows = await queryDatabase<{ account_id: string; posted_nano_usd: string }>(
    databaseUrl,
    'SELECT account_id, posted_nano_usd FROM billing.account',
  );
  return new Map(rows.map((row) => [row.account_id, BigInt(row.posted_nano_usd)]));
}

/** How holds of one request ended, one line for each account: `post`, `void`, `adjust`, `platform_loss`. */
export async function resolutionsOf(
  databaseUrl: string,
  requestId: string,
): Promise<{ kind: string; amount: bigint }[]> {
  const rows = await queryDatabase<{ kind: string; amount_nano_usd: string }>(
    databaseUrl,
    'SELECT kind, amount_nano_usd FROM billing.transfer WHERE request_id = $1 ORDER BY created_at',
    [requestId],
  );
  return rows.map(({ kind, amount_nano_usd: amount }) => ({ kind, amount: BigInt(amount) }));
}
