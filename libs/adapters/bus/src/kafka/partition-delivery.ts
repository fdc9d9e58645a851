import type { EachBatchPayload } from 'kafkajs';
import type { BusBatch } from '../port.js';
import { takeRecords } from './packing.js';
import { keepingSession } from './session.js';

/** How records of a partition are handed over, and how large batches are. */
export interface PartitionDeliveryOptions {
  /** Batches contain whole records, and end with the record that reaches this number of messages. */
  readonly batchSize: number;
  readonly heartbeatMs: number;
  /** The topic of a name on the cluster, which may have a prefix. */
  readonly topicOf: (name: string) => string;
  readonly handle: (batch: BusBatch) => Promise<void>;
  readonly onRetry: (topic: string, partition: number, inMs: number) => void;
  /** Is told where the messages of a batch end that was handled whole, and where the batch itself does. */
  readonly onHandled: (name: string, partition: number, ends: { readonly from: bigint; readonly to: bigint }) => void;
}

const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 2_000;

/** Passes the messages fetched from one partition to the handlers, in order, and commits the offsets they handled. */
export class PartitionDelivery {
  /** For each topic and partition, the number of consecutive failures of its next batch. */
  private readonly failures = new Map<string, number>();

  constructor(private readonly options: PartitionDeliveryOptions) {}

  /**
   * Returns early if a handler rejects: the partition is paused, and fetched again from that batch after a delay.
   * Rejects if the group is rebalancing.
   */
  async deliver(payload: EachBatchPayload): Promise<void> {
    const {
      batch: { topic: name, partition, messages: records },
      isRunning,
      isStale,
    } = payload;
    const { batchSize, heartbeatMs, topicOf } = this.options;
    for (let start = 0; start < records.length && isRunning() && !isStale();) {
      const { deliveries, end } = takeRecords(records, start, batchSize);
      start = end;
      const batch = { topic: topicOf(name), partition, messages: deliveries };
      // The commit belongs to the work: during a rebalance it still takes effect, so the next member does not get the
      // same messages again.
      const handled = this.handleAndCommit(payload, batch);
      if (!(await keepingSession(payload.heartbeat, heartbeatMs, handled))) return this.tryAgainLater(payload);
      this.failures.delete(`${name}/${partition}`);
      if (start === records.length) this.options.onHandled(name, partition, endsOf(payload.batch));
    }
  }

  /** Resolves with false if a handler rejected; rejects if the commit is refused. */
  private async handleAndCommit(payload: EachBatchPayload, batch: BusBatch): Promise<boolean> {
    try {
      await this.options.handle(batch);
    } catch {
      return false;
    }
    const last = batch.messages.at(-1);
    if (last !== undefined) await commit(payload, last.offset);
    return true;
  }

  private tryAgainLater({ batch: { topic: name, partition }, pause }: EachBatchPayload): void {
    const key = `${name}/${partition}`;
    const failures = this.failures.get(key) ?? 0;
    this.failures.set(key, failures + 1);
    const ms = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** failures);
    this.options.onRetry(this.options.topicOf(name), partition, ms);
    setTimeout(pause(), ms);
  }
}

function endsOf(batch: EachBatchPayload['batch']): { readonly from: bigint; readonly to: bigint } {
  const to = BigInt(batch.lastOffset()) + 1n;
  const last = batch.messages.at(-1);
  return { from: last === undefined ? to : BigInt(last.offset) + 1n, to };
}

async function commit(
  { batch: { topic, partition }, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload,
  last: bigint,
): Promise<void> {
  resolveOffset(last.toString());
  const next = (last + 1n).toString();
  await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: next }] }] });
}
