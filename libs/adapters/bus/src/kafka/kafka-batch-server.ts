import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import kafkajs, { type Admin, type Consumer, type EachBatchPayload } from 'kafkajs';
import { BatchServer } from '../batch-server.js';
import type { ResumeOffsets, RetentionUsed } from '../port.js';
import { PartitionDelivery } from './partition-delivery.js';
import { EmptyStretches, pastEmptyStretch } from './empty-stretches.js';
import { kafkaClient, type KafkaConnection } from './kafka-client.js';
import { partitionBytes } from './partition-bytes.js';
import { deadlineReached, positions, unhandled, waitingFrom, type Positions } from './positions.js';
import { explained, explaining, isGroupRefusal, KafkaRightMissing, principalOf, type NeededRight } from './refusals.js';
import { limitsOf, retentionUsed, type RetentionLimits } from './retention.js';
import { searchOldest } from './search-oldest.js';
import { ensureTopics, prefixed } from './topics.js';
import { keepingSession } from './session.js';

/** Options of a consumer: its cluster, its group, and how it resumes. */
export interface KafkaBatchServerOptions extends KafkaConnection {
  readonly groupId: string;
  /** The offsets that the consumer stores itself. Without it, Kafka's committed offsets of the group are used. */
  readonly resume?: ResumeOffsets;
  /**
   * Batches contain whole records, and end with the record that reaches this number of messages. They can be larger by
   * the rest of that record. Default 1,000.
   */
  readonly batchSize?: number;
  /**
   * From how many partitions batches are handled at the same time, so that the process works on one while the database
   * has another. Those of one partition are always handled in turn. Default 1.
   */
  readonly partitionsAtOnce?: number;
  /**
   * Milliseconds after which the partitions of a crashed member go to another one. Default 6,000, the minimum of
   * brokers in their default configuration.
   */
  readonly sessionTimeoutMs?: number;
}

const SESSION_TIMEOUT_MS = 6_000;
const HEARTBEATS_IN_SESSION = 4;
/**
 * How long Kafka holds a fetch for which there is nothing. It answers at once when there is something, so this delays
 * no message, and each fetch in vain costs client and broker CPU time at rest. It must be below the heartbeats'
 * interval (1.5 s by default): kafkajs sends them between fetches. A consumer that is closed waits for it.
 */
const FETCH_WAIT_MS = 1_000;
/**
 * For each partition. Usage events unpack to some nine times as much: thousands of them, enough for the largest
 * batches. A larger batch of a producer is fetched whole.
 */
const FETCH_BYTES = 512 * 1024;
const RESTART_MS_MAX = 5_000;
const DRAIN_TIMEOUT_MS = 30_000;
const DRAIN_POLL_MS = 25;

/**
 * The consuming side on Kafka. `listen` returns at once and consumes in the background: while the cluster or the store
 * of the offsets is unreachable, it retries without end. If a handler rejects, the same messages are redelivered after
 * 0.1 to 2 s; meanwhile other partitions go on, and the session is kept.
 */
export class KafkaBatchServer extends BatchServer {
  protected override readonly logger = new Logger('Bus');
  private readonly closing = new AbortController();
  private admin: { readonly client: Admin; readonly connected: Promise<void> } | undefined;
  private running: Promise<void> = Promise.resolve();
  private joined = false;
  /** When the cluster has last answered this member, by the monotonic clock. */
  private answeredMs = 0;

