import type { IncomingHttpHeaders } from 'node:http';
import { hasSecretForm } from '@tollgate/api-key';
import { bearerOf } from '@tollgate/http';
import { cookiesNamed, hasTokenForm } from './session-cookie.js';

/** What a request shows of who asks, before anybody has looked whether it is right. */
export type ShownCredential =
  /** A bearer of the form of an API key, whose checksum fits. */
  | { readonly kind: 'api_key'; readonly secret: string }
  /** Any other bearer: it can only be the admin secret. */
  | { readonly kind: 'admin_secret'; readonly secret: string }
  /** Both halves of a project key, as `Authorization: Basic`. */
  | { readonly kind: 'project_key'; readonly publicKey: string; readonly secret: string }
  /** The session's cookie. `token` is null where its value has not the form of a token. */
  | { readonly kind: 'session'; readonly token: string | null }
  /** Nothing. */
  | { readonly kind: 'none' }
  /** The cookie more than once: only one can be ours, and which one is not to be guessed. */
  | { readonly kind: 'two_cookies' };

/**
 * Reads the credential of a request. A bearer comes before a cookie: who sends one says so on purpose, while a browser
 * sends its cookies unasked.
 */
export function readCredential(
  headers: Pick<IncomingHttpHeaders, 'authorization' | 'cookie'>,
  cookieName: string,
): ShownCredential {
  const bearer = bearerOf(headers.authorization);
  if (bearer !== null) return { kind: hasSecretForm(bearer) ? 'api_key' : 'admin_secret', secret: bearer };
  return sessionOf(headers.cookie, cookieName);
}

/** The session's cookie of a request, whatever else it shows. */
export function sessionOf(cookie: string | undefined, cookieName: string): ShownCredential {
  const [token, second] = cookiesNamed(cookie, cookieName);
  if (token === undefined) return { kind: 'none' };
  if (second !== undefined) return { kind: 'two_cookies' };
  return { kind: 'session', token: hasTokenForm(token) ? token : null };
}

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i;
/** Longer ones are no project key. */
const BASIC_LENGTH_MAX = 600;

/**
 * Both halves of a project key in `Authorization: Basic` (RFC 7617): the public key is the user, the secret the
 * password. Null where the header is none, or has no halves of their forms: only routes for project keys look at it,
 * since a proxy before us may have a Basic credential of its own.
 */
export function projectKeyOf(
  headers: Pick<IncomingHttpHeaders, 'authorization'>,
): Extract<ShownCredential, { readonly kind: 'project_key' }> | null {
  const { authorization = '' } = headers;
  const encoded = authorization.length > BASIC_LENGTH_MAX ? undefined : BASIC.exec(authorization)?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const at = text.indexOf(':');
  return at === -1 ? null : { kind: 'project_key', publicKey: text.slice(0, at), secret: text.slice(at + 1) };
}
