import { BatchServer } from '../batch-server.js';
import { NO_LOG, type BusMessage, type BusPublisher, type RetentionUsed } from '../port.js';

const BATCH_MAX = 100;

/** Both sides of the in-process bus. */
export interface InProcessBus {
  readonly publisher: BusPublisher;
  /** The strategy for `connectMicroservice`, in the only application that has handlers. */
  readonly server: BatchServer;
}

/**
 * A bus without a log: `publish` runs the handlers, and resolves when they have committed. The publisher is responsible
 * for durability (journal, outbox): it publishes again what was not acknowledged. Each topic has one batch of at most
 * 100 messages under way. Messages of a topic without a handler are dropped.
 */
export function inProcessBus(): InProcessBus {
  const server = new InProcessBatchServer();
  return { server, publisher: { publish: (topic, messages) => server.deliver(topic, messages) } };
}

class InProcessBatchServer extends BatchServer {
  private readonly tails = new Map<string, Promise<void>>();
  private readonly waiting = new Map<string, number>();
  /** When what waits was published, the oldest first. */
  private readonly publishedAt = new Map<string, Set<{ readonly ms: number }>>();
  private offset = 0n;
  private state: 'new' | 'listening' | 'closed' = 'new';

  listen(callback: (error?: unknown) => void): void {
    this.state = 'listening';
    callback();
  }

  /** Waits for the batches under way; later ones are refused. */
  async close(): Promise<void> {
    this.state = 'closed';
    await Promise.all(this.tails.values());
  }

  async drained(topic: string): Promise<void> {
    await this.tails.get(topic);
  }

  lag(topic: string): Promise<number> {
    return Promise.resolve(this.waiting.get(topic) ?? 0);
  }

  oldestUnhandledMs(topic: string): Promise<number | null> {
    const [oldest] = this.publishedAt.get(topic) ?? [];
    return Promise.resolve(oldest?.ms ?? null);
  }

  /** It keeps no log from which something could be removed. */
  retentionUsed(): Promise<RetentionUsed> {
    return Promise.resolve({ bytes: null, time: null });
  }

  deliver(topic: string, messages: readonly BusMessage[]): Promise<void> {
    this.count(topic, messages.length);
    const published = { ms: Date.now() };
    const waiting = this.publishedAt.get(topic) ?? new Set();
    this.publishedAt.set(topic, waiting.add(published));
    const delivery = (this.tails.get(topic) ?? Promise.resolve())
      .then(() => this.run(topic, messages))
      .finally(() => {
        this.count(topic, -messages.length);
        waiting.delete(published);
      });
    // The next publish starts even if this one fails.
    this.tails.set(
      topic,
      delivery.catch(() => undefined),
    );
    return delivery;
  }

  private count(topic: string, messages: number): void {
    this.waiting.set(topic, (this.waiting.get(topic) ?? 0) + messages);
  }

  private async run(topic: string, messages: readonly BusMessage[]): Promise<void> {
    for (let start = 0; start < messages.length; start += BATCH_MAX) {
      if (this.state !== 'listening')
        throw new Error(
          `the bus is ${this.state === 'new' ? 'not listening yet' : 'closed'}: ${topic} was not published`,
        );
      if (!this.messageHandlers.has(topic)) return;
      const batch = messages
        .slice(start, start + BATCH_MAX)
        .map(({ key, value }) => ({ offset: this.offset++, part: 0, key, value: value.toString() }));
      await this.handle({ topic, partition: NO_LOG, messages: batch });
    }
  }
}
