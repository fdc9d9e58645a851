import { Inject, Injectable } from '@nestjs/common';
import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import { BUS_PUBLISHER, type BusPublisher } from '@tollgate/bus';
import { KEYS_CHANGED_V1 } from '@tollgate/contracts';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { OutboxRelay, ServiceDatabase, type OutboxBacklog, type OutboxEffect } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { KeyMeter } from '../metrics.js';
import { END_KEYS, KEYS_SCHEMA, PUBLISH_CHANGE, WRITE_ORGANIZATION, WRITE_SNAPSHOT } from '../store/outbox-effects.js';
import { KeyStore, type SnapshotEntries } from '../store/key-store.js';
import type { ApiKey } from '../keys/api-key/api-key.js';
import { endKeys } from './end-keys.js';

/** After this long without a written tombstone, a revoke is answered with 202. */
const SNAPSHOT_BOUND_MS = 2_000;

/** Delivers committed changes: snapshots to the gateways, events to the bus. Each is retried until it succeeds. */
@Injectable()
export class KeyRelay {
  private readonly relay: OutboxRelay;

  constructor(
    database: ServiceDatabase,
    meter: KeyMeter,
    private readonly store: KeyStore,
    @Inject(KEY_SNAPSHOT_WRITER) snapshots: KeySnapshotWriter,
    @Inject(BUS_PUBLISHER) bus: BusPublisher,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.relay = new OutboxRelay({
      database,
      schema: KEYS_SCHEMA,
      effects: {
        [WRITE_SNAPSHOT]: writeNewest((snapshot: KeySnapshot) => snapshots.write(snapshot), meter),
        [WRITE_ORGANIZATION]: writeNewest((one: OrganizationSnapshot) => snapshots.writeOrganization(one), meter),
        [END_KEYS]: endKeys(store, () => this.relay.wake()),
        [PUBLISH_CHANGE]: publishChanges(bus),
      },
      onError: (err, what) => logger.warn({ err }, what),
    });
  }

  start(): void {
    this.relay.start();
  }

  stop(): Promise<void> {
    return this.relay.stop();
  }

  /** Outbox entries that are not delivered yet. Rejects if the database cannot be reached. */
  backlog(): Promise<readonly OutboxBacklog[]> {
    return this.relay.backlog();
  }

  /**
   * Milliseconds for which the oldest change has waited that the gateways are not told of; 0 if none waits. Rejects if
   * the database cannot be reached.
   */
  oldestSnapshotMs(): Promise<number> {
    return this.relay.oldestMs([WRITE_SNAPSHOT, WRITE_ORGANIZATION]);
  }

  /**
   * Resolves with true once the snapshots of a committed change are written, or with false if that takes longer than
   * the bound; the relay then goes on trying. Never rejects: the change is committed, delivered or not.
   */
  async snapshotsWritten(entries: SnapshotEntries): Promise<boolean> {
    return entries.length === 0 || this.relay.delivered(entries, SNAPSHOT_BOUND_MS).catch(() => false);
  }

  /**
   * The same for a change of one key that may be repeated. A repetition, which writes nothing, waits for the snapshots
   * that the first one has left.
   */
  async changeWritten(key: ApiKey, written: SnapshotEntries): Promise<boolean> {
    return this.snapshotsWritten(written.length > 0 ? written : await this.store.unwrittenSnapshots(key));
  }
}

/** If several versions of a snapshot wait, only the newest is written: it replaces the others. */
function writeNewest<Snapshot>(write: (snapshot: Snapshot) => Promise<void>, meter: KeyMeter): OutboxEffect {
  return async (rows) => {
    const newest = new Map(rows.map((row) => [row.key, row.payload]));
    await Promise.all(
      [...newest.values()].map((payload) => meter.snapshotWrite(() => write(JSON.parse(payload) as Snapshot))),
    );
  };
}

function publishChanges(bus: BusPublisher): OutboxEffect {
  return (rows) =>
    bus.publish(
      KEYS_CHANGED_V1,
      rows.map(({ key, payload }) => ({ key, value: payload })),
    );
}
