import { randomInt } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { ActiveSnapshot, KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import type { VerifiedKey } from '@tollgate/contracts';
import type { KeyChangeListener, KeySnapshotReader, OrganizationRead, SnapshotRead } from '@tollgate/key-snapshots';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { KeyCache } from './key-cache.js';

const DIGEST = 'ab'.repeat(32);
const ACTIVE: KeySnapshot = {
  apiKeyId: 'k',
  organizationId: 'default',
  version: 1,
  digests: [DIGEST],
  state: 'active',
  name: 'k',
  scopes: ['inference:write'],
  expiresAtMs: null,
  models: null,
  allowedIps: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  accounts: [{ accountId: 'key:k', capNanoUsd: null }],
};
const DEAD: KeySnapshot = {
  apiKeyId: 'k',
  organizationId: 'default',
  version: 2,
  digests: [DIGEST],
  state: 'revoked',
  reason: 'revoked',
};

const NOBODY: VerifiedKey = { snapshot: null, organization: null };

/** A store whose answers the test gives. */
class Store implements KeySnapshotReader {
  listener!: KeyChangeListener;
  age = 0;
  reads = 0;
  answer: (digest: string) => Promise<SnapshotRead> = () => Promise.resolve({ kind: 'absent' });
  organization: () => Promise<OrganizationRead> = () => Promise.resolve({ kind: 'absent' });
  read(digest: string): Promise<SnapshotRead> {
    this.reads += 1;
    return this.answer(digest);
  }
  readOrganization(): Promise<OrganizationRead> {
    return this.organization();
  }
  follow(listener: KeyChangeListener): void {
    this.listener = listener;
  }
  mayHaveImportedKeys(): boolean {
    return false;
  }

  ageMs(): number {
    return this.age;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The digests of a secret while no pepper is being replaced. */
const only = (present: string) => ({ present, previous: null });

function cacheOn(store: Store, committed: () => Promise<KeySnapshot | null>, dead: KeySnapshot[] = []): KeyCache {
  const verifyKey = async () => ({ snapshot: await committed(), organization: null });
  return new KeyCache(store, { verifyKey }, (snapshot) => dead.push(snapshot));
}
const kindOf = async (cache: KeyCache): Promise<string> =>
  (cache.remembered(DIGEST) ?? (await cache.identify(only(DIGEST), '10.0.0.1'))).kind;

/** A source of numbers below a bound that its seed repeats, and of moments. */
function chance() {
  const seed = randomInt(2 ** 31);
  let state = seed;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const pause = async (turns: number): Promise<void> => {
    for (let i = 0; i < turns; i++) await Promise.resolve();
  };
  return { seed, next, pause };
}

describe('the cache of keys', () => {
  it('asks Redis, then key-management, and then nobody', async () => {
    const store = new Store();
    let asked = 0;
    const cache = cacheOn(store, () => Promise.resolve(asked++ === 0 ? ACTIVE : null));
    expect(await kindOf(cache)).toBe('active');
    expect(await kindOf(cache)).toBe('active');
    expect([store.reads, asked]).toEqual([1, 1]);
  });

  it('remembers that a digest is nobody’s until a key with that digest is heard of', async () => {
    const store = new Store();
    let known: KeySnapshot | null = null;
    const cache = cacheOn(store, () => Promise.resolve(known));
    expect(await kindOf(cache)).toBe('refused');
    known = ACTIVE;
    expect(await kindOf(cache)).toBe('refused');
    store.listener.changed(ACTIVE);
    expect(await kindOf(cache)).toBe('active');
  });

  it('tells of a tombstone and refuses the key from then on', async () => {
    const store = new Store();
    const dead: KeySnapshot[] = [];
    let now: KeySnapshot = ACTIVE;
    const cache = cacheOn(store, () => Promise.resolve(now), dead);
    expect(await kindOf(cache)).toBe('active');
    now = DEAD;
    store.listener.changed(DEAD);
    expect(await kindOf(cache)).toBe('refused');
    expect(dead).toEqual([DEAD]);
  });

  it('refuses a key whose tombstone it has heard though nobody can be asked any more', async () => {
    const store = new Store();
    const cache = cacheOn(store, () => Promise.resolve(ACTIVE));
    expect(await kindOf(cache)).toBe('active');
    store.listener.changed(DEAD);
    store.answer = () => Promise.reject(new Error('away'));
    expect(await kindOf(cache)).toBe('refused');
  });

  it('tells of a tombstone also where it is found by a look-up', async () => {
    const store = new Store();
    const dead: KeySnapshot[] = [];
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: DEAD });
    expect(await kindOf(cacheOn(store, () => Promise.resolve(null), dead))).toBe('refused');
    expect(dead).toEqual([DEAD]);
  });

  it('says of a key that was identified before whether it lives, and when that must be asked', async () => {
    const store = new Store();
    const cache = cacheOn(store, () => Promise.resolve(ACTIVE));
    const standings: string[] = [];
    const identity = await cache.identify(only(DIGEST), '10.0.0.1');
    if (identity.kind !== 'active') throw new Error('the key lives');
    const look = (): void => void standings.push(cache.standing(identity.key));
    look();
    store.listener.changed({ ...ACTIVE, version: 2 });
    look();
    await cache.identify(only(DIGEST), '10.0.0.1');
    look();
    store.age = 3_001;
    look();
    store.age = 0;
    store.listener.gap();
    look();
    store.listener.changed(DEAD);
    look();
    expect(standings).toEqual(['alive', 'unknown', 'alive', 'untrusted', 'unknown', 'invalid_api_key']);
  });

  it('trusts nothing it remembers when it has not heard of changes for 3 s: the authority is asked each time', async () => {
    const store = new Store();
    let now: KeySnapshot = ACTIVE;
    const cache = cacheOn(store, () => Promise.resolve(now));
    expect(await kindOf(cache)).toBe('active');
    store.age = 3_001;
    now = DEAD;
    expect(await kindOf(cache)).toBe('refused');
  });

  it('calls a key unavailable, never invalid, when nobody can be asked', async () => {
    const store = new Store();
    store.answer = () => Promise.reject(new Error('Redis is away'));
    const cache = cacheOn(store, () => Promise.reject(new Error('key-management is away')));
    expect(await kindOf(cache)).toBe('unavailable');
  });

  it('asks the authority about a snapshot that cannot be read', async () => {
    const store = new Store();
    store.answer = () => Promise.resolve({ kind: 'malformed' });
    expect(await kindOf(cacheOn(store, () => Promise.resolve(ACTIVE)))).toBe('active');
  });

  it('forgets the one key that changed to something it cannot read, and calls it unavailable, not invalid', async () => {
    const store = new Store();
    const other = 'cd'.repeat(32);
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: { ...ACTIVE, digests: [DIGEST, other] } });
    const cache = cacheOn(store, () => Promise.reject(new Error('the reply is not as its schema has it')));
    expect([await kindOf(cache), (await cache.identify(only(other), '10.0.0.1')).kind]).toEqual(['active', 'active']);
    store.answer = () => Promise.resolve({ kind: 'malformed' });
    store.listener.forget([DIGEST]);
    for (let asked = 0; asked < 3; asked++) expect(await kindOf(cache)).toBe('unavailable');
    expect(cache.remembered(other)?.kind).toBe('active');
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: DEAD });
    store.listener.changed(DEAD);
    expect(await kindOf(cache)).toBe('refused');
  });

  it('does not keep a read that was overtaken by a change it cannot read', async () => {
    const store = new Store();
    const answers: ((read: SnapshotRead) => void)[] = [];
    store.answer = () => new Promise((resolve) => answers.push(resolve));
    const cache = cacheOn(store, () => Promise.reject(new Error('away')));
    const asked = cache.identify(only(DIGEST), '10.0.0.1');
    await turn();
    store.listener.forget([DIGEST]);
    store.answer = () => Promise.resolve({ kind: 'malformed' });
    answers.shift()!({ kind: 'found', snapshot: ACTIVE });
    expect((await asked).kind).toBe('unavailable');
    expect(cache.remembered(DIGEST)).toBeUndefined();
  });

  it('makes one question of many at the same time', async () => {
    const store = new Store();
    const cache = cacheOn(store, () => Promise.resolve(ACTIVE));
    await Promise.all(Array.from({ length: 50 }, () => cache.identify(only(DIGEST), '10.0.0.1')));
    expect(store.reads).toBe(1);
  });

  it('lets in a key that is remembered, or that its store knows, whatever else came from the address', async () => {
    // The clock stands still, so that the allowance of the address does not grow during the test.
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const store = new Store();
    let known: KeySnapshot | null = ACTIVE;
    const cache = cacheOn(store, () => Promise.resolve(known));
    expect(await kindOf(cache)).toBe('active');
    known = null;
    const flood = async () => {
      const asked = await Promise.all(Array.from({ length: 500 }, (_, n) => cache.identify(only(`${n}`), '10.0.0.1')));
      return asked.filter(({ kind }) => kind === 'too_many').length;
    };
    expect(await flood()).toBe(300);
    expect(await kindOf(cache)).toBe('active');
    // After a gap neither the cache nor the store is used: the authority is asked.
    store.listener.gap();
    known = ACTIVE;
    expect(await kindOf(cache)).toBe('active');
    const other = { ...ACTIVE, apiKeyId: 'o', digests: ['ef'.repeat(32)] };
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: other });
    expect((await cache.identify(only(other.digests[0]!), '10.0.0.1')).kind).toBe('active');
  });

  it('does not bring a revoked key back by a read that two changes overtook', async () => {
    const store = new Store();
    const answers: ((read: SnapshotRead) => void)[] = [];
    store.answer = () => new Promise((resolve) => answers.push(resolve));
    const cache = cacheOn(store, () => Promise.resolve(null));
    const asked = [cache.identify(only(DIGEST), '10.0.0.1')];
    await turn();
    store.listener.changed(ACTIVE);
    asked.push(cache.identify(only(DIGEST), '10.0.0.1'));
    await turn();
    answers.shift()!({ kind: 'found', snapshot: ACTIVE });
    await turn();
    // Reads that begin from now on return the tombstone; earlier ones do not.
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: DEAD });
    store.listener.changed(DEAD);
    for (const answer of answers.splice(0)) answer({ kind: 'found', snapshot: ACTIVE });
    await Promise.all(asked);
    expect(await kindOf(cache)).toBe('refused');
  });

  it('never brings a revoked key back, however reads and the revoke overlap', async () => {
    const { seed, next, pause } = chance();
    for (let schedule = 0; schedule < 10_000; schedule++) {
      const store = new Store();
      // The revoke commits at one moment and is received at a later one. A read returns the state of the moment at
      // which it was made.
      let committed: KeySnapshot = ACTIVE;
      const delay = next(8);
      store.answer = async () => {
        const snapshot = committed;
        await pause(delay);
        return { kind: 'found', snapshot };
      };
      const cache = cacheOn(store, () => Promise.resolve(committed));
      const asked = Array.from({ length: 3 }, () =>
        pause(next(8)).then(() => cache.identify(only(DIGEST), '10.0.0.1')),
      );
      const made = pause(next(6)).then(() => store.listener.changed(ACTIVE));
      const revoked = pause(next(8)).then(async () => {
        committed = DEAD;
        await pause(next(4));
        store.listener.changed(DEAD);
      });
      await Promise.all([...asked, made, revoked]);
      expect(await kindOf(cache), `seed ${seed}, schedule ${schedule}`).toBe('refused');
    }
  });
});

