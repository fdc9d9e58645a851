import { createHash, timingSafeEqual } from 'node:crypto';

/** How a challenge follows from its verifier (RFC 7636, §4.2). */
export const CHALLENGE_METHODS = ['S256', 'plain'] as const;
export type ChallengeMethod = (typeof CHALLENGE_METHODS)[number];

/** What the holder of a code must know the verifier of. */
export interface Challenge {
  readonly method: ChallengeMethod;
  readonly challenge: string;
}

/** SHA-256 in base64url. */
const S256 = /^[A-Za-z0-9_-]{43}$/;
/** RFC 7636, §4.1: also a plain challenge, which is the verifier. */
const VERIFIER = /^[A-Za-z0-9\-._~]{43,128}$/;

/** A challenge, none, or the field at fault with what it must be. */
export type ChallengeResult =
  | { readonly kind: 'valid'; readonly challenge: Challenge | null }
  | { readonly kind: 'invalid'; readonly path: 'code_challenge' | 'code_challenge_method'; readonly message: string };

/**
 * Reads the challenge of a request for a code. Without a method it is plain (RFC 7636, §4.3). One that no verifier can
 * fit is refused here, where the person sees it, and not when the code is exchanged.
 */
export function readChallenge(
  challenge: string | undefined,
  method: string | undefined,
  allowNone: boolean,
): ChallengeResult {
  if (method !== undefined && !isMethod(method))
    return { kind: 'invalid', path: 'code_challenge_method', message: 'must be S256 or plain' };
  if (challenge === undefined) {
    if (method === undefined && allowNone) return { kind: 'valid', challenge: null };
    return { kind: 'invalid', path: 'code_challenge', message: 'is required' };
  }
  const [form, message] =
    method === 'S256'
      ? [S256, 'must be a SHA-256 in base64url: 43 characters of A-Z, a-z, 0-9, - and _']
      : [VERIFIER, 'must be 43 to 128 characters of A-Z, a-z, 0-9, -, ., _ and ~'];
  if (!form.test(challenge)) return { kind: 'invalid', path: 'code_challenge', message };
  return { kind: 'valid', challenge: { challenge, method: method ?? 'plain' } };
}

const isMethod = (text: string): text is ChallengeMethod => (CHALLENGE_METHODS as readonly string[]).includes(text);

/**
 * Whether a verifier is that of a challenge. Where there is no challenge there must be no verifier: else whoever takes
 * the challenge off a request on its way would not be noticed (RFC 9700, §4.8.2).
 */
export function verifierFits(challenge: Challenge | null, verifier: string | null): boolean {
  if (challenge === null || verifier === null) return challenge === null && verifier === null;
  if (!VERIFIER.test(verifier)) return false;
  const expected = Buffer.from(challenge.challenge);
  const given = Buffer.from(
    challenge.method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier,
  );
  return given.length === expected.length && timingSafeEqual(given, expected);
}
