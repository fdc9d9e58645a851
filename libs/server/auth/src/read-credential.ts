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
