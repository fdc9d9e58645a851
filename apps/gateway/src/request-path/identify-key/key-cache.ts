import { SNAPSHOT_FORM, type ActiveSnapshot, type KeySnapshot, type Tombstone } from '@tollgate/api-key';
import type { KeyManagementApi, VerifiedKey } from '@tollgate/contracts';
import type { KeySnapshotReader } from '@tollgate/key-snapshots';
import { letOldestGo } from '../exchange/let-oldest-go.js';
import { cacheKey, endOfCached, type CachedKey } from './cached-key.js';
import { ExpiryClocks, PROCESS_CLOCKS, type Clocks } from './expiry-clock.js';
import type { KeyEnd } from './key-end.js';
import { Organizations, type KnownOrganization } from './organizations.js';
import { Strangers } from './strangers.js';

/** Keys remembered; the one that was remembered longest ago goes first. */
const KEYS_MAX = 100_000;
/** Digests remembered as unknown or revoked. Bounded on their own, so that a flood of junk cannot push keys out. */
const REFUSED_MAX = 20_000;
/** Beyond this age of what we know of changes, nothing remembered is trusted. */
export const AGE_MS_MAX = 3_000;
/** Reads of one digest that a change overtook before it is called unavailable. */
const ATTEMPTS_MAX = 5;

/**
 * Whom a digest belongs to. `unavailable`: nobody could be asked, which is no reason to call a key invalid. `too_many`:
 * it was not asked, because too many secrets that were nobody's came from the address.
 */
export type Identity =
  | { readonly kind: 'active'; readonly key: CachedKey }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'too_many' };

/**
 * What is known, without asking anybody, of a key that was identified before. `unknown`: something was heard since that
 * may have ended it. `untrusted`: changes of keys are not heard of at the moment.
 */
export type Standing = 'alive' | KeyEnd | 'unknown' | 'untrusted';

/** What was read of a digest: its key with what the key is joined with, or that no key may be used by it. */
type Found =
  | { readonly snapshot: ActiveSnapshot; readonly organization: KnownOrganization }
  | { readonly snapshot: Tombstone | null };

const REFUSED: Identity = { kind: 'refused' };
const UNAVAILABLE = { kind: 'unavailable' } as const;
const TOO_MANY = { kind: 'too_many' } as const;

export interface KeyCacheCounts {
  local: number;
  store: number;
  authority: number;
}

/**
 * Digest → key: what this process remembers (L1), then Redis, then key-management.
 * A change that is heard makes everything remembered of its digests void, and a read that was under way with it:
 * an answer is only kept when no newer change of that key arrived meanwhile. A key is joined with its organisation,
 * which many keys share, and joined anew when that changes.
 */
export class KeyCache {
  readonly #active = new Map<string, CachedKey>();
  readonly #refused = new Set<string>();
  readonly #reads = new Map<string, { overtaken: boolean; readonly identity: Promise<Identity> }>();
  readonly #expiries: ExpiryClocks;
  readonly #organizations: Organizations;
  readonly counts: KeyCacheCounts = { local: 0, store: 0, authority: 0 };

