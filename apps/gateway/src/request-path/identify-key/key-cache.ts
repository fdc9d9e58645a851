import type { KeyEnd } from '@tollgate/access';
import { SNAPSHOT_FORM, type ActiveSnapshot, type KeySnapshot, type Tombstone } from '@tollgate/api-key';
import type { KeyManagementApi, VerifiedKey } from '@tollgate/contracts';
import type { KeySnapshotReader } from '@tollgate/key-snapshots';
import { evictOldest } from '../exchange/evict-oldest.js';
import { AdmissionClock } from './admission-clock.js';
import { cacheKey, endOfCached, type CachedKey } from './cached-key.js';
import { everyDigest, storedDigests, type Digests } from './digest-memory.js';
import { ExpiryClocks, PROCESS_CLOCKS, type Clocks } from './expiry-clock.js';
import { isWithin } from './key-charge.js';
import { Organizations, type KnownOrganization } from './organizations.js';
import { Strangers } from './strangers.js';

/**
 * The most keys that are cached; the oldest entry is dropped first. Each takes some 3 KiB, so they are bounded well
 * below the number of keys that an installation can have: one that is not cached costs one read of Redis.
 */
const KEYS_MAX = 20_000;
/**
 * The most unknown or revoked digests that are cached. They have a limit of their own, so that a flood of invalid
 * secrets does not displace keys.
 */
const REFUSED_MAX = 20_000;
/** If the last message of the change stream is older than this, the cache is not trusted. */
export const AGE_MS_MAX = 3_000;
/** How often a digest is read again because a change overtook the read, before its key is called unavailable. */
const ATTEMPTS_MAX = 5;

/**
 * The result of a look-up. `unavailable` means that nothing could be asked, so the key must not be called invalid.
 * `too_many` means that the digest was not looked up, because too many unknown secrets came from the address.
 */
export type Identity =
  | { readonly kind: 'active'; readonly key: CachedKey }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'too_many' };

/**
 * The cached state of a key that was identified before. `unknown` means that a change arrived since that may have ended
 * it. `untrusted` means that no changes are being received.
 */
export type Standing = 'alive' | KeyEnd | 'unknown' | 'untrusted';

/** The result of reading a digest: the key with its organisation, or a reason why no key may be used by it. */
type Found =
  | { readonly snapshot: ActiveSnapshot; readonly organization: KnownOrganization }
  | { readonly snapshot: Tombstone | null };

const REFUSED: Identity = { kind: 'refused' };
const UNAVAILABLE = { kind: 'unavailable' } as const;
const TOO_MANY = { kind: 'too_many' } as const;

/** A look-up under way. A change of its key marks it as overtaken, and it reads again. */
interface Read {
  overtaken: boolean;
  identity: Promise<Identity>;
}

/** How many look-ups each source answered: the cache of this process, Redis, and key-management. */
export interface KeyCacheCounts {
  local: number;
  store: number;
  authority: number;
}

/**
 * Finds keys by the digests of their secret: in the cache of this process (L1), then in Redis, then from
 * key-management. A change invalidates the cached entries of its digests, and running reads of them: an answer is kept
 * only if no newer change of that key arrived meanwhile. A key is joined with its organisation, which many keys share,
 * and joined again when that changes.
 */
export class KeyCache {
  readonly #active = new Map<string, CachedKey>();
  readonly #refused = new Set<string>();
  /** Look-ups under way, by the digest under the present pepper. */
  readonly #reads = new Map<string, Read>();
  /** Those of them that look for further digests of the same secret, by each of these. */
  readonly #furtherReads = new Map<string, Read>();
  readonly #expiries: ExpiryClocks;
  readonly #organizations: Organizations;
  readonly #admissionClock: AdmissionClock;
  readonly counts: KeyCacheCounts = { local: 0, store: 0, authority: 0 };

