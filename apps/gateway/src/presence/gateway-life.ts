import { setTimeout as pause } from 'node:timers/promises';
import type { Journal } from '../journal/journal.js';
import { endOrphans } from '../journal/recover.js';
import type { Shipper } from '../journal/shipper.js';
import type { InFlight } from '../request-path/exchange/in-flight.js';
import { journalProgress } from './journal-progress.js';
import { Registration, type RegistrationParts } from './registration.js';

/**
 * How long a start waits for what the life before left to be acknowledged; after that uncapped keys are served while it
 * goes on beside.
 */
const LEFTOVER_MS_MAX = 10_000;
const PROGRESS_INTERVAL_MS = 1_000;
/** How often it is looked whether the time of a call, or of a key, is over. */
const LATE_INTERVAL_MS = 250;

export interface GatewayLifeParts extends RegistrationParts {
  readonly inFlight: InFlight;
  readonly journal: Journal;
  readonly shipper: Shipper;
}

/**
 * What a gateway process does from start to end besides answering requests. In this order at the start: end, settle
 * and ship what the life before left; register, so that its instance counts as gone; then renew the lease without
 * which nothing is admitted on credit.
 */
export class GatewayLife {
  #progress: NodeJS.Timeout | null = null;
  #late: NodeJS.Timeout | null = null;
  private readonly registration: Registration;

  constructor(private readonly parts: GatewayLifeParts) {
    this.registration = new Registration(parts);
  }

  async start(tell: (line: string) => void): Promise<void> {
    const { admission, journal, logger, shipper } = this.parts;
    const { finals, unreadable } = await endOrphans(journal, new Date().toISOString());
    if (unreadable > 0) logger.error({ records: unreadable }, 'the journal holds records that cannot be read');
    for (const event of finals) {
      if (event.holdNanoUsd === null) continue;
      admission.settle({
        requestId: event.requestId,
        organizationId: event.organizationId,
        chargeNanoUsd: BigInt(event.chargeNanoUsd),
        tokens: null,
      });
    }
    shipper.start();
    this.#progress = setInterval(() => journalProgress(this.parts.inFlight, journal), PROGRESS_INTERVAL_MS).unref();
    this.#late = setInterval(() => this.#endLate(), LATE_INTERVAL_MS).unref();
    if (finals.length > 0) tell(`shipping ${counted(finals.length, 'usage event')} that the last run left`);
    const registration = this.#registerOnceShipped(finals.length > 0);
    await Promise.race([registration, pause(LEFTOVER_MS_MAX, undefined, { ref: false })]);
  }

  /** Whether requests on credit can be admitted. */
  get registered(): boolean {
    return this.registration.registered;
  }

  /**
   * Ends when nothing is in flight any more and all usage is acknowledged, or `timeoutMs` have passed for the latter.
   * `tell` hears what it waits for, a line each.
   */
  async end(timeoutMs: number, tell: (line: string) => void): Promise<void> {
    const { inFlight, shipper } = this.parts;
    this.registration.giveUp();
    if (inFlight.size > 0) tell(`waiting for ${counted(inFlight.size, 'request')} in flight`);
    await inFlight.drained();
    this.registration.endLease();
    if (this.#progress !== null) clearInterval(this.#progress);
    if (this.#late !== null) clearInterval(this.#late);
    if (shipper.unshipped() > 0) tell(`shipping ${counted(shipper.unshipped(), 'usage event')}`);
    const shipped = await shipper.caughtUp(timeoutMs).then(
      () => true,
      () => false,
    );
    if (!shipped)
      tell(
        `${counted(shipper.unshipped(), 'usage event')} could not be shipped within ${timeoutMs / 1_000} s; the journal keeps them for the next start`,
      );
    shipper.close();
    const lost = this.parts.journal.close(shipped);
    if (lost > 0)
      this.parts.logger.fatal({ finals: lost }, 'the disk took no more: usage of the last requests is lost');
  }

  /**
   * Registering tells usage-billing that the life before is over: its events are to be on the bus by then, or an epoch
   * could be opened without them.
   */
  async #registerOnceShipped(leftovers: boolean): Promise<void> {
    if (leftovers) await this.parts.shipper.caughtUp();
    await this.registration.begin();
  }

  #endLate(): void {
    const { inFlight } = this.parts;
    inFlight.abortLate(performance.now());
    inFlight.endExpired();
  }
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
