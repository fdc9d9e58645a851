import { join } from 'node:path';
import { KafkaBatchServer, kafkaBus } from '@tollgate/bus';
import { ConfigError, ConfigFileMissing, EnvironmentError, loadConfig } from '@tollgate/config';
import { createNestServer, httpKeyManagementApi, httpUsageBillingApi, stopListening } from '@tollgate/http';
import { emlFolderMailSender, smtpMailSender } from '@tollgate/mail';
import { migrate, openDatabase } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry, startOperationsListener } from '@tollgate/telemetry';
import { environmentVariable, readConfig } from './config.js';
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
  const { secretScanning, mail: { from } } = loadConfig(config.TOLLGATE_CONFIG, environmentVariable);
  const logger = createLogger({ service: SERVICE, level: config.LOG_LEVEL });
  await migrate(config.DATABASE_URL, secretScanningSchema);
  const database = await openDatabase({ url: config.DATABASE_URL, poolSize: 10, applicationName: SERVICE });
  const kafka = { brokers: config.KAFKA_BROKERS, clientId: SERVICE, topicPrefix: config.KAFKA_TOPIC_PREFIX };
  const bus = kafkaBus(kafka);
  const consumer = new KafkaBatchServer({ ...kafka, groupId: `${config.KAFKA_TOPIC_PREFIX}${SERVICE}` });
  const serviceSecret = config.TOLLGATE_SERVICE_SECRET;
  const keyManagement = httpKeyManagementApi({ url: config.KEY_MANAGEMENT_URL, serviceSecret, timeoutMs: REVOKE_TIMEOUT_MS });
  const usageBilling = httpUsageBillingApi({ url: config.USAGE_BILLING_URL, serviceSecret, timeoutMs: SPENDING_TIMEOUT_MS });
  const mail = config.SMTP_URL === undefined ? emlFolderMailSender({ folder: join(config.TOLLGATE_DATA, 'mail'), from }) : smtpMailSender({ url: config.SMTP_URL, from });

  const registry = createMetricsRegistry(SERVICE);
  const module = SecretScanningModule.register({
    database, keyManagement, usageBilling, mail, logger, registry,
    bus: bus.publisher,
    githubPublicKeysUrl: secretScanning.github.publicKeysUrl,
    pepper: config.TOLLGATE_PEPPER,
    ...(config.TOLLGATE_PUBLIC_URL !== undefined && { publicUrl: config.TOLLGATE_PUBLIC_URL.replace(/\/+$/, '') }),
  });
  const app = await createNestServer(module, { logger });
  app.connectMicroservice({ strategy: consumer });
  await app.startAllMicroservices();
  await app.listen(config.TOLLGATE_PORT, config.TOLLGATE_HOST);
  const operations = await startOperationsListener({
    host: config.TOLLGATE_HOST,
    port: config.TOLLGATE_OPERATIONS_PORT,
    registry,
    ready: async () => {
      const postgres = await database.dataSource.query('SELECT 1').then(() => true, () => false);
      return { ready: postgres, checks: { postgres, kafka: consumer.consuming } };
    },
  });
  logger.info({ url: await app.getUrl(), operations: operations.url }, 'listening');

  const stop = async () => {
    await stopListening(app, STOP_GRACE_MS);
    await app.close();
    await Promise.allSettled([operations.close(), keyManagement.close(), usageBilling.close(), bus.close(), mail.close(), database.close()]);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
}

start().catch((error: unknown) => {
  const told = error instanceof EnvironmentError || error instanceof ConfigError || error instanceof ConfigFileMissing;
  if (told) process.stderr.write(`${SERVICE}: ${error.message}\n`);
  else createLogger({ service: SERVICE }).fatal({ err: error }, 'could not start');
  process.exit(1);
});
