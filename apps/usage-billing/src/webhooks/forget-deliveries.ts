import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { DeliveryStore } from './deliver-webhooks/delivery-store.js';

const EVERY_MS = 3_600_000;
/** From the start of the process, which has other things to do at first. */
const FIRST_IN_MS = 60_000;
/** Long enough to find out why a receiver did not get something. */
const KEPT_MS = 30 * 86_400_000;

/** Deletes what webhooks were sent a month ago. */
@Injectable()
export class ForgetDeliveries implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly runs = new Periodic(() => this.run(), {
    everyMs: EVERY_MS,
    firstInMs: FIRST_IN_MS,
    background: true,
  });

  constructor(
    private readonly deliveries: DeliveryStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.runs.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.runs.stop();
  }

  private async run(): Promise<void> {
    await this.deliveries
      .forgetBefore(new Date(Date.now() - KEPT_MS))
      .catch((err: unknown) => this.logger.warn({ err }, 'old messages to webhooks could not be deleted'));
  }
}
