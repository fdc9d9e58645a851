import 'reflect-metadata';
import { join } from 'node:path';
import { RedisAdmission } from '@tollgate/admission';
import { pepperId } from '@tollgate/api-key';
import {
  endOnSignals,
  folderFault,
  inFolder,
  listenersFree,
  StartFault,
  startService,
  warnOfUnknown,
} from '@tollgate/app-process';
import { kafkaBus } from '@tollgate/bus';
import { lacksCredential, loadConfig, missingCredentials, type TollgateConfig } from '@tollgate/config';
import { BodyBudget, createNestServer, httpKeyManagementApi, httpUsageBillingApi, stopListening } from '@tollgate/http';
import { RedisKeySnapshotReader } from '@tollgate/key-snapshots';
import { connectRedis } from '@tollgate/redis';
import { createLogger, createMetricsRegistry, startOperationsListener } from '@tollgate/telemetry';
import type { FastifyInstance } from 'fastify';
import { lookUpVariable, readConfig, readUnknown } from './config.js';
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
  warnOfUnknown(logger, readUnknown(config.providers.flatMap(({ credentialVariable }) => credentialVariable ?? [])));
  logger.info('starting');
  needCredentials(config);
  await listenersFree(environment);
  const registry = createMetricsRegistry(SERVICE, { processMetrics: true });
  const redis = connectRedis({ url: environment.REDIS_URL, name: SERVICE, onTrouble: (redis) => logger.warn({ redis }, 'Redis cannot be reached') });
  const bus = kafkaBus({ brokers: environment.KAFKA_BROKERS, clientId: SERVICE, topicPrefix: environment.KAFKA_TOPIC_PREFIX });
  const internal = { serviceSecret: environment.TOLLGATE_SERVICE_SECRET, timeoutMs: INTERNAL_TIMEOUT_MS };
  const keyManagement = httpKeyManagementApi({
    ...internal,
    url: environment.KEY_MANAGEMENT_URL,
    pepperId: pepperId(environment.TOLLGATE_PEPPER),
  });
  const usageBilling = httpUsageBillingApi({ ...internal, url: environment.USAGE_BILLING_URL });
  const snapshots = new RedisKeySnapshotReader(redis);
  const admission = new RedisAdmission(redis);

  const bodyBudget = new BodyBudget(config.limits.bodiesBytesMax);
  const journalFolder = join(environment.TOLLGATE_DATA, 'journal');
  const gateway = inFolder('TOLLGATE_DATA', journalFolder, () => new Gateway({
    admission, bodyBudget, config, journalFolder, keyManagement, logger, registry, snapshots, usageBilling,
    bus: bus.publisher,
    pepper: environment.TOLLGATE_PEPPER,
  }));
  const app = await createNestServer(GatewayModule.register(gateway), { logger, bodyBudget });
  await registerControlPlane(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, {
    urls: {
      keyManagement: environment.KEY_MANAGEMENT_URL,
      usageBilling: environment.USAGE_BILLING_URL,
      secretScanning: environment.SECRET_SCANNING_URL,
    },
    serviceSecret: environment.TOLLGATE_SERVICE_SECRET,
  });
  await app.init();
  const tell = (line: string) => logger.info(line);
  await gateway
    .start(tell)
    .catch((error: unknown) => Promise.reject(folderFault('TOLLGATE_DATA', journalFolder, error)));
  await app.listen(environment.TOLLGATE_PORT, environment.TOLLGATE_HOST);
  const operations = await startOperationsListener({
    host: environment.TOLLGATE_OPERATIONS_HOST,
    port: environment.TOLLGATE_OPERATIONS_PORT,
    registry,
    ready: () => {
      const checks = gateway.readiness();
      return Promise.resolve({ ready: Object.values(checks).every(Boolean), checks });
    },
  });
  logger.info({ url: await app.getUrl(), operations: operations.url }, 'listening');

  // Listening ends first; then requests in flight, their settles and their usage; then the connections they needed.
  const stop = async (signal: NodeJS.Signals) => {
    tell(`stopping (${signal}): taking no new requests`);
    await stopListening(app, { tell, answering: () => gateway.requests() });
    await gateway.end(tell);
    await admission.drain();
    await app.close();
    await Promise.allSettled([operations.close(), bus.close(), keyManagement.close(), usageBilling.close(), snapshots.close(), redis.close()]);
    tell('stopped');
  };
  endOnSignals({ stop, tell });
}

/**
 * A gateway that could not call a provider would answer some of its callers' requests, while its neighbours answer them
 * all.
 */
function needCredentials({ providers }: TollgateConfig): void {
  const variables = providers.filter(lacksCredential).map(({ credentialVariable }) => credentialVariable);
  if (variables.length > 0) throw new StartFault(variables.join(', '), missingCredentials(providers));
}

startService(SERVICE, start);
