import { Inject, Injectable } from '@nestjs/common';
import type { KeySnapshot } from '@tollgate/api-key';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { snapshotOf } from '../api-key/snapshot-of.js';
import { DigestLookUps } from './digest-look-ups.js';

/** The authority's answer about one digest, from Postgres. */
@Injectable()
export class VerifyKey {
  constructor(
    private readonly lookUps: DigestLookUps,
    @Inject(KEY_SNAPSHOT_WRITER) private readonly snapshots: Pick<KeySnapshotWriter, 'refill'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * The key's snapshot, a tombstone where it must be refused, null where no key ever answered to the digest. Throws
   * where Postgres cannot be asked, or too many ask at once.
   */
  async execute(digest: string): Promise<KeySnapshot | null> {
    const key = await this.lookUps.find(digest);
    if (key === null) return null;
    const snapshot = snapshotOf(key);
    // Who asks has not found it where snapshots are kept; the answer does not wait for it to be put back.
    this.snapshots.refill(snapshot).catch((err: unknown) => this.logger.debug({ err }, 'a snapshot was not put back'));
    return snapshot;
  }
}
