import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { CloseEpochs } from '../credit-epochs/close-epochs.js';
import { SettleHolds } from '../ledger/book-usage/settle-holds.js';
import { ReleaseCarriedHolds } from '../ledger/carry-holds/release-carried-holds.js';
import { ResolveOrphans } from '../ledger/resolve-orphans/resolve-orphans.js';
import { BillingMeter } from '../metrics.js';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../ports.js';
import { GatewayInstances, type GatewayInstance, type WatchedInstances } from '../store/gateway-instances.js';
import { LeaseWatch } from './lease-watch.js';

const CHECK_EVERY_MS_MAX = 1_000;
const GONE_AFTER_MS_DEFAULT = 30_000;
/** An account of each day for each key whose limit resets is little: once an hour is often enough to drop old ones. */
const ENDED_CYCLES_EVERY_MS = 3_600_000;
/** From the start of the process, when admission is not connected yet, to the first time; and after a failure. */
const ENDED_CYCLES_SOON_MS = 60_000;

/**
 * Registers gateways and checks their leases each second. With that it ends what is left of gateways that are gone and
 * of limits that have changed. It drops old accounts from admission each hour.
 */
@Injectable()
export class GatewayWatch implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly leaseWatch: LeaseWatch;
  private readonly checks: Periodic;
  private readonly endedCycles = new Periodic(() => this.dropEndedCycles(), {
    everyMs: ENDED_CYCLES_EVERY_MS,
    firstInMs: ENDED_CYCLES_SOON_MS,
  });

  constructor(
    private readonly instances: GatewayInstances,
    private readonly epochs: CloseEpochs,
    private readonly orphans: ResolveOrphans,
    private readonly carried: ReleaseCarriedHolds,
    private readonly settles: SettleHolds,
    private readonly meter: BillingMeter,
    @Inject(ADMISSION_BOOKS)
    private readonly admission: Pick<AdmissionBooks, 'dropEndedCycles' | 'leases' | 'organizations'>,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(USAGE_BILLING_SETTINGS) { goneAfterMs = GONE_AFTER_MS_DEFAULT }: UsageBillingSettings,
  ) {
    this.leaseWatch = new LeaseWatch(goneAfterMs);
    this.checks = new Periodic(() => this.check(), { everyMs: Math.min(CHECK_EVERY_MS_MAX, goneAfterMs / 4) });
  }

  /**
   * Registers a gateway process; this is committed when it resolves. A gateway calls it only after the bus has
   * acknowledged all that its journal held from earlier processes: earlier instances of the journal count as gone from
   * then on.
   */
  async register(instance: GatewayInstance): Promise<void> {
    const { cameBack } = await this.instances.register(instance);
    if (cameBack) await this.epochs.all();
    this.wake();
  }

  /** Checks once more, now or after the check under way. */
  wake(): void {
    this.checks.wake();
  }

  onApplicationBootstrap(): void {
    this.checks.start();
    this.endedCycles.start();
  }

  onModuleDestroy(): void {
    void this.checks.stop();
    void this.endedCycles.stop();
  }

  /** Runs after the bus has closed, which also ends a check that is waiting for the bus. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.checks.stop(), this.endedCycles.stop()]);
  }

  /** Runs one check, resolves orphaned holds, ends carried ones, and sends the settles that wait. Never rejects. */
  private async check(): Promise<void> {
    let isCarrying = false;
    await this.attempt('the leases of the gateways could not be checked', async () => {
      const watched = await this.instances.watched();
      isCarrying = watched.isCarrying;
      await this.checkLeases(watched.instances);
    });
    await this.attempt('the holds of gateways that are gone could not be resolved', () => this.orphans.resolveAll());
    if (isCarrying) await this.attempt('holds that are carried could not be ended', () => this.carried.run(new Date()));
    await this.settles.retry();
  }

  private async checkLeases(watched: WatchedInstances['instances']): Promise<void> {
    const leases = await this.admission.leases().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'the leases of the gateways cannot be read');
      return null;
    });
    const verdict = this.leaseWatch.judge(
      watched.map(({ instanceId }) => instanceId),
      leases,
      performance.now(),
    );
    const goneBefore = new Set(watched.filter(({ gone }) => gone).map(({ instanceId }) => instanceId));
    const gone = verdict.gone.filter((id) => !goneBefore.has(id));
    const back = verdict.renewed.filter((id) => goneBefore.has(id));
    if (gone.length > 0) {
      this.logger.warn({ instances: gone }, 'gateways are gone');
      await this.instances.markGone(gone);
      this.meter.gatewaysGone(gone.length);
    }
    if (back.length > 0 && (await this.instances.markBack(back)) > 0) await this.epochs.all();
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) =>
      this.logger.warn({ err: error }, `${what}; the next attempt follows in a second`),
    );
  }

  /**
   * Drops accounts of cycles that ended long ago from admission. Never rejects; after a failure it resolves with the
   * milliseconds until the next attempt.
   */
  private async dropEndedCycles(): Promise<number | void> {
    try {
      for (const organizationId of await this.admission.organizations()) {
        if (this.endedCycles.stopped) return;
        const accounts = await this.admission.dropEndedCycles(organizationId);
        if (accounts > 0) this.logger.info({ organizationId, accounts }, 'accounts of ended cycles were dropped');
      }
    } catch (error) {
      this.logger.warn(
        { err: error },
        'accounts of ended cycles could not be dropped; the next attempt follows in a minute',
      );
      return ENDED_CYCLES_SOON_MS;
    }
  }
}
