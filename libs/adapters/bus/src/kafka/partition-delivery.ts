import type { EachBatchPayload } from 'kafkajs';
import type { BusBatch } from '../port.js';
import { takeRecords } from './packing.js';
import { keepingSession } from './session.js';

export interface PartitionDeliveryOptions {
  /** A batch is whole records until there are so many messages. */
  readonly batchSize: number;
  readonly heartbeatMs: number;
  /** From the topic's name on the cluster. */
  readonly topicOf: (name: string) => string;
  readonly handle: (batch: BusBatch) => Promise<void>;
  readonly onRetry: (topic: string, partition: number, inMs: number) => void;
}

const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 2_000;

/** Takes what was fetched of one partition to the handlers, in order, and commits what they have handled. */
export class PartitionDelivery {
  /** By topic and partition, how often in a row its next messages have failed. */
  private readonly failures = new Map<string, number>();

  constructor(private readonly options: PartitionDeliveryOptions) {}

  /**
   * Returns early when a handler rejects: the partition is paused, everything from there on is fetched again
   * after a while. Rejects when the group is rebalancing.
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
      // The commit is part of the work: in a rebalance it still counts, and spares the next member the same messages.
      const handled = this.handleAndCommit(payload, batch);
      if (!(await keepingSession(payload.heartbeat, heartbeatMs, handled))) return this.tryAgainLater(payload);
      this.failures.delete(`${name}/${partition}`);
    }
  }

  /** False when a handler rejected; rejects when the commit is refused. */
  private async handleAndCommit(payload: EachBatchPayload, batch: BusBatch): Promise<boolean> {
    try {
      await this.options.handle(batch);
    } catch {
      return false;
    }
    await commit(payload, batch.messages.at(-1)!.offset);
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

async function commit(
  { batch: { topic, partition }, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload,
  last: bigint,
): Promise<void> {
  resolveOffset(last.toString());
  const next = (last + 1n).toString();
  await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: next }] }] });
}
