import { Partitioners, type Producer } from 'kafkajs';
import type { BusMessage, BusPublisher } from '../port.js';
import { compressionOf } from './compression.js';
import { kafkaClient, type KafkaConnection } from './kafka-client.js';
import { pack } from './packing.js';
import { explaining } from './refusals.js';
import { ensureTopics, prefixed } from './topics.js';

/** The publishing side, for the process that opens and closes it. */
export interface KafkaBus {
  readonly publisher: BusPublisher;
  /** Whether the last publish was acknowledged; true before the first. Used by readiness checks. */
  readonly publishing: boolean;
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
 * is unreachable, or does not let this process in, each publish rejects after some 5 s at most, and the next one tries
 * again with a new client.
 */
export function kafkaBus(options: KafkaBusOptions): KafkaBus {
  return new KafkaPublisher(options);
}

/** A client of the cluster, with what it has done there once. */
interface Client {
  readonly producer: Producer;
  connected: Promise<void> | undefined;
  readonly topics: Map<string, Promise<void>>;
  /** Publishes under way. */
  busy: number;
}

class KafkaPublisher implements BusPublisher, KafkaBus {
  private client: Client;
  private closed = false;
  private acknowledged = true;
  private readonly leaving = new Set<Promise<unknown>>();

  constructor(private readonly options: KafkaBusOptions) {
    this.client = this.newClient();
  }

  get publisher(): BusPublisher {
    return this;
  }

  get publishing(): boolean {
    return this.acknowledged;
  }

  async publish(topic: string, messages: readonly BusMessage[]): Promise<void> {
    if (messages.length === 0) return;
    if (this.closed) throw new Error(`the bus is closed: ${topic} was not published`);
    const { client } = this;
    client.busy += 1;
    try {
      await this.publishBy(client, topic, messages);
      this.acknowledged = true;
    } catch (error) {
      this.acknowledged = false;
      if (this.client === client && !this.closed) this.client = this.newClient();
      throw error;
    } finally {
      client.busy -= 1;
      if (client !== this.client && client.busy === 0) this.leave(client);
    }
  }

  private async publishBy(client: Client, topic: string, messages: readonly BusMessage[]): Promise<void> {
    const name = prefixed(this.options, topic);
    const records = pack(messages);
    await explaining(this.options, { operation: 'Write', resource: `topic ${name}` }, async () => {
      await (client.connected ??= client.producer.connect());
      await onceDone(client.topics, topic, () => ensureTopics(this.options, [topic]));
      await client.producer.send({
        topic: name,
        acks: -1,
        messages: records,
        compression: compressionOf(records),
      });
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.client.connected?.catch(() => undefined);
    await this.client.producer.disconnect();
    await Promise.all(this.leaving);
  }

  /**
   * kafkajs takes up a connection again on which signing in has failed half-way, and then fails for good
   * (tulios/kafkajs#1550): after a failure the next publish has a client of its own.
   */
  private newClient(): Client {
    const producer = kafkaClient(this.options).producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      ...(this.options.idempotent ? { idempotent: true, maxInFlightRequests: 1 } : {}),
    });
    return { producer, connected: undefined, topics: new Map(), busy: 0 };
  }

  private leave({ producer }: Client): void {
    const left = producer.disconnect().catch(() => undefined);
    this.leaving.add(left);
    void left.finally(() => this.leaving.delete(left));
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
