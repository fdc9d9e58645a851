import { describe, expect, it } from 'vitest';
import { matchesSecret, secretDigest } from './index.js';

describe('a kept secret', () => {
  it('is matched by itself alone, kept as it is or as its digest', () => {
    for (const kept of ['the-admin-secret', secretDigest('the-admin-secret')]) {
      expect(matchesSecret('the-admin-secret', kept)).toBe(true);
      expect(matchesSecret('another', kept)).toBe(false);
    }
  });
  it('is not matched by its digest', () => {
    expect(matchesSecret(secretDigest('the-admin-secret'), secretDigest('the-admin-secret'))).toBe(false);
  });
});
