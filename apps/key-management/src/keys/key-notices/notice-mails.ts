import { shownInMail } from '@tollgate/mail';
import type { MailText } from '../../sign-in/mails/sign-in-mails.js';

/** A key that a mail tells of. */
export interface NoticedKey {
  readonly name: string;
  readonly maskedKey: string;
  /** When it expires, or since when its secret is due to be rotated. */
  readonly dueAt: Date;
  /** The person who made the key; null if nobody did who gets mails. */
  readonly makerId: string | null;
}

/** A mail about more keys than this names the first of them. */
const KEYS_NAMED = 50;
const DAY_MS = 86_400_000;

/** The mail about keys that expire soon, the first one first. Nobody can put a link into the names that it shows. */
export function expiryMail(organization: string, keys: readonly NoticedKey[], now: Date): MailText {
  const [first] = keys;
  const subject =
    keys.length === 1 && first !== undefined
      ? `API key “${shownInMail(first.name)}” expires ${timeLeft(first.dueAt, now)}`
      : `${keys.length} API keys of “${shownInMail(organization)}” expire soon`;
  return {
    subject,
    text: [
      `API keys of the organisation “${shownInMail(organization)}” at Tollgate that expire soon:`,
      '',
      ...listed(keys, ({ dueAt }) => `expires ${moment(dueAt)}, ${timeLeft(dueAt, now)}`),
      '',
      'From then on every request with them is refused. To keep a key, give it a later date: PATCH /v1/api-keys/{id}',
      'with expires_at. Nothing is to be done for a key that nobody needs any more.',
      ...FOOT,
    ].join('\n'),
  };
}

/** The mail about keys whose planned rotation is due. */
export function rotationMail(organization: string, keys: readonly NoticedKey[]): MailText {
  const [first] = keys;
  const subject =
    keys.length === 1 && first !== undefined
      ? `API key “${shownInMail(first.name)}” is due to be rotated`
      : `${keys.length} API keys of “${shownInMail(organization)}” are due to be rotated`;
  return {
    subject,
    text: [
      `API keys of the organisation “${shownInMail(organization)}” at Tollgate whose secret is as old as you have planned:`,
      '',
      ...listed(keys, ({ dueAt }) => `due since ${moment(dueAt)}`),
      '',
      'Give each a new secret: POST /v1/api-keys/{id}/rotate. The present one then works on for its grace period.',
      'Nothing is rotated by itself, and this is the only reminder until the key has been rotated.',
      ...FOOT,
    ].join('\n'),
  };
}

const FOOT = ['', 'Tollgate', ''];

function listed(keys: readonly NoticedKey[], what: (key: NoticedKey) => string): string[] {
  const lines = keys.slice(0, KEYS_NAMED).map((key) => `- “${shownInMail(key.name)}” (${key.maskedKey}): ${what(key)}`);
  return keys.length > KEYS_NAMED ? [...lines, `- and ${keys.length - KEYS_NAMED} more`] : lines;
}

function timeLeft(at: Date, now: Date): string {
  const days = Math.ceil((at.getTime() - now.getTime()) / DAY_MS);
  return days <= 1 ? 'within a day' : `in ${days} days`;
}

const moment = (at: Date): string => `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
