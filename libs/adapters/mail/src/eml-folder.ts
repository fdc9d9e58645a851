import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@tollgate/folder-lock';
import { createTransport } from 'nodemailer';
import { composeMessage } from './message.js';
import type { ClosableMailSender } from './port.js';

/** The folder that mails are written to, and their sender. */
export interface EmlFolderOptions {
  /** Created if it is missing, readable by its owner only. */
  readonly folder: string;
  readonly from: string;
}

/**
 * Writes each mail to `<id>.eml`, in the format of RFC 5322, instead of sending it. The file appears complete or not at
 * all, and a mail that is sent twice is one file.
 */
export function emlFolderMailSender({ folder, from }: EmlFolderOptions): ClosableMailSender {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    async send(mail) {
      const { message } = await composer.sendMail(composeMessage(mail, from));
      makeFolder(folder);
      const path = join(folder, `${mail.id}.eml`);
      const unfinished = `${path}.${process.pid}.part`;
      const file = await open(unfinished, 'w', 0o600);
      try {
        await file.writeFile(message as Buffer);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    },
    async close() {
      composer.close();
    },
  };
}
