import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import type {
  HeartbeatFacts,
  KeyChangeListener,
  KeySnapshotReader,
  KeySnapshotWriter,
  OrganizationRead,
  SnapshotRead,
} from './port.js';

/** Both sides in one process: a change is heard before its write resolves. */
export class MemoryKeySnapshots implements KeySnapshotReader, KeySnapshotWriter {
  readonly #byDigest = new Map<string, KeySnapshot>();
  readonly #organizations = new Map<string, OrganizationSnapshot>();
  readonly #listeners: KeyChangeListener[] = [];
  #importedKeys = true;

  /**
   * `uncertainMs` returns the milliseconds since it was last certain that no other process changes keys. By default it
   * is always certain.
   */
  constructor(private readonly uncertainMs: () => number = () => 0) {}

  write(snapshot: KeySnapshot): Promise<void> {
    const newest = snapshot.digests.every((digest) => (this.#byDigest.get(digest)?.version ?? 0) <= snapshot.version);
    if (newest) {
      for (const digest of snapshot.digests) this.#byDigest.set(digest, snapshot);
      for (const listener of this.#listeners) listener.changed(snapshot, 0);
    }
    return Promise.resolve();
  }

  refill(snapshot: KeySnapshot): Promise<void> {
    for (const digest of snapshot.digests) if (!this.#byDigest.has(digest)) this.#byDigest.set(digest, snapshot);
    return Promise.resolve();
  }

  /** What is in the memory of a process ends with it: each snapshot is put back when it is first asked for. */
  beginRefill(): Promise<boolean> {
    return Promise.resolve(false);
  }

  keepRefill(): Promise<boolean> {
    return Promise.resolve(false);
  }

  endRefill(): Promise<void> {
    return Promise.resolve();
  }

  /** The memory of the process has no limit of the store's own. */
  storeUsed(): Promise<null> {
    return Promise.resolve(null);
  }

  writeOrganization(snapshot: OrganizationSnapshot): Promise<void> {
    if ((this.#organizations.get(snapshot.organizationId)?.version ?? 0) <= snapshot.version) {
      this.#organizations.set(snapshot.organizationId, snapshot);
      for (const listener of this.#listeners) listener.organizationChanged?.(snapshot);
    }
    return Promise.resolve();
  }

  refillOrganization(snapshot: OrganizationSnapshot): Promise<void> {
    if (!this.#organizations.has(snapshot.organizationId)) {
      this.#organizations.set(snapshot.organizationId, snapshot);
    }
    return Promise.resolve();
  }

  readOrganization(organizationId: string): Promise<OrganizationRead> {
    const snapshot = this.#organizations.get(organizationId);
    return Promise.resolve(snapshot === undefined ? { kind: 'absent' } : { kind: 'found', snapshot });
  }

  heartbeat(facts?: HeartbeatFacts): Promise<void> {
    if (facts !== undefined) this.#importedKeys = facts.importedKeys;
    return Promise.resolve();
  }

  read(digest: string): Promise<SnapshotRead> {
    const snapshot = this.#byDigest.get(digest);
    return Promise.resolve(snapshot === undefined ? { kind: 'absent' } : { kind: 'found', snapshot });
  }

  follow(listener: KeyChangeListener): void {
    this.#listeners.push(listener);
  }

  ageMs(): number {
    return this.uncertainMs();
  }

  mayHaveImportedKeys(): boolean {
    return this.#importedKeys;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
