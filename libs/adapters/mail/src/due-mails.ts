import { Periodic } from '@tollgate/periodic';
import type { Mail, MailSender } from './port.js';

/** A mail that is due, leased to the process that took it. */
export interface DueMail {
  readonly id: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly createdAt: Date;
}

/** The mails of a service in its database. Any number of processes may take from them. */
interface MailQueue<Due extends DueMail> {
  /** Takes the mail that has been due longest, with a lease: if that ends without a result, the mail is due again. */
  take(leaseMs: number): Promise<Due | null>;
  sent(id: string): Promise<void>;
  retryIn(id: string, ms: number): Promise<void>;
  abandon(id: string): Promise<void>;
}

/** What came of an attempt: `failed` is tried again, `abandoned` is not. */
export type MailOutcome = 'sent' | 'failed' | 'abandoned';

/** The parts of `DueMails`. */
export interface DueMailsParts<Due extends DueMail> {
  readonly queue: MailQueue<Due>;
  readonly sender: MailSender;
  /** The mail as it goes out, written at the attempt. If it cannot be written, the attempt has failed. */
  readonly write: (due: Due) => Mail | Promise<Mail>;
  /** Called after each attempt; `err` is why it failed. */
  readonly onOutcome: (due: Due, outcome: MailOutcome, err: unknown) => void;
  /** Called if the mails cannot be read or marked in the database; the next look follows in a second. */
  readonly onTrouble: (err: unknown) => void;
}

/** The interval of looking for mails that are due, or that a process left unsent when it died. */
const POLL_MS = 1_000;
/** Longer than an attempt takes. After a crash another process takes the mail when the lease has expired. */
const LEASE_MS = 60_000;
const RETRY_MS_FIRST = 1_000;
const RETRY_MS_MAX = 15 * 60_000;
const ABANDONED_AFTER_MS = 7 * 86_400_000;

/**
 * The delay before the next attempt, in ms: 1 s, 2 s, 4 s, … at most 15 min. Null if the mail is older than a week and
 * is given up.
 */
export function retryDelay(attempt: number, ageMs: number): number | null {
  return ageMs > ABANDONED_AFTER_MS ? null : Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** Math.min(attempt - 1, 20));
}

/**
 * Sends the mails that are due, one after the other. If a process dies after a mail was handed over and before that was
 * stored, the mail is sent twice: with the same Message-ID, if `write` gives it the same id.
 *
 * @example
 * const mails = new DueMails({ queue, sender, write: (due) => mailOf(due), onOutcome, onTrouble });
 * mails.start();
 * mails.wake(); // one more was written
 * await mails.stop(); // the attempt under way has ended
 */
export class DueMails<Due extends DueMail> {
  readonly #runs = new Periodic(() => this.#run(), { everyMs: POLL_MS });

  constructor(private readonly parts: DueMailsParts<Due>) {}

  start(): void {
    this.#runs.start();
  }

  /** Resolves when the attempt under way has ended. */
  async stop(): Promise<void> {
    await this.#runs.stop();
  }

  /** Looks for mails now, without waiting for the next poll. */
  wake(): void {
    this.#runs.wake();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#runs.stopped && (await this.#sendOne()));
    } catch (err) {
      this.parts.onTrouble(err);
    }
  }

  async #sendOne(): Promise<boolean> {
    const { queue, sender, write, onOutcome } = this.parts;
    const due = await queue.take(LEASE_MS);
    if (due === null) return false;
    try {
      await sender.send(await write(due));
    } catch (err) {
      await this.#failed(due, err);
      return true;
    }
    onOutcome(due, 'sent', null);
    await queue.sent(due.id);
    return true;
  }

  async #failed(due: Due, err: unknown): Promise<void> {
    const { queue, onOutcome } = this.parts;
    const delayMs = retryDelay(due.attempt, Date.now() - due.createdAt.getTime());
    onOutcome(due, delayMs === null ? 'abandoned' : 'failed', err);
    await (delayMs === null ? queue.abandon(due.id) : queue.retryIn(due.id, delayMs));
  }
}