  /**
   * `onTombstone` hears of each key that has ended, when its tombstone is announced, and when it is found by a look-up.
   */
  constructor(
    private readonly snapshots: KeySnapshotReader,
    private readonly keyManagement: Pick<KeyManagementApi, 'verifyKey'>,
    private readonly onTombstone: (snapshot: Tombstone) => void,
    readonly clocks: Clocks = PROCESS_CLOCKS,
    private readonly strangers = new Strangers(),
  ) {
    this.#expiries = new ExpiryClocks(KEYS_MAX, clocks);
    this.#organizations = new Organizations(snapshots);
    snapshots.follow({
      changed: (snapshot) => {
        this.#forget(snapshot.digests);
        if (snapshot.state !== 'revoked') return;
        for (const digest of snapshot.digests) this.#refuse(digest);
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

  /** What is remembered of a digest and may still be trusted; undefined where the question must be asked. */
  remembered(digest: string): Identity | undefined {
    if (!this.hearsChanges()) return undefined;
    const key = this.#active.get(digest);
    if (key !== undefined) {
      const joined = key.organization.current ? key : this.#joinAnew(key);
      if (joined === null) return undefined;
      this.counts.local += 1;
      return { kind: 'active', key: joined };
    }
    if (!this.#refused.has(digest)) return undefined;
    this.counts.local += 1;
    return REFUSED;
  }

  /** Whether what is remembered may be trusted. */
  hearsChanges(): boolean {
    return this.snapshots.ageMs() <= AGE_MS_MAX;
  }

  /**
   * How a key stands that was identified before, by what is remembered: two clocks and a look-up, nothing is awaited.
   */
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
   * Asks Redis, then key-management where the address of who asks may; questions about one digest at the same time are
   * one question.
   */
  identify(digest: string, address: string): Promise<Identity> {
    const underway = this.#reads.get(digest);
    // One read of a digest at a time, whatever overtook it: a change finds the one that is under way, and that one
    // reads again.
    if (underway !== undefined) return underway.identity;
    const read = { overtaken: false, identity: Promise.resolve<Identity>(UNAVAILABLE) };
    this.#reads.set(digest, read);
    read.identity = this.#ask(digest, read, address).finally(() => this.#reads.delete(digest));
    return read.identity;
  }

  async #ask(digest: string, read: { overtaken: boolean }, address: string): Promise<Identity> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      read.overtaken = false;
      const found = await this.#readOnce(digest, address);
      if ('kind' in found) return found;
      if (read.overtaken || ('organization' in found && !found.organization.current)) continue;
      return this.#remember(digest, found);
    }
    return UNAVAILABLE;
  }

  /** What the store or the authority says, or why nobody was asked. */
  async #readOnce(digest: string, address: string): Promise<Found | typeof UNAVAILABLE | typeof TOO_MANY> {
    if (this.hearsChanges()) {
      try {
        const found = await this.#readStore(digest);
        if (found !== null) {
          this.counts.store += 1;
          return found;
        }
      } catch {
        // The authority is asked instead.
      }
    }
    try {
      const answer = await this.strangers.ask(digest, address, (asked) => this.keyManagement.verifyKey(asked));
      if (answer === 'too_many') return TOO_MANY;
      if (answer === 'busy') return UNAVAILABLE;
      this.counts.authority += 1;
      return this.#joinVerified(answer);
    } catch {
      return UNAVAILABLE;
    }
  }

  /** Null where the store does not have all that there is to know of the key, or it cannot be read. */
  async #readStore(digest: string): Promise<Found | null> {
    const read = await this.snapshots.read(digest);
    if (read.kind !== 'found') return null;
    const { snapshot } = read;
    if (snapshot.state === 'revoked') return { snapshot };
    const organization = await this.#organizations.find(snapshot.organizationId);
    if (organization === 'unknown') return null;
    if (organization !== 'absent') return { snapshot, organization };
    return hasOrganization(snapshot)
      ? null
      : { snapshot, organization: this.#organizations.learnOfNone(snapshot.organizationId) };
  }

  #joinVerified({ snapshot, organization }: VerifiedKey): Found | typeof UNAVAILABLE {
    if (snapshot === null || snapshot.state === 'revoked') return { snapshot };
    if (organization !== null) return { snapshot, organization: this.#organizations.learn(organization) };
    // What its organisation may spend is not known, and it is no copy that could say.
    if (hasOrganization(snapshot)) return UNAVAILABLE;
    return { snapshot, organization: this.#organizations.learnOfNone(snapshot.organizationId) };
  }

  #remember(digest: string, found: Found): Identity {
    const { snapshot } = found;
    if (snapshot === null || snapshot.state === 'revoked' || !snapshot.digests.includes(digest)) {
      this.#refuse(digest);
      // Its announcement may have been missed, or come later.
      if (snapshot?.state === 'revoked') this.onTombstone(snapshot);
      return REFUSED;
    }
    if (!('organization' in found)) return UNAVAILABLE;
    const key = cacheKey(snapshot, digest, found.organization, this.#expiries);
    this.strangers.met(digest);
    letOldestGo(this.#active, KEYS_MAX);
    this.#active.set(digest, key);
    return { kind: 'active', key };
  }

  /** The key with what is known of its organisation now; null where nothing is, and the key has to be asked for. */
  #joinAnew({ snapshot, digest }: CachedKey): CachedKey | null {
    const organization = this.#organizations.known(snapshot.organizationId);
    if (organization === undefined) return null;
    const key = cacheKey(snapshot, digest, organization, this.#expiries);
    this.#active.set(digest, key);
    return key;
  }

  #refuse(digest: string): void {
    letOldestGo(this.#refused, REFUSED_MAX);
    this.#refused.add(digest);
  }

  #forget(digests: readonly string[]): void {
    for (const digest of digests) {
      this.#active.delete(digest);
      this.#refused.delete(digest);
      const read = this.#reads.get(digest);
      if (read !== undefined) read.overtaken = true;
    }
  }
}

/** Whether the key's organisation has a snapshot of its own, as every one has since key snapshots have the form 2. */
function hasOrganization({ form = 1 }: KeySnapshot): boolean {
  return form >= SNAPSHOT_FORM;
}
