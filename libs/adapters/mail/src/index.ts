export { emlFolderMailSender, type EmlFolderOptions } from './eml-folder.js';
export { MAIL_SENDER, type ClosableMailSender, type Mail, type MailSender } from './port.js';
export { smtpMailSender, type SmtpMailOptions } from './smtp.js';
