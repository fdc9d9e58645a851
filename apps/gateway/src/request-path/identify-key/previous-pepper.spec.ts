import { randomInt } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { KeySnapshot } from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { describe, expect, it } from 'vitest';
import { KeyCache } from './key-cache.js';

const [NEW, OLD] = ['0a'.repeat(32), '0b'.repeat(32)];
const SECRET = { present: NEW, previous: OLD };
const ADDRESS = '10.0.0.1';
const key = (digests: readonly string[], version = 1): KeySnapshot => ({
  apiKeyId: 'k',
  organizationId: 'default',
  version,
  digests,
  state: 'active',
  name: 'k',
  scopes: ['inference:write'],
  expiresAtMs: null,
  models: null,
  allowedIps: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  accounts: [{ accountId: 'key:k', capNanoUsd: null }],
});
const tombstone = (digests: readonly string[], version: number): KeySnapshot => ({
  apiKeyId: 'k',
  organizationId: 'default',
  version,
  digests,
  state: 'revoked',
  reason: 'revoked',
});

/** A cache on a store and an authority that has one key, or none. */
class Stage {
  readonly store = new MemoryKeySnapshots();
  readonly asked: (string | null | undefined)[][] = [];
  committed: KeySnapshot | null = null;
  reads = 0;
  readonly cache: KeyCache;

  constructor() {
    const { store } = this;
    const read = store.read.bind(store);
    store.read = (digest) => {
      this.reads += 1;
      return read(digest);
    };
    const verifyKey = (...digests: [string, (string | null)?]) => {
      this.asked.push(digests);
      const snapshot = digests.some((each) => this.committed?.digests.includes(each ?? '')) ? this.committed : null;
      return Promise.resolve({ snapshot, organization: null });
    };
    this.cache = new KeyCache(store, { verifyKey }, () => undefined);
  }

  /** By which digest the key is found; `refused`, or why it cannot be said. */
  async find(digests: { present: string; previous: string | null } = SECRET): Promise<string> {
    const identity =
      this.cache.remembered(digests.present, digests.previous === null ? [] : [digests.previous]) ??
      (await this.cache.identify(digests, ADDRESS));
    return identity.kind === 'active' ? identity.key.digest : identity.kind;
  }
}

describe('while a pepper is replaced, a key', () => {
  it('is found by the digest under the previous one, with one question, and then without any', async () => {
    const stage = new Stage();
    stage.committed = key([OLD]);
    expect(await stage.find()).toBe(OLD);
    expect([stage.reads, stage.asked]).toEqual([2, [[NEW, OLD]]]);
    for (let n = 0; n < 3; n++) expect(await stage.find()).toBe(OLD);
    expect([stage.reads, stage.asked.length]).toEqual([2, 1]);
  });

  it('is found in Redis by either, without the authority', async () => {
    for (const digests of [[OLD], [NEW], [OLD, NEW]]) {
      const stage = new Stage();
      await stage.store.write(key(digests));
      expect(await stage.find()).toBe(digests.includes(NEW) ? NEW : OLD);
      expect(stage.asked).toEqual([]);
    }
  });

  it('is found by the present digest as soon as it has gained that', async () => {
    const stage = new Stage();
    await stage.store.write(key([OLD]));
    expect(await stage.find()).toBe(OLD);
    await stage.store.write(key([OLD, NEW], 2));
    expect(await stage.find()).toBe(NEW);
    expect(await stage.find({ present: OLD, previous: null })).toBe(OLD);
  });

  it('that nobody has is asked for once, and its secret remembered as nobody’s under both', async () => {
    const stage = new Stage();
    expect([await stage.find(), await stage.find()]).toEqual(['refused', 'refused']);
    expect([stage.reads, stage.asked]).toEqual([2, [[NEW, OLD]]]);
    stage.committed = key([OLD]);
    await stage.store.write(stage.committed);
    expect(await stage.find()).toBe(OLD);
  });

  it.each([
    ['the previous digest alone', [OLD]],
    ['both digests', [OLD, NEW]],
  ])('that is revoked is refused at once, though its tombstone has %s', async (_what, digests) => {
    const stage = new Stage();
    await stage.store.write(key([OLD]));
    expect(await stage.find()).toBe(OLD);
    if (digests.includes(NEW)) await stage.store.write(key(digests, 2));
    expect(await stage.find()).toBe(digests.includes(NEW) ? NEW : OLD);
    await stage.store.write(tombstone(digests, 3));
    expect(await stage.find()).toBe('refused');
    expect(await stage.find({ present: OLD, previous: null })).toBe('refused');
  });

  it('is in each moment what the last change made it, whatever overtakes the look-ups', async () => {
    const seed = randomInt(1_000_000);
    let state = seed;
    const next = (below: number): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
    for (let round = 0; round < 200; round++) {
      const stage = new Stage();
      const read = stage.store.read.bind(stage.store);
      stage.store.read = async (digest) => {
        const found = await read(digest);
        for (let turns = next(4); turns > 0; turns--) await turn();
        return found;
      };
      await stage.store.write((stage.committed = key([OLD])));
      const looking = Array.from({ length: 4 }, async () => {
        for (let turns = next(6); turns > 0; turns--) await turn();
        await stage.find();
      });
      for (const change of [key([OLD, NEW], 2), tombstone([OLD, NEW], 3)]) {
        for (let turns = next(6); turns > 0; turns--) await turn();
        await stage.store.write((stage.committed = change));
      }
      expect(await stage.find(), `seed ${seed}, round ${round}`).toBe('refused');
      await Promise.all(looking);
      expect(await stage.find(), `seed ${seed}, round ${round}`).toBe('refused');
    }
  });
});
