import { endOnSignals, listenersFree, startService, warnOfUnknown } from '@tollgate/app-process';
import { KafkaBatchServer, kafkaBus } from '@tollgate/bus';
import { createNestServer, httpUsageBillingApi, stopListening } from '@tollgate/http';
import { RedisKeySnapshotWriter } from '@tollgate/key-snapshots';
import { openDatabase, prepareDatabase } from '@tollgate/postgres';
import { connectRedis } from '@tollgate/redis';
import { createLogger, createMetricsRegistry, startOperationsListener } from '@tollgate/telemetry';
import { readConfig, readUnknown } from './config.js';
import { KeyManagementInternalModule } from './key-management-internal.module.js';
import { KeyManagementModule } from './key-management.module.js';
import { keyManagementSchema } from './store/migrations/index.js';
import { refuseOtherPepper } from './store/refuse-other-pepper.js';

const SERVICE = 'key-management';
/** Keys are shown without their spending rather than late. */
const SPENDING_TIMEOUT_MS = 1_500;
/** Longest wait for requests in flight at the end; none takes that long. */
const STOP_GRACE_MS = 5_000;

async function start(): Promise<void> {
  const config = readConfig();
  const logger = createLogger({ service: SERVICE, level: config.LOG_LEVEL });
  warnOfUnknown(logger, readUnknown());
  logger.info('starting');
  await listenersFree(config);
  await prepareDatabase(config.DATABASE_URL, keyManagementSchema, (line) => logger.warn(line));
  const database = await openDatabase({ url: config.DATABASE_URL, poolSize: 10, applicationName: SERVICE });
  await refuseOtherPepper(database.dataSource, { pepper: config.TOLLGATE_PEPPER, warn: (line) => logger.warn(line) });
  const redis = connectRedis({ url: config.REDIS_URL, name: SERVICE, onTrouble: (redis) => logger.warn({ redis }, 'Redis cannot be reached') });
  const kafka = { brokers: config.KAFKA_BROKERS, clientId: SERVICE, topicPrefix: config.KAFKA_TOPIC_PREFIX };
  const bus = kafkaBus(kafka);
  const consumer = new KafkaBatchServer({ ...kafka, groupId: `${config.KAFKA_TOPIC_PREFIX}${SERVICE}` });
  const usageBilling = httpUsageBillingApi({ url: config.USAGE_BILLING_URL, serviceSecret: config.TOLLGATE_SERVICE_SECRET, timeoutMs: SPENDING_TIMEOUT_MS });

  const registry = createMetricsRegistry(SERVICE);
  const keyManagement = KeyManagementModule.register({
    database, usageBilling, logger, registry,
    snapshots: new RedisKeySnapshotWriter(redis),
    bus: bus.publisher,
    adminSecret: config.TOLLGATE_ADMIN_SECRET,
    pepper: config.TOLLGATE_PEPPER,
    keyMarker: config.TOLLGATE_KEY_MARKER,
    initOwnerEmail: config.INIT_OWNER_EMAIL,
  });
  const serviceSecret = config.TOLLGATE_SERVICE_SECRET;
  const internal = KeyManagementInternalModule.register(keyManagement, serviceSecret);
  const app = await createNestServer(internal, { logger, registry, serviceSecret });
  app.connectMicroservice({ strategy: consumer });
  await app.startAllMicroservices();
  await app.listen(config.TOLLGATE_PORT, config.TOLLGATE_HOST);
  const operations = await startOperationsListener({
    host: config.TOLLGATE_OPERATIONS_HOST,
    port: config.TOLLGATE_OPERATIONS_PORT,
    registry,
    // Without Redis and Kafka it still makes, shows and revokes keys, and relays later what it cannot now.
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
    await Promise.allSettled([operations.close(), usageBilling.close(), bus.close(), redis.close(), database.close()]);
    tell('stopped');
  };
  endOnSignals({ stop, tell });
}

startService(SERVICE, start);
