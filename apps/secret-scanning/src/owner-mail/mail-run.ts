import { Inject, Injectable } from '@nestjs/common';
import { USAGE_BILLING_API, type KeySpending, type UsageBillingApi } from '@tollgate/contracts';
import { DueMails, MAIL_SENDER, type Mail, type MailOutcome, type MailSender } from '@tollgate/mail';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { ScanningMeter } from '../metrics.js';
import { SECRET_SCANNING_SETTINGS, type SecretScanningSettings } from '../ports.js';
import { LeakStore } from '../store/leak-store.js';
import { MailStore, type DueMail } from '../store/mail-store.js';
import { leakMail } from './leak-mail.js';

/** Sends the mails about leaked keys to the owners. */
@Injectable()
export class MailRun {
  private readonly due: DueMails<DueMail>;

  constructor(
    mails: MailStore,
    private readonly leaks: LeakStore,
    private readonly meter: ScanningMeter,
    @Inject(MAIL_SENDER) sender: MailSender,
    @Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'>,
    @Inject(SECRET_SCANNING_SETTINGS) private readonly settings: Pick<SecretScanningSettings, 'publicUrl'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.due = new DueMails({
      queue: mails,
      sender,
      write: (due) => this.write(due),
      onOutcome: (due, outcome, err) => this.tellOutcome(due, outcome, err),
      onTrouble: (err) => logger.warn({ err }, 'mails that are due cannot be read or marked in the database'),
    });
  }

  start(): void {
    this.due.start();
  }

  /** Resolves when the attempt in progress has ended. */
  async stop(): Promise<void> {
    await this.due.stop();
  }

  /** Looks for mails now, without waiting for the next poll. */
  wake(): void {
    this.due.wake();
  }

  private async write({ id, organizationId, apiKeyId, secretId, recipient }: DueMail): Promise<Mail> {
    const leak = await this.leaks.leakOf({ organizationId, apiKeyId, secretId });
    const spending = await this.spendingOf(organizationId, apiKeyId);
    return { id: `leak-${id}`, to: [recipient], ...leakMail(leak, spending, this.settings.publicUrl ?? null) };
  }

  private tellOutcome({ id, apiKeyId, attempt }: DueMail, outcome: MailOutcome, err: unknown): void {
    this.meter.mail(outcome);
    const facts = { apiKeyId, mail: id, attempt };
    if (outcome === 'sent') this.logger.info(facts, 'an owner was sent a mail about a leaked key');
    if (outcome === 'failed') this.logger.warn({ err, ...facts }, 'a mail could not be sent yet');
    if (outcome === 'abandoned')
      this.logger.error({ err, ...facts }, 'a mail could not be sent for a week and is given up');
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
