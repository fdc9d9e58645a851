import { Inject, Injectable } from '@nestjs/common';
import { USAGE_BILLING_API, type KeySubscriptionCycle, type UsageBillingApi } from '@tollgate/contracts';
import { Problem } from '@tollgate/http';
import type { ApiKey } from '../api-key/api-key.js';

/** Asks usage-billing for the present cycle of a key's subscription. */
@Injectable()
export class SubscriptionCycles {
  constructor(@Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'subscriptionOfKey'>) {}

  /**
   * Null for a key of no subscription.
   * @throws {Problem} `service_unavailable` if usage-billing does not answer
   */
  async of({ organizationId, id, kind }: ApiKey): Promise<KeySubscriptionCycle | null> {
    if (kind !== 'subscription') return null;
    return this.usageBilling.subscriptionOfKey(organizationId, id).catch((cause: unknown) => {
      throw spendingUnknown(cause);
    });
  }
}

/** What a key has spent cannot be told: a sum that is unknown must not read as 0. */
export const spendingUnknown = (cause?: unknown): Problem =>
  new Problem('service_unavailable', {
    detail: 'It cannot be found out at the moment what the key has spent.',
    headers: { 'retry-after': '1' },
    cause,
  });
