import { setTimeout as pause } from 'node:timers/promises';
import type { UsageBillingApi } from '@tollgate/contracts';
import { InternalCallError } from '@tollgate/http';
import { inTime } from '@tollgate/periodic';
import type { Journal } from '../journal/journal.js';
import { endOrphans } from '../journal/recover.js';
import type { Shipper } from '../journal/shipper.js';
import type { InFlight } from '../request-path/exchange/in-flight.js';
import { journalProgress } from './journal-progress.js';
import { Registration, type RegistrationParts } from './registration.js';

/**
 * A start waits this long until the usage of the previous process is acknowledged. After that it serves keys without a
 * cap, and shipping continues in the background.
 */
const LEFTOVER_MS_MAX = 10_000;
const PROGRESS_INTERVAL_MS = 1_000;
/** How often calls and keys are checked for having reached their end. */
const LATE_INTERVAL_MS = 250;

/** The parts of a gateway that `GatewayLife` starts and ends. */
export interface GatewayLifeParts extends RegistrationParts {
  readonly inFlight: InFlight;
  readonly journal: Journal;
  readonly shipper: Shipper;
  readonly usageBilling: Pick<UsageBillingApi, 'registerGateway' | 'shippedJournal'>;
  /** Called once if the folder of the journal is not this process's any more. */
  readonly onJournalLost?: (() => void) | undefined;
}

/**
 * Starts and ends the background work of a gateway process. The order at the start matters: end, settle and ship the
 * requests of the previous process; register, so that its instance counts as gone; then renew the lease, without which
 * nothing is admitted on credit.
 */
export class GatewayLife {
  #progress: NodeJS.Timeout | null = null;
  #late: NodeJS.Timeout | null = null;
  #hasLostJournal = false;
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
    this.#progress = setInterval(() => this.#lookAtJournal(), PROGRESS_INTERVAL_MS).unref();
    this.#late = setInterval(() => this.#lookAtCalls(), LATE_INTERVAL_MS).unref();
    if (finals.length > 0) tell(`shipping ${counted(finals.length, 'usage event')} that the last run left`);
    const registration = this.#registerOnceShipped(finals.length > 0);
    await Promise.race([registration, pause(LEFTOVER_MS_MAX, undefined, { ref: false })]);
  }

  /** Whether requests on credit can be admitted. */
  get registered(): boolean {
    return this.registration.registered;
  }

  /**
   * Resolves when no request is in flight and all usage is booked; the wait for the latter ends after `timeoutMs`. A
   * volume that only one machine can mount may be seen by nobody afterwards. `tell` is called with a line for each
   * thing that it waits for.
   */
  async end(timeoutMs: number, tell: (line: string) => void): Promise<void> {
    const { inFlight, shipper } = this.parts;
    this.registration.giveUp();
    if (inFlight.size > 0) tell(`waiting for ${counted(inFlight.size, 'request')} in flight`);
    await inFlight.drained();
    this.registration.endLease();
    if (this.#progress !== null) clearInterval(this.#progress);
    if (this.#late !== null) clearInterval(this.#late);
    const booked = await this.#bookedWithin(timeoutMs, tell);
    shipper.close();
    const lost = this.parts.journal.close(booked);
    if (lost > 0)
      this.parts.logger.fatal({ finals: lost }, 'the journal could not be written: usage of the last requests is lost');
  }

  /**
   * Registers after shipping. Registering tells usage-billing that the previous process is over, so its events must be
   * on the bus by then; otherwise an epoch could be opened without them.
   */
  async #registerOnceShipped(leftovers: boolean): Promise<void> {
    if (leftovers) await this.parts.shipper.caughtUp();
    await this.registration.begin();
  }

  /** Whether all usage was shipped and booked in time. If not, the journal keeps it, and the log says so. */
  async #bookedWithin(timeoutMs: number, tell: (line: string) => void): Promise<boolean> {
    const { journal, logger, shipper } = this.parts;
    const begun = performance.now();
    if (shipper.unshipped() > 0) tell(`shipping ${counted(shipper.unshipped(), 'usage event')}`);
    const shipped = await shipper.caughtUp(timeoutMs).then(
      () => true,
      () => false,
    );
    if (!shipped) {
      const left = `${counted(shipper.unshipped(), 'usage event')} could not be shipped within ${timeoutMs / 1_000} s`;
      tell(`${left}; the journal keeps them for the next start`);
      return false;
    }
    // Nothing was journaled, or all of it was shipped and removed long ago.
    if (journal.counts().bytes === 0) return true;
    try {
      await inTime(this.#booked(), Math.max(0, timeoutMs - (performance.now() - begun)), () => {
        throw new Error(`usage-billing had not booked all usage within ${timeoutMs / 1_000} s`);
      });
      return true;
    } catch (error) {
      logger.warn({ err: error, journalId: journal.journalId }, NOT_BOOKED);
      return false;
    }
  }

  async #booked(): Promise<void> {
    const { journal, usageBilling } = this.parts;
    try {
      await usageBilling.shippedJournal({ journalId: journal.journalId });
    } catch (error) {
      // The release before cannot say it; that the bus has it is what a stop has waited for until now.
      if (!(error instanceof InternalCallError && error.refusal?.status === 404)) throw error;
    }
  }

  #lookAtJournal(): void {
    const { inFlight, journal, logger, onJournalLost } = this.parts;
    journalProgress(inFlight, journal);
    if (onJournalLost === undefined || this.#hasLostJournal || journal.isOurs) return;
    this.#hasLostJournal = true;
    this.registration.endLease();
    logger.fatal({ journalId: journal.journalId }, JOURNAL_LOST);
    onJournalLost();
  }

  #lookAtCalls(): void {
    const { inFlight } = this.parts;
    const now = performance.now();
    inFlight.abortLate(now);
    inFlight.keepAlive(now);
    inFlight.endExpired();
  }
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

const NOT_BOOKED = 'usage is on the bus and is not known to be booked; the journal keeps it for the next start';
const JOURNAL_LOST =
  'the folder of the journal was removed or taken by another process, as after a volume was away: this process ends';
