import 'reflect-metadata';
import { RedisAdmissionLedger } from '@tollgate/admission';
import { endOnSignals, listenersFree, startService, warnOfUnknown } from '@tollgate/app-process';
import { KafkaBatchServer } from '@tollgate/bus';
import { createNestServer, httpKeyManagementApi, stopListening } from '@tollgate/http';
import { openDatabase, prepareDatabase } from '@tollgate/postgres';
import { connectRedis } from '@tollgate/redis';
import { createLogger, createMetricsRegistry, startOperationsListener } from '@tollgate/telemetry';
import { readConfig, readUnknown } from './config.js';
import { resumeOffsets } from './store/consumer-offsets.js';
import { usageBillingSchema } from './store/migrations/index.js';
import { UsageBillingInternalModule } from './usage-billing-internal.module.js';
import { UsageBillingModule } from './usage-billing.module.js';

const SERVICE = 'usage-billing';
/** Longest wait for requests in flight at the end; none takes that long. */
const STOP_GRACE_MS = 5_000;
/** Only a usage query about a key that was never used waits for it. */
const KEY_MANAGEMENT_TIMEOUT_MS = 3_000;

async function start(): Promise<void> {
  const config = readConfig();
  const logger = createLogger({ service: SERVICE, level: config.LOG_LEVEL });
  warnOfUnknown(logger, readUnknown());
  logger.info('starting');
  await listenersFree(config);
  await prepareDatabase(config.DATABASE_URL, usageBillingSchema, (line) => logger.warn(line));
  const database = await openDatabase({ url: config.DATABASE_URL, poolSize: 10, applicationName: SERVICE });
  const redis = connectRedis({ url: config.REDIS_URL, name: SERVICE, onTrouble: (redis) => logger.warn({ redis }, 'Redis cannot be reached') });
  const consumer = new KafkaBatchServer({
    brokers: config.KAFKA_BROKERS, clientId: SERVICE, topicPrefix: config.KAFKA_TOPIC_PREFIX,
    groupId: `${config.KAFKA_TOPIC_PREFIX}${SERVICE}`,
    resume: resumeOffsets(database.dataSource),
  });

  const keyManagementUrl = config.KEY_MANAGEMENT_URL;
  const keyManagement =
    keyManagementUrl === undefined
      ? undefined
      : httpKeyManagementApi({
          url: keyManagementUrl,
          serviceSecret: config.TOLLGATE_SERVICE_SECRET,
          timeoutMs: KEY_MANAGEMENT_TIMEOUT_MS,
        });
  const registry = createMetricsRegistry(SERVICE);
  const usageBilling = UsageBillingModule.register({
    database, logger, registry,
    ledger: new RedisAdmissionLedger(redis),
    drained: (topic) => consumer.drained(topic),
    lag: (topic) => consumer.lag(topic),
    adminSecret: config.TOLLGATE_ADMIN_SECRET,
    ...(keyManagement !== undefined && { keyManagement }),
    goneAfterMs: config.GATEWAY_GONE_AFTER_MS,
  });
  const serviceSecret = config.TOLLGATE_SERVICE_SECRET;
  const internal = UsageBillingInternalModule.register(usageBilling, serviceSecret);
  const app = await createNestServer(internal, { logger, registry, serviceSecret });
  app.connectMicroservice({ strategy: consumer });
  await app.startAllMicroservices();
  await app.listen(config.TOLLGATE_PORT, config.TOLLGATE_HOST);
  const operations = await startOperationsListener({
    host: config.TOLLGATE_OPERATIONS_HOST,
    port: config.TOLLGATE_OPERATIONS_PORT,
    registry,
    // Without Redis and Kafka it still answers what was spent; epochs and bookings wait.
    ready: async () => {
      const postgres = await database.dataSource.query('SELECT 1').then(() => true, () => false);
      return { ready: postgres, checks: { postgres, redis: redis.storeId() !== null, kafka: consumer.consuming } };
    },
  });
  logger.info({ url: await app.getUrl(), operations: operations.url }, 'listening');

  const tell = (line: string) => logger.info(line);
  const stop = async (signal: NodeJS.Signals) => {
    tell(`stopping (${signal}): taking no new requests`);
    await stopListening(app, { graceMs: STOP_GRACE_MS, tell });
    tell('closing the bus and the database');
    await app.close();
    await Promise.allSettled([operations.close(), keyManagement?.close(), redis.close(), database.close()]);
    tell('stopped');
  };
  endOnSignals({ stop, tell });
}

startService(SERVICE, start);
