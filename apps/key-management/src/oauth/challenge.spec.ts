import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readChallenge, verifierFits } from './challenge.js';

/** The example of RFC 7636, appendix B. */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const fault = (challenge: string | undefined, method: string | undefined, allowNone = false) => {
  const read = readChallenge(challenge, method, allowNone);
  return read.kind === 'invalid' ? read.path : null;
};

describe('a challenge', () => {
  it('is S256, plain, or plain without saying so', () => {
    expect(readChallenge(CHALLENGE, 'S256', false)).toEqual({
      kind: 'valid',
      challenge: { challenge: CHALLENGE, method: 'S256' },
    });
    for (const method of ['plain', undefined])
      expect(readChallenge(VERIFIER, method, false)).toMatchObject({ challenge: { method: 'plain' } });
    expect(fault('a.b_c~d-'.repeat(16), 'plain')).toBeNull();
  });

  it.each<[string, string | undefined, string | undefined, string]>([
    ['is missing', undefined, undefined, 'code_challenge'],
    ['is missing beside its method', undefined, 'S256', 'code_challenge'],
    ['is empty', '', 'S256', 'code_challenge'],
    ['is a character short', CHALLENGE.slice(1), 'S256', 'code_challenge'],
    ['is a character long', `${CHALLENGE}A`, 'S256', 'code_challenge'],
    ['is padded', `${CHALLENGE}=`, 'S256', 'code_challenge'],
    ['is plain base64', `${CHALLENGE.slice(0, 42)}+`, 'S256', 'code_challenge'],
    ['is in hex', createHash('sha256').update(VERIFIER).digest('hex'), 'S256', 'code_challenge'],
    ['is no verifier', 'short', 'plain', 'code_challenge'],
    ['is too long for a verifier', 'a'.repeat(129), 'plain', 'code_challenge'],
    ['has what no verifier has', `${VERIFIER}+`, undefined, 'code_challenge'],
    ['has a method in other case', CHALLENGE, 's256', 'code_challenge_method'],
    ['has an empty method', CHALLENGE, '', 'code_challenge_method'],
    ['has an unknown method', CHALLENGE, 'S512', 'code_challenge_method'],
  ])('is refused where it %s', (_, challenge, method, path) => expect(fault(challenge, method)).toBe(path));

  it('may be missing only where the operator allows it, and then without a method', () => {
    expect(readChallenge(undefined, undefined, true)).toEqual({ kind: 'valid', challenge: null });
    expect(fault(undefined, 'S256', true)).toBe('code_challenge');
    expect(fault('', undefined, true)).toBe('code_challenge');
  });
});

describe('a verifier', () => {
  const s256 = { method: 'S256', challenge: CHALLENGE } as const;
  const plain = { method: 'plain', challenge: VERIFIER } as const;

  it('fits its challenge', () => {
    expect(verifierFits(s256, VERIFIER)).toBe(true);
    expect(verifierFits(plain, VERIFIER)).toBe(true);
    expect(verifierFits(null, null)).toBe(true);
  });

  it('fits no other, is not left out, and is not given where there is no challenge', () => {
    for (const wrong of [null, '', CHALLENGE, `${VERIFIER}a`, VERIFIER.slice(1), VERIFIER.toUpperCase()]) {
      expect(verifierFits(s256, wrong)).toBe(false);
      expect(verifierFits(plain, wrong)).toBe(false);
    }
    for (const given of [VERIFIER, '']) expect(verifierFits(null, given)).toBe(false);
  });

  it('has the form of RFC 7636, also where its SHA-256 would fit', () => {
    for (const verifier of ['short', 'a'.repeat(42), 'a'.repeat(129), `${'a'.repeat(43)}+`, `${'a'.repeat(43)}é`]) {
      const challenge = createHash('sha256').update(verifier).digest('base64url');
      expect(verifierFits({ method: 'S256', challenge }, verifier)).toBe(false);
    }
  });
});
