import { describe, expect, it } from 'vitest';
import { acceptedSecrets, isAccepted, secretDigest } from './index.js';

const [NEW, OLD] = ['the-new-secret-of-the-test', 'the-old-secret-of-the-test'];

describe('the secrets that are accepted', () => {
  it.each([
    ['the secret alone', acceptedSecrets(NEW, undefined), [true, false]],
    ['the secret and the previous one, while that is given', acceptedSecrets(NEW, OLD), [true, true]],
    ['one that is kept as its digest, and the previous one', acceptedSecrets(secretDigest(NEW), OLD), [true, true]],
  ])('are %s', (_what, accepted, expected) => {
    expect([NEW, OLD].map((given) => isAccepted(given, accepted))).toEqual(expected);
    for (const wrong of ['', NEW.slice(1), `${NEW} `, `${NEW} ${OLD}`, secretDigest(NEW)])
      expect(isAccepted(wrong, accepted), wrong).toBe(false);
  });
});
