/** One mail to one or more recipients. */
export interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  /** Plain text, lines of at most 998 characters. */
  readonly text: string;
  /**
   * Identifies the mail, and becomes the local part of its Message-ID. A retry uses the same id, so receivers can drop
   * the duplicate.
   */
  readonly id: string;
}

/**
 * Sends mails. `send` resolves when the mail was accepted by the server, or written to disk. It rejects otherwise.
 *
 * @example
 * await sender.send({ id: 'leak-42', to: ['owner@example.org'], subject: 'A key leaked', text: '…' });
 */
export interface MailSender {
  send(mail: Mail): Promise<void>;
}

/** Token of the `MailSender` of a process. */
export const MAIL_SENDER = Symbol('MAIL_SENDER');

/** A sender that holds connections, for the process that opens and closes it. */
export interface ClosableMailSender extends MailSender {
  /** Ends connections that are still open. */
  close(): Promise<void>;
}
