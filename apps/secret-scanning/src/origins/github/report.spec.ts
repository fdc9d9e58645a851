import { createHash } from 'node:crypto';
import { allDigestsOf, digestSecret, generateSecret } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import { readItem } from './report.js';

const PEPPER = 'pepper of the test';
const secret = generateSecret('TestMark').reveal();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('a reported item', () => {
  it('with the form of our secrets is looked up by its digest, and named by its hash', () => {
    expect(
      readItem({ token: secret, type: 'tollgate_key', url: 'https://github.com/a/b', source: 'Commit' }, [PEPPER]),
    ).toEqual({
      digests: [digestSecret(secret, PEPPER)],
      tokenHash: sha256(secret),
      tokenType: 'tollgate_key',
      place: { url: 'https://github.com/a/b', source: 'commit' },
    });
  });

  it('is looked up by the digests under both peppers while one is being replaced', () => {
    expect(readItem({ token: secret }, ['new pepper of the test', PEPPER]).digests).toEqual([
      digestSecret(secret, 'new pepper of the test'),
      digestSecret(secret, PEPPER),
    ]);
  });

  it('of any other form is not looked up', () => {
    for (const token of ['some_token', `pk-${secret.slice(3)}`, `${secret.slice(0, -1)}!`, 'x'.repeat(2_000), '']) {
      expect(readItem({ token, type: 't' }, [PEPPER])).toMatchObject({ digests: [], tokenHash: sha256(token) });
    }
  });

  it('is looked up by every secret in its token, whatever is around them, and named by the hash of all of it', () => {
    const other = generateSecret('TestMark', 'sk-sub-').reveal();
    const [one, both] = [[digestSecret(secret, PEPPER)], [digestSecret(secret, PEPPER), digestSecret(other, PEPPER)]];
    const tokens: [string, string[]][] = [
      [`${secret}\n`, one],
      [`"${secret}"`, one],
      [`'${secret}',`, one],
      [`Bearer ${secret}`, one],
      [`${secret}${secret}`, one],
      [`${secret}x`, one],
      [`${secret},${other}`, both],
      [`${secret}${other}`, both],
      [`${'x'.repeat(100_000)}${secret}\r\n${other}`, both],
    ];
    for (const [token, digests] of tokens)
      expect(readItem({ token, type: 't' }, [PEPPER]), token).toMatchObject({ digests, tokenHash: sha256(token) });
  });

  it('is looked up by its words too where keys of other products were imported, and its place has none of them', () => {
    const foreign = 'unkey_3ZX9r2LkQw8v';
    const [digest] = allDigestsOf(foreign, [PEPPER]);
    for (const token of [foreign, `"${foreign}"\n`, `API_KEY=${foreign}`, `token: '${foreign}',`, `Bearer ${foreign}`])
      expect(readItem({ token }, [PEPPER], true).digests, token).toContain(digest);
    expect(readItem({ token: foreign }, [PEPPER]).digests).toEqual([]);
    expect(readItem({ token: secret }, [PEPPER], true).digests).toEqual(allDigestsOf(secret, [PEPPER]));
    expect(readItem({ token: sha256(foreign) }, [PEPPER], true).digests).not.toContain(digest);
    expect(readItem({ token: foreign, url: `https://example.com/a?k=${foreign}` }, [PEPPER], true).place.url).toBe(
      'https://example.com/a?k=[secret]',
    );
  });

  it('that cannot be read is labelled like the others', () => {
    for (const item of [null, 7, 'text', [], {}, { token: 7, type: null, url: {}, source: [] }]) {
      expect(readItem(item, [PEPPER])).toEqual({
        digests: [],
        tokenHash: sha256(''),
        tokenType: '',
        place: { url: '', source: '' },
      });
    }
  });

  it('never carries the secret in its place', () => {
    const { place } = readItem({ token: secret, url: `https://github.com/a?key=${secret}`, source: secret }, [PEPPER]);
    expect(place).toEqual({ url: 'https://github.com/a?key=sk-[secret]', source: '[secret]' });
    const other = generateSecret('TestMark', 'sk-sub-').reveal();
    for (const row of [secret + secret, secret + other, other + secret + other, `x${secret}x`]) {
      const { url } = readItem({ token: secret, url: `https://github.com/key_${row}/blob`, source: '' }, [
        PEPPER,
      ]).place;
      expect(url).toMatch(/^https:\/\/github\.com\/key_x?sk-(?:sub-)?\[secret\]\/blob$/);
    }
  });
});
