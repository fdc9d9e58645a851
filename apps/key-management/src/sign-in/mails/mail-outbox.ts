import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { MAIL_SENDER, type Mail, type MailSender } from '@tollgate/mail';
import { Outbox, OutboxRelay, ServiceDatabase, type OutboxRow } from '@tollgate/postgres';
import { SEALING, SealError, type Sealing } from '@tollgate/sealing';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { KEYS_SCHEMA, SEND_MAIL } from '../../store/outbox-effects.js';

/** A mail to one person. */
export interface PersonMail {
  /** The address as it is stored, never as somebody has typed it. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** After this the mail says nothing that holds any more, as its link has expired: it is given up. */
  readonly until: Date;
}

/** The longest pause between two attempts to send a mail. */
const RETRY_MS_MAX = 60_000;
/** A mail that cannot be decrypted for so long is given up. */
const UNREADABLE_MS_MAX = 24 * 60 * 60_000;

/**
 * Mails to people. A mail is written down in the transaction of what it is about, and sent once that has committed, at
 * least once and with the same Message-ID each time. Until then it is encrypted, since the link in it is a credential.
 *
 * @example
 * await mails.add(manager, { to: person.email, ...passwordResetMail(link), until });
 */
@Injectable()
export class MailOutbox {
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly relay: OutboxRelay;

  constructor(
    database: ServiceDatabase,
    @Inject(MAIL_SENDER) private readonly sender: MailSender,
    @Inject(SEALING) private readonly sealing: Sealing,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.relay = new OutboxRelay({
      database,
      schema: KEYS_SCHEMA,
      effects: { [SEND_MAIL]: ([row]) => this.send(row) },
      // One at a time: a mail that the server refuses must not send those beside it once more.
      batchSize: 1,
      retryMsMax: RETRY_MS_MAX,
      onError: (err, what) => logger.warn({ err }, what),
    });
  }

  start(): void {
    this.relay.start();
  }

  /** Resolves when the mail that is being sent is sent, or could not be. */
  stop(): Promise<void> {
    return this.relay.stop();
  }

  /** Writes a mail down in the caller's transaction; it goes out within half a second of the commit. */
  async add(manager: EntityManager, { to, subject, text, until }: PersonMail): Promise<void> {
    const key = randomUUID();
    const waiting: WaitingMail = { mail: { id: `people-${key}`, to: [to], subject, text }, untilMs: until.getTime() };
    await this.outbox.add(manager, {
      effect: SEND_MAIL,
      key,
      payload: this.sealing.seal(JSON.stringify(waiting), boundTo(key)),
    });
  }

  private async send(row: OutboxRow | undefined): Promise<void> {
    if (row === undefined) return;
    const waiting = this.read(row);
    if (waiting === null) return;
    if (Date.now() >= waiting.untilMs) {
      this.logger.error({ mail: waiting.mail.id }, 'a mail to a person could not be sent in time and is given up');
      return;
    }
    await this.sender.send(waiting.mail);
    this.logger.info({ mail: waiting.mail.id }, 'a person was sent a mail');
  }

  /**
   * Null for a mail that is given up, since its key has been gone for a day. Until then it is tried again: after the
   * encryption key was replaced, an operator encrypts anew what is still under the one before.
   */
  private read({ key, payload, createdAt }: OutboxRow): WaitingMail | null {
    try {
      return JSON.parse(this.sealing.open(payload, boundTo(key))) as WaitingMail;
    } catch (err) {
      if (!(err instanceof SealError) || Date.now() - createdAt.getTime() < UNREADABLE_MS_MAX) throw err;
      this.logger.error({ err, mail: `people-${key}` }, 'a mail to a person cannot be decrypted and is given up');
      return null;
    }
  }
}

/** A mail as it waits. */
interface WaitingMail {
  readonly mail: Mail;
  readonly untilMs: number;
}

const boundTo = (key: string): readonly string[] => ['mail', key];
