import { readFileSync } from 'node:fs';
import type { KeysUsedV1 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { readToldUse } from './read-told-use.js';

const golden = JSON.parse(
  readFileSync(
    new URL('../../../../../libs/domain/contracts/src/events/golden/keys-used.v1.json', import.meta.url),
    'utf8',
  ),
) as KeysUsedV1;
const [key] = golden.keys as [KeysUsedV1['keys'][number]];
const text = (...keys: object[]): string => JSON.stringify({ ...golden, keys });

describe('messages about the use of keys', () => {
  it('are read as they were written', () => {
    expect(readToldUse([JSON.stringify(golden)])).toEqual({
      told: [{ ...key, organizationId: 'default' }],
      unreadable: 0,
    });
  });
  it('tell of each key the latest sums, in whatever order they come', () => {
    const later = { ...key, sequence: 13, requests: 13 };
    const nextDay = { ...key, day: '2026-11-22', chargedTodayNanoUsd: '0' };
    for (const messages of [[text(key), text(later)], [text(later), text(key)], [text(later, key, later)]])
      expect(readToldUse(messages).told).toMatchObject([{ sequence: 13 }]);
    for (const messages of [
      [text(key), text(nextDay)],
      [text(nextDay), text(key)],
    ])
      expect(readToldUse(messages).told).toMatchObject([{ day: '2026-11-22' }]);
  });
  it('cost what cannot be read, and nothing else', () => {
    const other = '0d9a7c52-6a0e-4f0b-9a53-2f0c7f0e5b12';
    const damaged = [null, 7, {}, { ...key, apiKeyId: 'no uuid' }, { ...key, chargedNanoUsd: '9'.repeat(19) }];
    const read = readToldUse([
      'not JSON',
      '7',
      text(...(damaged as object[]), { ...key, apiKeyId: other.toUpperCase() }),
    ]);
    expect(read).toMatchObject({ told: [{ apiKeyId: other }], unreadable: damaged.length + 2 });
    const { told } = readToldUse([text({ ...key, secrets: [{ ...key.secrets[0], secretId: 'no uuid' }] })]);
    expect(told).toMatchObject([{ secrets: [] }]);
  });
  it('are stored in texts that the database can hold', () => {
    expect(readToldUse([text({ ...key, lastUsedFrom: 'a\0b' })]).told).toMatchObject([{ lastUsedFrom: 'a\ufffdb' }]);
  });
});
