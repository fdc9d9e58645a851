import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { SUBSCRIPTIONS_CHANGED_V1 } from '@tollgate/contracts';
import { storeOneByOne } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { readSubscriptionTerms } from './read-subscription-terms.js';
import { TakeSubscriptionTerms } from './take-subscription-terms.js';

/** Hears from usage-billing what the keys of subscriptions may do. */
@Controller()
export class SubscriptionsChangedController {
  constructor(
    private readonly takeSubscriptionTerms: TakeSubscriptionTerms,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern<string>(SUBSCRIPTIONS_CHANGED_V1)
  async onSubscriptionsChanged(@Payload() batch: BusBatch): Promise<void> {
    const { told, unreadable } = readSubscriptionTerms(batch.messages.map(({ value }) => value));
    if (unreadable > 0)
      this.logger.error({ topic: batch.topic, unreadable }, 'terms of subscriptions could not be read');
    await storeOneByOne(
      told,
      (each) => this.takeSubscriptionTerms.execute(each, new Date()),
      (_terms, fault) => this.logger.error({ topic: batch.topic, fault }, 'terms of a subscription were passed over'),
    );
  }
}
