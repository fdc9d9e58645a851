import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { GithubPublicKeys, PublicKeysUnavailable, type PublishedKey } from './public-keys.js';

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
const listed = (...identifiers: string[]): PublishedKey[] => identifiers.map((identifier) => ({ identifier, pem }));

let nowMs: number;
let fetches: number;
let answer: () => Promise<readonly PublishedKey[]>;
let keys: GithubPublicKeys;
beforeEach(() => {
  nowMs = 0;
  fetches = 0;
  answer = async () => listed('one');
  keys = new GithubPublicKeys(() => {
    fetches++;
    return answer();
  }, () => nowMs);
});

describe('the published keys', () => {
  it('are fetched once, for whoever asks at the same time and later', async () => {
    const found = await Promise.all([keys.find('one'), keys.find('one'), keys.find('one')]);
    expect(found.every((key) => key !== null)).toBe(true);
    await keys.find('one');
    expect(fetches).toBe(1);
  });

  it('are fetched again for an identifier that is new', async () => {
    await keys.find('one');
    answer = async () => listed('one', 'two');
    expect(await keys.find('two')).not.toBeNull();
    expect(fetches).toBe(2);
  });

  it('are not fetched again for half a minute for one that is not listed', async () => {
    expect(await keys.find('stranger')).toBeNull();
    expect(await keys.find('stranger')).toBeNull();
    expect(fetches).toBe(1);
    nowMs += 30_000;
    answer = async () => listed('stranger');
    expect(await keys.find('stranger')).not.toBeNull();
  });

  it('are not fetched for what can be no identifier', async () => {
    for (const identifier of ['', 'a b', 'x'.repeat(201), '<script>']) expect(await keys.find(identifier)).toBeNull();
    expect(fetches).toBe(0);
  });

  it('are unavailable when they cannot be fetched, and fetched again the next time', async () => {
    answer = () => Promise.reject(new Error('down'));
    await expect(keys.find('one')).rejects.toThrow(PublicKeysUnavailable);
    answer = async () => listed('one');
    expect(await keys.find('one')).not.toBeNull();
  });

  it('are fetched 10 times at once and then once a minute, however many identifiers are made up', async () => {
    for (let n = 0; n < 10; n++) expect(await keys.find(`stranger-${n}`)).toBeNull();
    await expect(keys.find('stranger-10')).rejects.toThrow(PublicKeysUnavailable);
    expect(await keys.find('one')).not.toBeNull();
    expect(fetches).toBe(10);
    nowMs += 60_000;
    expect(await keys.find('stranger-11')).toBeNull();
    await expect(keys.find('stranger-12')).rejects.toThrow(PublicKeysUnavailable);
  });

  it('that cannot be read are passed over', async () => {
    answer = async () => [{ identifier: 'broken', pem: 'nonsense' }, ...listed('one')];
    expect(await keys.find('one')).not.toBeNull();
    expect(await keys.find('broken')).toBeNull();
  });
});
