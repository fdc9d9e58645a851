import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { ServiceDatabase } from '@tollgate/postgres';
import { unavailable } from '../../unavailable.js';
import { CHARGE_KINDS } from '../charge-kinds.js';
import { CHARGED_BY_EVENTS } from './charged-by-events.js';

/** The balances of one account in the ledger and in admission, in nano-USD; null if admission does not know it. */
export interface BalanceComparison {
  readonly accountId: string;
  readonly ledgerPostedNanoUsd: bigint;
  /** The sum of the charges in the account's transfers. It differs from posted only if the ledger was tampered with. */
  readonly transfersNanoUsd: bigint;
  /**
   * What the events charged in the account's period (`CHARGED_BY_EVENTS`). An account of a limit that is in force has
   * that posted.
   */
  readonly eventsNanoUsd: bigint;
  readonly admissionPostedNanoUsd: bigint | null;
  readonly heldNanoUsd: bigint;
}

/** Compares the balances of ledger and admission, for operators and for tests. */
@Injectable()
export class CompareBalances {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'accounts'>,
  ) {}

  /**
   * Invariant I2: at rest nothing is held, and posted is the same on both sides for every capped account. While
   * requests are in flight, the two sides differ by the events that are not booked yet.
   * @throws {UnavailableError} if admission cannot be reached
   */
  async of(organizationId: string): Promise<BalanceComparison[]> {
    const inAdmission = await this.admission.accounts(organizationId).catch(unavailable('Admission'));
    const inLedger = await this.readLedger(organizationId);
    return [...new Set([...inLedger.keys(), ...inAdmission.keys()])].sort().map((accountId) => ({
      accountId,
      ledgerPostedNanoUsd: BigInt(inLedger.get(accountId)?.posted ?? 0),
      transfersNanoUsd: BigInt(inLedger.get(accountId)?.transfers ?? 0),
      eventsNanoUsd: BigInt(inLedger.get(accountId)?.events ?? 0),
      admissionPostedNanoUsd: inAdmission.get(accountId)?.postedNanoUsd ?? null,
      heldNanoUsd: inAdmission.get(accountId)?.heldNanoUsd ?? 0n,
    }));
  }

  private async readLedger(organizationId: string): Promise<Map<string, BalanceRow>> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<(BalanceRow & { account_id: string })[]>(BALANCES, [organizationId]),
    );
    return new Map(rows.map(({ account_id, ...row }) => [account_id, row]));
  }
}

interface BalanceRow {
  readonly posted: string;
  readonly transfers: string;
  readonly events: string;
}

/** Indexes: account_by_organization. */
const BALANCES = `SELECT a.account_id, a.posted_nano_usd AS posted, coalesce(t.transfers, 0) AS transfers,
    ${CHARGED_BY_EVENTS} AS events
  FROM billing.account AS a
  LEFT JOIN (
    SELECT account_id, sum(amount_nano_usd) AS transfers FROM billing.transfer
    WHERE organization_id = $1 AND kind IN ${CHARGE_KINDS} GROUP BY account_id
  ) AS t USING (account_id)
  WHERE a.organization_id = $1`;
