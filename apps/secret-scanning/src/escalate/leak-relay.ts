import type { BusPublisher } from '@tollgate/bus';
import { LEAKS_REPORTED_V1 } from '@tollgate/contracts';
import { OutboxRelay } from '@tollgate/postgres';
import type { Logger } from '@tollgate/telemetry';
import type { DataSource } from 'typeorm';
import { PUBLISH_LEAK, SCANNING_SCHEMA } from '../store/outbox-effects.js';

/** Carries leaks that could not be revoked at once to the bus, each until it is there. */
export function leakRelay({
  dataSource,
  bus,
  logger,
}: {
  dataSource: DataSource;
  bus: BusPublisher;
  logger: Logger;
}): OutboxRelay {
  return new OutboxRelay({
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