  /** `onTombstone` is called for each key that has ended, when its tombstone is announced or found by a look-up. */
  constructor(
    private readonly snapshots: KeySnapshotReader,
    private readonly keyManagement: Pick<KeyManagementApi, 'verifyKey'>,
    private readonly onTombstone: (snapshot: Tombstone) => void,
    readonly clocks: Clocks = PROCESS_CLOCKS,
    private readonly strangers = new Strangers(),
  ) {
    this.#expiries = new ExpiryClocks(KEYS_MAX, clocks);
    this.#organizations = new Organizations(snapshots);
    this.#admissionClock = new AdmissionClock(clocks);
    snapshots.follow({
      changed: (snapshot) => {
        this.#forget(snapshot.digests);
        if (snapshot.state !== 'revoked') return;
        // A disabled key can be enabled again, and the two may be announced in the other order than they were stored:
        // what is true now is read from the store.
        if (snapshot.reason !== 'disabled') for (const digest of snapshot.digests) this.#refuse(digest);
        onTombstone(snapshot);
      },
      forget: (digests) => this.#forget(digests),
      organizationChanged: (snapshot) => this.#organizations.changed(snapshot),
      forgetOrganization: (organizationId) => this.#organizations.forget(organizationId),
      gap: () => {
        this.#active.clear();
        this.#organizations.forgetAll();
        this.#refused.clear();
        for (const read of this.#reads.values()) read.overtaken = true;
      },
    });
  }

  /**
   * The trusted cached result for a digest; undefined if it must be looked up. `further` are the other digests that the
   * key of the same secret can have, while a pepper is being replaced or where it may have been imported.
   */
  remembered(digest: string, further: readonly string[] = []): Identity | undefined {
    if (!this.hearsChanges()) return undefined;
    let key = this.#active.get(digest);
    for (let at = 0; key === undefined && at < further.length; at++) key = this.#active.get(further[at]!);
    if (key !== undefined) {
      const joined = key.organization.current && this.#isPresent(key) ? key : this.#joinAnew(key);
      if (joined === null) return undefined;
      this.counts.local += 1;
      return { kind: 'active', key: joined };
    }
    if (!this.#refused.has(digest) || !further.every((each) => this.#refused.has(each))) return undefined;
    this.counts.local += 1;
    return REFUSED;
  }

  /** Whether changes are being received, so that the cache can be trusted. */
  hearsChanges(): boolean {
    return this.snapshots.ageMs() <= AGE_MS_MAX;
  }

  /** Whether a secret may be one that was imported. What was told is believed while changes are received. */
  mayHaveImported(): boolean {
    return this.snapshots.mayHaveImportedKeys() || !this.hearsChanges();
  }

  /**
   * The same key for the cycles of its limits that `nowMs` lies in, where admission, whose time that is (milliseconds
   * since 1970), knows it as of another one. Its snapshot and its organisation stay those that the request began with.
   */
  inCycleAt(key: CachedKey, nowMs: number): CachedKey {
    this.#admissionClock.set(nowMs);
    const cached = this.#active.get(key.digest);
    const isSame = cached?.snapshot === key.snapshot && cached.organization === key.organization;
    if (isSame && isWithin(cached.charges.period, nowMs)) return cached;
    const joined = cacheKey(key.snapshot, key.digest, key.organization, this.#expiries, nowMs);
    if (isSame) this.#active.set(key.digest, joined);
    return joined;
  }

  /** Whether all cycles that a key was joined for last. It costs no clock for a key without one. */
  #isPresent({ charges: { period } }: CachedKey): boolean {
    return period === null || isWithin(period, this.#admissionClock.nowMs());
  }

  /**
   * A key that was identified before, as it is known now, with its organisation as that is known now; null if it must
   * be looked up.
   */
  newest(key: CachedKey): CachedKey | null {
    const current = this.#active.get(key.digest);
    if (current === undefined) return null;
    return current.organization.current ? current : this.#joinAnew(current);
  }

  /** The cached state of a key that was identified before. It costs two clocks and a look-up in memory. */
  standing(key: CachedKey): Standing {
    const end = endOfCached(key);
    if (end !== null) return end;
    if (!this.hearsChanges()) return 'untrusted';
    const current = this.#active.get(key.digest);
    if (current === key) return 'alive';
    if (current !== undefined) return endOfCached(current) ?? 'alive';
    return this.#refused.has(key.digest) ? 'invalid_api_key' : 'unknown';
  }

  /**
   * Looks up a secret in Redis, and then at key-management if the client's address is allowed to. Simultaneous calls
   * for one secret share one look-up.
   */
  identify(digests: Digests, address: string): Promise<Identity> {
    const [present = digests.present, ...further] = everyDigest(digests);
    const underway = this.#reads.get(present);
    // There is only one read of a digest at a time. A change marks the running one as overtaken, and it reads again.
    if (underway !== undefined) return underway.identity;
    const read: Read = { overtaken: false, identity: Promise.resolve(UNAVAILABLE) };
    this.#reads.set(present, read);
    for (const digest of further) this.#furtherReads.set(digest, read);
    read.identity = this.#ask(digests, read, address).finally(() => {
      this.#reads.delete(present);
      for (const digest of further) if (this.#furtherReads.get(digest) === read) this.#furtherReads.delete(digest);
    });
    return read.identity;
  }

  async #ask(digests: Digests, read: Read, address: string): Promise<Identity> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      read.overtaken = false;
      const found = await this.#readOnce(digests, address);
      if ('kind' in found) return found;
      if (read.overtaken || ('organization' in found && !found.organization.current)) continue;
      return this.#remember(digests, found);
    }
    return UNAVAILABLE;
  }

