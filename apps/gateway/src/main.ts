import 'reflect-metadata';
import { join } from 'node:path';
import { RedisAdmission } from '@tollgate/admission';
import { kafkaBus } from '@tollgate/bus';
import { ConfigError, ConfigFileMissing, EnvironmentError, loadConfig } from '@tollgate/config';
import { FolderLockedError } from '@tollgate/folder-lock';
import { createNestServer, httpKeyManagementApi, httpUsageBillingApi, stopListening } from '@tollgate/http';
import { RedisKeySnapshotReader } from '@tollgate/key-snapshots';
import { connectRedis } from '@tollgate/redis';
import { createLogger, createMetricsRegistry, startOperationsListener } from '@tollgate/telemetry';
import type { FastifyInstance } from 'fastify';
import { lookUpVariable, readConfig } from './config.js';
import { registerControlPlane } from './control-plane/proxy.js';
import { Gateway } from './gateway.js';
import { GatewayModule } from './gateway.module.js';

const SERVICE = 'gateway';
/** A key that nobody remembers is asked for on the request path. */
const INTERNAL_TIMEOUT_MS = 5_000;

async function start(): Promise<void> {
  const environment = readConfig();
  const logger = createLogger({ service: SERVICE, level: environment.LOG_LEVEL });
  const config = loadConfig(environment.TOLLGATE_CONFIG, lookUpVariable);
  const registry = createMetricsRegistry(SERVICE, { processMetrics: true });
  const redis = connectRedis({ url: environment.REDIS_URL, name: SERVICE, onTrouble: (redis) => logger.warn({ redis }, 'Redis cannot be reached') });
  const bus = kafkaBus({ brokers: environment.KAFKA_BROKERS, clientId: SERVICE, topicPrefix: environment.KAFKA_TOPIC_PREFIX });
  const internal = { serviceSecret: environment.TOLLGATE_SERVICE_SECRET, timeoutMs: INTERNAL_TIMEOUT_MS };
  const keyManagement = httpKeyManagementApi({ ...internal, url: environment.KEY_MANAGEMENT_URL });
  const usageBilling = httpUsageBillingApi({ ...internal, url: environment.USAGE_BILLING_URL });
  const snapshots = new RedisKeySnapshotReader(redis);
  const admission = new RedisAdmission(redis);

  const gateway = new Gateway({
    admission, config, keyManagement, logger, registry, snapshots, usageBilling,
    bus: bus.publisher,
    journalFolder: join(environment.TOLLGATE_DATA, 'journal'),
    pepper: environment.TOLLGATE_PEPPER,
  });
  const app = await createNestServer(GatewayModule.register(gateway), { logger });
  await registerControlPlane(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, {
    keyManagement: environment.KEY_MANAGEMENT_URL,
    usageBilling: environment.USAGE_BILLING_URL,
    secretScanning: environment.SECRET_SCANNING_URL,
  });
  await app.init();
  await gateway.start();
  await app.listen(environment.TOLLGATE_PORT, environment.TOLLGATE_HOST);
  const operations = await startOperationsListener({
    host: environment.TOLLGATE_HOST,
    port: environment.TOLLGATE_OPERATIONS_PORT,
    registry,
    ready: () => {
      const checks = gateway.readiness();
      return Promise.resolve({ ready: Object.values(checks).every(Boolean), checks });
    },
  });
  logger.info({ url: await app.getUrl(), operations: operations.url }, 'listening');

  // Listening ends first; then requests in flight, their settles and their usage; then the connections they needed.
  const stop = async () => {
    await stopListening(app);
    await gateway.end();
    await admission.drain();
    await app.close();
    await Promise.allSettled([operations.close(), bus.close(), keyManagement.close(), usageBilling.close(), snapshots.close(), redis.close()]);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
}

start().catch((error: unknown) => {
  const plain = [EnvironmentError, ConfigError, ConfigFileMissing, FolderLockedError].some((kind) => error instanceof kind);
  if (plain) process.stderr.write(`${SERVICE}: ${(error as Error).message}\n`);
  else createLogger({ service: SERVICE }).fatal({ err: error }, 'could not start');
  process.exit(1);
});
