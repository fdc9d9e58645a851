export interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  /** Plain text, lines of at most 998 characters. */
  readonly text: string;
  /** The same for the same mail sent twice: receivers can drop the second. Becomes the Message-ID's local part. */
  readonly id: string;
}

/** Resolves when the mail was handed over (accepted by the server, or written to disk). Rejects otherwise. */
export interface MailSender {
  send(mail: Mail): Promise<void>;
}

/** Token of the `MailSender` of a process. */
export const MAIL_SENDER = Symbol('MAIL_SENDER');

export interface ClosableMailSender extends MailSender {
  /** Ends connections that are still open. */
  close(): Promise<void>;
}
