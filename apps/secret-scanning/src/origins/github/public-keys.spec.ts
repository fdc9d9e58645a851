import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { GithubPublicKeys, PublicKeysUnavailable, type PublishedKey } from './public-keys.js';

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();
const listed = (...identifiers: string[]): PublishedKey[] => identifiers.map((identifier) => ({ identifier, pem }));

let nowMs: number;
let fetches: number;
let answer: () => Promise<readonly (PublishedKey | null)[]>;
let logged: object[];
let keys: GithubPublicKeys;
beforeEach(() => {
  nowMs = 0;
  fetches = 0;
  logged = [];
  answer = async () => listed('one');
  keys = new GithubPublicKeys(
    () => {
      fetches++;
      return answer();
    },
    { warn: (fields: unknown) => void logged.push(fields as object) },
    () => nowMs,
  );
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

  it('that cannot be read are skipped, which one log line says', async () => {
    answer = async () => [null, { identifier: 'broken', pem: 'nonsense' }, ...listed('one'), null];
    expect(await keys.find('one')).not.toBeNull();
    expect(await keys.find('broken')).toBeNull();
    expect(logged).toEqual([{ skipped: 3, keys: 1 }]);
    answer = async () => [null, ...listed('one', 'two')];
    expect(await keys.find('two')).not.toBeNull();
    expect(logged.slice(1)).toEqual([{ skipped: 1, keys: 2 }]);
  });

  it('that left the list are forgotten with the next list', async () => {
    answer = async () => listed('one', 'two');
    expect(await keys.find('one')).not.toBeNull();
    answer = async () => listed('two', 'three');
    expect(await keys.find('three')).not.toBeNull();
    expect(await keys.find('one')).toBeNull();
    expect(await keys.find('two')).not.toBeNull();
  });

  it('are fetched again when the list is 10 minutes old, so that those that left it are forgotten', async () => {
    answer = async () => listed('one', 'two');
    await keys.find('one');
    answer = async () => listed('two');
    nowMs += 599_999;
    expect(await keys.find('one')).not.toBeNull();
    nowMs += 1;
    expect(await Promise.all([keys.find('one'), keys.find('one'), keys.find('two')])).toEqual([
      null,
      null,
      expect.anything(),
    ]);
    expect(fetches).toBe(2);
  });

  it('are all gone when the list is empty, but not when nothing of it can be read', async () => {
    await keys.find('one');
    nowMs += 600_000;
    answer = async () => [null, { identifier: 'one', pem: 'nonsense' }];
    expect(await keys.find('one')).not.toBeNull();
    nowMs += 600_000;
    answer = async () => [];
    expect(await keys.find('one')).toBeNull();
  });

  it('are used for another day while the list cannot be fetched, with a try and a log line each 30 s', async () => {
    await keys.find('one');
    answer = () => Promise.reject(new Error('down'));
    nowMs += 600_000;
    await Promise.all([keys.find('one'), keys.find('one')]);
    expect([(await keys.find('one')) !== null, fetches, logged.length]).toEqual([true, 2, 1]);
    nowMs += 30_000;
    expect([(await keys.find('one')) !== null, fetches, logged.length]).toEqual([true, 3, 2]);
    await expect(keys.find('stranger')).rejects.toThrow(PublicKeysUnavailable);
    nowMs = 86_400_000;
    await expect(keys.find('one')).rejects.toThrow(PublicKeysUnavailable);
    nowMs += 60_000;
    answer = async () => listed('two', 'one');
    expect(await keys.find('one')).not.toBeNull();
  });
});
