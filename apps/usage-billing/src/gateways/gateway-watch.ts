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
import { SettleHolds } from '../ledger/book-usage/settle-holds.js';
import { ResolveOrphans } from '../ledger/resolve-orphans/resolve-orphans.js';
import { BillingMeter } from '../metrics.js';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../ports.js';
import { GatewayInstances, type GatewayInstance } from '../store/gateway-instances.js';
import { LeaseWatch } from './lease-watch.js';

const CHECK_EVERY_MS_MAX = 1_000;
const GONE_AFTER_MS_DEFAULT = 30_000;

/** Knows which gateways are there. Checks their leases each second while the application runs. */
@Injectable()
export class GatewayWatch implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly leaseWatch: LeaseWatch;
  private readonly checks: Periodic;

  constructor(
    private readonly instances: GatewayInstances,
    private readonly orphans: ResolveOrphans,
    private readonly settles: SettleHolds,
    private readonly meter: BillingMeter,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'closeEpoch' | 'leases'>,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(USAGE_BILLING_SETTINGS) { goneAfterMs = GONE_AFTER_MS_DEFAULT }: UsageBillingSettings,
  ) {
    this.leaseWatch = new LeaseWatch(goneAfterMs);
    this.checks = new Periodic(() => this.check(), { everyMs: Math.min(CHECK_EVERY_MS_MAX, goneAfterMs / 4) });
  }

  /**
   * Durable when it resolves. A gateway calls it after it has shipped, and had acknowledged, what its journal held of
   * the life before: the earlier instances of the journal count as gone from now on.
   */
  async register(instance: GatewayInstance): Promise<void> {
    const { cameBack } = await this.instances.register(instance);
    if (cameBack) await this.closeEpochs();
    this.checks.wake();
  }

  onApplicationBootstrap(): void {
    this.checks.start();
  }

  onModuleDestroy(): void {
    void this.checks.stop();
  }

  /** After the bus has closed: a check that waits for it ends with it. */
  async onApplicationShutdown(): Promise<void> {
    await this.checks.stop();
  }

  /** One check, and what follows from it. Never rejects. */
  private async check(): Promise<void> {
    await this.attempt('the leases of the gateways', () => this.checkLeases());
    await this.attempt('the holds of gateways that are gone', () => this.orphans.resolveAll());
    await this.settles.retry();
  }

  private async checkLeases(): Promise<void> {
    const watched = await this.instances.watched();
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
    if (back.length > 0 && (await this.instances.markBack(back)) > 0) await this.closeEpochs();
  }

  /**
   * What a gateway that came back has in flight is unknown to the epochs opened without it: it announces under the
   * next.
   */
  private async closeEpochs(): Promise<void> {
    this.logger.warn('a gateway taken for gone came back: credit epochs are closed');
    for (const organizationId of await this.instances.organizationsWithEpoch()) {
      await this.admission.closeEpoch(organizationId);
      this.meter.epochClosed();
    }
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) =>
      this.logger.warn({ err: error }, `${what} could not be seen to; again in a second`),
    );
  }
}
