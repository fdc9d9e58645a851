import type { KeySpending, UsageBillingApi } from '@tollgate/contracts';
import type { Logger } from '@tollgate/telemetry';

/** Keys are shown without their spending rather than late. */
const SPENDING_BOUND_MS = 1_500;

/** What keys have spent, asked of usage-billing, which alone knows. */
export class KeySpendingLookup {
  /** `usageBilling` is asked at the time of the call: in one process the modules refer to one another. */
  constructor(private readonly usageBilling: () => Pick<UsageBillingApi, 'spendingByKey'>, private readonly logger: Logger) {}

  /** By key id; empty where usage-billing does not answer in time: unknown is not zero. */
  async of(apiKeyIds: readonly string[]): Promise<ReadonlyMap<string, KeySpending>> {
    if (apiKeyIds.length === 0) return new Map();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${SPENDING_BOUND_MS} ms`)), SPENDING_BOUND_MS);
    });
    try {
      const spending = await Promise.race([this.usageBilling().spendingByKey(apiKeyIds), late]);
      return new Map(spending.map((each) => [each.apiKeyId, each]));
    } catch (err) {
      this.logger.warn({ err }, 'usage-billing did not say what keys have spent');
      return new Map();
    } finally {
      clearTimeout(timer);
    }
  }
}
