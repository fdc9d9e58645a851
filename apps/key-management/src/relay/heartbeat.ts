import type { KeySnapshotWriter } from '@tollgate/key-snapshots';
import type { Logger } from '@tollgate/telemetry';

/** Gateways stop trusting what they remember 3 s after the last one they heard. */
const HEARTBEAT_MS = 1_000;

/** Tells the gateways each second that they missed nothing. Survives every failure of the store. */
export class Heartbeat {
  private timer: NodeJS.Timeout | undefined;
  private beating = false;
  private failing = false;

  constructor(private readonly snapshots: Pick<KeySnapshotWriter, 'heartbeat'>, private readonly logger: Logger) {}

  start(): void {
    this.timer ??= setInterval(() => void this.beat(), HEARTBEAT_MS);
    void this.beat();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Never rejects. One at a time: beats that pile up in front of a slow store would say nothing new. */
  async beat(): Promise<void> {
    if (this.beating) return;
    this.beating = true;
    try {
      await this.snapshots.heartbeat();
      if (this.failing) this.logger.info('the gateways can be told of key changes again');
      this.failing = false;
    } catch (err) {
      if (!this.failing) this.logger.warn({ err }, 'the gateways cannot be told of key changes');
      this.failing = true;
    } finally {
      this.beating = false;
    }
  }
}
