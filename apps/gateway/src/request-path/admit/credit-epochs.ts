import { setTimeout as pause } from 'node:timers/promises';
import type { Admission } from '@tollgate/admission';
import type { UsageBillingApi } from '@tollgate/contracts';
import type { AdmissionDecision, ReserveItem } from '@tollgate/credit';
import { shareCalls } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';

/** How long a request waits for its organisation's epoch before it is answered 503. */
const WAIT_MS_MAX = 2_000;
const POLL_MS = 20;
/** After an opening was refused or failed, no request asks again for this long. */
const FAILED_PAUSE_MS = 500;
/** The state of an organisation is dropped after this long without a request. */
const STATE_MS_MAX = 30_000;

/** Why an organisation's capped requests cannot be admitted. */
const UNUSABLE = ['no_epoch', 'announcing', 'no_lease'] as const;
type Unusable = (typeof UNUSABLE)[number];

const isUnusable = (why: string): why is Unusable => (UNUSABLE as readonly string[]).includes(why);

/**
 * Asks usage-billing to open credit epochs, with one call for each organisation at a time, and lets requests wait for
 * it.
 */
export class CreditEpochs {
  /** Organisations whose last answer was no, with the time of it (monotonic milliseconds). */
  readonly #unusable = new Map<string, { why: Unusable; atMs: number }>();

  constructor(
    private readonly admission: Admission,
    private readonly usageBilling: UsageBillingApi,
    private readonly announce: (organizationId: string) => Promise<void>,
    private readonly logger: Logger,
  ) {}

  /** Opens the organisation's epoch and announces this gateway's holds under it. Never rejects. */
  readonly open = shareCalls((organizationId: string) => this.#open(organizationId));

  /**
   * Reserves again until the organisation has an epoch that is not waiting for a gateway. Gives up after `WAIT_MS_MAX`.
   */
  async reserveOnceOpen(
    item: ReserveItem,
    first: Extract<AdmissionDecision, { kind: 'unavailable' }>,
  ): Promise<AdmissionDecision> {
    let decision: AdmissionDecision = first;
    const deadline = performance.now() + WAIT_MS_MAX;
    while (decision.kind === 'unavailable' && isUnusable(decision.why) && performance.now() < deadline) {
      this.#unusable.set(item.organizationId, { why: decision.why, atMs: performance.now() });
      if (decision.why === 'no_epoch')
        await Promise.race([
          this.open(item.organizationId),
          pause(deadline - performance.now(), undefined, { ref: false }),
        ]);
      else await pause(POLL_MS);
      if (performance.now() < deadline) decision = await this.admission.reserve(item);
    }
    if (decision.kind !== 'unavailable') this.#unusable.delete(item.organizationId);
    return decision;
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