describe('the cache of keys with several secrets', () => {
  const NEW_DIGEST = 'cd'.repeat(32);
  const rotatedKey = (version: number, former: boolean): KeySnapshot => ({
    ...(ACTIVE as ActiveSnapshot),
    version,
    state: former ? 'extended' : 'active',
    digests: former ? [DIGEST, NEW_DIGEST] : [NEW_DIGEST],
    secrets: [
      ...(former ? [{ id: 'k', digests: [DIGEST], form: 'native' as const, endsAtMs: null }] : []),
      { id: 'new', digests: [NEW_DIGEST], form: 'native', endsAtMs: null },
    ],
  });
  const [ROTATED, FINISHED] = [rotatedKey(2, true), rotatedKey(3, false)];
  const DEAD_SECRET: KeySnapshot = { ...DEAD, version: 3, secretId: 'k' };
  const kindOfDigest = async (cache: KeyCache, digest: string): Promise<string> =>
    (cache.remembered(digest) ?? (await cache.identify(only(digest), '10.0.0.1'))).kind;

  it('never brings a secret back that has ended, nor loses the present one, however reads and its end overlap', async () => {
    const { seed, next, pause } = chance();
    for (let schedule = 0; schedule < 10_000; schedule++) {
      const store = new Store();
      // The rotation and its end commit at one moment each, and are received later, their two messages in any order.
      let committed = new Map<string, KeySnapshot>([[DIGEST, ACTIVE]]);
      const delay = next(8);
      store.answer = async (digest) => {
        const snapshot = committed.get(digest);
        await pause(delay);
        return snapshot === undefined ? { kind: 'absent' } : { kind: 'found', snapshot };
      };
      const verifyKey = async (digest: string) => ({ snapshot: committed.get(digest) ?? null, organization: null });
      const cache = new KeyCache(store, { verifyKey }, () => undefined);
      const asked = [DIGEST, DIGEST, NEW_DIGEST].map((digest) =>
        pause(next(12)).then(() => cache.identify(only(digest), '10.0.0.1')),
      );
      const changed = pause(next(6)).then(async () => {
        committed = new Map([DIGEST, NEW_DIGEST].map((digest) => [digest, ROTATED]));
        await pause(next(4));
        store.listener.changed(ROTATED);
        await pause(next(6));
        committed = new Map([
          [DIGEST, DEAD_SECRET],
          [NEW_DIGEST, FINISHED],
        ]);
        for (const snapshot of next(2) === 0 ? [DEAD_SECRET, FINISHED] : [FINISHED, DEAD_SECRET]) {
          await pause(next(4));
          store.listener.changed(snapshot);
        }
      });
      await Promise.all([...asked, changed]);
      const kinds = [await kindOfDigest(cache, DIGEST), await kindOfDigest(cache, NEW_DIGEST)];
      expect(kinds, `seed ${seed}, schedule ${schedule}`).toEqual(['refused', 'active']);
    }
  });

  it('tells of the end of one secret as such, also where it is found by a look-up', async () => {
    const store = new Store();
    const dead: KeySnapshot[] = [];
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: DEAD_SECRET });
    const cache = cacheOn(store, () => Promise.resolve(null), dead);
    expect(await kindOf(cache)).toBe('refused');
    store.listener.changed(DEAD_SECRET);
    expect(dead).toEqual([DEAD_SECRET, DEAD_SECRET]);
  });
});

