import { join } from 'node:path';
import { endOnSignals, listenersFree, makeNamedFolder, startService, warnOfUnknown } from '@tollgate/app-process';
import { KafkaBatchServer, kafkaBus } from '@tollgate/bus';
import { loadConfig } from '@tollgate/config';
import { createNestServer, httpKeyManagementApi, httpUsageBillingApi, stopListening } from '@tollgate/http';
import { emlFolderMailSender, smtpMailSender } from '@tollgate/mail';
import { openDatabase, prepareDatabase } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry, startOperationsListener } from '@tollgate/telemetry';
import { environmentVariable, readConfig, readUnknown } from './config.js';
import { SecretScanningModule } from './secret-scanning.module.js';
import { secretScanningSchema } from './store/migrations/index.js';

const SERVICE = 'secret-scanning';
/** With the fetch of the public keys (5 s) well under the 30 s that GitHub waits. */
const REVOKE_TIMEOUT_MS = 15_000;
const SPENDING_TIMEOUT_MS = 3_000;
/** Longest wait for requests in flight at the end; none takes that long. */
const STOP_GRACE_MS = 5_000;

async function start(): Promise<void> {
  const config = readConfig();
  const { providers, secretScanning, mail: { from } } = loadConfig(config.TOLLGATE_CONFIG, environmentVariable);
  const credentials = providers.flatMap(({ credentialVariable }) => credentialVariable ?? []);
  const logger = createLogger({ service: SERVICE, level: config.LOG_LEVEL });
  warnOfUnknown(logger, readUnknown(credentials));
  logger.info('starting');
  await listenersFree(config);
  await prepareDatabase(config.DATABASE_URL, secretScanningSchema, (line) => logger.warn(line));
  const database = await openDatabase({ url: config.DATABASE_URL, poolSize: 10, applicationName: SERVICE });
  const kafka = { brokers: config.KAFKA_BROKERS, clientId: SERVICE, topicPrefix: config.KAFKA_TOPIC_PREFIX };
  const bus = kafkaBus(kafka);
  const consumer = new KafkaBatchServer({ ...kafka, groupId: `${config.KAFKA_TOPIC_PREFIX}${SERVICE}` });
  const serviceSecret = config.TOLLGATE_SERVICE_SECRET;
  const keyManagement = httpKeyManagementApi({ url: config.KEY_MANAGEMENT_URL, serviceSecret, timeoutMs: REVOKE_TIMEOUT_MS });
  const usageBilling = httpUsageBillingApi({ url: config.USAGE_BILLING_URL, serviceSecret, timeoutMs: SPENDING_TIMEOUT_MS });
  if (config.SMTP_URL === undefined) makeNamedFolder('TOLLGATE_DATA', join(config.TOLLGATE_DATA, 'mail'));
  const mail = config.SMTP_URL === undefined ? emlFolderMailSender({ folder: join(config.TOLLGATE_DATA, 'mail'), from }) : smtpMailSender({ url: config.SMTP_URL, from });

  const registry = createMetricsRegistry(SERVICE);
  const module = SecretScanningModule.register({
    database, keyManagement, usageBilling, mail, logger, registry,
    bus: bus.publisher,
    githubPublicKeysUrl: secretScanning.github.publicKeysUrl,
    pepper: config.TOLLGATE_PEPPER,
    ...(config.TOLLGATE_PUBLIC_URL !== undefined && { publicUrl: config.TOLLGATE_PUBLIC_URL.replace(/\/+$/, '') }),
  });
  const app = await createNestServer(module, { logger, registry, serviceSecret });
  app.connectMicroservice({ strategy: consumer });
  await app.startAllMicroservices();
  await app.listen(config.TOLLGATE_PORT, config.TOLLGATE_HOST);
  const operations = await startOperationsListener({
    host: config.TOLLGATE_OPERATIONS_HOST,
    port: config.TOLLGATE_OPERATIONS_PORT,
    registry,
    ready: async () => {
      const postgres = await database.dataSource.query('SELECT 1').then(() => true, () => false);
      return { ready: postgres, checks: { postgres, kafka: consumer.consuming } };
    },
  });
  logger.info({ url: await app.getUrl(), operations: operations.url }, 'listening');

  const tell = (line: string) => logger.info(line);
  const stop = async (signal: NodeJS.Signals) => {
    tell(`stopping (${signal}): taking no new requests`);
    await stopListening(app, { graceMs: STOP_GRACE_MS, tell });
    tell('closing the bus and the database');
    await app.close();
    await Promise.allSettled([operations.close(), keyManagement.close(), usageBilling.close(), bus.close(), mail.close(), database.close()]);
    tell('stopped');
  };
  endOnSignals({ stop, tell });
}

startService(SERVICE, start);
