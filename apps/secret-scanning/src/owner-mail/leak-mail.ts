import type { KeySpending } from '@tollgate/contracts';
import { formatUsd } from '@tollgate/credit';
import type { Leak } from '../store/leak-store.js';

const LINKED_HOSTS = new Set(['github.com', 'gist.github.com']);
const PLACES_MAX = 20;
const ORIGINS: Readonly<Record<string, string>> = { github: 'GitHub' };

/** Writes the mail. `spending` is null if it is unknown; `publicUrl` is the origin of the admin API, or null. */
export function leakMail(
  leak: Leak,
  spending: KeySpending | null,
  publicUrl: string | null,
): { subject: string; text: string } {
  if (leak.formerSecret !== null) return formerSecretMail(leak, leak.formerSecret, spending);
  const keyName = oneLine(leak.keyName);
  const text = [
    `The API key "${keyName}" (${leak.maskedKey}) was found where it must not be.`,
    `Tollgate has revoked it: every request with it is refused from now on.`,
    '',
    'Where it was found:',
    ...placeLines(leak.places),
    '',
    `Reported: ${moment(leak.reportedAt)}`,
    `Revoked:  ${moment(leak.revokedAt)}`,
    '',
    ...usageLines(spending),
    '',
    'What to do next:',
    `1. Make a replacement key${publicUrl === null ? ' (POST /v1/api-keys)' : `: POST ${publicUrl}/v1/api-keys`} and give it to whoever used this one.`,
    '2. Take the secret out of the places above. A deleted commit can still be read: the revoked key cannot be used.',
    '3. Look through the usage above for requests that were not yours.',
    '',
  ];
  return { subject: `API key "${keyName}" leaked and was revoked`, text: text.join('\n') };
}

/** The mail about a secret that was rotated out: the key itself was left as it was. */
function formerSecretMail(
  leak: Leak,
  { keyIsLive }: NonNullable<Leak['formerSecret']>,
  spending: KeySpending | null,
): { subject: string; text: string } {
  const keyName = oneLine(leak.keyName);
  const text = [
    `A former secret (${leak.maskedKey}) of the API key "${keyName}" was found where it must not be.`,
    'That secret has ended: every request with it is refused.',
    keyIsLive
      ? 'The key lives on: its present secret was not found, and works as before.'
      : 'The key itself has ended, too.',
    '',
    'Where it was found:',
    ...placeLines(leak.places),
    '',
    `Reported: ${moment(leak.reportedAt)}`,
    `Ended:    ${moment(leak.revokedAt)}`,
    '',
    'Of the key, with all its secrets:',
    ...usageLines(spending),
    '',
    'What to do next:',
    keyIsLive
      ? '1. Give the present secret to whoever still used the former one; nobody needs another key.'
      : '1. Nobody can use the key any more: there is nothing to replace.',
    '2. Take the secret out of the places above. A deleted commit can still be read: the former secret cannot be used.',
    '3. Look through the usage for requests that were not yours.',
    '',
  ];
  return { subject: `A former secret of API key "${keyName}" leaked and has ended`, text: text.join('\n') };
}

/** Removes line breaks and control characters from a name. New names have none, but older names may. */
function oneLine(name: string): string {
  return name
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replace(/\p{Surrogate}/gu, '\ufffd');
}

function placeLines(places: Leak['places']): string[] {
  if (places.length === 0) return ['- the reporter did not say'];
  const lines = places.slice(0, PLACES_MAX).map(({ origin, source, url }) => {
    const where = [ORIGINS[origin] ?? origin, source.replaceAll('_', ' ')].filter((part) => part !== '').join(', ');
    return `- ${where}${url === '' ? '' : `: ${safeLink(url) ?? '(address not shown: not on a known host)'}`}`;
  });
  return places.length > PLACES_MAX ? [...lines, `- and ${places.length - PLACES_MAX} more`] : lines;
}

/** The address if it is safe to click (https, on a host of the reporter's own), else null. Strangers can choose it. */
export function safeLink(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { protocol, hostname, port, username, password, href } = new URL(url);
  const plain = protocol === 'https:' && port === '' && username === '' && password === '';
  return plain && LINKED_HOSTS.has(hostname) && href.length <= 900 ? href : null;
}

function usageLines(spending: KeySpending | null): string[] {
  if (spending === null) return ['Last used: unknown at the moment', 'Spent in all: unknown at the moment'];
  const { lastUsedAt, lastUsedFrom, chargedNanoUsd, requests } = spending;
  const from = lastUsedFrom === null || lastUsedFrom === '' ? '' : ` from ${lastUsedFrom}`;
  return [
    `Last used: ${lastUsedAt === null ? 'never' : `${moment(new Date(lastUsedAt))}${from}`}`,
    `Spent in all: ${formatUsd(BigInt(chargedNanoUsd))} USD in ${requests} ${requests === 1 ? 'request' : 'requests'}`,
  ];
}

const moment = (at: Date): string => `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
