import { Inject, Injectable } from '@nestjs/common';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { ImportedKeys } from '../store/imported-keys.js';

/** Gateways stop trusting their cached keys 3 s after the last heartbeat that they received. */
const HEARTBEAT_MS = 1_000;

/** Tells the gateways once a second that they have missed no change. It goes on after every failure of Redis. */
@Injectable()
export class Heartbeat {
  private readonly beats = new Periodic(() => this.beat(), { everyMs: HEARTBEAT_MS });
  private failing = false;

  constructor(
    @Inject(KEY_SNAPSHOT_WRITER) private readonly snapshots: Pick<KeySnapshotWriter, 'heartbeat'>,
    @Inject(ImportedKeys) private readonly imported: Pick<ImportedKeys, 'facts'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(): void {
    this.beats.start();
  }

  async stop(): Promise<void> {
    await this.beats.stop();
  }

  /** Never rejects. Heartbeats do not overlap: a queue of them in front of a slow Redis would carry no news. */
  private async beat(): Promise<void> {
    try {
      await this.snapshots.heartbeat(this.imported.facts());
      if (this.failing) this.logger.info('the gateways can be told of key changes again');
      this.failing = false;
    } catch (err) {
      if (!this.failing) this.logger.warn({ err }, 'the gateways cannot be told of key changes');
      this.failing = true;
    }
  }
}
