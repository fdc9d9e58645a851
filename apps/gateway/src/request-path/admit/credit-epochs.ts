import { setTimeout as pause } from 'node:timers/promises';
import type { UsageBillingApi } from '@tollgate/contracts';
import { shareCalls } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';

/** After an opening was refused or failed, no request asks again for this long. */
const FAILED_PAUSE_MS = 500;
/** The state of an organisation is dropped after this long without a request. */
const STATE_MS_MAX = 30_000;

/** Why an organisation's capped requests cannot be admitted. */
type Unusable = 'no_epoch' | 'announcing' | 'no_lease';

/**
 * Asks usage-billing to open credit epochs, with one call for each organisation at a time, and knows which
 * organisations have none that can be used.
 */
export class CreditEpochs {
  /** Organisations whose last answer was no, with the time of it (monotonic milliseconds). */
  readonly #unusable = new Map<string, { why: Unusable; atMs: number }>();

  constructor(
    private readonly usageBilling: Pick<UsageBillingApi, 'openCreditEpoch'>,
    private readonly announce: (organizationId: string) => Promise<void>,
    private readonly logger: Logger,
  ) {}

  /** Opens the organisation's epoch and announces this gateway's holds under it. Never rejects. */
  readonly open = shareCalls((organizationId: string) => this.#open(organizationId));

  /** Notes why a capped request of the organisation could not be decided just now. */
  noteUnusable(organizationId: string, why: Unusable): void {
    this.#unusable.set(organizationId, { why, atMs: performance.now() });
  }

  /** Notes that a capped request of the organisation was decided. */
  noteUsable(organizationId: string): void {
    this.#unusable.delete(organizationId);
  }

  /**
   * Counts the organisations that have no epoch (`none`) or one that waits for a gateway (`waiting`), and those for
   * which this gateway has no lease (`no_lease`).
   */
  unusable(): ReadonlyMap<string, number> {
    const counts = { no_epoch: 0, announcing: 0, no_lease: 0 };
    for (const [organizationId, { why, atMs }] of this.#unusable) {
      if (performance.now() - atMs > STATE_MS_MAX) this.#unusable.delete(organizationId);
      else counts[why] += 1;
    }
    return new Map([
      ['none', counts.no_epoch],
      ['waiting', counts.announcing],
      ['no_lease', counts.no_lease],
    ]);
  }

  async #open(organizationId: string): Promise<void> {
    try {
      await this.usageBilling.openCreditEpoch({ organizationId });
      await this.announce(organizationId);
    } catch (error) {
      this.logger.warn({ organizationId, err: error }, 'no credit epoch could be opened');
      await pause(FAILED_PAUSE_MS);
    }
  }
}
