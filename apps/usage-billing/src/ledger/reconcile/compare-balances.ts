import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { ServiceDatabase } from '@tollgate/postgres';
import { unavailable } from '../../unavailable.js';

/** The balances of one account in the ledger and in admission, in nano-USD; null if admission does not know it. */
export interface BalanceComparison {
  readonly accountId: string;
  readonly ledgerPostedNanoUsd: bigint;
  /** The sum of the charges in the account's transfers. It differs from posted only if the ledger was tampered with. */
  readonly transfersNanoUsd: bigint;
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
      admissionPostedNanoUsd: inAdmission.get(accountId)?.postedNanoUsd ?? null,
      heldNanoUsd: inAdmission.get(accountId)?.heldNanoUsd ?? 0n,
    }));
  }

  private async readLedger(organizationId: string): Promise<Map<string, { posted: string; transfers: string }>> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ account_id: string; posted: string; transfers: string }[]>(
        `SELECT a.account_id, a.posted_nano_usd AS posted, coalesce(sum(t.amount_nano_usd), 0) AS transfers
       FROM billing.account a LEFT JOIN billing.transfer t ON t.account_id = a.account_id AND t.kind IN ('post', 'adjust')
       WHERE a.organization_id = $1 GROUP BY a.account_id`,
        [organizationId],
      ),
    );
    return new Map(rows.map(({ account_id, ...row }) => [account_id, row]));
  }
}
