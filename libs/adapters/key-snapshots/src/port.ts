import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';

/** Token of the `KeySnapshotWriter` of a process. */
export const KEY_SNAPSHOT_WRITER = Symbol('KEY_SNAPSHOT_WRITER');

/** The writer's side; key-management is the only one that has it. */
export interface KeySnapshotWriter {
  /**
   * Stores the snapshot under each of its digests where its version is higher than what stands there,
   * then appends it to the change stream. Repeating it is harmless. Rejects when it cannot be stored.
   */
  write(snapshot: KeySnapshot): Promise<void>;
  /**
   * Stores the snapshot where nothing stands, and tells nobody: what a lost store held is put back as it is asked for.
   */
  refill(snapshot: KeySnapshot): Promise<void>;
  /**
   * Stores an organisation's snapshot where its version is higher than what stands there, then appends it to the change
   * stream. Repeating it is harmless. Rejects when it cannot be stored.
   */
  writeOrganization(snapshot: OrganizationSnapshot): Promise<void>;
  /** As `refill`, for an organisation. */
  refillOrganization(snapshot: OrganizationSnapshot): Promise<void>;
  /** Tells followers that nothing was missed up to now; sent each second. */
  heartbeat(): Promise<void>;
}

/** What a read found: `absent` says nothing about the key, only the authority can. */
export type SnapshotRead =
  | { readonly kind: 'found'; readonly snapshot: KeySnapshot }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'absent' };

/** As `SnapshotRead`, of an organisation. */
export type OrganizationRead =
  | { readonly kind: 'found'; readonly snapshot: OrganizationSnapshot }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'absent' };

export interface KeyChangeListener {
  /**
   * A key changed: nothing remembered of these digests counts any longer. `snapshot` is the new one. `heardAfterMs`:
   * milliseconds from its announcement to now, by the clocks of the store and of this machine, which may differ;
   * undefined where nobody can say.
   */
  changed(snapshot: KeySnapshot, heardAfterMs?: number): void;
  /** A key changed to something that cannot be read here: nothing remembered of these digests counts any longer. */
  forget(digests: readonly string[]): void;
  /** An organisation changed; left out by those who remember nothing of one. */
  organizationChanged?(snapshot: OrganizationSnapshot): void;
  /** An organisation changed to something that cannot be read here: nothing remembered of it counts any longer. */
  forgetOrganization?(organizationId: string): void;
  /** Something may have been missed: nothing remembered counts. */
  gap(): void;
}

/** The gateway's side. */
export interface KeySnapshotReader {
  /** Rejects when the store cannot be asked. */
  read(digest: string): Promise<SnapshotRead>;
  /** Rejects when the store cannot be asked. */
  readOrganization(organizationId: string): Promise<OrganizationRead>;
  /** Follows changes until `close`. Each listener hears every change in order. */
  follow(listener: KeyChangeListener): void;
  /** Milliseconds for which the follower's knowledge may be out of date; Infinity before the first heartbeat. */
  ageMs(): number;
  close(): Promise<void>;
}