describe('a disabled key', () => {
  const DISABLED: KeySnapshot = { ...DEAD, reason: 'disabled' };
  const ENABLED: KeySnapshot = { ...ACTIVE, version: 3 };
  const found = (snapshot: KeySnapshot) => () => Promise.resolve<SnapshotRead>({ kind: 'found', snapshot });

  it('is refused once that is heard, without another look, and works again once it is heard to be enabled', async () => {
    const store = new Store();
    store.answer = found(ACTIVE);
    const cache = cacheOn(store, () => Promise.resolve(null));
    expect(await kindOf(cache)).toBe('active');
    store.answer = found(DISABLED);
    store.listener.changed(DISABLED);
    expect([await kindOf(cache), await kindOf(cache), store.reads]).toEqual(['refused', 'refused', 2]);
    store.answer = found(ENABLED);
    store.listener.changed(ENABLED);
    expect([await kindOf(cache), await kindOf(cache), store.reads]).toEqual(['active', 'active', 3]);
  });

  it('that was enabled since is not refused because the announcement of its end comes late', async () => {
    const store = new Store();
    store.answer = found(ENABLED);
    const cache = cacheOn(store, () => Promise.resolve(null));
    store.listener.changed(ENABLED);
    store.listener.changed(DISABLED);
    expect(await kindOf(cache)).toBe('active');
  });

  it('is as the last change left it, however reads, disables and enables overlap', async () => {
    const { seed, next, pause } = chance();
    for (let schedule = 0; schedule < 5_000; schedule++) {
      const store = new Store();
      let stored = ACTIVE as KeySnapshot;
      const delay = next(8);
      store.answer = async () => {
        const snapshot = stored;
        await pause(delay);
        return { kind: 'found', snapshot };
      };
      const cache = cacheOn(store, () => Promise.resolve(stored));
      const asked = Array.from({ length: 3 }, () =>
        pause(next(12)).then(() => cache.identify(only(DIGEST), '10.0.0.1')),
      );
      // Each change is stored before it is announced; the announcements of two come in either order.
      const changes = (
        next(2) === 0
          ? [DISABLED, ENABLED]
          : [
              { ...ENABLED, version: 2 },
              { ...DISABLED, version: 3 },
            ]
      ).map(async (change, index) => {
        await pause(index * 4 + next(4));
        if (stored.version < change.version) stored = change;
        await pause(next(10));
        store.listener.changed(change);
      });
      await Promise.all([...asked, ...changes]);
      expect(await kindOf(cache), `seed ${seed}, schedule ${schedule}`).toBe(
        stored.state === 'revoked' ? 'refused' : 'active',
      );
    }
  });
});

