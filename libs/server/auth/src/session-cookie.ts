import { createHmac, timingSafeEqual } from 'node:crypto';

/** The names that the session's cookie has: on https, and on http. */
export const SESSION_COOKIE_NAMES = ['__Host-tollgate_session', 'tollgate_session'] as const;

/**
 * The name of the session's cookie. On https it has the prefix that keeps sibling domains and plain connections from
 * setting it; browsers refuse that prefix on http. `publicUrl` is the configured origin.
 */
export function sessionCookieName(publicUrl: string): string {
  const [onHttps, onHttp] = SESSION_COOKIE_NAMES;
  return isSecure(publicUrl) ? onHttps : onHttp;
}

/** A session's token: 32 random bytes in base64url. What is not of this form is looked up nowhere. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Whether a text has the form of a session's token. */
export const hasTokenForm = (text: string): boolean => TOKEN.test(text);

/**
 * The values of one cookie in a `Cookie` header. Names are compared as they stand, character by character, and only
 * space and tab around them are dropped: a name with other white space, in other case or in quotes is another cookie.
 * There is no older syntax, in which `$Version` would change how the rest is read.
 */
export function cookiesNamed(header: string | undefined, name: string): string[] {
  if (header === undefined) return [];
  return header.split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at !== -1 && withoutBlanks(pair.slice(0, at)) === name ? [withoutBlanks(pair.slice(at + 1))] : [];
  });
}

const withoutBlanks = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '');

/** The `Set-Cookie` that gives a browser its session until the browser or the session ends. */
export function sessionCookie(publicUrl: string, token: string): string {
  return `${sessionCookieName(publicUrl)}=${token}; ${attributes(publicUrl)}`;
}

/** The `Set-Cookie` that takes the session's cookie away. */
export function endedSessionCookie(publicUrl: string): string {
  return `${sessionCookieName(publicUrl)}=; Max-Age=0; ${attributes(publicUrl)}`;
}

const attributes = (publicUrl: string): string =>
  `Path=/; HttpOnly; SameSite=Lax${isSecure(publicUrl) ? '; Secure' : ''}`;

const isSecure = (publicUrl: string): boolean => new URL(publicUrl).protocol === 'https:';

/**
 * The token that pages send as `x-csrf-token` with each unsafe request by cookie. It follows from the session's own
 * token, which scripts cannot read, so nothing is stored, and it ends with the session.
 */
export function csrfTokenOf(sessionToken: string): string {
  return createHmac('sha256', sessionToken).update('csrf').digest('base64url');
}

/** Whether what was sent as `x-csrf-token` is that of the session. */
export function csrfTokenFits(given: unknown, sessionToken: string): boolean {
  const expected = Buffer.from(csrfTokenOf(sessionToken));
  const sent = Buffer.from(typeof given === 'string' ? given : '');
  return sent.length === expected.length && timingSafeEqual(sent, expected);
}
