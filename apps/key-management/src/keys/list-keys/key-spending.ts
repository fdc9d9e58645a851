import { Inject, Injectable } from '@nestjs/common';
import { USAGE_BILLING_API, type KeySpending, type UsageBillingApi } from '@tollgate/contracts';
import { LOGGER, type Logger } from '@tollgate/telemetry';

/** Asks usage-billing what keys have spent. */
@Injectable()
export class KeySpendingLookup {
  constructor(
    @Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Spending of keys of one organisation, by key id. Empty, not zeros, if usage-billing does not answer. */
  async of(organizationId: string, apiKeyIds: readonly string[]): Promise<ReadonlyMap<string, KeySpending>> {
    if (apiKeyIds.length === 0) return new Map();
    try {
      const spending = await this.usageBilling.spendingByKey(organizationId, apiKeyIds);
      return new Map(spending.map((each) => [each.apiKeyId, each]));
    } catch (err) {
      this.logger.warn({ err }, 'usage-billing did not say what keys have spent');
      return new Map();
    }
  }
}
