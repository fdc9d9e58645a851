import { createHash, randomBytes } from 'node:crypto';
import { readOrganizationId } from '@tollgate/contracts';
import { EntitySchema } from 'typeorm';

/** A sign-in that a browser has begun. The table has digests alone, so that nobody can finish one who reads it. */
export interface SignInAttempt {
  readonly organizationId: string;
  /** SHA-256 of the state, which goes to the provider and back. */
  readonly stateDigest: Buffer;
  /** SHA-256 of the browser's secret, which stays in a cookie of this attempt. */
  readonly browserDigest: Buffer;
  /** The version of the provider's settings that it was begun with. */
  readonly providerVersion: number;
  /** Where the browser goes afterwards: a path of our origin. */
  readonly returnTo: string;
  /** The session that is to be proven again; null for a sign-in. */
  readonly stepUpSessionId: string | null;
  readonly expiresAt: Date;
}

/** The table `keys.oidc_attempt`. */
export const signInAttemptEntity = new EntitySchema<SignInAttempt>({
  name: 'keys.oidc_attempt',
  schema: 'keys',
  tableName: 'oidc_attempt',
  columns: {
    organizationId: { type: 'text', primary: true, name: 'organization_id' },
    stateDigest: { type: 'bytea', primary: true, name: 'state_digest' },
    browserDigest: { type: 'bytea', name: 'browser_digest' },
    providerVersion: { type: 'integer', name: 'provider_version' },
    returnTo: { type: 'text', name: 'return_to' },
    stepUpSessionId: { type: 'uuid', nullable: true, name: 'step_up_session_id' },
    expiresAt: { type: 'timestamptz', name: 'expires_at' },
  },
});

/** What a person has to sign in at the provider. */
export const ATTEMPT_MS_MAX = 10 * 60_000;

const STATE = /^([0-9a-z-]{7,36})\.[\w-]{43}$/;
const BROWSER_SECRET = /^[\w-]{43}$/;

/** 32 random bytes. */
export const newBrowserSecret = (): string => randomBytes(32).toString('base64url');

/**
 * A state for one attempt. It says which organisation it is of: the provider knows that anyway, and the attempt is
 * found without asking across organisations.
 */
export const newState = (organizationId: string): string => `${organizationId}.${newBrowserSecret()}`;

/** The organisation of a state; null if the text can be none of ours. */
export function organizationOfState(state: string): string | null {
  const named = STATE.exec(state)?.[1];
  return named === undefined ? null : readOrganizationId(named);
}

/** SHA-256, for what is random enough. */
export const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether a text has the form of a browser's secret. */
export const isBrowserSecret = (text: string): boolean => BROWSER_SECRET.test(text);

/**
 * The name of an attempt's cookie. Each has one of its own, so that sign-ins in several tabs do not overwrite one
 * another. The prefix keeps sibling domains from setting it; browsers refuse the prefix on http.
 */
export function attemptCookieName(publicUrl: string, state: string): string {
  return `${cookiePrefix(publicUrl)}${digestOf(state).toString('hex').slice(0, 16)}`;
}

/** The `Set-Cookie` that gives a browser the secret of an attempt. */
export function attemptCookie(publicUrl: string, state: string, browserSecret: string): string {
  const seconds = ATTEMPT_MS_MAX / 1_000;
  return `${attemptCookieName(publicUrl, state)}=${browserSecret}; Max-Age=${seconds}; ${attributes(publicUrl)}`;
}

/** The `Set-Cookie` that takes the cookie of this name away. */
export const endedAttemptCookie = (publicUrl: string, name: string): string =>
  `${name}=; Max-Age=0; ${attributes(publicUrl)}`;

/** The names of the cookies of attempts in a `Cookie` header, in their order. */
export function attemptCookieNames(publicUrl: string, header: string | undefined): string[] {
  const prefix = cookiePrefix(publicUrl);
  return (header ?? '')
    .split(';')
    .map((pair) => pair.slice(0, Math.max(0, pair.indexOf('='))).trim())
    .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{16}$/.test(name.slice(prefix.length)));
}

const isSecure = (publicUrl: string): boolean => new URL(publicUrl).protocol === 'https:';
const cookiePrefix = (publicUrl: string): string => `${isSecure(publicUrl) ? '__Host-' : ''}tollgate_oidc_`;
const attributes = (publicUrl: string): string =>
  `Path=/; HttpOnly; SameSite=Lax${isSecure(publicUrl) ? '; Secure' : ''}`;
