import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The `.eml` files of a folder as text, soft line breaks of quoted-printable joined and its bytes decoded. */
export function mailsIn(folder: string): string[] {
  return filesIn(folder)
    .filter((name) => name.endsWith('.eml'))
    .sort()
    .map((name) => readable(readFileSync(join(folder, name), 'utf8')));
}

/** Decodes quoted-printable, and base64 bodies, as far as a search in the text needs it. */
export function readable(message: string): string {
  const [head = '', ...rest] = message.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  if (/^content-transfer-encoding: *base64/im.test(head))
    return `${head}\r\n\r\n${Buffer.from(body, 'base64').toString('utf8')}`;
  if (/^content-transfer-encoding: *quoted-printable/im.test(head)) return `${head}\r\n\r\n${quotedPrintable(body)}`;
  return message;
}

function quotedPrintable(text: string): string {
  const bytes = text
    .replace(/=\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  // Characters that were not encoded are ASCII, so every one of these is a byte.
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
