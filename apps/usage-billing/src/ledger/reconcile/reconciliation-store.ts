import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { Difference, DifferencePlace } from './differences.js';

/** A difference that was seen in two checks in a row. */
export interface LastingDifference extends Difference {
  readonly organizationId: string;
  readonly firstSeenAt: Date;
}

/** The accounts of an organisation of which all transfers are due to be read. */
export type DueAccounts = ReadonlyMap<string, ReadonlySet<string>>;

/** When what was compared last. */
export interface ReconciliationState {
  readonly checkedAt: Date | null;
  readonly checkedAccounts: number;
  /** When the slow pass over all accounts last reached the end. */
  readonly passEndedAt: Date | null;
  /** When the slow pass over all usage last reached the end. */
  readonly usagePassEndedAt: Date | null;
}

/** A check that was not renewed for so long has ended with its process. No organisation takes half of it. */
const RENEWED_SECONDS_MAX = 60;
const RENEW_AFTER_SECONDS = 10;
/** Accounts that the slow pass takes in one check, and how many transfers it reads of them. */
const PASS_ACCOUNTS = 500;
const PASS_TRANSFERS_MAX = 200_000;

/** What reconciliation keeps in the database: who checks, how far the slow pass is, and what differed. */
@Injectable()
export class ReconciliationStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Whether this process does the check that is due: of several only one. The next is due after `everyMs`. */
  async claim(everyMs: number): Promise<boolean> {
    const [, count] = await this.run<[unknown[], number]>(CLAIM, [everyMs, RENEWED_SECONDS_MAX]);
    return count > 0;
  }

  /** Says that the process that does a check is still alive. */
  async renew(): Promise<void> {
    await this.run(RENEW, [RENEW_AFTER_SECONDS]);
  }

  /** Ends a check. The next one is due sooner if there is `soonMs`. */
  async release(checkedAccounts: number | null, soonMs: number | null): Promise<void> {
    await this.run(RELEASE, [checkedAccounts, soonMs]);
  }

  /**
   * Moves the slow pass on, by accounts in the order of their ids, and resolves with them by organisation. An account
   * with so many transfers that they alone are too many is read whole once a day.
   */
  async nextOfPass(): Promise<DueAccounts> {
    const rows = await this.database.acrossOrganizations(async (manager) => {
      const next = await manager.query<PassRow[]>(NEXT_OF_PASS, [PASS_ACCOUNTS, PASS_TRANSFERS_MAX]);
      const last = next.at(-1);
      const isEnd = last === undefined || last.is_last;
      await manager.query(MOVE_PASS, [isEnd ? '' : last.account_id, isEnd]);
      return next;
    });
    return byOrganization(rows.filter((row) => row.is_due));
  }

  /** The accounts that differed in the last check. */
  async differing(): Promise<DueAccounts> {
    return byOrganization(
      await this.run<AccountRow[]>(
        'SELECT DISTINCT organization_id, account_id FROM billing.reconciliation_difference',
      ),
    );
  }

  /** How many events of each organisation are booked, to find those that have new ones. */
  async activity(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.run<{ organization_id: string; booked: string }[]>(
      'SELECT organization_id, sum(number) AS booked FROM billing.journal_progress GROUP BY 1',
    );
    return new Map(rows.map((row) => [row.organization_id, row.booked]));
  }

  /**
   * Notes what differs now of these accounts, and forgets what no longer does. Resolves with the differences that are
   * seen for the second time in a row, and whether any was seen for the first time.
   */
  async note(
    organizationId: string,
    accountIds: readonly string[],
    differences: readonly Difference[],
  ): Promise<{ readonly lasting: readonly Difference[]; readonly hasNew: boolean }> {
    const text = (amount: bigint | null) => amount?.toString() ?? null;
    const noted = await this.database.acrossOrganizations(async (manager) => {
      await manager.query(FORGET, [
        accountIds,
        differences.map(({ accountId }) => accountId),
        differences.map(({ place }) => place),
      ]);
      if (differences.length === 0) return [];
      return manager.query<{ account_id: string; place: DifferencePlace; times: number }[]>(NOTE, [
        organizationId,
        differences.map(({ accountId }) => accountId),
        differences.map(({ place }) => place),
        differences.map(({ ledgerNanoUsd }) => ledgerNanoUsd.toString()),
        differences.map(({ transfersNanoUsd }) => text(transfersNanoUsd)),
        differences.map(({ eventsNanoUsd }) => text(eventsNanoUsd)),
        differences.map(({ admissionNanoUsd }) => text(admissionNanoUsd)),
        differences.map(({ heldNanoUsd }) => text(heldNanoUsd)),
        differences.map(({ differenceNanoUsd }) => differenceNanoUsd.toString()),
      ]);
    });
    const second = noted.filter(({ times }) => times === 2);
    return {
      lasting: differences.filter(({ accountId, place }) =>
        second.some((row) => row.account_id === accountId && row.place === place),
      ),
      hasNew: noted.some(({ times }) => times === 1),
    };
  }

  /** The differences that were seen twice in a row and are still there, those seen first before others. */
  async lasting(): Promise<readonly LastingDifference[]> {
    const rows = await this.run<DifferenceRow[]>(LASTING);
    return rows.map((row) => ({
      organizationId: row.organization_id,
      accountId: row.account_id,
      place: row.place,
      ledgerNanoUsd: BigInt(row.ledger_nano_usd),
      transfersNanoUsd: bigOrNull(row.transfers_nano_usd),
      eventsNanoUsd: bigOrNull(row.events_nano_usd),
      admissionNanoUsd: bigOrNull(row.admission_nano_usd),
      heldNanoUsd: bigOrNull(row.held_nano_usd),
      differenceNanoUsd: BigInt(row.difference_nano_usd),
      firstSeenAt: row.first_seen_at,
    }));
  }

  async state(): Promise<ReconciliationState> {
    const [row] = await this.run<StateRow[]>(
      'SELECT checked_at, checked_accounts, pass_ended_at, usage_pass_ended_at FROM billing.reconciliation',
    );
    return {
      checkedAt: row?.checked_at ?? null,
      checkedAccounts: Number(row?.checked_accounts ?? 0),
      passEndedAt: row?.pass_ended_at ?? null,
      usagePassEndedAt: row?.usage_pass_ended_at ?? null,
    };
  }

  private run<Result>(statement: string, parameters: unknown[] = []): Promise<Result> {
    return this.database.acrossOrganizations((manager) => manager.query<Result>(statement, parameters));
  }
}

