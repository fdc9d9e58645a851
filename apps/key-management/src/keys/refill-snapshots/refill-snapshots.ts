import { Inject, Injectable } from '@nestjs/common';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { KeyMeter } from '../../metrics.js';
import { organizationSnapshotOf } from '../../organizations/organization.js';
import { snapshotOf } from '../api-key/snapshot-of.js';
import { RefillStore } from './refill-store.js';

const EVERY_MS = 1_000;
/** Snapshots written at once: what is written for a revoke meanwhile waits behind so many at most. */
const WRITTEN_AT_ONCE = 250;

/**
 * Puts the snapshots of all keys back when the store has lost them, as an empty Redis after a restart. Gateways need
 * not wait for it: a key that they do not find there they ask for at key-management, which puts that one back at once.
 * One process does it at a time, and what was written meanwhile is never overwritten.
 */
@Injectable()
export class RefillSnapshots extends PeriodicService {
  constructor(
    private readonly store: RefillStore,
    private readonly meter: KeyMeter,
    @Inject(KEY_SNAPSHOT_WRITER) private readonly snapshots: KeySnapshotWriter,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, background: true });
  }

  /** Resolves with how many keys were put back; null where the store has all, or another process is at it. */
  async refill(stopped: () => boolean = () => false): Promise<number | null> {
    if (!(await this.snapshots.beginRefill())) return null;
    const begun = performance.now();
    let keys = 0;
    for await (const page of this.store.pages()) {
      // Asked behind the page's query: what was read before the store was lost is not put into the next one. A key may
      // have ended since, and its tombstone have been lost. Taken over by another process, that one begins anew.
      if (stopped() || !(await this.snapshots.keepRefill())) return keys;
      await this.snapshots.refillOrganization(organizationSnapshotOf(page.organization));
      for (let at = 0; at < page.keys.length; at += WRITTEN_AT_ONCE) {
        const some = page.keys.slice(at, at + WRITTEN_AT_ONCE);
        await Promise.all(some.map((key) => this.snapshots.refill(snapshotOf(key))));
        this.meter.snapshotsRefilled(some.length);
      }
      keys += page.keys.length;
    }
    await this.snapshots.endRefill();
    this.logger.info(
      { keys, seconds: Math.round((performance.now() - begun) / 1_000) },
      'the snapshots of all keys are there',
    );
    return keys;
  }

  protected override async work(): Promise<void> {
    try {
      await this.refill(() => this.periodic.stopped);
    } catch (err) {
      this.logger.debug({ err }, 'the snapshots of keys could not be put back yet');
    }
  }
}
