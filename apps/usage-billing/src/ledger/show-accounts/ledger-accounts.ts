import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { balanceOf } from '../../grants/grant.js';
import { FEES, feesAccountId } from './known-accounts.js';

/** An account with its balance. Amounts are nano-USD. */
export interface LedgerAccount {
  readonly accountId: string;
  readonly kind: string;
  readonly ownerId: string;
  readonly reset: string;
  readonly cycleStartsAt: Date | null;
  readonly cycleEndsAt: Date | null;
  readonly capNanoUsd: bigint | null;
  readonly postedNanoUsd: bigint;
  /** What of a grant has expired, by the clock. */
  readonly lapsedNanoUsd: bigint;
  /** Null if admission cannot be asked. */
  readonly heldNanoUsd: bigint | null;
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
  /** Null, as the two below, for an account that is none of a grant. */
  granted: string | null;
  expires_at: Date | null;
  expired: string | null;
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
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'accounts'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** At most `count` accounts in the order of their ids, after the given one. `now` says which cycles have ended. */
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
    const held = rows.length === 0 ? new Map<string, never>() : await this.held(organizationId);
    const heldOn = (accountId: string): bigint | null =>
      held === null ? null : (held.get(accountId)?.heldNanoUsd ?? 0n);
    return rows.map((row) => ({
      accountId: row.account_id,
      kind: row.kind,
      ownerId: row.owner_id,
      reset: row.credit_reset,
      cycleStartsAt: row.cycle_starts_at,
      cycleEndsAt: row.cycle_ends_at,
      capNanoUsd: row.cap === null ? null : BigInt(row.cap),
      postedNanoUsd: BigInt(row.posted),
      lapsedNanoUsd: lapsedOf(row, heldOn(row.account_id) ?? 0n, now),
      heldNanoUsd: heldOn(row.account_id),
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

  private async held(organizationId: string): Promise<Awaited<ReturnType<AdmissionBooks['accounts']>> | null> {
    return this.admission.accounts(organizationId).catch((err: unknown) => {
      this.logger.warn({ err }, 'admission cannot be asked what it holds');
      return null;
    });
  }
}

function lapsedOf({ posted, granted, expired, expires_at: expiresAt }: AccountRow, held: bigint, now: Date): bigint {
  if (granted === null || expired === null) return 0n;
  const grant = { amountNanoUsd: BigInt(granted), expiresAt, expiredNanoUsd: BigInt(expired) };
  return balanceOf(grant, { postedNanoUsd: BigInt(posted), heldNanoUsd: held }, now).expiredNanoUsd;
}

/**
 * With the account of an organisation's fees, which caps nothing and is kept in its transfers alone. Indexes:
 * account_by_organization, grant_newest, transfer_by_account.
 */
const ACCOUNTS = `(SELECT a.*, g.amount_nano_usd AS granted, g.expires_at, g.expired_nano_usd AS expired
    FROM (
      SELECT account_id, kind, owner_id, credit_reset, cycle_starts_at, cycle_ends_at, cap_nano_usd AS cap, posted_nano_usd AS posted
      FROM billing.account
      WHERE organization_id = $1 AND account_id > $2 AND ($3::text IS NULL OR kind = $3)
        AND ($4::text IS NULL OR owner_id = $4) AND ($5::timestamptz IS NULL OR cycle_ends_at IS NULL OR cycle_ends_at > $5)
      ORDER BY account_id LIMIT $6) AS a
    LEFT JOIN billing.grant AS g ON g.organization_id = $1 AND a.kind = 'grant' AND a.owner_id = g.id::text)
  UNION ALL
  (SELECT $7, '${FEES}', $1, 'never', NULL, NULL, NULL, sum(t.amount_nano_usd), NULL, NULL, NULL
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
