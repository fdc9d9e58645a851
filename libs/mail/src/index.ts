export type { Mail, MailSender } from './port.js';
