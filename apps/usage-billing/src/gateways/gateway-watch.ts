import type { AdmissionBooks } from '@tollgate/admission';
import { Periodic } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';
import type { SettleHolds } from '../ledger/book-usage/settle-holds.js';
import type { BillingMeter } from '../metrics.js';
import type { GatewayInstance, GatewayInstances } from '../store/gateway-instances.js';
import { LeaseWatch } from './lease-watch.js';
import type { ResolveOrphans } from '../ledger/resolve-orphans/resolve-orphans.js';

const LOOK_EVERY_MS_MAX = 1_000;

export interface GatewayWatchOptions {
  readonly instances: GatewayInstances;
  readonly orphans: ResolveOrphans;
  readonly settles: SettleHolds;
  readonly admission: Pick<AdmissionBooks, 'closeEpoch' | 'leases'>;
  readonly goneAfterMs: number;
  readonly logger: Logger;
  readonly meter: BillingMeter;
}

/** Knows which gateways are there. Looks at their leases each second while the application runs. */
export class GatewayWatch {
  private readonly watch: LeaseWatch;
  private readonly looks: Periodic;

  constructor(private readonly options: GatewayWatchOptions) {
    this.watch = new LeaseWatch(options.goneAfterMs);
    this.looks = new Periodic(() => this.look(), { everyMs: Math.min(LOOK_EVERY_MS_MAX, options.goneAfterMs / 4) });
  }

  /**
   * Durable when it resolves. A gateway calls it after it has shipped, and had acknowledged, what its journal held of
   * the life before: the earlier instances of the journal count as gone from now on.
   */
  async register(instance: GatewayInstance): Promise<void> {
    const { cameBack } = await this.options.instances.register(instance);
    if (cameBack) await this.closeEpochs();
    this.looks.wake();
  }

  onApplicationBootstrap(): void {
    this.looks.start();
  }

  onModuleDestroy(): void {
    void this.looks.stop();
  }

  /** After the bus has closed: a look that waits for it ends with it. */
  async onApplicationShutdown(): Promise<void> {
    await this.looks.stop();
  }

  /** One look, and what follows from it. Never rejects. */
  async look(): Promise<void> {
    await this.attempt('the leases of the gateways', () => this.lookAtLeases());
    await this.attempt('the holds of gateways that are gone', () => this.options.orphans.resolveAll());
    await this.options.settles.retry();
  }

  private async lookAtLeases(): Promise<void> {
    const watched = await this.options.instances.watched();
    const leases = await this.options.admission.leases().catch((error: unknown) => {
      this.options.logger.warn({ err: error }, 'the leases of the gateways cannot be read');
      return null;
    });
    const verdict = this.watch.look(
      watched.map(({ instanceId }) => instanceId),
      leases,
      performance.now(),
    );
    const goneBefore = new Set(watched.filter(({ gone }) => gone).map(({ instanceId }) => instanceId));
    const gone = verdict.gone.filter((id) => !goneBefore.has(id));
    const back = verdict.renewed.filter((id) => goneBefore.has(id));
    if (gone.length > 0) {
      this.options.logger.warn({ instances: gone }, 'gateways are gone');
      await this.options.instances.markGone(gone);
      this.options.meter.gatewaysGone(gone.length);
    }
    if (back.length > 0 && (await this.options.instances.markBack(back)) > 0) await this.closeEpochs();
  }

  /**
   * What a gateway that came back has in flight is unknown to the epochs opened without it: it announces under the
   * next.
   */
  private async closeEpochs(): Promise<void> {
    this.options.logger.warn('a gateway taken for gone came back: credit epochs are closed');
    for (const organizationId of await this.options.instances.organizationsWithEpoch()) {
      await this.options.admission.closeEpoch(organizationId);
      this.options.meter.epochClosed();
    }
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) =>
      this.options.logger.warn({ err: error }, `${what} could not be seen to; again in a second`),
    );
  }
}
