import { isIP } from 'node:net';
import { isPrivateAddress } from '@tollgate/http';

/** Longer than any address that a person has chosen. */
export const WEBHOOK_URL_LENGTH_MAX = 2_000;

/** Parsers pass over blanks, control characters, backslashes and missing slashes; no address is written with them. */
const WRITTEN_OUT = /^https?:\/\/[^\s\\\p{Cc}\p{Cf}]+$/iu;

const NO_URL = `must be an https URL of at most ${WEBHOOK_URL_LENGTH_MAX} characters, without user, password, fragment or blanks`;
const PRIVATE =
  'must not be on a private network: the operator may allow that by webhooks.allow_private_network in config.yaml';

/** What a text is as the address of a webhook: the address as it will be called, or what is wrong with the text. */
export type WebhookUrl = { readonly kind: 'valid'; readonly url: string } | { readonly kind: 'fault'; message: string };

/**
 * Reads the address of a webhook. What is stored and shown is what is called, not another text that a parser reads the
 * same way. Where private networks are allowed, it may be http. Whether a host name resolves to a private address is
 * seen each time that it is connected to.
 */
export function readWebhookUrl(text: string, allowPrivateNetwork: boolean): WebhookUrl {
  if (text.length > WEBHOOK_URL_LENGTH_MAX || !WRITTEN_OUT.test(text) || !URL.canParse(text)) return fault(NO_URL);
  const url = new URL(text);
  // A parser drops empty names: `https://@host/` and `https://host/#` have none of either.
  const plain = url.username === '' && url.password === '' && !/^[^/]*\/\/[^/?]*@/.test(text);
  if (!plain || text.includes('#') || url.port === '0') return fault(NO_URL);
  // A dot at the end of a host name changes nothing about it.
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '');
  if (url.protocol === 'http:' && !allowPrivateNetwork) return fault(isInside(host) ? PRIVATE : NO_URL);
  if (!allowPrivateNetwork && isInside(host)) return fault(PRIVATE);
  return url.href.length > WEBHOOK_URL_LENGTH_MAX ? fault(NO_URL) : { kind: 'valid', url: url.href };
}

const fault = (message: string): WebhookUrl => ({ kind: 'fault', message });

function isInside(host: string): boolean {
  const named = host === 'localhost' || host.endsWith('.localhost');
  return named || (isIP(host) !== 0 && isPrivateAddress(host));
}
