import { costOfEntry, queryDatabase, type DistributedShape } from '@tollgate/journey';
import type { LogEntry } from '@tollgate/provider-simulator';

/** So many requests of an account are told of; those that explain a difference are few. */
const TOLD_MAX = 30;

interface AccountRequest {
  readonly request_id: string;
  /** Null where holds of the request were resolved, and it has no event. */
  readonly outcome: string | null;
  readonly charge: string | null;
  readonly hold: string | null;
  readonly journal_id: string | null;
  readonly journal_number: string | null;
  /** Each as `KIND AMOUNT at TIME`. */
  readonly transfers: readonly string[];
}

/**
 * Says which requests of an account a difference between admission and ledger may be about: those that did not end
 * well, whose holds were resolved in another way than by a `post`, whose charge is not the provider's, or whose charge
 * is the difference; and which processes the gateways of these were.
 */
export async function explainAccount(
  shape: DistributedShape,
  accountId: string,
  differenceNanoUsd: bigint,
): Promise<string> {
  const requests = await queryDatabase<AccountRequest>(
    shape.databaseUrl,
    `SELECT t.request_id, e.outcome, e.charge_nano_usd AS charge, e.hold_nano_usd AS hold, e.journal_id, e.journal_number,
       array_agg(t.kind || ' ' || t.amount_nano_usd || ' at ' || to_char(t.created_at, 'HH24:MI:SS.MS')) AS transfers
     FROM billing.transfer AS t LEFT JOIN billing.usage_event AS e USING (request_id)
     WHERE t.account_id = $1 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY min(t.created_at)`,
    [accountId],
  );
  const entryOf = new Map(shape.simulator.log().map((entry) => [entry.request_id, entry]));
  const odd = requests.filter((request) => {
    const entry = entryOf.get(request.request_id);
    const cost = costOf(entry);
    return (
      request.outcome !== 'completed' ||
      request.transfers.some((transfer) => !transfer.startsWith('post ')) ||
      (cost !== null && cost !== BigInt(request.charge ?? 0)) ||
      BigInt(request.charge ?? 0) === differenceNanoUsd ||
      -BigInt(request.charge ?? 0) === differenceNanoUsd
    );
  });
  const gateways = await queryDatabase<{ told: string }>(
    shape.databaseUrl,
    `SELECT 'journal ' || journal_id || ' of instance ' || instance_id || ', from ' || to_char(registered_at, 'HH24:MI:SS.MS')
       || coalesce(', gone at ' || to_char(gone_at, 'HH24:MI:SS.MS'), '') AS told
     FROM billing.gateway_instance ORDER BY registered_at`,
  );
  return [
    `${accountId}: ${odd.length} of its ${requests.length} requests are not as all others:`,
    ...odd.slice(-TOLD_MAX).map((request) => `  ${told(request, entryOf.get(request.request_id))}`),
    'gateways:',
    ...gateways.map((gateway) => `  ${gateway.told}`),
  ].join('\n');
}

function told(request: AccountRequest, entry: LogEntry | undefined): string {
  const { request_id: id, outcome, charge, hold, journal_id: journal, journal_number: number, transfers } = request;
  const seen =
    entry === undefined ? 'not seen' : `${entry.outcome}, ${entry.chunks_sent} chunks, worth ${costOf(entry)}`;
  const booked =
    outcome === null ? 'no event' : `${outcome}, charge ${charge}, hold ${hold}, number ${number} of ${journal}`;
  return `${id}: ${booked}; transfers ${transfers.join(', ')}; at the provider ${seen}`;
}

const costOf = (entry: LogEntry | undefined): bigint | null =>
  entry === undefined || entry.model === null || entry.usage === null ? null : costOfEntry(entry);
