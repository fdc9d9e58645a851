import {
  Inject,
  Injectable,
  Optional,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { KEY_MANAGEMENT_API, type Contacts, type KeyManagementApi } from '@tollgate/contracts';
import { MAIL_SENDER, type MailSender } from '@tollgate/mail';
import { Periodic } from '@tollgate/periodic';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { BillingRelay } from '../../relay/billing-relay.js';
import { AlertSettingsStore } from '../alert-settings.js';
import { AlertStore } from '../alert-store.js';
import type { Alert } from '../alert.js';
import { MAIL_ALERT } from '../raise-alerts.js';
import { alertMail } from './alert-mail.js';
import { AlertMailStore, type DueAlertMail } from './alert-mail-store.js';

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
export function mailRetryDelay(attempt: number, ageMs: number): number | null {
  return ageMs > ABANDONED_AFTER_MS ? null : Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** Math.min(attempt - 1, 20));
}

/**
 * Writes and sends the mails about alerts: to the owners of the organisation, and to the addresses that it has chosen.
 * If a process dies after a mail was handed over and before that was stored, the mail is sent twice, with the same
 * Message-ID.
 */
@Injectable()
export class MailAlerts implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly runs = new Periodic(() => this.run(), { everyMs: POLL_MS });

  constructor(
    relay: BillingRelay,
    private readonly database: ServiceDatabase,
    private readonly alerts: AlertStore,
    private readonly settings: AlertSettingsStore,
    private readonly mails: AlertMailStore,
    @Inject(MAIL_SENDER) private readonly sender: MailSender,
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'contacts'> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    relay.does(MAIL_ALERT, (rows) => this.write(rows.map(({ payload }) => payload)));
  }

  onApplicationBootstrap(): void {
    this.runs.start();
  }

  onModuleDestroy(): void {
    void this.runs.stop();
  }

  /** Resolves when the attempt under way has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.runs.stop();
  }

  /** Writes the mails about these alerts. Rejects if key-management or the database cannot be asked. */
  private async write(ids: readonly string[]): Promise<void> {
    const alerts = await this.database.acrossOrganizations((manager) => this.alerts.findAll(manager, ids));
    for (const alert of alerts) {
      const contacts = await this.contactsOf(alert);
      const { emails } = await this.settings.find(alert.organizationId);
      const recipients = [...new Set([...contacts.ownerEmails, ...emails])];
      if (recipients.length > 0) await this.mails.owe(alert, recipients, alertMail(alert, contacts), new Date());
    }
    this.runs.wake();
  }

  private async contactsOf({ organizationId, apiKeyId }: Alert): Promise<Contacts> {
    if (this.keyManagement === undefined) return { organizationName: null, keyName: null, ownerEmails: [] };
    return this.keyManagement.contacts({ organizationId, apiKeyId });
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    try {
      while (!this.runs.stopped && (await this.sendOne()));
    } catch (err) {
      this.logger.warn({ err }, 'mails about alerts cannot be read or marked in the database');
    }
  }

  private async sendOne(): Promise<boolean> {
    const due = await this.mails.take(LEASE_MS);
    if (due === null) return false;
    try {
      await this.sender.send({ id: `alert-${due.id}`, to: [due.recipient], ...due.mail });
    } catch (err) {
      await this.failed(due, err);
      return true;
    }
    await this.mails.sent(due.id);
    return true;
  }

  private async failed({ id, attempt, createdAt }: DueAlertMail, err: unknown): Promise<void> {
    const delayMs = mailRetryDelay(attempt, Date.now() - createdAt.getTime());
    this.logger[delayMs === null ? 'error' : 'warn'](
      { err, mail: id, attempt },
      delayMs === null ? 'a mail could not be sent for a week and is given up' : 'a mail could not be sent yet',
    );
    await (delayMs === null ? this.mails.abandon(id) : this.mails.retryIn(id, delayMs));
  }
}
