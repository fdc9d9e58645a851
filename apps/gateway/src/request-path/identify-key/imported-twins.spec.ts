import { createHash } from 'node:crypto';
import {
  allDigestsOf,
  digestImported,
  digestSecret,
  generateSecret,
  type KeySnapshot,
  type Peppers,
} from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { describe, expect, it } from 'vitest';
import { DigestMemory, everyDigest } from './digest-memory.js';
import { KeyCache } from './key-cache.js';

const PEPPERS: Peppers = ['a pepper of the test'];
const SECRET = generateSecret('TGate001').reveal();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const OURS = digestSecret(SECRET, PEPPERS[0]);
const IMPORTED = digestImported(sha256(SECRET), 'sha256', PEPPERS[0]);

const identity = (apiKeyId: string, digest: string, version: number) => ({
  apiKeyId,
  organizationId: 'default',
  version,
  digests: [digest],
});
const active = (apiKeyId: string, digest: string): KeySnapshot => ({
  ...identity(apiKeyId, digest, 1),
  state: 'active',
  name: apiKeyId,
  scopes: ['inference:write'],
  expiresAtMs: null,
  models: null,
  allowedIps: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  accounts: [{ accountId: `key:${apiKeyId}`, capNanoUsd: null }],
});
const revoked = (apiKeyId: string, digest: string): KeySnapshot => ({
  ...identity(apiKeyId, digest, 2),
  state: 'revoked',
  reason: 'revoked',
});

/** A cache on a store that has some snapshots, and an authority that knows keys by their digests. */
async function find(stored: readonly KeySnapshot[], known: readonly KeySnapshot[], secret = SECRET): Promise<string> {
  const store = new MemoryKeySnapshots();
  for (const snapshot of stored) await store.write(snapshot);
  const verifyKey = (digest: string, previous: string | null = null, further: readonly string[] = []) => {
    const asked = [digest, ...(previous === null ? [] : [previous]), ...further];
    const found = asked.flatMap((each) => known.find(({ digests }) => digests.includes(each)) ?? []);
    return Promise.resolve({ snapshot: found[0] ?? null, organization: null });
  };
  const digests = new DigestMemory(PEPPERS, () => true).digestsOf(secret)!;
  expect(everyDigest(digests)).toEqual(allDigestsOf(secret, PEPPERS));
  const identified = await new KeyCache(store, { verifyKey }, () => undefined).identify(digests, '10.0.0.1');
  return identified.kind === 'active' ? identified.key.snapshot.apiKeyId : identified.kind;
}

describe('a secret of ours that somebody has imported as well', () => {
  const [ours, twin] = [active('ours', OURS), active('twin', IMPORTED)];
  const dead = revoked('ours', OURS);

  it('is that of our key, wherever the two are known', async () => {
    expect(await find([ours, twin], [])).toBe('ours');
    expect(await find([twin], [ours, twin])).toBe('ours');
    expect(await find([], [twin, ours])).toBe('ours');
  });

  it('ends with our key for good, also where Redis has lost the tombstone and kept the other one', async () => {
    expect(await find([dead, twin], [dead, twin])).toBe('refused');
    expect(await find([twin], [dead, twin])).toBe('refused');
    expect(await find([], [twin, dead])).toBe('refused');
  });

  it('is that of the imported key where it never was one of ours', async () => {
    expect(await find([twin], [twin])).toBe('twin');
  });

  it('is found in Redis alone where it has not our form', async () => {
    const foreign = 'sk-other-product-key';
    const one = active('foreign', digestImported(sha256(foreign), 'sha256', PEPPERS[0]));
    expect(await find([one], [], foreign)).toBe('foreign');
  });
});
