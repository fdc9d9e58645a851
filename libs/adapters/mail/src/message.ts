import type { SendMailOptions } from 'nodemailer';
import type { Mail } from './port.js';

/** An id serves as the local part of a Message-ID and as a file name. */
const ID_PATTERN = /^[0-9A-Za-z](?:[0-9A-Za-z._-]{0,118}[0-9A-Za-z])?$/;

/**
 * Makes the options for nodemailer; the same mail gets the same Message-ID each time.
 * `from` is one address, with or without a name (`Tollgate <tollgate@example.com>`).
 * Throws a RangeError for an id that is not 1 to 120 characters of [0-9A-Za-z._-], and for a mail without a recipient.
 */
export function composeMessage(mail: Mail, from: string): SendMailOptions {
  if (!ID_PATTERN.test(mail.id)) throw new RangeError('the id of a mail must be 1 to 120 characters of [0-9A-Za-z._-]');
  if (mail.to.length === 0) throw new RangeError('a mail needs a recipient');
  const domain = /@([^@>\s]+)>?\s*$/.exec(from)?.[1];
  if (domain === undefined) throw new RangeError('the sender of a mail must be an e-mail address');
  return {
    from,
    to: [...mail.to],
    subject: mail.subject,
    text: mail.text,
    messageId: `<${mail.id}@${domain}>`,
    // Tells mail servers to send no automatic reply, such as an out-of-office note (RFC 3834, section 5).
    headers: { 'Auto-Submitted': 'auto-generated' },
    // A mail quotes untrusted text (the address of a leak, for example), which must never name a file or URL to attach.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
