import { Inject, Injectable } from '@nestjs/common';
import { USAGE_BILLING_API, type KeySpending, type UsageBillingApi } from '@tollgate/contracts';
import { MAIL_SENDER, type MailSender } from '@tollgate/mail';
import { Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { ScanningMeter } from '../metrics.js';
import { SECRET_SCANNING_SETTINGS, type SecretScanningSettings } from '../ports.js';
import { LeakStore } from '../store/leak-store.js';
import { MailStore, type DueMail } from '../store/mail-store.js';
import { leakMail } from './leak-mail.js';

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
 * stored, the mail is sent twice, with the same Message-ID.
 */
@Injectable()
export class MailRun {
  private readonly runs = new Periodic(() => this.run(), { everyMs: POLL_MS });

  constructor(
    private readonly mails: MailStore,
    private readonly leaks: LeakStore,
    private readonly meter: ScanningMeter,
    @Inject(MAIL_SENDER) private readonly mail: MailSender,
    @Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'>,
    @Inject(SECRET_SCANNING_SETTINGS) private readonly settings: Pick<SecretScanningSettings, 'publicUrl'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(): void {
    this.runs.start();
  }

  /** Resolves when the attempt in progress has ended. */
  async stop(): Promise<void> {
    await this.runs.stop();
  }

  /** Looks for mails now, without waiting for the next poll. */
  wake(): void {
    this.runs.wake();
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    try {
      while (!this.runs.stopped && (await this.sendOne()));
    } catch (err) {
      this.logger.warn({ err }, 'mails that are due cannot be read or marked in the database');
    }
  }

  private async sendOne(): Promise<boolean> {
    const due = await this.mails.take(LEASE_MS);
    if (due === null) return false;
    try {
      await this.send(due);
    } catch (err) {
      await this.failed(due, err);
      return true;
    }
    this.meter.mail('sent');
    await this.mails.sent(due.id);
    return true;
  }

  private async send({ id, organizationId, apiKeyId, secretId, recipient }: DueMail): Promise<void> {
    const leak = await this.leaks.leakOf({ organizationId, apiKeyId, secretId });
    await this.mail.send({
      id: `leak-${id}`,
      to: [recipient],
      ...leakMail(leak, await this.spendingOf(organizationId, apiKeyId), this.settings.publicUrl ?? null),
    });
    this.logger.info({ apiKeyId, mail: id }, 'an owner was sent a mail about a leaked key');
  }

  private async failed(due: DueMail, err: unknown): Promise<void> {
    const delayMs = retryDelay(due.attempt, Date.now() - due.createdAt.getTime());
    this.logger[delayMs === null ? 'error' : 'warn'](
      { err, apiKeyId: due.apiKeyId, mail: due.id, attempt: due.attempt },
      delayMs === null ? 'a mail could not be sent for a week and is given up' : 'a mail could not be sent yet',
    );
    this.meter.mail(delayMs === null ? 'abandoned' : 'failed');
    await (delayMs === null ? this.mails.abandon(due.id) : this.mails.retryIn(due.id, delayMs));
  }

  /** Null if usage-billing cannot be asked: a mail without the amounts now is better than a complete one later. */
  private async spendingOf(organizationId: string, apiKeyId: string): Promise<KeySpending | null> {
    try {
      const spending = await this.usageBilling.spendingByKey(organizationId, [apiKeyId]);
      return spending.find((each) => each.apiKeyId === apiKeyId) ?? null;
    } catch (err) {
      this.logger.warn({ err, apiKeyId }, 'usage-billing did not say what a leaked key has spent');
      return null;
    }
  }
}
