/** One fact to publish: `value` is JSON text (or its UTF-8 bytes), already in the shape of its event version. */
export interface BusMessage {
  readonly key: string;
  readonly value: string | Buffer;
}

/**
 * Publishing side of the bus. Resolves when every message is durable (Kafka: acks=all; in process: each
 * consumer has committed). Rejects otherwise, and the caller publishes again: consumers are idempotent.
 * Messages of one key keep their order within one publish, and when each publish is awaited before the next.
 */
export interface BusPublisher {
  publish(topic: string, messages: readonly BusMessage[]): Promise<void>;
}

/** Token of the `BusPublisher` of a process. */
export const BUS_PUBLISHER = Symbol('BUS_PUBLISHER');

/**
 * What an `@EventPattern` handler receives: consecutive messages of one partition, oldest first. A batch never ends
 * within a record, so that the offset behind its last message is where to resume.
 */
export interface BusBatch {
  readonly topic: string;
  /** `NO_LOG` in process: there is nothing to resume from, and offsets mean nothing after a restart. */
  readonly partition: number;
  readonly messages: readonly BusDelivery[];
}

/** The partition of a bus that keeps no log. */
export const NO_LOG = -1;

export interface BusDelivery {
  /**
   * Its record's position in the partition. Messages that were published together may share one; grows, may have gaps.
   */
  readonly offset: bigint;
  /** Place within its record, from 0; with `offset` it names the message. In process always 0. */
  readonly part: number;
  readonly key: string | null;
  readonly value: string;
}

/**
 * Where a consumer left off, by its own account (a table it writes in the transaction of its effects):
 * the next offset to read of each partition; partitions not named start at the oldest message. An offset goes past a
 * record only when all of its messages have been handled.
 */
export type ResumeOffsets = (topic: string, partitions: readonly number[]) => Promise<ReadonlyMap<number, bigint>>;
