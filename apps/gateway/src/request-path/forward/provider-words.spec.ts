import { describe, expect, it } from 'vitest';
import { providerWords } from './provider-words.js';

const credential = 'provider-credential-1234';

describe("a provider's words in a log", () => {
  it('are one line, and bounded', () => {
    expect(providerWords(Buffer.from('{\n "error": \t"busy\u0000"\r\n}'), null)).toBe('{ "error": "busy " }');
    expect(providerWords(Buffer.from('x'.repeat(100_000)), null).length).toBeLessThan(400);
  });
  it.each([
    `Incorrect API key provided: ${credential}`,
    'Incorrect API key provided: sk-proj-AbCdEfGh1234567890',
    'invalid x-api-key: Bearer abcdefghijkl',
    'key=AIzaSyA1234567890abcdefghijkl',
    'token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln is expired',
    'gsk_abcdefghijklmnop is not active',
    `${'x'.repeat(280)} ${credential}`,
  ])('hold nothing that is or looks like a credential: %s', (words) => {
    const kept = providerWords(Buffer.from(words), credential);
    for (const secret of [credential, 'AbCdEfGh', 'abcdefghij', 'AIzaSy', 'eyJzdWIi', 'provider-cred'])
      expect(kept).not.toContain(secret);
  });
});
