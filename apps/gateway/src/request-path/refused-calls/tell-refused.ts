import type { BusMessage, BusPublisher } from '@tollgate/bus';
import { CALLS_REFUSED_V1, type CallsRefusedV1 } from '@tollgate/contracts';
import { Periodic } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';
import type { Exchange } from '../exchange/exchange.js';
import { RefusedSums, type RefusedMinute } from './refused-sums.js';

const EVERY_MS = 5_000;
/** Refusals of one message: some 100 kB. */
const REFUSALS_MAX = 1_000;

/**
 * Counts refused calls of known keys and tells usage-billing their sums: never a message for each call, however many
 * are refused. Calls without a known key belong to no organisation and are in the metrics alone.
 */
export class TellRefused {
  readonly #sums = new RefusedSums();
  readonly #telling = new Periodic(() => this.#tell(), { everyMs: EVERY_MS, background: true });

  constructor(
    private readonly bus: BusPublisher,
    private readonly instanceId: string,
    private readonly logger: Logger,
  ) {}

  note({ key }: Pick<Exchange, 'key'>, code: string): void {
    if (key === null) return;
    const { organizationId, apiKeyId } = key.snapshot;
    this.#sums.note(organizationId, apiKeyId, code, Date.now());
  }

  start(): void {
    this.#telling.start();
  }

  /** Tells what is left, unless the bus takes longer than `timeoutMs`: sums are not worth a longer end. */
  async stop(timeoutMs: number): Promise<void> {
    await this.#telling.stop();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
    await Promise.race([this.#tell(), late]);
    clearTimeout(timer);
  }

  /** Never rejects: what could not be told is told the next time. */
  async #tell(): Promise<void> {
    const taken = this.#sums.take(Date.now());
    if (taken.length === 0) return;
    try {
      await this.bus.publish(
        CALLS_REFUSED_V1,
        taken.flatMap((minute) => this.#messagesOf(minute)),
      );
    } catch (err) {
      this.#sums.putBack(taken);
      this.logger.warn({ err }, 'refused calls could not be told; the next attempt follows in seconds');
    }
  }

  #messagesOf({ organizationId, minute, refusals }: RefusedMinute): BusMessage[] {
    const messages: BusMessage[] = [];
    for (let at = 0; at < refusals.length; at += REFUSALS_MAX) {
      const part = refusals.slice(at, at + REFUSALS_MAX);
      const event: CallsRefusedV1 = {
        eventVersion: 1,
        organizationId,
        instanceId: this.instanceId,
        minute,
        refusals: part,
      };
      messages.push({ key: organizationId, value: JSON.stringify(event) });
    }
    return messages;
  }
}
