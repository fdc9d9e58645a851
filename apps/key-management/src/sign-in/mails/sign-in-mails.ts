/** A mail without its recipient. */
export interface MailText {
  readonly subject: string;
  readonly text: string;
}

const FOOT = ['', 'Tollgate', ''];

/** The mail with which somebody sets a new password. */
export function passwordResetMail(link: string): MailText {
  return {
    subject: 'Set a new password for Tollgate',
    text: [
      'Somebody asked for a new password for your account at Tollgate. If it was you, set it here within one hour:',
      '',
      link,
      '',
      'If it was not you, do nothing: your password stays as it is. Whoever asked learns nothing about your account.',
      ...FOOT,
    ].join('\n'),
  };
}

/** Tells somebody that their password was changed. */
export function passwordChangedMail(resetPage: string): MailText {
  return {
    subject: 'Your password for Tollgate was changed',
    text: [
      'The password of your account at Tollgate was changed, and all its sessions have ended.',
      '',
      'If it was not you, somebody else reads your mail: secure your mailbox, and then set another password:',
      '',
      resetPage,
      ...FOOT,
    ].join('\n'),
  };
}

/** The mail with which somebody confirms that they read mails to an address. */
export function emailConfirmationMail(link: string): MailText {
  return {
    subject: 'Confirm your e-mail address for Tollgate',
    text: [
      'Somebody who is signed in to Tollgate says that this is their e-mail address. If it was you, confirm it here within',
      'a day:',
      '',
      link,
      '',
      'If it was not you, do nothing.',
      ...FOOT,
    ].join('\n'),
  };
}
