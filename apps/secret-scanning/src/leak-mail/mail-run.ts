import type { KeySpending, UsageBillingApi } from '@tollgate/contracts';
import type { MailSender } from '@tollgate/mail';
import { Periodic } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';
import type { ScanningMeter } from '../metrics.js';
import type { DueMail, MailStore } from '../store/mail-store.js';
import { leakMail } from './leak-mail.js';

export interface MailRunPorts {
  readonly mails: MailStore;
  readonly mail: MailSender;
  readonly usageBilling: () => Pick<UsageBillingApi, 'spendingByKey'>;
  /** Origin of the admin API as people reach it; null leaves it out of the mails. */
  readonly publicUrl: string | null;
  readonly logger: Logger;
  readonly meter: ScanningMeter;
}

/** How often to look for mails that fell due, or that another process left. */
const POLL_MS = 1_000;
/** Longer than an attempt takes: after a crash the mail is taken up again. */
const LEASE_MS = 60_000;
const RETRY_MS_FIRST = 1_000;
const RETRY_MS_MAX = 15 * 60_000;
const ABANDONED_AFTER_MS = 7 * 86_400_000;

/**
 * When the next attempt follows a failed one, in ms: 1 s, 2 s, 4 s, … at most 15 min; null when it is given up after a
 * week.
 */
export function retryDelay(attempt: number, ageMs: number): number | null {
  return ageMs > ABANDONED_AFTER_MS ? null : Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** Math.min(attempt - 1, 20));
}

/**
 * Sends the mails that are owed, one after the other, for as long as it takes. A process that dies between the
 * hand-over and the note of it sends a mail twice, with the same Message-ID.
 */
export class MailRun {
  private readonly runs = new Periodic(() => this.run(), { everyMs: POLL_MS });

  constructor(private readonly ports: MailRunPorts) {}

  start(): void {
    this.runs.start();
  }

  /** Resolves when the mail that is being sent is done with. */
  async stop(): Promise<void> {
    await this.runs.stop();
  }

  /** Looks for mails now. */
  wake(): void {
    this.runs.wake();
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    try {
      while (!this.runs.stopped && (await this.sendOne()));
    } catch (err) {
      this.ports.logger.warn({ err }, 'the mails that are owed cannot be looked up');
    }
  }

  private async sendOne(): Promise<boolean> {
    const due = await this.ports.mails.take(LEASE_MS);
    if (due === null) return false;
    try {
      await this.send(due);
    } catch (err) {
      await this.failed(due, err);
      return true;
    }
    this.ports.meter.mail('sent');
    await this.ports.mails.sent(due.id);
    return true;
  }

  private async send({ id, apiKeyId, recipient }: DueMail): Promise<void> {
    const { mails, mail, publicUrl, logger } = this.ports;
    const leak = await mails.leakOf(apiKeyId);
    await mail.send({
      id: `leak-${id}`,
      to: [recipient],
      ...leakMail(leak, await this.spendingOf(leak.organizationId, apiKeyId), publicUrl),
    });
    logger.info({ apiKeyId, mail: id }, 'an owner was told of a leaked key');
  }

  private async failed(due: DueMail, err: unknown): Promise<void> {
    const { mails, logger, meter } = this.ports;
    const delayMs = retryDelay(due.attempt, Date.now() - due.createdAt.getTime());
    logger[delayMs === null ? 'error' : 'warn'](
      { err, apiKeyId: due.apiKeyId, mail: due.id, attempt: due.attempt },
      delayMs === null ? 'a mail was given up' : 'a mail was not sent',
    );
    meter.mail(delayMs === null ? 'abandoned' : 'failed');
    await (delayMs === null ? mails.abandon(due.id) : mails.retryIn(due.id, delayMs));
  }

  /** A mail without the sums now is better than one with them later. */
  private async spendingOf(organizationId: string, apiKeyId: string): Promise<KeySpending | null> {
    try {
      const spending = await this.ports.usageBilling().spendingByKey(organizationId, [apiKeyId]);
      return spending.find((each) => each.apiKeyId === apiKeyId) ?? null;
    } catch (err) {
      this.ports.logger.warn({ err, apiKeyId }, 'usage-billing did not say what a leaked key has spent');
      return null;
    }
  }
}