  /** Reads the store or the authority once, or returns why it was not asked. */
  async #readOnce(digests: Digests, address: string): Promise<Found | typeof UNAVAILABLE | typeof TOO_MANY> {
    if (this.hearsChanges()) {
      try {
        for (const digest of storedDigests(digests)) {
          const found = await this.#readStore(digest);
          if (found === null) continue;
          this.counts.store += 1;
          return found;
        }
      } catch {
        // The authority is asked instead.
      }
    }
    try {
      const answer = await this.strangers.ask(digests, address, ({ present, previous, imported = [] }) =>
        imported.length === 0
          ? this.keyManagement.verifyKey(present, previous)
          : this.keyManagement.verifyKey(
              present,
              previous,
              imported.flatMap((each) => everyDigest(each)),
            ),
      );
      if (answer === 'too_many') return TOO_MANY;
      if (answer === 'busy') return UNAVAILABLE;
      this.counts.authority += 1;
      return this.#joinVerified(answer);
    } catch {
      return UNAVAILABLE;
    }
  }

  /** Null if the store does not have everything about the key, or if it cannot be read. */
  async #readStore(digest: string): Promise<Found | null> {
    const read = await this.snapshots.read(digest);
    if (read.kind !== 'found') return null;
    const { snapshot } = read;
    if (snapshot.state === 'revoked') return { snapshot };
    const organization = await this.#organizations.find(snapshot.organizationId);
    if (organization === 'unknown') return null;
    if (organization !== 'absent') return joined(snapshot, organization);
    return hasOrganization(snapshot)
      ? null
      : { snapshot, organization: this.#organizations.learnOfNone(snapshot.organizationId) };
  }

  #joinVerified({ snapshot, organization }: VerifiedKey): Found | typeof UNAVAILABLE {
    if (snapshot === null || snapshot.state === 'revoked') return { snapshot };
    if (organization !== null) return joined(snapshot, this.#organizations.learn(organization));
    // The organisation's cap is unknown, and the key's snapshot has no copy of it.
    if (hasOrganization(snapshot)) return UNAVAILABLE;
    return { snapshot, organization: this.#organizations.learnOfNone(snapshot.organizationId) };
  }

  #remember(digests: Digests, found: Found): Identity {
    const candidates = everyDigest(digests);
    // While a pepper is being replaced, a key may still be known under the previous one alone.
    const digest = candidates.find((each) => found.snapshot?.digests.includes(each) === true);
    if (!('organization' in found) || digest === undefined) {
      for (const each of candidates) this.#refuse(each);
      // The announcement of its end may have been missed, or may arrive later.
      if (found.snapshot?.state === 'revoked') this.onTombstone(found.snapshot);
      return REFUSED;
    }
    const key = cacheKey(found.snapshot, digest, found.organization, this.#expiries, this.#admissionClock.nowMs());
    this.strangers.met(digest);
    evictOldest(this.#active, KEYS_MAX);
    this.#active.set(digest, key);
    return { kind: 'active', key };
  }

  /**
   * The key, joined with its cached organisation for the present cycles of its limits; null if the organisation is not
   * cached, so that the key must be looked up.
   */
  #joinAnew({ snapshot, digest }: CachedKey): CachedKey | null {
    const organization = this.#organizations.known(snapshot.organizationId);
    if (organization === undefined || isDeleted(organization)) return null;
    const key = cacheKey(snapshot, digest, organization, this.#expiries, this.#admissionClock.nowMs());
    this.#active.set(digest, key);
    return key;
  }

  #refuse(digest: string): void {
    evictOldest(this.#refused, REFUSED_MAX);
    this.#refused.add(digest);
  }

  #forget(digests: readonly string[]): void {
    for (const digest of digests) {
      this.#active.delete(digest);
      this.#refused.delete(digest);
      for (const read of [this.#reads.get(digest), this.#furtherReads.get(digest)])
        if (read !== undefined) read.overtaken = true;
    }
  }
}

/** A key with its organisation; none if the organisation is deleted, whatever has become of the key itself. */
function joined(snapshot: ActiveSnapshot, organization: KnownOrganization): Found {
  return isDeleted(organization) ? { snapshot: null } : { snapshot, organization };
}

const isDeleted = ({ snapshot }: KnownOrganization): boolean => snapshot?.state === 'deleted';

/** Whether the key's organisation has its own snapshot, which is so for all key snapshots of form 2 and later. */
function hasOrganization({ form = 1 }: KeySnapshot): boolean {
  return form >= SNAPSHOT_FORM;
}
