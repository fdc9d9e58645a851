import { Inject, Injectable } from '@nestjs/common';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { DeliveryStore } from './deliver-webhooks/delivery-store.js';

const EVERY_MS = 3_600_000;
/** From the start of the process, which has other things to do at first. */
const FIRST_IN_MS = 60_000;
/** Long enough to find out why a receiver did not get something. */
const KEPT_MS = 30 * 86_400_000;

/** Deletes what webhooks were sent a month ago. */
@Injectable()
export class ForgetDeliveries extends PeriodicService {
  constructor(
    private readonly deliveries: DeliveryStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, firstInMs: FIRST_IN_MS, background: true });
  }

  protected override async work(): Promise<void> {
    await this.deliveries
      .forgetBefore(new Date(Date.now() - KEPT_MS))
      .catch((err: unknown) => this.logger.warn({ err }, 'old messages to webhooks could not be deleted'));
  }
}
