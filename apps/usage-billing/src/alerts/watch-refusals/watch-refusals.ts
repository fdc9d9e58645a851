import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks, type UntoldRefusals } from '@tollgate/admission';
import { cycleOfAccount, kindOfAccount, limitOf } from '@tollgate/api-key';
import type { CreditRefusal } from '@tollgate/credit';
import { ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { BillingRelay } from '../../relay/billing-relay.js';
import { readPosted } from '../../store/accounts.js';
import { lockOrganizations } from '../../store/organization-lock.js';
import { balanceAccountId, readBalances } from '../balance/balances.js';
import { refusedChange, together, type LevelChanges } from '../credit-level.js';
import { raiseAlerts } from '../raise-alerts.js';

const EVERY_MS = 1_000;
/** The most that a column of amounts holds. */
const BIGINT_MAX = 2n ** 63n - 1n;

/**
 * Tells of the first call that was refused for want of credit, which is 100 % of a limit: with holds the last call is
 * refused before all is posted. Admission has marked the accounts; each process looks each second, and what two of them
 * read is told once. A mark is forgotten only when its alert is committed, so none is lost with a process.
 */
@Injectable()
export class WatchRefusals extends PeriodicService {
  /** Organisations whose refusals could not be told in the last look; a null stands for all of them. */
  private failing = new Set<string | null>();

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(BillingRelay) private readonly relay: Pick<BillingRelay, 'wake'>,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'untoldRefusals' | 'forgetTold'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, background: true });
  }

  /**
   * Raises the alerts about all that was refused by now. Resolves with the organisations where that was not possible,
   * which do not hold up the others. Rejects if admission cannot be asked.
   */
  async look(now: Date): Promise<ReadonlyMap<string, unknown>> {
    const untold = await this.admission.untoldRefusals();
    const failed = new Map<string, unknown>();
    for (const refusals of untold) {
      if (this.periodic.stopped) break;
      try {
        if (refusals.refusals.length > 0) await this.raise(refusals, now);
        await this.admission.forgetTold(refusals);
      } catch (err) {
        failed.set(refusals.organizationId, err);
      }
    }
    if (untold.length > failed.size) this.relay.wake();
    return failed;
  }

  private async raise({ organizationId, refusals }: UntoldRefusals, now: Date): Promise<void> {
    await this.database.acrossOrganizations(async (manager) => {
      await lockOrganizations(manager, [organizationId]);
      const posted = await readPosted(
        manager,
        refusals.map(({ accountId }) => accountId),
      );
      const balances = refusals.some(({ capNanoUsd }) => capNanoUsd === null)
        ? await readBalances(manager, [organizationId], now)
        : null;
      const balance = balances?.get(organizationId) ?? { usedNanoUsd: 0n, limitNanoUsd: 0n };
      const changes = refusals.map((refusal) => {
        const { accountId, capNanoUsd } = refusal;
        return capNanoUsd === null
          ? changeOf(organizationId, { ...refusal, ...balance, accountId: balanceAccountId(organizationId) })
          : changeOf(organizationId, {
              ...refusal,
              usedNanoUsd: posted.get(accountId) ?? 0n,
              limitNanoUsd: capNanoUsd,
            });
      });
      await raiseAlerts(manager, together(changes), now);
    });
  }

  protected override async work(): Promise<void> {
    const failed = await this.look(new Date()).catch((err: unknown) => new Map([[null, err]]));
    // It is tried each second, and logged when it begins.
    for (const [organizationId, err] of failed)
      if (!this.failing.has(organizationId))
        this.logger.warn({ err, organizationId }, 'refusals for want of credit cannot be told yet');
    this.failing = new Set(failed.keys());
  }
}

interface Refused extends Pick<CreditRefusal, 'accountId' | 'askedNanoUsd' | 'leftNanoUsd'> {
  readonly usedNanoUsd: bigint;
  readonly limitNanoUsd: bigint;
}

function changeOf(organizationId: string, refused: Refused): LevelChanges {
  const { accountId, usedNanoUsd, limitNanoUsd, askedNanoUsd, leftNanoUsd } = refused;
  const kind = kindOfAccount(accountId);
  return refusedChange(
    {
      organizationId,
      accountId,
      apiKeyId: kind === 'key' ? limitOf(accountId).slice('key:'.length) : null,
      usedNanoUsd,
      limitNanoUsd,
      // What a call could have cost has no bound that a column has, too.
      refusedCall: { askedNanoUsd: askedNanoUsd > BIGINT_MAX ? BIGINT_MAX : askedNanoUsd, leftNanoUsd },
    },
    // The balance is armed by a grant, in the transaction that gives it.
    kind !== null && cycleOfAccount(accountId).reset === 'never',
  );
}
