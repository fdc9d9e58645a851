import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { CHARGE_KINDS } from '../charge-kinds.js';
import { lockOrganizations } from '../../store/organization-lock.js';
import { CHARGED_BY_EVENTS } from './charged-by-events.js';
import type { LedgerSide } from './differences.js';

/** An account as the ledger has it, and what was summed up of it before. */
interface BalanceRow {
  account_id: string;
  posted: string;
  is_due: boolean;
  events: string | null;
  takes_all: boolean;
  known_sum: string | null;
  known_transfers: string;
  summed_until: string | null;
  read_at: string;
}

interface SumRow {
  account_id: string;
  sum: string;
  transfers: string;
}

/**
 * Reads balances, and sums up the transfers of the accounts that were charged since they were summed up last: only the
 * transfers that are new. Of the accounts in `whole` all transfers are read.
 */
export async function readLedgerSides(
  database: ServiceDatabase,
  organizationId: string,
  accountIds: readonly string[],
  whole: ReadonlySet<string>,
): Promise<Map<string, LedgerSide>> {
  const rows = await database.acrossOrganizations(async (manager) => {
    // Under the lock nobody writes transfers of the organisation: what is there has an earlier time than `read_at`, and
    // what follows a later one. So the transfers up to then are summed up without it.
    await lockOrganizations(manager, [organizationId]);
    return manager.query<BalanceRow[]>(BALANCES, [organizationId, accountIds, [...whole]]);
  });
  const due = rows.filter((row) => row.is_due);
  const sums = due.length === 0 ? new Map<string, SumRow>() : await sumUp(database, due, whole);
  const sides = new Map(rows.map((row): [string, LedgerSide] => [row.account_id, sideOf(row, sums)]));
  await database.acrossOrganizations((manager) => saveChecks(manager, organizationId, due, sides, sums, whole));
  return sides;
}

function sideOf(row: BalanceRow, sums: ReadonlyMap<string, SumRow>): LedgerSide {
  const postedNanoUsd = BigInt(row.posted);
  if (!row.is_due) return { postedNanoUsd, sums: null };
  const transfersNanoUsd = BigInt(sums.get(row.account_id)?.sum ?? 0);
  return {
    postedNanoUsd,
    sums: { transfersNanoUsd, eventsNanoUsd: BigInt(row.events ?? 0), takesAllEvents: row.takes_all },
  };
}

/** Sums of the transfers until the balances were read: of `whole` accounts from the first, of others the new ones. */
async function sumUp(
  database: ServiceDatabase,
  rows: readonly BalanceRow[],
  whole: ReadonlySet<string>,
): Promise<Map<string, SumRow>> {
  const isNew = (row: BalanceRow) => row.summed_until === null || whole.has(row.account_id);
  const added = await database.acrossOrganizations((manager) =>
    manager.query<SumRow[]>(SUMS, [
      rows.map((row) => row.account_id),
      rows.map((row) => (isNew(row) ? '-infinity' : row.summed_until)),
      rows.map((row) => row.read_at),
    ]),
  );
  const byId = new Map(added.map((row) => [row.account_id, row]));
  return new Map(
    rows.map((row) => {
      const { sum = '0', transfers = '0' } = byId.get(row.account_id) ?? {};
      const [before, count] = isNew(row) ? [0n, 0n] : [BigInt(row.known_sum ?? 0), BigInt(row.known_transfers)];
      const account_id = row.account_id;
      return [
        account_id,
        { account_id, sum: String(BigInt(sum) + before), transfers: String(BigInt(transfers) + count) },
      ];
    }),
  );
}

/** Keeps the sums of the accounts whose transfers are what was posted; of others all are read again. */
async function saveChecks(
  manager: EntityManager,
  organizationId: string,
  rows: readonly BalanceRow[],
  sides: ReadonlyMap<string, LedgerSide>,
  sums: ReadonlyMap<string, SumRow>,
  whole: ReadonlySet<string>,
): Promise<void> {
  const agreeing = rows.filter(({ account_id }) => {
    const side = sides.get(account_id);
    return side?.sums?.transfersNanoUsd === side?.postedNanoUsd;
  });
  if (agreeing.length === 0) return;
  await manager.query(SAVE_CHECKS, [
    organizationId,
    agreeing.map((row) => row.account_id),
    agreeing.map((row) => row.posted),
    agreeing.map((row) => sums.get(row.account_id)?.transfers ?? '0'),
    agreeing.map((row) => row.read_at),
    agreeing.map((row) => row.summed_until === null || whole.has(row.account_id)),
  ]);
}

/**
 * All events of an organisation, a grant or a subscription are charged to its account, if it has a limit. A limit of a
 * key or a budget may have begun, or ended, in the middle of a period. Accounts and checks are found by their primary
 * keys.
 */
const BALANCES = `SELECT a.account_id, a.posted_nano_usd AS posted, due.is_due, c.posted_nano_usd AS known_sum,
    coalesce(c.transfers, 0) AS known_transfers, c.summed_until::text, clock_timestamp()::text AS read_at,
    CASE WHEN due.is_due THEN ${CHARGED_BY_EVENTS} END AS events,
    a.ceiling_nano_usd IS NOT NULL AND a.kind IN ('organization', 'grant', 'subscription', 'payg') AND due.is_due AS takes_all
  FROM billing.account AS a LEFT JOIN billing.account_check AS c USING (account_id)
    CROSS JOIN LATERAL (
      SELECT c.account_id IS NULL OR c.posted_nano_usd <> a.posted_nano_usd OR a.account_id = ANY($3::text[]) AS is_due) AS due
  WHERE a.organization_id = $1 AND a.account_id = ANY($2::text[]) AND a.kind <> 'fees'`;

/** Index: transfer_by_account. */
const SUMS = `SELECT asked.account_id, coalesce(sum(t.amount_nano_usd), 0) AS sum, count(t.account_id) AS transfers
  FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS asked (account_id, since, until)
    CROSS JOIN LATERAL (
      SELECT account_id, amount_nano_usd FROM billing.transfer
      WHERE account_id = asked.account_id AND created_at > asked.since AND created_at <= asked.until
        AND kind IN ${CHARGE_KINDS}) AS t
  GROUP BY 1`;

/** Index: account_check_pk. */
const SAVE_CHECKS = `INSERT INTO billing.account_check AS known
    (account_id, organization_id, posted_nano_usd, transfers, summed_until, whole_at)
  SELECT account_id, $1, posted, transfers, until, CASE WHEN is_whole THEN now() END
  FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::boolean[])
    AS summed (account_id, posted, transfers, until, is_whole)
  ON CONFLICT (account_id) DO UPDATE SET posted_nano_usd = EXCLUDED.posted_nano_usd, transfers = EXCLUDED.transfers,
    summed_until = EXCLUDED.summed_until, whole_at = coalesce(EXCLUDED.whole_at, known.whole_at)`;
