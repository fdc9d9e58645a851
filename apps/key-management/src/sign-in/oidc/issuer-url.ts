import { isIP } from 'node:net';
import { isPrivateAddress } from '@tollgate/http';

/** Issuers are compared and stored; longer ones are none. */
export const ISSUER_LENGTH_MAX = 500;

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Whether a URL names this host. */
const isLoopback = ({ hostname }: URL): boolean => LOOPBACK.test(hostname);

/**
 * What is wrong with a text as the issuer of a provider; null if nothing is. An issuer is an https URL, spelt as the
 * provider spells it, for it is compared with the `iss` of tokens. Where private networks are allowed, it may be http
 * on loopback too. Whether a host name resolves to a private address is seen when it is connected to.
 */
export function issuerFault(text: string, allowPrivateNetwork: boolean): string | null {
  if (text.length > ISSUER_LENGTH_MAX || !URL.canParse(text)) return NO_URL;
  const url = new URL(text);
  const plain = url.username === '' && url.password === '' && !/[?#]/.test(text);
  if (!plain || !mayBeAsked(url, allowPrivateNetwork)) return NO_URL;
  // Discovery adds the well-known path itself, and then compares the issuer: a whole URL of the document skips that.
  if (url.pathname.includes('/.well-known/')) return 'must be the issuer itself, without /.well-known/…';
  if (text !== url.href && `${text}/` !== url.href) return `must be written as a browser writes it: ${SPELLING}`;
  // A dot at the end of a host name changes nothing about it.
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '');
  if (allowPrivateNetwork) return null;
  const named = host === 'localhost' || host.endsWith('.localhost');
  return named || (isIP(host) !== 0 && isPrivateAddress(host)) ? 'must not be on a private network' : null;
}

/** Whether a URL may be asked: https, or http on this host where private networks are allowed. */
export function mayBeAsked(url: URL, allowPrivateNetwork: boolean): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && allowPrivateNetwork && isLoopback(url));
}

/** Whether two issuers are one: providers and owners write a slash behind the host, or do not. */
export const isSameIssuer = (one: string, other: string): boolean => new URL(one).href === new URL(other).href;

const NO_URL = 'must be an https URL of at most 500 characters, without user, password, query or fragment';
const SPELLING = 'host in lower case, no default port, no dot segments';
