import { createHash } from 'node:crypto';
import { digestSecret, generateSecret } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import { readItem } from './report.js';

const PEPPER = 'pepper of the test';
const secret = generateSecret('TestMark').reveal();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('a reported item', () => {
  it('with the form of our secrets is looked up by its digest, and named by its hash', () => {
    expect(readItem({ token: secret, type: 'tollgate_key', url: 'https://github.com/a/b', source: 'Commit' }, PEPPER)).toEqual({
      digest: digestSecret(secret, PEPPER), tokenHash: sha256(secret), tokenType: 'tollgate_key', place: { url: 'https://github.com/a/b', source: 'commit' },
    });
  });

  it('of any other form is not looked up', () => {
    for (const token of ['some_token', `pk-${secret.slice(3)}`, `${secret}x`, `${secret.slice(0, -1)}!`, 'x'.repeat(2_000), '']) {
      expect(readItem({ token, type: 't' }, PEPPER)).toMatchObject({ digest: null, tokenHash: sha256(token) });
    }
  });

  it('that cannot be read is labelled like the others', () => {
    for (const item of [null, 7, 'text', [], {}, { token: 7, type: null, url: {}, source: [] }]) {
      expect(readItem(item, PEPPER)).toEqual({ digest: null, tokenHash: sha256(''), tokenType: '', place: { url: '', source: '' } });
    }
  });

  it('never carries the secret in its place', () => {
    const { place } = readItem({ token: secret, url: `https://github.com/a?key=${secret}`, source: secret }, PEPPER);
    expect(place).toEqual({ url: 'https://github.com/a?key=sk-[secret]', source: '[secret]' });
  });
});
