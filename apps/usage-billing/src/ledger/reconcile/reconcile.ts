import { Inject, Injectable } from '@nestjs/common';
import { formatUsd } from '@tollgate/credit';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { BillingMeter } from '../../metrics.js';
import { CompareUsage } from '../compare-usage/compare-usage.js';
import { CheckOrganization } from './check-organization.js';
import { ReconciliationStore, type DueAccounts } from './reconciliation-store.js';

const EVERY_MS = 60_000;
/** What differs for the first time is looked at again soon: most often it was under way. */
const AGAIN_MS = 10_000;
/** How often a process asks whether a check is due. */
const ASK_EVERY_MS = 5_000;

/**
 * Compares ledger, admission and events each minute: of organisations with new events, and of some others in turn.
 * What differs in two checks in a row is an error in the log, and shown by `GET /v1/reconciliation`. So does it with
 * single events and the roll-ups (`CompareUsage`).
 *
 * The work does not grow with the history. Of an account whose balance has changed only the transfers since the check
 * before are summed up. A slow pass reads all transfers of each account anew, 200,000 transfers a minute at most: it
 * finds what was changed behind the back of the ledger.
 */
@Injectable()
export class Reconcile extends PeriodicService {
  /** How many events each organisation had when it was checked last by this process. */
  private readonly seen = new Map<string, string>();

  constructor(
    private readonly store: ReconciliationStore,
    private readonly check: CheckOrganization,
    private readonly usage: CompareUsage,
    private readonly meter: BillingMeter,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: ASK_EVERY_MS, firstInMs: ASK_EVERY_MS });
  }

  /** Runs a check if one is due and no other process runs it. Resolves with whether it did. */
  async runIfDue(): Promise<boolean> {
    if (!(await this.store.claim(EVERY_MS))) return false;
    let checked: number | null = null;
    let hasNew = false;
    try {
      ({ checked, hasNew } = await this.run());
    } finally {
      await this.store.release(checked, hasNew ? AGAIN_MS : null);
    }
    return true;
  }

  protected override async work(): Promise<void> {
    await this.runIfDue().catch((err: unknown) =>
      this.logger.warn(
        { err },
        'ledger, admission and events could not be compared; the next attempt follows in a minute',
      ),
    );
  }

  private async run(): Promise<{ readonly checked: number; readonly hasNew: boolean }> {
    const [activity, whole] = [await this.store.activity(), await this.due()];
    const active = [...activity].flatMap(([id, booked]) => (this.seen.get(id) === booked ? [] : [id]));
    const organizations = new Set([...whole.keys(), ...active]);
    let checked = 0;
    let hasNew = await this.compareUsage(active);
    for (const organizationId of organizations) {
      if (this.periodic.stopped) break;
      await this.store.renew();
      const { accountIds, differences } = await this.check.of(organizationId, whole.get(organizationId) ?? new Set());
      const noted = await this.store.note(organizationId, accountIds, differences);
      for (const difference of noted.lasting) this.tell(organizationId, difference);
      checked += accountIds.length;
      hasNew ||= noted.hasNew;
      const booked = activity.get(organizationId);
      if (booked !== undefined) this.seen.set(organizationId, booked);
    }
    return { checked, hasNew };
  }

  /** Resolves with whether anything differs for the first time. Balances are compared also where usage cannot be. */
  private async compareUsage(organizationIds: readonly string[]): Promise<boolean> {
    try {
      const { hasNew } = await this.usage.run(organizationIds, {
        renew: () => this.store.renew(),
        isStopped: () => this.periodic.stopped,
      });
      return hasNew;
    } catch (err) {
      this.logger.warn({ err }, 'events and roll-ups could not be compared; the next attempt follows in a minute');
      return false;
    }
  }

  /** The accounts that differed in the last check, and the next ones of the slow pass. */
  private async due(): Promise<DueAccounts> {
    const [differing, next] = [await this.store.differing(), await this.store.nextOfPass()];
    const due = new Map<string, Set<string>>();
    for (const [organizationId, accountIds] of [...differing, ...next])
      due.set(organizationId, new Set([...(due.get(organizationId) ?? []), ...accountIds]));
    return due;
  }

  private tell(organizationId: string, { accountId, place, differenceNanoUsd }: LastingFacts): void {
    this.meter.differenceFound(place);
    this.logger.error(
      { organizationId, accountId, place, differenceUsd: formatUsd(differenceNanoUsd) },
      'ledger, admission and events do not agree in two checks in a row',
    );
  }
}

type LastingFacts = Awaited<ReturnType<ReconciliationStore['note']>>['lasting'][number];
