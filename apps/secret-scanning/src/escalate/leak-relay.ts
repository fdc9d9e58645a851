import { Inject, Injectable } from '@nestjs/common';
import { BUS_PUBLISHER, type BusPublisher } from '@tollgate/bus';
import { LEAKS_REPORTED_V1 } from '@tollgate/contracts';
import { OutboxRelay, ServiceDatabase, type OutboxBacklog } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { PUBLISH_LEAK, SCANNING_SCHEMA } from '../store/outbox-effects.js';

/** Publishes leaks that could not be revoked at once to the bus. Each is retried until it is accepted. */
@Injectable()
export class LeakRelay {
  private readonly relay: OutboxRelay;

  constructor(database: ServiceDatabase, @Inject(BUS_PUBLISHER) bus: BusPublisher, @Inject(LOGGER) logger: Logger) {
    this.relay = new OutboxRelay({
      database,
      schema: SCANNING_SCHEMA,
      effects: {
        [PUBLISH_LEAK]: (rows) =>
          bus.publish(
            LEAKS_REPORTED_V1,
            rows.map(({ key, payload }) => ({ key, value: payload })),
          ),
      },
      onError: (err, what) => logger.warn({ err }, what),
    });
  }

  start(): void {
    this.relay.start();
  }

  stop(): Promise<void> {
    return this.relay.stop();
  }

  /** Looks for leaks to publish now, without waiting for the next poll. */
  wake(): void {
    this.relay.wake();
  }

  /** Outbox entries that are not published yet. Rejects if the database cannot be reached. */
  backlog(): Promise<readonly OutboxBacklog[]> {
    return this.relay.backlog();
  }
}
