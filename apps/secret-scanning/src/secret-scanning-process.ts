import { pepperIds, peppersOf } from '@tollgate/api-key';
import { warnOfUnknown } from '@tollgate/app-process';
import { consumerGroup, KafkaBatchServer, kafkaBus, kafkaConnection } from '@tollgate/bus';
import { environmentVariable, loadConfig, variablesOf } from '@tollgate/config';
import {
  acceptedSecrets,
  BodyBudget,
  createNestServer,
  httpKeyManagementApi,
  httpUsageBillingApi,
} from '@tollgate/http';
import { mailSenderOf } from '@tollgate/mail';
import { readDocument } from '@tollgate/openapi';
import { openDatabase, prepareDatabase } from '@tollgate/postgres';
import { runService, showStores, type OpenedService, type ServiceContext } from '@tollgate/service';
import { readConfig, readUnknown } from './config.js';
import { SecretScanningProcessModule } from './secret-scanning-process.module.js';
import { secretScanningSchema } from './store/migrations/index.js';

const SERVICE = 'secret-scanning';
/** Together with the fetch of the public keys (5 s) this stays well under the 30 s that GitHub waits. */
const REVOKE_TIMEOUT_MS = 15_000;
const SPENDING_TIMEOUT_MS = 3_000;
/** Longest wait for requests in flight at shutdown; none takes that long. */
const STOP_GRACE_MS = 5_000;

async function open({
  environment,
  logger,
  registry,
  waitFor,
}: ServiceContext<ReturnType<typeof readConfig>>): Promise<OpenedService> {
  const {
    limits,
    providers,
    secretScanning,
    mail: { from },
  } = loadConfig(environment.TOLLGATE_CONFIG, environmentVariable);
  warnOfUnknown(logger, readUnknown(variablesOf(providers)));
  await waitFor(
    'PostgreSQL and its schema',
    prepareDatabase(environment, secretScanningSchema, (line) => logger.warn(line)),
  );
  const database = await openDatabase({ url: environment.DATABASE_URL, poolSize: 10, applicationName: SERVICE });
  const kafka = kafkaConnection(environment, SERVICE);
  const bus = kafkaBus(kafka);
  const consumer = new KafkaBatchServer({ ...kafka, groupId: consumerGroup(SERVICE, environment.KAFKA_TOPIC_PREFIX) });
  const serviceSecrets = acceptedSecrets(
    environment.TOLLGATE_SERVICE_SECRET,
    environment.TOLLGATE_SERVICE_SECRET_PREVIOUS,
  );
  const peppers = peppersOf(environment.TOLLGATE_PEPPER, environment.TOLLGATE_PEPPER_PREVIOUS);
  const keyManagement = httpKeyManagementApi({
    url: environment.KEY_MANAGEMENT_URL,
    serviceSecrets,
    timeoutMs: REVOKE_TIMEOUT_MS,
    pepperIds: pepperIds(peppers),
  });
  const usageBilling = httpUsageBillingApi({
    url: environment.USAGE_BILLING_URL,
    serviceSecrets,
    timeoutMs: SPENDING_TIMEOUT_MS,
  });
  const { sender: mail } = mailSenderOf({
    smtpUrl: environment.SMTP_URL,
    smtpCa: environment.SMTP_CA_FILE?.pem,
    dataFolder: environment.TOLLGATE_DATA,
    from,
  });

  const module = SecretScanningProcessModule.with({
    database,
    keyManagement,
    usageBilling,
    mail,
    logger,
    registry,
    bus: bus.publisher,
    settings: {
      githubPublicKeysUrl: secretScanning.github.publicKeysUrl,
      peppers,
      ...(environment.TOLLGATE_PUBLIC_URL !== undefined && {
        publicUrl: environment.TOLLGATE_PUBLIC_URL.replace(/\/+$/, ''),
      }),
    },
  });
  const app = await createNestServer(module, {
    logger,
    registry,
    serviceSecrets,
    document: readDocument(SERVICE),
    bodyBudget: new BodyBudget(limits.bodiesBytesMax),
    keepAliveMs: environment.TOLLGATE_KEEP_ALIVE_SECONDS * 1_000,
  });
  app.connectMicroservice({ strategy: consumer });
  return {
    app,
    ready: showStores(database.dataSource, () => ({ kafka: consumer.consuming })),
    graceMs: STOP_GRACE_MS,
    connections: [keyManagement, usageBilling, bus, mail, database],
  };
}

runService({ name: SERVICE, readEnvironment: readConfig, open });