describe('the organisation of a key', () => {
  const WITH_ORGANIZATION: KeySnapshot = { ...ACTIVE, form: 2 };
  const COPY = { accountId: 'organization:default', capNanoUsd: '9' };
  const snapshotOf = (version: number, capNanoUsd: string | null): OrganizationSnapshot => ({
    organizationId: 'default',
    version,
    state: 'active',
    capNanoUsd,
  });
  const DELETED: OrganizationSnapshot = { ...snapshotOf(9, null), state: 'deleted' };
  /** The caps that requests are admitted under now; `unavailable` if there is no answer. */
  const capsOf = async (cache: KeyCache): Promise<string> => {
    const identity = cache.remembered(DIGEST) ?? (await cache.identify(only(DIGEST), '10.0.0.1'));
    if (identity.kind !== 'active') return identity.kind;
    const {
      charges: {
        onOpenRoutes: { accounts: cappedAccounts, eventPart },
      },
      governed,
    } = identity.key;
    expect(governed).toBe(cappedAccounts.length > 0);
    for (const { accountId } of cappedAccounts) expect(eventPart).toContain(accountId);
    return cappedAccounts.map(({ accountId, capNanoUsd }) => `${accountId}=${capNanoUsd}`).join();
  };
  /** `key` and `organization` are the contents of the store, `verified` is key-management's answer. */
  function stage(key: KeySnapshot | null, organization: OrganizationRead, verified: VerifiedKey = NOBODY) {
    const store = new Store();
    store.answer = () => Promise.resolve(key === null ? { kind: 'absent' } : { kind: 'found', snapshot: key });
    store.organization = () => Promise.resolve(organization);
    const verifyKey = () => Promise.resolve(verified);
    return { store, cache: new KeyCache(store, { verifyKey }, () => undefined) };
  }
  const found = (snapshot: OrganizationSnapshot): OrganizationRead => ({ kind: 'found', snapshot });
  const ABSENT: OrganizationRead = { kind: 'absent' };
  const withCopy = (key: KeySnapshot): KeySnapshot =>
    key.state === 'active' ? { ...key, accounts: [...key.accounts, COPY] } : key;

  it.each<[string, KeySnapshot | null, OrganizationRead, VerifiedKey, string]>([
    ['is joined from the store', WITH_ORGANIZATION, found(snapshotOf(1, '7')), NOBODY, 'organization:default=7'],
    ['wins over the copy in the key', withCopy(WITH_ORGANIZATION), found(snapshotOf(1, null)), NOBODY, ''],
    ['refuses its keys once it is deleted', WITH_ORGANIZATION, found(DELETED), NOBODY, 'refused'],
    ['refuses a key of the release before, too', withCopy(ACTIVE), found(DELETED), NOBODY, 'refused'],
    [
      'refuses its keys where key-management knows it as deleted',
      null,
      ABSENT,
      { snapshot: WITH_ORGANIZATION, organization: DELETED },
      'refused',
    ],
    [
      'wins over a copy of the release before',
      withCopy(ACTIVE),
      found(snapshotOf(1, '7')),
      NOBODY,
      `${COPY.accountId}=7`,
    ],
    ['is the copy where the release before wrote the key', withCopy(ACTIVE), ABSENT, NOBODY, `${COPY.accountId}=9`],
    [
      'is asked for where the store has the key alone',
      withCopy(WITH_ORGANIZATION),
      ABSENT,
      { snapshot: WITH_ORGANIZATION, organization: snapshotOf(2, '5') },
      'organization:default=5',
    ],
    [
      'is asked for where it cannot be read',
      WITH_ORGANIZATION,
      { kind: 'malformed' },
      { snapshot: WITH_ORGANIZATION, organization: snapshotOf(2, '5') },
      'organization:default=5',
    ],
    [
      'denies a key of the release before where it cannot be read',
      withCopy(ACTIVE),
      { kind: 'malformed' },
      { snapshot: WITH_ORGANIZATION, organization: null },
      'unavailable',
    ],
    [
      'denies the key where nobody says what it is',
      null,
      ABSENT,
      { snapshot: withCopy(WITH_ORGANIZATION), organization: null },
      'unavailable',
    ],
    [
      'is the copy where key-management is of the release before',
      null,
      ABSENT,
      { snapshot: withCopy(ACTIVE), organization: null },
      `${COPY.accountId}=9`,
    ],
  ])('%s', async (_what, key, organization, verified, caps) => {
    const { cache } = stage(key, organization, verified);
    expect(await capsOf(cache)).toBe(caps);
    expect(await capsOf(cache)).toBe(caps);
  });

  it('counts for every request from the change that is heard on, and no key is read again', async () => {
    const { cache, store } = stage(withCopy(WITH_ORGANIZATION), found(snapshotOf(1, '7')));
    const caps = [await capsOf(cache)];
    for (const change of [snapshotOf(3, '2'), snapshotOf(2, '99'), snapshotOf(4, null), snapshotOf(5, '0')]) {
      store.listener.organizationChanged!(change);
      caps.push(await capsOf(cache));
    }
    expect(caps).toEqual(['7', '2', '2', null, '0'].map((cap) => (cap === null ? '' : `organization:default=${cap}`)));
    expect(store.reads).toBe(1);
  });

  it('is deleted for every request from the change that is heard on, before the end of any key is', async () => {
    const { cache, store } = stage(withCopy(WITH_ORGANIZATION), found(snapshotOf(1, '7')));
    expect(await capsOf(cache)).toBe('organization:default=7');
    store.organization = () => Promise.resolve(found(DELETED));
    store.listener.organizationChanged!(DELETED);
    expect(await capsOf(cache)).toBe('refused');
    store.listener.organizationChanged!(snapshotOf(3, '7'));
    expect(await capsOf(cache)).toBe('refused');
  });

  it('is heard of for a key that knew a copy alone', async () => {
    const { cache, store } = stage(withCopy(ACTIVE), ABSENT);
    expect(await capsOf(cache)).toBe('organization:default=9');
    store.listener.organizationChanged!(snapshotOf(2, '1'));
    expect(await capsOf(cache)).toBe('organization:default=1');
  });

  it('is not what was read while a newer one was announced', async () => {
    const { cache, store } = stage(WITH_ORGANIZATION, found(snapshotOf(1, '7')));
    let answer: (read: OrganizationRead) => void = () => undefined;
    store.organization = () => new Promise((resolve) => (answer = resolve));
    const caps = capsOf(cache);
    await turn();
    store.listener.organizationChanged!(snapshotOf(2, '1'));
    answer(found(snapshotOf(1, '7')));
    expect(await caps).toBe('organization:default=1');
  });

  it('that changes to what cannot be read here denies its keys until key-management can say', async () => {
    let verified: VerifiedKey = { snapshot: WITH_ORGANIZATION, organization: null };
    const store = new Store();
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: WITH_ORGANIZATION });
    store.organization = () => Promise.resolve(found(snapshotOf(1, '7')));
    const cache = new KeyCache(store, { verifyKey: () => Promise.resolve(verified) }, () => undefined);
    expect(await capsOf(cache)).toBe('organization:default=7');
    store.organization = () => Promise.resolve({ kind: 'malformed' });
    store.listener.forgetOrganization!('default');
    expect(await capsOf(cache)).toBe('unavailable');
    verified = { snapshot: WITH_ORGANIZATION, organization: snapshotOf(3, '4') };
    expect(await capsOf(cache)).toBe('organization:default=4');
  });

  it('is read again after a gap, and what was read across it does not count', async () => {
    const { cache, store } = stage(WITH_ORGANIZATION, found(snapshotOf(1, '7')));
    let answer: (read: OrganizationRead) => void = () => undefined;
    store.organization = () => new Promise((resolve) => (answer = resolve));
    const caps = capsOf(cache);
    await turn();
    store.organization = () => Promise.resolve(found(snapshotOf(2, '1')));
    store.listener.gap();
    answer(found(snapshotOf(1, '7')));
    expect(await caps).toBe('organization:default=1');
  });
});

