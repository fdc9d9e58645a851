import type { KeySpending, UsageBillingApi } from '@tollgate/contracts';
import type { Logger } from '@tollgate/telemetry';

/** What keys have spent, asked of usage-billing, which alone knows. */
export class KeySpendingLookup {
  /** `usageBilling` is asked at the time of the call: in one process the modules refer to one another. */
  constructor(
    private readonly usageBilling: () => Pick<UsageBillingApi, 'spendingByKey'>,
    private readonly logger: Logger,
  ) {}

  /** Of keys of one organisation, by key id; empty where usage-billing does not answer: unknown is not zero. */
  async of(organizationId: string, apiKeyIds: readonly string[]): Promise<ReadonlyMap<string, KeySpending>> {
    if (apiKeyIds.length === 0) return new Map();
    try {
      const spending = await this.usageBilling().spendingByKey(organizationId, apiKeyIds);
      return new Map(spending.map((each) => [each.apiKeyId, each]));
    } catch (err) {
      this.logger.warn({ err }, 'usage-billing did not say what keys have spent');
      return new Map();
    }
  }
}
