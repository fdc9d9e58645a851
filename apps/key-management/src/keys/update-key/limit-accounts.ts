import { Inject, Injectable } from '@nestjs/common';
import { cycleAccountId, cycleOf, organizationAccountId } from '@tollgate/api-key';
import { USAGE_BILLING_API, type LoadAccountRequest, type UsageBillingApi } from '@tollgate/contracts';
import { inTime } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { Organization } from '../../organizations/organization.js';
import type { ApiKey } from '../api-key/api-key.js';

/** The reply to a change waits no longer for usage-billing; gateways then have the account loaded themselves. */
const LOAD_MS_MAX = 2_000;

/** The accounts of limits that keys and organisations got, or whose cycle changed, after they were made. */
@Injectable()
export class LimitAccounts {
  constructor(
    @Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'loadAccount'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Has usage-billing count what the key was charged in the present cycle of its limit, which begins to hold with the
   * committed version of the key. Resolves with that in nano-USD; null if it took too long or could not be asked: until
   * the account is loaded, gateways answer that key alone with 503.
   */
  async load(
    key: Pick<ApiKey, 'id' | 'organizationId' | 'creditReset' | 'creditGeneration'>,
    now: Date,
  ): Promise<bigint | null> {
    const cycle = cycleOf(key.creditReset, now.getTime());
    return this.loadInTime({
      organizationId: key.organizationId,
      accountId: cycleAccountId(key.id, cycle),
      apiKeyId: key.id,
      reset: key.creditReset,
      startMs: key.creditReset === 'never' ? null : cycle.startMs,
      generation: key.creditGeneration,
    });
  }

  /**
   * The same for the limit of an organisation, which counts what all its keys were charged in their lives: until it is
   * loaded, the gateways answer its keys with 503.
   */
  async loadOrganization({
    id,
    creditGeneration,
  }: Pick<Organization, 'id' | 'creditGeneration'>): Promise<bigint | null> {
    return this.loadInTime({
      organizationId: id,
      accountId: organizationAccountId(id),
      apiKeyId: null,
      reset: 'never',
      startMs: null,
      generation: creditGeneration,
    });
  }

  private async loadInTime(request: LoadAccountRequest): Promise<bigint | null> {
    try {
      // After that a failure is the gateways' to see: they ask again.
      const loaded = await inTime(this.usageBilling.loadAccount(request), LOAD_MS_MAX, () => null);
      return loaded === null ? null : BigInt(loaded.postedNanoUsd);
    } catch (err) {
      const { accountId } = request;
      this.logger.warn({ err, accountId }, 'usage-billing did not load the account of a changed limit');
      return null;
    }
  }
}
