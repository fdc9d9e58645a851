import { join } from 'node:path';
import { makeNamedFolder } from '@tollgate/app-process';
import { emlFolderMailSender } from './eml-folder.js';
import type { ClosableMailSender } from './port.js';
import { smtpMailSender } from './smtp.js';

/** What a process is told about its mails. */
export interface MailSettings {
  /** If it is undefined, mails become files below the data folder. */
  readonly smtpUrl: string | undefined;
  /** Certificates in PEM form that the mail server's is checked against; undefined for the public ones. */
  readonly smtpCa?: string | undefined;
  /** The folder that TOLLGATE_DATA names. */
  readonly dataFolder: string;
  readonly from: string;
}

/** The sender of a process, and the folder of its mails; null if they go to a mail server. */
export interface OpenedMailSender {
  readonly sender: ClosableMailSender;
  readonly folder: string | null;
}

/**
 * Sends mails by SMTP, or writes them to the folder `mail` of the data folder.
 * @throws {StartFault} if that folder cannot be made
 */
export function mailSenderOf({ smtpUrl, smtpCa, dataFolder, from }: MailSettings): OpenedMailSender {
  if (smtpUrl !== undefined) return { sender: smtpMailSender({ url: smtpUrl, ca: smtpCa, from }), folder: null };
  const folder = join(dataFolder, 'mail');
  makeNamedFolder('TOLLGATE_DATA', folder);
  return { sender: emlFolderMailSender({ folder, from }), folder };
}