  constructor(private readonly options: KafkaBatchServerOptions) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    if (this.topics().length > 0) this.running = this.consumeUntilClosed();
    callback();
  }

  /** Whether it is a member of its group at the moment, and the cluster answers it. Used by readiness checks. */
  get consuming(): boolean {
    const { sessionTimeoutMs = SESSION_TIMEOUT_MS } = this.options;
    return this.joined && performance.now() - this.answeredMs < sessionTimeoutMs;
  }

  /** Waits for the batch that is being handled. */
  async close(): Promise<void> {
    this.closing.abort(new Error('the bus is closed'));
    await this.running;
    await this.admin?.connected.catch(() => undefined);
    await this.admin?.client.disconnect();
  }

  /**
   * Any member of the group may do the handling. Rejects after 30 s, and if the cluster or the store of the offsets is
   * unreachable.
   */
  async drained(topic: string): Promise<void> {
    const deadline = performance.now() + DRAIN_TIMEOUT_MS;
    const ends = await this.endsOf(topic, deadline);
    while (unhandled(ends, await this.handledOffsets(topic, ends)) > 0) {
      if (performance.now() > deadline) throw deadlineReached(topic, DRAIN_TIMEOUT_MS);
      await delay(DRAIN_POLL_MS, undefined, { signal: this.closing.signal });
    }
  }

  /** Counts what no member of the group has handled yet. */
  async lag(topic: string): Promise<number> {
    const ends = await this.endsOf(topic, -Infinity);
    return unhandled(ends, await this.handledOffsets(topic, ends));
  }

  /** By the times of the records at the cluster. */
  async oldestUnhandledMs(topic: string): Promise<number | null> {
    const ends = await this.endsOf(topic, -Infinity);
    const handled = await this.handledOffsets(topic, ends);
    const [waiting, nowMs] = [waitingFrom(ends, handled), Date.now()];
    if (waiting.size === 0) return null;
    return searchOldest(nowMs, async (atMs) => {
      const from = await this.asking(topic, (admin, name) => admin.fetchTopicOffsetsByTimestamp(name, atMs));
      // A record of this moment or later is the first that waits, or lies before it: all that wait are as young.
      return from.every(
        ({ partition, offset }) => BigInt(offset) <= (waiting.get(partition) ?? ends.get(partition)!.high),
      );
    });
  }

  /** By the settings of the topic, and its bytes on disk. */
  async retentionUsed(topic: string): Promise<RetentionUsed> {
    const [ends, limits] = await Promise.all([this.endsOf(topic, -Infinity), this.limitsOf(topic)]);
    const next = await this.handledOffsets(topic, ends);
    const [oldestMs, bytes] = await Promise.all([this.oldestUnhandledMs(topic), this.bytesOf(topic, ends)]);
    const oldestAgeMs = oldestMs === null ? 0 : Math.max(0, Date.now() - oldestMs);
    return retentionUsed(limits, { ends, next, bytes, oldestAgeMs });
  }

  private async limitsOf(topic: string): Promise<RetentionLimits> {
    const name = prefixed(this.options, topic);
    const query = { type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: ['retention.bytes', 'retention.ms'] };
    const { resources } = await this.asking(
      topic,
      (admin) => admin.describeConfigs({ includeSynonyms: false, resources: [query] }),
      { operation: 'DescribeConfigs', resource: `topic ${name}` },
    );
    return limitsOf(resources[0]?.configEntries ?? []);
  }

  private async bytesOf(topic: string, ends: Positions): Promise<ReadonlyMap<number, bigint>> {
    const bytes = await partitionBytes(kafkaClient(this.options), prefixed(this.options, topic), [...ends.keys()]);
    // Who may not describe the cluster is answered with nothing.
    if ([...ends.keys()].every((partition) => !bytes.has(partition)))
      throw new KafkaRightMissing(principalOf(this.options), 'Describe', 'the cluster');
    return bytes;
  }

  /** Retries until `deadline`: a topic that was just created may have no leader yet. */
  private async endsOf(topic: string, deadline: number): Promise<Positions> {
    for (;;) {
      try {
        return positions(await this.asking(topic, (admin, name) => admin.fetchTopicOffsets(name)));
      } catch (error) {
        if (!isRetriable(error) || performance.now() > deadline) throw error;
        await delay(DRAIN_POLL_MS, undefined, { signal: this.closing.signal });
      }
    }
  }

  private async handledOffsets(topic: string, ends: Positions): Promise<ReadonlyMap<number, bigint>> {
    const own = this.options.resume && (await this.options.resume(topic, [...ends.keys()]));
    if (own !== undefined && unhandled(ends, own) === 0) return own;
    const { groupId } = this.options;
    const [committed] = await this.asking(topic, (admin, name) => admin.fetchOffsets({ groupId, topics: [name] }), {
      operation: 'Describe',
      resource: `group ${groupId}`,
    });
    if (committed === undefined) throw new Error(`Kafka did not tell the offsets of ${topic}`);
    return new Map(
      committed.partitions.map((of) => [
        of.partition,
        // A consumer that has handled nothing stands at the oldest message.
        own === undefined
          ? BigInt(of.offset)
          : pastEmptyStretch(own.get(of.partition) ?? ends.get(of.partition)?.low ?? 0n, of),
      ]),
    );
  }

  private async consumeUntilClosed(): Promise<void> {
    const { signal } = this.closing;
    for (let failures = 0; !signal.aborted; failures++) {
      const started = performance.now();
      try {
        await this.consume();
      } catch (failure) {
        if (signal.aborted) return;
        if (performance.now() - started > RESTART_MS_MAX) failures = 0;
        const again = Math.min(RESTART_MS_MAX, 200 * 2 ** failures);
        const error = explained(failure, this.options, this.rightToConsume);
        this.logger.warn(`${this.options.groupId} stopped consuming, trying again in ${again} ms: ${String(error)}`);
        await delay(again, undefined, { signal }).catch(() => undefined);
      } finally {
        this.joined = false;
      }
    }
  }

  /** Runs one consumer: resolves when the server is closed, rejects when the consumer cannot recover. */
  private async consume(): Promise<void> {
    const topics = this.topics();
    const { sessionTimeoutMs = SESSION_TIMEOUT_MS, groupId } = this.options;
    await ensureTopics(this.options, topics);
    let groupRefused = false;
    const consumer = kafkaClient(this.options, (line) => {
      groupRefused ||= isGroupRefusal(line);
    }).consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: sessionTimeoutMs / HEARTBEATS_IN_SESSION,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: FETCH_BYTES,
      allowAutoTopicCreation: false,
      // A crash ends this consumer; `consumeUntilClosed` makes a new one.
      retry: { restartOnFailure: async () => false },
    });
    const over = this.lifeOf(consumer);
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: topics.map((topic) => prefixed(this.options, topic)), fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: this.options.partitionsAtOnce ?? 1,
        eachBatch: this.batchHandler(consumer),
      });
      await over;
    } catch (error) {
      if (!groupRefused) throw error;
      throw new KafkaRightMissing(principalOf(this.options), 'Read', `group ${groupId}`, error);
    } finally {
      over.catch(() => undefined);
      await consumer.disconnect();
    }
  }

  /** The cluster's refusal names no topic. */
  private get rightToConsume(): NeededRight {
    const names = this.topics().map((topic) => prefixed(this.options, topic));
    return { operation: 'Read', resource: `topics ${names.join(', ')}` };
  }

  private lifeOf(consumer: Consumer): Promise<void> {
    return new Promise((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      // A consumer that has ended by itself, for whatever reason, is replaced.
      consumer.on(consumer.events.DISCONNECT, () => reject(new Error('the consumer has left the cluster')));
      this.closing.signal.addEventListener('abort', () => resolve(), { once: true });
      if (this.closing.signal.aborted) resolve();
    });
  }

  private batchHandler(consumer: Consumer): (payload: EachBatchPayload) => Promise<void> {
    const { topicPrefix = '', batchSize = 1_000, sessionTimeoutMs = SESSION_TIMEOUT_MS } = this.options;
    const stretches = new EmptyStretches(consumer, (error) =>
      this.logger.warn(`the end of a transaction could not be noted: ${String(error)}`),
    );
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => stretches.worked(payload));
    const delivery = new PartitionDelivery({
      batchSize,
      heartbeatMs: sessionTimeoutMs / HEARTBEATS_IN_SESSION,
      topicOf: (name) => name.slice(topicPrefix.length),
      handle: (batch) => this.handle(batch),
      onRetry: (topic, partition, ms) =>
        this.logger.warn(`a handler of ${topic} failed in partition ${partition}, trying again in ${ms} ms`),
      onHandled: (name, partition, ends) => stretches.note(name, partition, ends),
    });
    const answered = (): void => {
      this.answeredMs = performance.now();
    };
    consumer.on(consumer.events.FETCH, answered);
    consumer.on(consumer.events.HEARTBEAT, answered);
    let positioned: Promise<void> = Promise.resolve();
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.joined = true;
      answered();
      positioned = this.seekToResume(consumer, payload.memberAssignment);
      // When the server closes, no batch may be awaiting it: the rejection must not go unhandled.
      positioned.catch(() => undefined);
    });
    return async (payload) => {
      await keepingSession(payload.heartbeat, sessionTimeoutMs / HEARTBEATS_IN_SESSION, positioned, { abandon: true });
      // This batch was fetched before the seek: the partition is fetched again from the right offset.
      if (payload.isStale()) return;
      await delivery.deliver(payload);
    };
  }

  /**
   * Kafka's committed offsets may be lost, or behind or ahead of the consumer's own database: the offsets that the
   * consumer stores itself decide.
   */
  private async seekToResume(consumer: Consumer, assignment: Record<string, number[]>): Promise<void> {
    const { resume, topicPrefix = '' } = this.options;
    if (resume === undefined) return;
    for (const [name, partitions] of Object.entries(assignment)) {
      const topic = name.slice(topicPrefix.length);
      const next = await this.untilAnswered(`where to resume ${topic}`, () => resume(topic, partitions));
      const ends = await this.untilAnswered(`the ends of ${topic}`, async () =>
        positions(await this.asking(topic, (admin) => admin.fetchTopicOffsets(name))),
      );
      for (const partition of partitions) {
        const { low, high } = ends.get(partition) ?? { low: 0n, high: 0n };
        const wanted = next.get(partition) ?? low;
        const possible = wanted >= low && wanted <= high;
        // Never resume at the end: the messages before it would be skipped. Handlers recognise messages they have seen.
        if (!possible)
          this.logger.error(
            `${topic} partition ${partition} should resume at ${wanted} but holds ${low} to ${high}: resuming at ${low}`,
          );
        consumer.seek({ topic: name, partition, offset: (possible ? wanted : low).toString() });
      }
    }
  }

  private async untilAnswered<T>(what: string, ask: () => Promise<T>): Promise<T> {
    for (;;) {
      this.closing.signal.throwIfAborted();
      try {
        return await ask();
      } catch (error) {
        this.logger.warn(`cannot find out ${what}, trying again: ${String(error)}`);
        await delay(500, undefined, { signal: this.closing.signal });
      }
    }
  }

  /**
   * Asks the cluster something about a topic. kafkajs fails for good on a connection on which signing in has failed
   * half-way (tulios/kafkajs#1550), so after such a failure the next question has a client of its own.
   */
  private async asking<T>(
    topic: string,
    ask: (admin: Admin, name: string) => Promise<T>,
    right: NeededRight = { operation: 'Describe', resource: `topic ${prefixed(this.options, topic)}` },
  ): Promise<T> {
    const name = prefixed(this.options, topic);
    const admin = (this.admin ??= this.newAdmin());
    try {
      return await explaining(this.options, right, async () => {
        await admin.connected;
        return ask(admin.client, name);
      });
    } catch (error) {
      if (this.admin === admin && !isRetriable(error) && !this.closing.signal.aborted) {
        this.admin = undefined;
        void admin.client.disconnect().catch(() => undefined);
      }
      throw error;
    }
  }

  private newAdmin() {
    const client = kafkaClient(this.options).admin();
    return { client, connected: client.connect() };
  }
}

/** Whether the cluster answered that the same question may be asked again: a topic is without a leader, say. */
const isRetriable = (error: unknown): boolean => error instanceof kafkajs.KafkaJSProtocolError && error.retriable;
