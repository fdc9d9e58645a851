/** One fact to publish: `value` is JSON text (or its UTF-8 bytes), already in the shape of its event version. */
export interface BusMessage {
  readonly key: string;
  readonly value: string | Buffer;
}

/**
 * Publishing side of the bus. Resolves when every message is durable (Kafka: acks=all; in process: each
 * consumer has committed). Rejects otherwise, and the caller publishes again: consumers are idempotent.
 * Messages of one key keep their order within one publish, and across publishes if each is awaited before the next.
 *
 * @example
 * await publisher.publish(KEYS_CHANGED_V1, [{ key: apiKeyId, value: JSON.stringify(event) }]);
 */
export interface BusPublisher {
  publish(topic: string, messages: readonly BusMessage[]): Promise<void>;
}

/** Token of the `BusPublisher` of a process. */
export const BUS_PUBLISHER = Symbol('BUS_PUBLISHER');

/**
 * The argument of an `@EventPattern` handler: consecutive messages of one partition, oldest first. A batch never ends
 * within a record, so a consumer can resume at the offset after its last message.
 */
export interface BusBatch {
  readonly topic: string;
  /** `NO_LOG` in process: nothing can be resumed there, and offsets have no meaning after a restart. */
  readonly partition: number;
  readonly messages: readonly BusDelivery[];
}

/** The partition of a bus that keeps no log. */
export const NO_LOG = -1;

/** One message as a handler receives it. */
export interface BusDelivery {
  /**
   * The position of its record in the partition. Offsets grow and may have gaps; messages that were published together
   * may share one.
   */
  readonly offset: bigint;
  /** Index within its record, from 0; together with `offset` it identifies the message. In process it is always 0. */
  readonly part: number;
  readonly key: string | null;
  readonly value: string;
}

/**
 * The offsets from which a consumer resumes: the next offset to read of each partition. The consumer stores them
 * itself, in the transaction of its effects. A partition that is not named starts at its oldest message. An offset goes
 * past a record only when all of its messages have been handled.
 */
export type ResumeOffsets = (topic: string, partitions: readonly number[]) => Promise<ReadonlyMap<number, bigint>>;

/**
 * How much of what a bus keeps of a topic is taken up by messages that are not handled: by its limit of bytes, and by
 * its limit of time. From 1 on messages may be removed that nobody has handled. Null where there is no such limit.
 */
export interface RetentionUsed {
  readonly bytes: number | null;
  readonly time: number | null;
}
