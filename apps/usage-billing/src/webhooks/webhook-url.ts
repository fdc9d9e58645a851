import { isIP } from 'node:net';
import { isPrivateAddress } from '@tollgate/http';

/** Longer than any address that a person has chosen. */
export const WEBHOOK_URL_LENGTH_MAX = 2_000;

const NO_URL = `must be an https URL of at most ${WEBHOOK_URL_LENGTH_MAX} characters, without user, password or fragment`;
const PRIVATE =
  'must not be on a private network: the operator may allow that by webhooks.allow_private_network in config.yaml';

/**
 * What is wrong with a text as the address of a webhook; null if nothing is. Where private networks are allowed, it may
 * be http. Whether a host name resolves to a private address is seen each time that it is connected to.
 */
export function webhookUrlFault(text: string, allowPrivateNetwork: boolean): string | null {
  if (text.length > WEBHOOK_URL_LENGTH_MAX || !URL.canParse(text)) return NO_URL;
  const url = new URL(text);
  // A parser drops empty names: `https://@host/` and `https://host/#` have none of either.
  const plain = url.username === '' && url.password === '' && !/^[^/\\]*[/\\]+[^/?\\]*@/.test(text);
  if (!plain || text.includes('#')) return NO_URL;
  // A dot at the end of a host name changes nothing about it.
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '');
  if (url.protocol === 'http:' && !allowPrivateNetwork) return isInside(host) ? PRIVATE : NO_URL;
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return NO_URL;
  return !allowPrivateNetwork && isInside(host) ? PRIVATE : null;
}

function isInside(host: string): boolean {
  const named = host === 'localhost' || host.endsWith('.localhost');
  return named || (isIP(host) !== 0 && isPrivateAddress(host));
}
