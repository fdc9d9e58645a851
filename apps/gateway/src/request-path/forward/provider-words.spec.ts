import { describe, expect, it } from 'vitest';
import { CredentialMask } from '../../providers/credential-mask.js';
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

  it.each<[string, string]>([
    ['base64', Buffer.from(`user:${credential}`).toString('base64')],
    ['hexadecimal', Buffer.from(credential).toString('hex')],
    ['all but its last character', credential.slice(0, -1)],
    ['entities', [...credential].map((character) => `&#${character.charCodeAt(0)};`).join('')],
  ])('are left out where they tell our credential in a way that is not masked: %s', (_, told) => {
    const words = providerWords(Buffer.from(`{"error":"${told}"}`), credential, CredentialMask.of(credential));
    expect(words).toBe('[hidden: it contains our credential]');
  });
});
