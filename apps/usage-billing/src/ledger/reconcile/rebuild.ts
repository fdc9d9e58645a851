import type { ServiceDatabase } from '@tollgate/postgres';
import { CHARGE_KINDS } from '../charge-kinds.js';
import { lockOrganizations } from '../../store/organization-lock.js';

/** An account whose balance is not what its transfers add up to. Amounts are nano-USD. */
interface WrongBalance {
  readonly accountId: string;
  readonly organizationId: string;
  readonly postedNanoUsd: bigint;
  readonly transfersNanoUsd: bigint;
}

/** What was rebuilt. */
export interface Rebuilt {
  readonly accounts: number;
  readonly wrong: readonly WrongBalance[];
}

interface BalanceRow {
  account_id: string;
  organization_id: string;
  posted: string;
  transfers: string;
}

/** Accounts that are read in one statement. */
const PAGE = 500;

/**
 * Computes the balance of each account from its transfers, and compares. Without `correct` it changes nothing. With it,
 * each wrong balance becomes what the transfers add up to, a row of `billing.balance_correction` says so, and `correct`
 * is called with the organisation before that is committed, so that admission loads its balances again. Transfers never
 * change.
 */
export async function rebuild(
  database: ServiceDatabase,
  correct: ((organizationId: string) => Promise<void>) | null = null,
): Promise<Rebuilt> {
  const wrong: WrongBalance[] = [];
  let accounts = 0;
  for (let after: string | null = ''; after !== null;) {
    const rows: BalanceRow[] = await database.acrossOrganizations((manager) =>
      manager.query<BalanceRow[]>(PAGE_OF_BALANCES, [after, PAGE]),
    );
    accounts += rows.length;
    wrong.push(...rows.filter((row) => row.posted !== row.transfers).map(wrongBalance));
    after = rows.length < PAGE ? null : (rows.at(-1)?.account_id ?? null);
  }
  if (correct !== null)
    for (const { accountId, organizationId } of wrong)
      await database.acrossOrganizations(async (manager) => {
        await lockOrganizations(manager, [organizationId]);
        await manager.query(CORRECT, [accountId]);
        await correct(organizationId);
      });
  return { accounts, wrong };
}

const wrongBalance = (row: BalanceRow): WrongBalance => ({
  accountId: row.account_id,
  organizationId: row.organization_id,
  postedNanoUsd: BigInt(row.posted),
  transfersNanoUsd: BigInt(row.transfers),
});

const CHARGES = `coalesce((SELECT sum(amount_nano_usd) FROM billing.transfer AS t
    WHERE t.account_id = a.account_id AND t.kind IN ${CHARGE_KINDS}), 0)`;

const PAGE_OF_BALANCES = `SELECT account_id, organization_id, posted_nano_usd::numeric AS posted, ${CHARGES} AS transfers
  FROM (
    SELECT account_id, organization_id, posted_nano_usd FROM billing.account
    WHERE account_id > $1 AND kind <> 'fees' ORDER BY account_id LIMIT $2
  ) AS a ORDER BY account_id`;

/** What was charged without a hold is at most what is posted, and no ceiling is below it. */
const CORRECT = `WITH right_balance AS (
    SELECT account_id, organization_id, posted_nano_usd AS before, (${CHARGES})::bigint AS after
    FROM billing.account AS a WHERE account_id = $1
  ), noted AS (
    INSERT INTO billing.balance_correction (account_id, organization_id, before_nano_usd, after_nano_usd)
    SELECT account_id, organization_id, before, after FROM right_balance WHERE before <> after
  )
  UPDATE billing.account AS known SET posted_nano_usd = after, unheld_nano_usd = least(unheld_nano_usd, after),
    ceiling_nano_usd = greatest(ceiling_nano_usd, CASE WHEN ceiling_nano_usd IS NOT NULL THEN after END)
  FROM right_balance WHERE known.account_id = right_balance.account_id AND before <> after`;
