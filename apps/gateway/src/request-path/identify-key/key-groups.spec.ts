import { randomInt } from 'node:crypto';
import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import type { KeyChangeListener, KeySnapshotReader, OrganizationRead, SnapshotRead } from '@tollgate/key-snapshots';
import { describe, expect, it } from 'vitest';
import { KeyCache } from './key-cache.js';

const DIGEST = 'ab'.repeat(32);
const key = (version: number, groups: readonly string[]): KeySnapshot => ({
  form: 2,
  apiKeyId: 'k',
  organizationId: 'o',
  version,
  digests: [DIGEST],
  state: 'active',
  name: 'k',
  scopes: ['inference:write'],
  expiresAtMs: null,
  models: null,
  allowedIps: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  accounts: [{ accountId: 'key:k', capNanoUsd: null }],
  groups,
});
const organization = (version: number, groupRoutes: Record<string, readonly string[]>): OrganizationSnapshot => ({
  organizationId: 'o',
  version,
  state: 'active',
  capNanoUsd: null,
  groupRoutes,
});

/** A store of one key and its organisation, as they are committed; a read is answered some turns later. */
class Store implements KeySnapshotReader {
  listener!: KeyChangeListener;
  reads = 0;
  delay: () => Promise<void> = () => Promise.resolve();

  constructor(
    public key: KeySnapshot,
    public organization: OrganizationSnapshot,
  ) {}

  async read(): Promise<SnapshotRead> {
    this.reads += 1;
    const { key: snapshot } = this;
    await this.delay();
    return { kind: 'found', snapshot };
  }
  async readOrganization(): Promise<OrganizationRead> {
    const { organization: snapshot } = this;
    await this.delay();
    return { kind: 'found', snapshot };
  }
  follow(listener: KeyChangeListener): void {
    this.listener = listener;
  }
  ageMs(): number {
    return 0;
  }
  mayHaveImportedKeys(): boolean {
    return false;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

function stage(groups: readonly string[], groupRoutes: Record<string, readonly string[]>) {
  const store = new Store(key(1, groups), organization(1, groupRoutes));
  const verifyKey = () => Promise.resolve({ snapshot: store.key, organization: store.organization });
  return { store, cache: new KeyCache(store, { verifyKey }, () => undefined) };
}
/** The routes that groups open to the key for a request of this moment, sorted. */
async function opened(cache: KeyCache): Promise<readonly string[]> {
  const identity = cache.remembered(DIGEST) ?? (await cache.identify({ present: DIGEST, previous: null }, '10.0.0.1'));
  if (identity.kind !== 'active') throw new Error(`the key is ${identity.kind}`);
  return [...identity.key.opens].sort();
}

describe('the groups of a key that a gateway knows', () => {
  it('open what the organisation’s record says of them, from the change that is heard on', async () => {
    const { store, cache } = stage(['g', 'h'], { g: ['r'], other: ['x'] });
    const told: (readonly string[])[] = [await opened(cache)];
    for (const [version, routes] of [
      [2, { g: ['r', 's'] }],
      [3, { g: ['r', 's'], h: ['t'] }],
      [4, { h: ['t'] }],
      [3, { g: ['late'] }],
      [5, {}],
    ] as const) {
      store.listener.organizationChanged?.(organization(version, routes));
      told.push(await opened(cache));
    }
    expect(told).toEqual([['r'], ['r', 's'], ['r', 's', 't'], ['t'], ['t'], []]);
    // However many keys a group has, none of them is read again.
    expect(store.reads).toBe(1);
  });

  it('are those that the key has joined and not left, from the change that is heard on', async () => {
    const { store, cache } = stage([], { g: ['r'], h: ['s'] });
    const told: (readonly string[])[] = [await opened(cache)];
    for (const groups of [['g'], ['g', 'h'], ['h'], []]) {
      store.key = key(store.key.version + 1, groups);
      store.listener.changed(store.key);
      told.push(await opened(cache));
    }
    expect(told).toEqual([[], ['r'], ['r', 's'], ['s'], []]);
  });

  it('open nothing where the organisation’s record is of a release without groups', async () => {
    const { store, cache } = stage(['g'], {});
    const { groupRoutes: _none, ...former } = store.organization;
    store.organization = former;
    expect(await opened(cache)).toEqual([]);
  });

  it('never open what was taken away, however reads and changes overlap', async () => {
    const seed = randomInt(2 ** 31);
    let state = seed;
    const next = (bound: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
    const pause = async (turns: number): Promise<void> => {
      for (let i = 0; i < turns; i++) await Promise.resolve();
    };
    for (let schedule = 0; schedule < 10_000; schedule++) {
      const { store, cache } = stage(['g'], { g: ['r'] });
      const turns = next(8);
      store.delay = () => pause(turns);
      const asked = Array.from({ length: 3 }, () => pause(next(8)).then(() => opened(cache)));
      // Either the key leaves the group, or the group loses the route; each is announced after it is committed.
      const taken = pause(next(8)).then(async () => {
        if (next(2) === 0) {
          store.key = key(2, []);
          await pause(next(4));
          store.listener.changed(store.key);
        } else {
          store.organization = organization(2, {});
          await pause(next(4));
          store.listener.organizationChanged?.(store.organization);
        }
      });
      await Promise.all([...asked, taken]);
      expect(await opened(cache), `seed ${seed}, schedule ${schedule}`).toEqual([]);
    }
  });
});
