import { Partitioners, type Producer } from 'kafkajs';
import type { BusMessage, BusPublisher } from '../port.js';
import { compressionOf } from './compression.js';
import { kafkaClient, type KafkaConnection } from './kafka-client.js';
import { pack } from './packing.js';
import { ensureTopics, prefixed } from './topics.js';

/** The publishing side, for the process that opens and closes it. */
export interface KafkaBus {
  readonly publisher: BusPublisher;
  /** Waits for the publishes that are under way. */
  close(): Promise<void>;
}

/** How a publisher connects to Kafka, and how it publishes. */
export interface KafkaBusOptions extends KafkaConnection {
  /** Makes the broker drop duplicates that a retry sends. Default false: consumers are idempotent in any case. */
  readonly idempotent?: boolean;
}

/**
 * The publishing side on Kafka, with acks=all. The messages of one publish are packed into few records for each key,
 * and compressed if they are large. It connects, and creates a missing topic, at the first publish. While the cluster
 * is unreachable, each publish rejects after some 5 s, and the next one tries again.
 */
export function kafkaBus(options: KafkaBusOptions): KafkaBus {
  const publisher = new KafkaPublisher(options);
  return { publisher, close: () => publisher.close() };
}

class KafkaPublisher implements BusPublisher {
  private readonly producer: Producer;
  private readonly connection = new Map<'', Promise<void>>();
  private readonly topics = new Map<string, Promise<void>>();
  private closed = false;

  constructor(private readonly options: KafkaBusOptions) {
    this.producer = kafkaClient(options).producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      ...(options.idempotent ? { idempotent: true, maxInFlightRequests: 1 } : {}),
    });
  }

  async publish(topic: string, messages: readonly BusMessage[]): Promise<void> {
    if (messages.length === 0) return;
    if (this.closed) throw new Error(`the bus is closed: ${topic} was not published`);
    await onceDone(this.connection, '', () => this.producer.connect());
    await onceDone(this.topics, topic, () => ensureTopics(this.options, [topic]));
    const records = pack(messages);
    await this.producer.send({
      topic: prefixed(this.options, topic),
      acks: -1,
      messages: records,
      compression: compressionOf(records),
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.connection.values());
    await this.producer.disconnect();
  }
}

/** Does it once for all callers; after a failure the next caller tries again. */
function onceDone<K>(done: Map<K, Promise<void>>, key: K, work: () => Promise<void>): Promise<void> {
  const known = done.get(key);
  if (known !== undefined) return known;
  const attempt = work();
  done.set(key, attempt);
  attempt.catch(() => done.delete(key));
  return attempt;
}
