import { setTimeout as pause } from 'node:timers/promises';
import type { LoadAccountRequest, UsageBillingApi } from '@tollgate/contracts';
import type { Logger } from '@tollgate/telemetry';

/** After a load was refused or failed, no request asks again for this long. */
const FAILED_PAUSE_MS = 500;

/** How many loads of accounts usage-billing was asked for, by their outcome. */
export interface AccountLoadCounts {
  loaded: number;
  failed: number;
}

/**
 * Asks usage-billing to load accounts of limits that were set on keys in use, with one call for each account at a time.
 */
export class AccountLoads {
  readonly #underway = new Map<string, Promise<void>>();
  readonly counts: AccountLoadCounts = { loaded: 0, failed: 0 };

  constructor(
    private readonly usageBilling: Pick<UsageBillingApi, 'loadAccount'>,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the account is loaded, or a moment after it could not be. Never rejects. */
  load(request: LoadAccountRequest): Promise<void> {
    // A later version of the limit needs a load of its own.
    const name = `${request.accountId}|${request.generation}`;
    const known = this.#underway.get(name);
    if (known !== undefined) return known;
    const call = this.#load(request).finally(() => this.#underway.delete(name));
    this.#underway.set(name, call);
    return call;
  }

  async #load(request: LoadAccountRequest): Promise<void> {
    try {
      await this.usageBilling.loadAccount(request);
      this.counts.loaded += 1;
    } catch (error) {
      this.counts.failed += 1;
      const { organizationId, accountId } = request;
      this.logger.warn({ organizationId, accountId, err: error }, 'an account could not be loaded');
      await pause(FAILED_PAUSE_MS);
    }
  }
}
