import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { ORGANIZATIONS_CHANGED_V1 } from '@tollgate/contracts';
import { storeOneByOne } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { readBillingTerms } from './read-billing-terms.js';
import { TakeBillingTerms } from './take-billing-terms.js';

/** Stores what usage-billing tells of the credit of organisations, and tells the gateways. */
@Controller()
export class OrganizationsChangedController {
  constructor(
    private readonly takeBillingTerms: TakeBillingTerms,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern<string>(ORGANIZATIONS_CHANGED_V1)
  async onOrganizationsChanged(@Payload() batch: BusBatch): Promise<void> {
    const { told, unreadable } = readBillingTerms(batch.messages.map(({ value }) => value));
    if (unreadable > 0)
      this.logger.error({ topic: batch.topic, unreadable }, 'terms of organisations could not be read');
    await storeOneByOne(
      told,
      (each) => this.takeBillingTerms.execute(each),
      (_terms, fault) => this.logger.error({ topic: batch.topic, fault }, 'terms of an organisation were passed over'),
    );
  }
}
