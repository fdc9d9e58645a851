import { createHash, timingSafeEqual } from 'node:crypto';

const BEARER = /^Bearer +([^\s]+) *$/i;

/** The credential of an `Authorization: Bearer` header (RFC 6750); null where there is none. */
export function bearerOf(authorization: string | undefined): string | null {
  return BEARER.exec(authorization ?? '')?.[1] ?? null;
}

/** Compares in a time that depends on neither text: both are hashed first, so that lengths do not show either. */
export function sameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(sha256(given), sha256(expected));
}

/** How a secret is kept where it need not be shown again: `sha256:` and 64 hex digits. */
export function secretDigest(secret: string): string {
  return `sha256:${sha256(secret).toString('hex')}`;
}

/** Compares with a secret, or with its `secretDigest`. */
export function matchesSecret(given: string, kept: string): boolean {
  return KEPT.test(kept) ? sameSecret(secretDigest(given), kept) : sameSecret(given, kept);
}

const KEPT = /^sha256:[0-9a-f]{64}$/;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
