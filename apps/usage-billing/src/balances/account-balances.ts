import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';

/** What is charged to an account, and what calls in flight hold on it, in nano-USD. */
export interface AccountBalance {
  readonly postedNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
  /** The version of its limit for which the ledger has loaded it; 0 if it never did. */
  readonly generation: number;
}

interface AccountRow {
  account_id: string;
  posted_nano_usd: string;
  generation: string;
}

/** Index: account_by_organization. */
const LEDGER = `SELECT account_id, posted_nano_usd, generation FROM billing.account
  WHERE organization_id = $1 AND account_id = ANY($2::text[])`;

const NOTHING: AccountBalance = { postedNanoUsd: 0n, heldNanoUsd: 0n, generation: 0 };

/** Reads balances of accounts as they are now. */
@Injectable()
export class AccountBalances {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'balances'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * The balances of these accounts, zeros for those that nobody used. What admission knows of an account, it knows at
   * one moment and before the ledger: charged and held of one source fit together. Where it knows nothing, or cannot be
   * asked, the ledger counts, and nothing is held.
   */
  async of(organizationId: string, accountIds: readonly string[]): Promise<(accountId: string) => AccountBalance> {
    if (accountIds.length === 0) return () => NOTHING;
    const [rows, known] = [
      await this.database.inOrganization(organizationId, (manager) =>
        manager.query<AccountRow[]>(LEDGER, [organizationId, accountIds]),
      ),
      await this.inAdmission(organizationId, accountIds),
    ];
    const ledger = new Map(rows.map((row) => [row.account_id, row]));
    return (accountId) => {
      const row = ledger.get(accountId);
      const generation = Number(row?.generation ?? 0);
      const booked = BigInt(row?.posted_nano_usd ?? 0);
      const { postedNanoUsd, heldNanoUsd } = known.get(accountId) ?? { postedNanoUsd: booked, heldNanoUsd: 0n };
      return { postedNanoUsd: booked > postedNanoUsd ? booked : postedNanoUsd, heldNanoUsd, generation };
    };
  }

  private async inAdmission(
    organizationId: string,
    accountIds: readonly string[],
  ): ReturnType<AdmissionBooks['balances']> {
    try {
      return await this.admission.balances(organizationId, accountIds);
    } catch (err) {
      this.logger.warn({ err }, 'admission cannot be asked; balances are those of the ledger, without open holds');
      return new Map();
    }
  }
}
