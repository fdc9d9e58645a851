import { Inject, Injectable } from '@nestjs/common';
import { organizationAccountId } from '@tollgate/api-key';
import { USAGE_BILLING_API, type UsageBillingApi } from '@tollgate/contracts';
import type { AccountBalance } from '@tollgate/credit';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { OrganizationStore } from './organization-store.js';

/** Says what counts against the limits of organisations. */
@Injectable()
export class OrganizationBalance {
  constructor(
    private readonly store: OrganizationStore,
    @Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'accountBalances'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * What the keys of an organisation were charged, and what their calls in flight hold of its limit. A limit that was
   * set just now counts what was charged before it, which its account does not have yet. `chargedNanoUsd` is what the
   * ledger has just said; null where it was not asked. Where usage-billing does not answer, what is known here counts.
   */
  async of(organizationId: string, chargedNanoUsd: bigint | null): Promise<AccountBalance> {
    const charged = chargedNanoUsd ?? (await this.store.charged(organizationId));
    const { postedNanoUsd, heldNanoUsd } = await this.told(organizationId);
    return { postedNanoUsd: charged > postedNanoUsd ? charged : postedNanoUsd, heldNanoUsd };
  }

  private async told(organizationId: string): Promise<AccountBalance> {
    try {
      const accounts = [{ accountId: organizationAccountId(organizationId), generation: 0 }];
      const [told] = await this.usageBilling.accountBalances({ organizationId, accounts });
      return { postedNanoUsd: BigInt(told?.postedNanoUsd ?? 0), heldNanoUsd: BigInt(told?.heldNanoUsd ?? 0) };
    } catch (err) {
      this.logger.warn({ err }, 'usage-billing did not say what is charged to the account of an organisation');
      return { postedNanoUsd: 0n, heldNanoUsd: 0n };
    }
  }
}
