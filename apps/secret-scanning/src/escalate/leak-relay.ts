import { Inject, Injectable } from '@nestjs/common';
import { BUS_PUBLISHER, type BusPublisher } from '@tollgate/bus';
import { LEAKS_REPORTED_V1 } from '@tollgate/contracts';
import { OutboxRelay, type OutboxBacklog } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { DataSource } from 'typeorm';
import { PUBLISH_LEAK, SCANNING_SCHEMA } from '../store/outbox-effects.js';

/** Carries leaks that could not be revoked at once to the bus, each until it is there. */
@Injectable()
export class LeakRelay {
  private readonly relay: OutboxRelay;

  constructor(dataSource: DataSource, @Inject(BUS_PUBLISHER) bus: BusPublisher, @Inject(LOGGER) logger: Logger) {
    this.relay = new OutboxRelay({
      dataSource,
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

  /** Looks for leaks to carry now. */
  wake(): void {
    this.relay.wake();
  }

  /** What waits to be carried. Rejects when the database cannot be asked. */
  backlog(): Promise<readonly OutboxBacklog[]> {
    return this.relay.backlog();
  }
}
