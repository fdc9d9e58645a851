import { Inject, Injectable } from '@nestjs/common';
import { remainingOf, type AccountBalance } from '@tollgate/credit';
import { ServiceDatabase } from '@tollgate/postgres';
import { AccountBalances } from '../../balances/account-balances.js';
import { FEES, feesAccountId } from './known-accounts.js';
import { PresentLimits, type ShownLimit } from './present-limits.js';

/** An account with its balance. Amounts are nano-USD. */
export interface LedgerAccount {
  readonly accountId: string;
  readonly kind: string;
  readonly ownerId: string;
  readonly reset: string;
  readonly cycleStartsAt: Date | null;
  readonly cycleEndsAt: Date | null;
  /** The limit as it is now; of a cycle that has ended, its last one. Null where nothing caps it. */
  readonly capNanoUsd: bigint | null;
  readonly postedNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
  /** What calls can still use; null where nothing caps it. */
  readonly remainingNanoUsd: bigint | null;
}

/** Which accounts are listed. */
export interface AccountFilter {
  readonly kind: string | null;
  readonly ownerId: string | null;
  readonly withEnded: boolean;
}

/** One transfer of an account. */
export interface LedgerTransfer {
  readonly transferId: string;
  readonly kind: string;
  readonly amountNanoUsd: bigint;
  readonly note: string | null;
  readonly createdAt: Date;
  readonly createdAtText: string;
}

/** Which transfers are listed. */
export interface TransferFilter {
  readonly kind: string | null;
  readonly from: Date | null;
  readonly to: Date | null;
}

interface AccountRow {
  account_id: string;
  kind: string;
  owner_id: string;
  credit_reset: string;
  cycle_starts_at: Date | null;
  cycle_ends_at: Date | null;
  cap: string | null;
  posted: string;
}

interface TransferRow {
  request_id: string;
  kind: string;
  amount: string;
  note: string | null;
  created_at: Date;
  created_at_text: string;
}

/** Lists accounts with their balances, and the transfers of one. */
@Injectable()
export class LedgerAccounts {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly balances: AccountBalances,
    @Inject(PresentLimits) private readonly limits: Pick<PresentLimits, 'of'>,
  ) {}

  /**
   * At most `count` accounts in the order of their ids, after the given one. `now` says which cycles have ended.
   * @throws {Problem} `service_unavailable` where key-management has to be asked for limits and cannot
   */
  async list(
    organizationId: string,
    { kind, ownerId, withEnded }: AccountFilter,
    count: number,
    after: string | null,
    now: Date,
  ): Promise<LedgerAccount[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<AccountRow[]>(ACCOUNTS, [
        organizationId,
        after ?? '',
        kind,
        ownerId,
        withEnded ? null : now,
        count,
        feesAccountId(organizationId),
      ]),
    );
    const balanceOf = await this.balances.of(
      organizationId,
      rows.flatMap(({ kind: each, account_id: accountId }) => (each === FEES ? [] : [accountId])),
    );
    const accounts = rows.map((row) => {
      const { account_id: accountId, owner_id } = row;
      const balance = row.kind === FEES ? { postedNanoUsd: BigInt(row.posted), heldNanoUsd: 0n } : balanceOf(accountId);
      const { postedNanoUsd, heldNanoUsd } = balance;
      return { row, accountId, ownerId: owner_id, postedNanoUsd, heldNanoUsd };
    });
    const open = accounts.filter(({ row }) => !hasEnded(row, now));
    const limits = await this.limits.of(organizationId, open, now);
    return accounts.map(({ row, ...account }) => ({
      ...account,
      kind: row.kind,
      reset: row.credit_reset,
      cycleStartsAt: row.cycle_starts_at,
      cycleEndsAt: row.cycle_ends_at,
      ...(limits.get(account.accountId) ?? lastLimit(row, account, now)),
    }));
  }

  /** At most `count` transfers of an account, the newest first, after the given place. */
  async transfers(
    organizationId: string,
    accountId: string,
    { kind, from, to }: TransferFilter,
    count: number,
    after: readonly [createdAt: string, transferId: string, kind: string] | null,
  ): Promise<LedgerTransfer[]> {
    const place = after ?? [null, null, null];
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<TransferRow[]>(TRANSFERS, [organizationId, accountId, kind, from, to, ...place, count]),
    );
    return rows.map((row) => ({
      transferId: row.request_id,
      kind: row.kind,
      amountNanoUsd: BigInt(row.amount),
      note: row.note,
      createdAt: row.created_at,
      createdAtText: row.created_at_text,
    }));
  }
}

const hasEnded = ({ cycle_ends_at: end }: AccountRow, now: Date): boolean => end !== null && end <= now;

/** The limit that the last call was admitted under. Of a cycle that has ended nothing can be used any more. */
function lastLimit(row: AccountRow, balance: AccountBalance, now: Date): ShownLimit {
  const capNanoUsd = row.cap === null ? null : BigInt(row.cap);
  if (capNanoUsd !== null && hasEnded(row, now)) return { capNanoUsd, remainingNanoUsd: 0n };
  return { capNanoUsd, remainingNanoUsd: remainingOf(capNanoUsd, balance) };
}

/**
 * With the account of an organisation's fees, which caps nothing and is kept in its transfers alone. Indexes:
 * account_by_organization, transfer_by_account.
 */
const ACCOUNTS = `(SELECT account_id, kind, owner_id, credit_reset, cycle_starts_at, cycle_ends_at, cap_nano_usd AS cap,
      posted_nano_usd AS posted
    FROM billing.account
    WHERE organization_id = $1 AND account_id > $2 AND ($3::text IS NULL OR kind = $3)
      AND ($4::text IS NULL OR owner_id = $4) AND ($5::timestamptz IS NULL OR cycle_ends_at IS NULL OR cycle_ends_at > $5)
    ORDER BY account_id LIMIT $6)
  UNION ALL
  (SELECT $7, '${FEES}', $1, 'never', NULL, NULL, NULL, sum(t.amount_nano_usd)
    FROM billing.transfer AS t
    WHERE t.account_id = $7 AND t.organization_id = $1 AND $7 > $2 AND ($3::text IS NULL OR $3 = '${FEES}')
      AND ($4::text IS NULL OR $4 = $1)
    HAVING count(*) > 0)
  ORDER BY account_id LIMIT $6`;

/** Index: transfer_by_account. */
const TRANSFERS = `SELECT request_id, kind, amount_nano_usd AS amount, note, created_at,
    to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at_text
  FROM billing.transfer
  WHERE organization_id = $1 AND account_id = $2 AND ($3::text IS NULL OR kind = $3)
    AND created_at >= coalesce($4::timestamptz, '-infinity') AND created_at < coalesce($5::timestamptz, 'infinity')
    AND (created_at, request_id, kind) <
      (coalesce($6::timestamptz, 'infinity'), coalesce($7::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), coalesce($8::text, ''))
  ORDER BY created_at DESC, request_id DESC, kind DESC LIMIT $9`;
