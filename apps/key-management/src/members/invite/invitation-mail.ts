import { shownInMail } from '@tollgate/mail';
import type { MailText } from '../../sign-in/mails/sign-in-mails.js';

/** What the mail of an invitation says besides its link. Names are shown so that nobody can put a link into them. */
export interface InvitationMail {
  readonly organization: string;
  /** The name of the person who invites; null for a key and the admin secret. */
  readonly invitedBy: string | null;
  readonly link: string;
}

/** The mail that invites somebody to an organisation. */
export function invitationMail({ organization, invitedBy, link }: InvitationMail): MailText {
  const shown = shownInMail(organization);
  const sentence =
    invitedBy === null
      ? `You are invited to the organisation “${shown}” at Tollgate.`
      : `“${shownInMail(invitedBy)}” invites you to the organisation “${shown}” at Tollgate.`;
  return {
    subject: `You are invited to “${shown}” at Tollgate`,
    text: [
      `${sentence} Accept within 7 days:`,
      '',
      link,
      '',
      'If you do not know who invites you, do nothing: the invitation then expires by itself.',
      '',
      'Tollgate',
      '',
    ].join('\n'),
  };
}
