import { createTransport } from 'nodemailer';
import { composeMessage } from './message.js';
import type { ClosableMailSender } from './port.js';

/** The SMTP server, and the sender of all mails. */
export interface SmtpMailOptions {
  /** `smtp://user:password@host:port`, or `smtps://` for TLS from the first byte. */
  readonly url: string;
  /**
   * Certificates in PEM form that the server's is checked against; undefined for the public ones. With them a
   * `smtp://` server must offer STARTTLS.
   */
  readonly ca?: string | undefined;
  readonly from: string;
  /** The longest wait for the connection, the greeting and each reply. Default 10,000. */
  readonly timeoutMs?: number;
}

/** Sends by SMTP over one connection, opened when it is needed. `send` rejects if the server refuses a recipient. */
export function smtpMailSender({ url, ca, from, timeoutMs = 10_000 }: SmtpMailOptions): ClosableMailSender {
  const transport = createTransport({
    pool: true,
    maxConnections: 1,
    url,
    ...(ca !== undefined && { requireTLS: true, tls: { ca } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
  });
  return {
    async send(mail) {
      const { rejected = [] } = await transport.sendMail(composeMessage(mail, from));
      if (rejected.length > 0)
        throw new Error(`the mail server refused ${rejected.length} of ${mail.to.length} recipients`);
    },
    async close() {
      transport.close();
    },
  };
}
