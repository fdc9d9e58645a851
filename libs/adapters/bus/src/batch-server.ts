import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { BusBatch } from './port.js';

/**
 * A Nest transport whose `@EventPattern(topic)` handlers receive a `BusBatch`. All handlers of a topic run
 * for each batch; the batch is handled when all of them have resolved.
 */
export abstract class BatchServer extends Server implements CustomTransportStrategy {
  // A handler's failure is reported here, with what comes of it; Nest would only log it.
  override readonly propagatesEventHandlerErrors = true;

  abstract override listen(callback: (error?: unknown) => void): void;
  abstract override close(): Promise<void>;

  /**
   * When everything that was in the topic at the time of the call has been handled. Never call it inside
   * a handler of that topic.
   */
  abstract drained(topic: string): Promise<void>;

  /**
   * How much of the topic is not handled yet, 0 when all is: on Kafka records, each of which may hold many messages;
   * in process messages. Rejects when nobody can be asked.
   */
  abstract lag(topic: string): Promise<number>;

  override on(): never {
    throw new Error('the bus has no such events');
  }

  override unwrap(): never {
    throw new Error('the bus is not to be unwrapped');
  }

  protected topics(): string[] {
    return [...this.messageHandlers.keys()];
  }

  /** Rejects when a handler did. Nest's own filter has logged the cause and replaced it by then. */
  protected async handle(batch: BusBatch): Promise<void> {
    const handler = this.messageHandlers.get(batch.topic);
    if (handler === undefined) throw new Error(`no handler for ${batch.topic}`);
    const result: unknown = await handler(batch, undefined);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }
}

/** How far the handlers of a process are in a topic. */
export type BusProgress = Pick<BatchServer, 'drained' | 'lag'>;

/** Token of the `BusProgress` of a process. */
export const BUS_PROGRESS = Symbol('BUS_PROGRESS');