interface StateRow {
  checked_at: Date | null;
  checked_accounts: string;
  pass_ended_at: Date | null;
  usage_pass_ended_at: Date | null;
}

interface AccountRow {
  account_id: string;
  organization_id: string;
}

interface PassRow extends AccountRow {
  is_due: boolean;
  is_last: boolean;
}

interface DifferenceRow extends AccountRow {
  place: DifferencePlace;
  ledger_nano_usd: string;
  transfers_nano_usd: string | null;
  events_nano_usd: string | null;
  admission_nano_usd: string | null;
  held_nano_usd: string | null;
  difference_nano_usd: string;
  first_seen_at: Date;
}

const bigOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

function byOrganization(rows: readonly AccountRow[]): DueAccounts {
  const accounts = new Map<string, Set<string>>();
  for (const { organization_id: organizationId, account_id: accountId } of rows) {
    const ofOne = accounts.get(organizationId) ?? new Set();
    accounts.set(organizationId, ofOne.add(accountId));
  }
  return accounts;
}

const CLAIM = `UPDATE billing.reconciliation SET due_at = now() + $1 * interval '1 millisecond', running_since = now()
  WHERE due_at <= now() AND (running_since IS NULL OR running_since < now() - $2 * interval '1 second')`;

const RENEW = `UPDATE billing.reconciliation SET running_since = now()
  WHERE running_since < now() - $1 * interval '1 second'`;

const RELEASE = `UPDATE billing.reconciliation SET running_since = NULL,
    checked_at = CASE WHEN $1::bigint IS NULL THEN checked_at ELSE now() END,
    checked_accounts = coalesce($1::bigint, checked_accounts),
    due_at = least(due_at, coalesce(now() + $2::bigint * interval '1 millisecond', due_at))`;

/** Indexes: account_pk, account_check_pk. */
const NEXT_OF_PASS = `SELECT account_id, organization_id,
    account_id = (SELECT max(account_id) FROM billing.account) AS is_last,
    coalesce(transfers, 0) <= $2 OR coalesce(whole_at, '-infinity') < now() - interval '1 day' AS is_due
  FROM (
    SELECT a.account_id, a.organization_id, c.transfers, c.whole_at,
      sum(least(coalesce(c.transfers, 0), $2)) OVER (ORDER BY a.account_id) - least(coalesce(c.transfers, 0), $2) AS before
    FROM (
      SELECT account_id, organization_id FROM billing.account
      WHERE account_id > (SELECT passed_to FROM billing.reconciliation) ORDER BY account_id LIMIT $1
    ) AS a LEFT JOIN billing.account_check AS c USING (account_id)
  ) AS next
  WHERE before < $2 ORDER BY account_id`;

const MOVE_PASS = `UPDATE billing.reconciliation SET passed_to = $1,
    pass_ended_at = CASE WHEN $2 THEN now() ELSE pass_ended_at END`;

/** Index: reconciliation_difference_pk. */
const FORGET = `DELETE FROM billing.reconciliation_difference AS known WHERE account_id = ANY($1::text[])
  AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::text[]) AS now (account_id, place)
    WHERE now.account_id = known.account_id AND now.place = known.place)`;

const NOTE = `INSERT INTO billing.reconciliation_difference AS known (organization_id, account_id, place,
    ledger_nano_usd, transfers_nano_usd, events_nano_usd, admission_nano_usd, held_nano_usd, difference_nano_usd)
  SELECT $1, * FROM unnest($2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[],
    $9::numeric[])
  ON CONFLICT (account_id, place) DO UPDATE SET ledger_nano_usd = EXCLUDED.ledger_nano_usd,
    transfers_nano_usd = EXCLUDED.transfers_nano_usd, events_nano_usd = EXCLUDED.events_nano_usd,
    admission_nano_usd = EXCLUDED.admission_nano_usd, held_nano_usd = EXCLUDED.held_nano_usd,
    difference_nano_usd = EXCLUDED.difference_nano_usd, times = known.times + 1
  RETURNING account_id, place, times`;

const LASTING = `SELECT organization_id, account_id, place, ledger_nano_usd, transfers_nano_usd, events_nano_usd,
    admission_nano_usd, held_nano_usd, difference_nano_usd, first_seen_at
  FROM billing.reconciliation_difference WHERE times >= 2 ORDER BY first_seen_at, account_id, place LIMIT 1000`;
