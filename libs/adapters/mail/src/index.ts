export { emlFolderMailSender, type EmlFolderOptions } from './eml-folder.js';
export type { ClosableMailSender, Mail, MailSender } from './port.js';
export { smtpMailSender, type SmtpMailOptions } from './smtp.js';