describe('a key whose limit resets', () => {
  const LIMITED = { ...ACTIVE, creditReset: 'daily', accounts: [{ accountId: 'key:k', capNanoUsd: '9' }] } as const;
  const MIDNIGHT = Date.parse('2026-11-30T00:00:00Z');
  const FIVE_MINUTES_MS = 300_000;

  /** A cache that knows the key, on a machine whose clock says `wallMs`. */
  async function stage(snapshot: KeySnapshot, wallMs: number) {
    const store = new Store();
    store.answer = () => Promise.resolve({ kind: 'found', snapshot });
    const clock = { wallMs, asked: 0 };
    const clocks = { wallMs: () => ((clock.asked += 1), clock.wallMs), monotonicMs: () => 0 };
    const cache = new KeyCache(store, { verifyKey: () => Promise.resolve(NOBODY) }, () => undefined, clocks);
    await cache.identify(only(DIGEST), '10.0.0.1');
    /** The key as the next request finds it. */
    const key = () => {
      const identity = cache.remembered(DIGEST);
      if (identity?.kind !== 'active') throw new Error('the key is not cached');
      return identity.key;
    };
    const account = () =>
      key()
        .charges.onOpenRoutes.accounts.map(({ accountId }) => accountId)
        .join();
    return { cache, clock, store, key, account };
  }

  it('is joined with the account of the day, and at midnight with that of the next, without being read again', async () => {
    const { clock, store, key, account } = await stage(LIMITED, MIDNIGHT - 1);
    expect(account()).toBe('key:k:daily:2026-11-29');
    expect(key()).toBe(key());
    expect(key().charges.onOpenRoutes.eventPart).toContain(
      '"accounts":[{"accountId":"key:k:daily:2026-11-29","capNanoUsd":"9"}',
    );
    expect(key().charges.onOpenRoutes.accounts).toEqual([
      { accountId: account(), capNanoUsd: 9n, cycle: { startMs: MIDNIGHT - 86_400_000, endMs: MIDNIGHT } },
    ]);
    clock.wallMs = MIDNIGHT;
    expect(account()).toBe('key:k:daily:2026-11-30');
    expect(key().charges.onOpenRoutes.eventPart).toContain('key:k:daily:2026-11-30');
    expect(key()).toBe(key());
    expect(store.reads).toBe(1);
  });

  it('costs no look at the clock where it has none', async () => {
    const { clock, key } = await stage({ ...LIMITED, creditReset: 'never' }, MIDNIGHT);
    const asked = clock.asked;
    for (let requests = 0; requests < 10; requests++) key();
    expect(clock.asked).toBe(asked);
  });

  it.each([
    ['ahead', MIDNIGHT - 60_000 + FIVE_MINUTES_MS, MIDNIGHT - 60_000],
    ['behind', MIDNIGHT + 60_000 - FIVE_MINUTES_MS, MIDNIGHT + 60_000],
  ])('goes by the time of admission on a machine whose clock is five minutes %s', async (_what, wallMs, nowMs) => {
    const { cache, clock, key, account } = await stage(LIMITED, wallMs);
    const present = `key:k:daily:${new Date(nowMs).toISOString().slice(0, 10)}`;
    expect(account()).not.toBe(present);
    const joined = cache.inCycleAt(key(), nowMs);
    expect(joined.charges.onOpenRoutes.accounts[0]?.accountId).toBe(present);
    // From now on each request is right at once, also over the next midnight.
    expect(key()).toBe(joined);
    clock.wallMs += 86_400_000;
    expect(account()).toBe(`key:k:daily:${new Date(nowMs + 86_400_000).toISOString().slice(0, 10)}`);
  });

  it('is joined once for all requests that are under way at midnight', async () => {
    const { cache, key } = await stage(LIMITED, MIDNIGHT - 1);
    const before = key();
    const joined = cache.inCycleAt(before, MIDNIGHT);
    expect(cache.inCycleAt(before, MIDNIGHT)).toBe(joined);
    expect(key()).toBe(joined);
  });

  it('keeps for a request under way the limit that it began with, if that changes over midnight', async () => {
    const { cache, store, key } = await stage(LIMITED, MIDNIGHT - 1);
    const begun = key();
    const raised = { ...LIMITED, version: 2, accounts: [{ accountId: 'key:k', capNanoUsd: '99' }] };
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: raised });
    store.listener.changed(raised);
    await cache.identify(only(DIGEST), '10.0.0.1');
    expect(cache.inCycleAt(begun, MIDNIGHT).charges.onOpenRoutes.accounts[0]).toMatchObject({
      accountId: 'key:k:daily:2026-11-30',
      capNanoUsd: 9n,
    });
    expect(key().charges.onOpenRoutes.accounts[0]).toMatchObject({
      accountId: 'key:k:daily:2026-11-30',
      capNanoUsd: 99n,
    });
  });

  it('carries the version for which its accounts must be loaded, and that of its organisation', async () => {
    const store = new Store();
    store.answer = () => Promise.resolve({ kind: 'found', snapshot: { ...LIMITED, form: 2, creditGeneration: 4 } });
    const organization = { organizationId: 'default', version: 7, state: 'active', capNanoUsd: '5', capGeneration: 7 };
    store.organization = () => Promise.resolve({ kind: 'found', snapshot: organization as OrganizationSnapshot });
    const identity = await cacheOn(store, () => Promise.resolve(null)).identify(only(DIGEST), '10.0.0.1');
    if (identity.kind !== 'active') throw new Error(identity.kind);
    expect(identity.key.charges.onOpenRoutes.accounts.map(({ generation }) => generation)).toEqual([4, 7]);
    expect(identity.key.charges.onOpenRoutes.eventPart).not.toContain('generation');
  });
});
