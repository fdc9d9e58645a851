import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  allDigestsOf,
  canBeImported,
  digestImported,
  importableWords,
  importedDigests,
  readSha256,
} from './imported-secret.js';
import { digestSecret, generateSecret } from './secret.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const PEPPERS = ['the new pepper of the test', 'the old pepper of the test'] as const;

describe('the digests of an imported secret', () => {
  it('are those that an import stored for its SHA-256, whole or without sk-, under both peppers', () => {
    const secret = 'sk-litellm-1234567890';
    expect(importedDigests(secret, PEPPERS)).toEqual([
      {
        present: digestImported(sha256(secret), 'sha256', PEPPERS[0]),
        previous: digestImported(sha256(secret), 'sha256', PEPPERS[1]),
      },
      {
        present: digestImported(sha256('litellm-1234567890'), 'sha256_without_prefix', PEPPERS[0]),
        previous: digestImported(sha256('litellm-1234567890'), 'sha256_without_prefix', PEPPERS[1]),
      },
    ]);
    expect(importedDigests('unkey_3Zo7a1', [PEPPERS[0]])).toEqual([
      { present: digestImported(sha256('unkey_3Zo7a1'), 'sha256', PEPPERS[0]), previous: null },
    ]);
  });

  it('are never those of the SHA-256 shown as a secret, nor those of one form shown as another', () => {
    const secret = 'sk-litellm-1234567890';
    const stored = importedDigests(secret, PEPPERS).flatMap(({ present, previous }) => [present, previous]);
    const shown = [
      sha256(secret),
      `sha256:${sha256(secret)}`,
      `sha256_without_prefix:${sha256('litellm-1234567890')}`,
      `sk-${sha256(secret)}`,
      'litellm-1234567890',
    ];
    for (const text of shown)
      for (const digest of allDigestsOf(text, PEPPERS)) expect(stored, text).not.toContain(digest);
    expect(stored).not.toContain(sha256(secret));
  });

  it('exist for 8 to 200 visible ASCII characters', () => {
    for (const text of ['a'.repeat(8), '~'.repeat(200), generateSecret('TGate001').reveal()])
      expect(canBeImported(text)).toBe(true);
    for (const text of ['', 'a'.repeat(7), 'a'.repeat(201), 'with a space', 'ümlaut-secret', 'line\nbreak'])
      expect([canBeImported(text), importedDigests(text, PEPPERS)]).toEqual([false, []]);
  });

  it.each([
    'lm_secret.1-x',
    ' Bearer lm_secret.1-x\n',
    '"lm_secret.1-x"',
    "Authorization: Bearer 'lm_secret.1-x'",
    'x-api-key:lm_secret.1-x',
    'OPENAI_API_KEY=lm_secret.1-x;',
    '{"key":"lm_secret.1-x"}',
  ])('are looked up for the word that can be one: %j', (text) => {
    expect(importableWords(text)).toContain('lm_secret.1-x');
    expect(importableWords(text).filter((word) => !canBeImported(word))).toEqual([]);
  });

  it('are looked up for few words of a long text', () => {
    expect(importableWords(Array.from({ length: 500 }, (_, n) => `word-number-${n}`).join(' '))).toHaveLength(20);
  });

  it('stand behind the digests of our own form', () => {
    const secret = generateSecret('TGate001').reveal();
    expect(allDigestsOf(secret, PEPPERS).slice(0, 2)).toEqual(PEPPERS.map((pepper) => digestSecret(secret, pepper)));
    expect(new Set(allDigestsOf(secret, PEPPERS)).size).toBe(6);
  });
});

describe('a SHA-256', () => {
  const hex = sha256('a secret');
  const bytes = Buffer.from(hex, 'hex');
  it.each([
    hex,
    hex.toUpperCase(),
    ` ${hex}\t`,
    `sha256:${hex}`,
    `SHA256:${hex.toUpperCase()}`,
    bytes.toString('base64'),
    bytes.toString('base64url'),
    `sha256-${bytes.toString('base64')}`,
    `sha256:${bytes.toString('base64').replace('=', '')}`,
  ])('is read however it is written: %s', (text) => expect(readSha256(text)).toBe(hex));

  it.each([
    '',
    'sk-a-clear-secret-that-somebody-put-here',
    generateSecret('TGate001').reveal(),
    hex.slice(1),
    `${hex}0`,
    `sha256:sha256:${hex}`,
    `${hex.slice(0, 63)}g`,
    bytes.toString('base64').slice(1),
    `${bytes.toString('base64')}=`,
    createHash('sha512').update('a').digest('hex'),
    createHash('md5').update('a').digest('hex'),
  ])('is nothing else: %s', (text) => expect(readSha256(text)).toBeNull());
});
