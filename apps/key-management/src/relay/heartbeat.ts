import { Inject, Injectable } from '@nestjs/common';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { inTime, Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { ImportedKeys } from '../store/imported-keys.js';
import { KeyRelay } from './key-relay.js';

/** Gateways stop trusting their cached keys 3 s after the last heartbeat that they received. */
const HEARTBEAT_MS = 1_000;
/** If a committed change has waited this long to be told, there is no heartbeat until it is told. */
const WAITED_MS_MAX = 1_000;
/** A database that does not say in this time whether changes wait is one that commits none. */
const ASK_MS = 500;

/**
 * Tells the gateways once a second that they have missed no change. It goes on after every failure of Redis. While a
 * committed change waits, for example one of a process that was killed, it is silent: the gateways then verify each key
 * with this service, and the change is in force there. A database that cannot be asked does not make it silent: then
 * nothing changes, and the gateways go on with what they know.
 */
@Injectable()
export class Heartbeat {
  private readonly beats = new Periodic(() => this.beat(), { everyMs: HEARTBEAT_MS });
  private failing = false;

  constructor(
    @Inject(KEY_SNAPSHOT_WRITER) private readonly snapshots: Pick<KeySnapshotWriter, 'heartbeat'>,
    @Inject(KeyRelay) private readonly relay: Pick<KeyRelay, 'oldestSnapshotMs'>,
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
      const waitedMs = await this.waitedMs();
      if (waitedMs > WAITED_MS_MAX)
        throw new Error(`a committed change of a key has waited for ${Math.round(waitedMs)} ms to be told`);
      await this.snapshots.heartbeat(this.imported.facts());
      if (this.failing) this.logger.info('the gateways can be told of key changes again');
      this.failing = false;
    } catch (err) {
      if (!this.failing) this.logger.warn({ err }, 'the gateways cannot be told of key changes');
      this.failing = true;
    }
  }

  /** How long the oldest change has waited; 0 if the database does not say in time. */
  private waitedMs(): Promise<number> {
    return inTime(this.relay.oldestSnapshotMs(), ASK_MS, () => 0).catch(() => 0);
  }
}
