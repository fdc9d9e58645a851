import type { SendMailOptions } from 'nodemailer';
import type { Mail } from './port.js';

/** An id is a Message-ID's local part and a file name alike. */
const ID_PATTERN = /^[0-9A-Za-z](?:[0-9A-Za-z._-]{0,118}[0-9A-Za-z])?$/;

/**
 * A mail as nodemailer takes it; the same mail gives the same Message-ID each time.
 * `from` is one address, with or without a name (`Tollgate <tollgate@example.com>`).
 * Throws a RangeError for an id that is not 1 to 120 characters of [0-9A-Za-z._-], and for a mail to nobody.
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
    // Nobody answers a machine's out-of-office note (RFC 3834, 5).
    headers: { 'Auto-Submitted': 'auto-generated' },
    // What a mail says comes from strangers (a leak's address, say): it must never name a file or URL to attach.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
