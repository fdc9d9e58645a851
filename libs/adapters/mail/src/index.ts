export { DueMails, type MailOutcome } from './due-mails.js';
export { emlFolderMailSender, type EmlFolderOptions } from './eml-folder.js';
export { mailSenderOf, type MailSettings, type OpenedMailSender } from './mail-sender-of.js';
export { shownInMail } from './shown-in-mail.js';
export { MAIL_SENDER, type ClosableMailSender, type Mail, type MailSender } from './port.js';
export { smtpMailSender, type SmtpMailOptions } from './smtp.js';
