import type { KeySnapshot } from '@tollgate/api-key';
import type { KeyChangeListener, KeySnapshotReader, KeySnapshotWriter, SnapshotRead } from './port.js';

/** Both sides in one process: a change is heard before its write resolves. */
export class MemoryKeySnapshots implements KeySnapshotReader, KeySnapshotWriter {
  readonly #byDigest = new Map<string, KeySnapshot>();
  readonly #listeners: KeyChangeListener[] = [];

  /**
   * `uncertainMs`: milliseconds since it was last certain that no other process changes keys. Default: always certain.
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

  heartbeat(): Promise<void> {
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

  close(): Promise<void> {
    return Promise.resolve();
  }
}
