import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';

/** What a heartbeat tells of the installation. */
export interface HeartbeatFacts {
  /** Whether there are keys whose secrets another product made, so that a secret of any form may be one. */
  readonly importedKeys: boolean;
}

/** Token of the `KeySnapshotWriter` of a process. */
export const KEY_SNAPSHOT_WRITER = Symbol('KEY_SNAPSHOT_WRITER');

/**
 * The writer's side, which only key-management has.
 *
 * @example
 * await writer.write({ apiKeyId, organizationId, version: 8, digests, state: 'revoked', reason: 'leaked' });
 */
export interface KeySnapshotWriter {
  /**
   * Stores the snapshot under each of its digests unless a newer version is stored, then appends it to the change
   * stream. Repeating it is harmless. Rejects if it cannot be stored.
   */
  write(snapshot: KeySnapshot): Promise<void>;
  /**
   * Stores the snapshot if there is none, and notifies no follower. After the store has lost its data, this restores
   * each snapshot when it is first asked for.
   */
  refill(snapshot: KeySnapshot): Promise<void>;
  /**
   * Whether the caller shall put all snapshots back: true if the store has lost them, and no other process is at it.
   * Then call `keepRefill` at least every 5 s, and `endRefill` at the end. Rejects if the store is unreachable.
   */
  beginRefill(): Promise<boolean>;
  /** False if the store was lost once more, or another process has taken over: the caller stops. */
  keepRefill(): Promise<boolean>;
  /** Notes that the store has the snapshots of all keys. */
  endRefill(): Promise<void>;
  /**
   * Stores an organisation's snapshot unless a newer version is stored, then appends it to the change stream. Repeating
   * it is harmless. Rejects if it cannot be stored.
   */
  writeOrganization(snapshot: OrganizationSnapshot): Promise<void>;
  /** Does for an organisation what `refill` does for a key. */
  refillOrganization(snapshot: OrganizationSnapshot): Promise<void>;
  /**
   * Tells followers that they have missed nothing so far. key-management sends one each second. Without `facts`
   * followers keep what an earlier one has told.
   */
  heartbeat(facts?: HeartbeatFacts): Promise<void>;
  /**
   * How much of the store's memory is used, from 0 to 1: at 1 it takes on nothing new. Null if it has no limit of its
   * own. Rejects if the store is unreachable.
   */
  storeUsed(): Promise<number | null>;
}

/** The result of a read. `absent` says nothing about the key: only the authority knows whether it exists. */
export type SnapshotRead =
  | { readonly kind: 'found'; readonly snapshot: KeySnapshot }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'absent' };

/** The result of a read of an organisation; see `SnapshotRead`. */
export type OrganizationRead =
  | { readonly kind: 'found'; readonly snapshot: OrganizationSnapshot }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'absent' };

/** Keeps a cache of keys and organisations up to date. */
export interface KeyChangeListener {
  /**
   * A key changed to `snapshot`: drop everything cached for its digests. `heardAfterMs` is the time since the change
   * was announced, by the clocks of the store and of this machine, which may differ; undefined if it is not known.
   */
  changed(snapshot: KeySnapshot, heardAfterMs?: number): void;
  /** A key changed to something that this release cannot read: drop everything cached for these digests. */
  forget(digests: readonly string[]): void;
  /** An organisation changed to `snapshot`. A listener that caches no organisations leaves this out. */
  organizationChanged?(snapshot: OrganizationSnapshot): void;
  /** An organisation changed to something that this release cannot read: drop everything cached for it. */
  forgetOrganization?(organizationId: string): void;
  /** A change may have been missed: drop the whole cache. */
  gap(): void;
}

/**
 * The gateway's side.
 *
 * @example
 * reader.follow({ changed: ({ digests }) => forget(digests), forget, gap: forgetAll });
 * const read = await reader.read(digest);
 * if (read.kind === 'found' && reader.ageMs() <= 3_000) use(read.snapshot);
 */
export interface KeySnapshotReader {
  /** Reads the snapshot stored under a digest. Rejects if the store is unreachable. */
  read(digest: string): Promise<SnapshotRead>;
  /** Reads an organisation's snapshot. Rejects if the store is unreachable. */
  readOrganization(organizationId: string): Promise<OrganizationRead>;
  /** Follows changes until `close`. Each listener hears every change in order. */
  follow(listener: KeyChangeListener): void;
  /** Milliseconds for which the follower may have missed changes; Infinity before the first heartbeat. */
  ageMs(): number;
  /** Whether there may be imported keys: what the last heartbeat has told, and true until one has. */
  mayHaveImportedKeys(): boolean;
  close(): Promise<void>;
}
