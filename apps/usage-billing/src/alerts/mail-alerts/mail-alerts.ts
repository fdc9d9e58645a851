import {
  Inject,
  Injectable,
  Optional,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { KEY_MANAGEMENT_API, type Contacts, type KeyManagementApi } from '@tollgate/contracts';
import { DueMails, MAIL_SENDER, type MailOutcome, type MailSender } from '@tollgate/mail';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { BillingRelay } from '../../relay/billing-relay.js';
import { AlertSettingsStore } from '../alert-settings.js';
import { AlertStore } from '../alert-store.js';
import type { Alert } from '../alert.js';
import { MAIL_ALERT } from '../raise-alerts.js';
import { alertMail } from './alert-mail.js';
import { AlertMailStore, type DueAlertMail } from './alert-mail-store.js';

/**
 * Writes and sends the mails about alerts: to the owners of the organisation, and to the addresses that it has chosen.
 */
@Injectable()
export class MailAlerts implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly due: DueMails<DueAlertMail>;

  constructor(
    relay: BillingRelay,
    private readonly database: ServiceDatabase,
    private readonly alerts: AlertStore,
    private readonly settings: AlertSettingsStore,
    private readonly mails: AlertMailStore,
    @Inject(MAIL_SENDER) sender: MailSender,
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'contacts'> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    relay.does(MAIL_ALERT, (rows) => this.write(rows.map(({ payload }) => payload)));
    this.due = new DueMails({
      queue: mails,
      sender,
      write: ({ id, recipient, mail }) => ({ id: `alert-${id}`, to: [recipient], ...mail }),
      onOutcome: (due, outcome, err) => this.tellOutcome(due, outcome, err),
      onTrouble: (err) => logger.warn({ err }, 'mails about alerts cannot be read or marked in the database'),
    });
  }

  onApplicationBootstrap(): void {
    this.due.start();
  }

  onModuleDestroy(): void {
    void this.due.stop();
  }

  /** Resolves when the attempt under way has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.due.stop();
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
    this.due.wake();
  }

  private async contactsOf({ organizationId, apiKeyId }: Alert): Promise<Contacts> {
    if (this.keyManagement === undefined) return { organizationName: null, keyName: null, ownerEmails: [] };
    return this.keyManagement.contacts({ organizationId, apiKeyId });
  }

  private tellOutcome({ id, attempt }: DueAlertMail, outcome: MailOutcome, err: unknown): void {
    if (outcome === 'abandoned')
      this.logger.error({ err, mail: id, attempt }, 'a mail could not be sent for a week and is given up');
    if (outcome === 'failed') this.logger.warn({ err, mail: id, attempt }, 'a mail could not be sent yet');
  }
}
