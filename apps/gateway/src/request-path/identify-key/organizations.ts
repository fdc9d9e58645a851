import type { OrganizationSnapshot } from '@tollgate/api-key';
import { unreachable } from '@tollgate/errors';
import type { KeySnapshotReader } from '@tollgate/key-snapshots';

/** Organisations remembered; the one that was remembered longest ago goes first. */
const ORGANIZATIONS_MAX = 100_000;

/** What is known of an organisation, which the keys that were joined with it share. */
export interface KnownOrganization {
  /** Null: none was ever written, and the copies in the keys' snapshots count. */
  readonly snapshot: OrganizationSnapshot | null;
  /** False once something else is known: keys that were joined with it have to be joined anew. */
  current: boolean;
}

/** What `find` found. */
export type FoundOrganization = KnownOrganization | 'absent' | 'unknown';

/**
 * The organisations of remembered keys. A change of one makes no key forgotten: each is joined with what is known now
 * when it is next used. As with keys, an answer that a change overtook on its way does not count.
 */
export class Organizations {
  readonly #known = new Map<string, KnownOrganization>();
  readonly #reads = new Map<string, { overtaken: boolean; readonly found: Promise<FoundOrganization> }>();

  constructor(private readonly snapshots: Pick<KeySnapshotReader, 'readOrganization'>) {}

  /** What is remembered; undefined for nothing. */
  known(organizationId: string): KnownOrganization | undefined {
    return this.#known.get(organizationId);
  }

  /**
   * What is remembered or stored. `absent`: neither is the case; `unknown`: what is stored cannot be read, or a change
   * overtook it. Questions about one organisation at the same time are one question. Rejects where the store cannot be
   * asked.
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

  /** Remembers a snapshot, unless a newer one is remembered. Returns what is known then. */
  learn(snapshot: OrganizationSnapshot): KnownOrganization {
    const known = this.#known.get(snapshot.organizationId);
    if (known?.snapshot != null && known.snapshot.version >= snapshot.version) return known;
    return this.#replace(snapshot.organizationId, snapshot);
  }

  /** Remembers that there is no snapshot, until one is heard of. */
  learnOfNone(organizationId: string): KnownOrganization {
    return this.#known.get(organizationId) ?? this.#replace(organizationId, null);
  }

  /** A snapshot was announced. */
  changed(snapshot: OrganizationSnapshot): void {
    this.#overtake(snapshot.organizationId);
    this.learn(snapshot);
  }

  /** Something was announced that cannot be read here. */
  forget(organizationId: string): void {
    this.#overtake(organizationId);
    this.#drop(organizationId);
  }

  /** Nothing remembered counts any longer. */
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
