import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { BusBatch, RetentionUsed } from './port.js';

/**
 * A Nest transport whose `@EventPattern(topic)` handlers receive a `BusBatch`. All handlers of a topic run
 * for each batch; the batch is handled when all of them have resolved.
 */
export abstract class BatchServer extends Server implements CustomTransportStrategy {
  // Makes a handler's failure reject in `handle`; else Nest would only log it, and the batch would count as handled.
  override readonly propagatesEventHandlerErrors = true;

  abstract override listen(callback: (error?: unknown) => void): void;
  abstract override close(): Promise<void>;

  /**
   * Resolves when everything that was in the topic at the time of the call has been handled. Never call it in a handler
   * of that topic: it would wait for itself.
   */
  abstract drained(topic: string): Promise<void>;

  /**
   * The backlog of the topic, 0 if everything is handled. It counts records on Kafka, each of which may hold many
   * messages, and messages in process. Rejects if the backlog cannot be read.
   */
  abstract lag(topic: string): Promise<number>;

  /**
   * When the oldest message of the topic that is not handled was published, in milliseconds since 1970; null if
   * everything is handled. Rejects if that cannot be read.
   */
  abstract oldestUnhandledMs(topic: string): Promise<number | null>;

  /** How near the messages of the topic that are not handled are to their removal. Rejects if that cannot be read. */
  abstract retentionUsed(topic: string): Promise<RetentionUsed>;

  override on(): never {
    throw new Error('the bus emits no events');
  }

  override unwrap(): never {
    throw new Error('the bus does not expose its client');
  }

  protected topics(): string[] {
    return [...this.messageHandlers.keys()];
  }

  /** Rejects if a handler rejects. Nest's exception filter has then logged the cause and replaced the error. */
  protected async handle(batch: BusBatch): Promise<void> {
    const handler = this.messageHandlers.get(batch.topic);
    if (handler === undefined) throw new Error(`no handler for ${batch.topic}`);
    const result: unknown = await handler(batch, undefined);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }
}

/** Progress of a process's handlers in a topic. */
export type BusProgress = Pick<BatchServer, 'drained' | 'lag' | 'oldestUnhandledMs' | 'retentionUsed'>;

/** Token of the `BusProgress` of a process. */
export const BUS_PROGRESS = Symbol('BUS_PROGRESS');
