import type { OrganizationSnapshot } from '@tollgate/api-key';
import { unreachable } from '@tollgate/errors';
import type { KeySnapshotReader } from '@tollgate/key-snapshots';

/** The most organisations that are cached; the oldest entry is dropped first. */
const ORGANIZATIONS_MAX = 100_000;

/** The known state of an organisation, shared by all keys that were joined with it. */
export interface KnownOrganization {
  /** Null if the organisation never had a snapshot; then the copies in the keys' snapshots apply. */
  readonly snapshot: OrganizationSnapshot | null;
  /** False once the state is outdated: its keys must be joined again. */
  current: boolean;
}

/** The result of `find`. */
export type FoundOrganization = KnownOrganization | 'absent' | 'unknown';

/**
 * Caches the organisations of keys. A change of an organisation does not drop its keys: each is joined with the new
 * state when it is used next. As with keys, an answer that a change overtook is not used.
 */
export class Organizations {
  readonly #known = new Map<string, KnownOrganization>();
  readonly #reads = new Map<string, { overtaken: boolean; readonly found: Promise<FoundOrganization> }>();

  constructor(private readonly snapshots: Pick<KeySnapshotReader, 'readOrganization'>) {}

  /** The cached organisation; undefined if there is none. */
  known(organizationId: string): KnownOrganization | undefined {
    return this.#known.get(organizationId);
  }

  /**
   * The cached or stored organisation. `absent` means that there is none; `unknown` means that the stored one cannot be
   * read, or that a change overtook the read. Simultaneous calls for one organisation share one read. Rejects if the
   * store cannot be reached.
   */
  async find(organizationId: string): Promise<FoundOrganization> {
    const known = this.#known.get(organizationId);
    if (known !== undefined) return known;
    const underWay = this.#reads.get(organizationId);
    if (underWay !== undefined) return underWay.found;
    const read = { overtaken: false, found: Promise.resolve<FoundOrganization>('unknown') };
    this.#reads.set(organizationId, read);
    read.found = this.#read(organizationId, read).finally(() => this.#reads.delete(organizationId));
    return read.found;
  }

  async #read(organizationId: string, read: { readonly overtaken: boolean }): Promise<FoundOrganization> {
    const stored = await this.snapshots.readOrganization(organizationId);
    if (read.overtaken) return this.#known.get(organizationId) ?? 'unknown';
    switch (stored.kind) {
      case 'found':
        return this.learn(stored.snapshot);
      case 'absent':
        return 'absent';
      case 'malformed':
        return 'unknown';
      default:
        return unreachable(stored);
    }
  }

  /** Caches a snapshot, unless a newer one is cached. Returns the cached state. */
  learn(snapshot: OrganizationSnapshot): KnownOrganization {
    const known = this.#known.get(snapshot.organizationId);
    if (known?.snapshot != null && known.snapshot.version >= snapshot.version) return known;
    return this.#replace(snapshot.organizationId, snapshot);
  }

  /** Caches that there is no snapshot, until one arrives. */
  learnOfNone(organizationId: string): KnownOrganization {
    return this.#known.get(organizationId) ?? this.#replace(organizationId, null);
  }

  /** Handles a snapshot that was announced. */
  changed(snapshot: OrganizationSnapshot): void {
    this.#overtake(snapshot.organizationId);
    this.learn(snapshot);
  }

  /** Handles an announcement that cannot be read. */
  forget(organizationId: string): void {
    this.#overtake(organizationId);
    this.#drop(organizationId);
  }

  /** Drops all cached organisations. */
  forgetAll(): void {
    for (const organizationId of this.#reads.keys()) this.#overtake(organizationId);
    for (const known of this.#known.values()) known.current = false;
    this.#known.clear();
  }

  #replace(organizationId: string, snapshot: OrganizationSnapshot | null): KnownOrganization {
    this.#drop(organizationId);
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= ORGANIZATIONS_MAX) this.#drop(oldest);
    const known = { snapshot, current: true };
    this.#known.set(organizationId, known);
    return known;
  }

  #drop(organizationId: string): void {
    const known = this.#known.get(organizationId);
    if (known === undefined) return;
    known.current = false;
    this.#known.delete(organizationId);
  }

  #overtake(organizationId: string): void {
    const read = this.#reads.get(organizationId);
    if (read !== undefined) read.overtaken = true;
  }
}
