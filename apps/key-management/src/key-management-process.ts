import { peppersOf } from '@tollgate/api-key';
import { warnOfUnknown } from '@tollgate/app-process';
import { adminApiSettings } from '@tollgate/auth';
import { consumerGroup, KafkaBatchServer, kafkaBus, kafkaConnection } from '@tollgate/bus';
import { environmentVariable, loadConfig, variablesOf } from '@tollgate/config';
import { acceptedSecrets, createNestServer, httpUsageBillingApi } from '@tollgate/http';
import { RedisKeySnapshotWriter } from '@tollgate/key-snapshots';
import { mailSenderOf } from '@tollgate/mail';
import { readDocument } from '@tollgate/openapi';
import { openDatabase, prepareDatabase, ServiceDatabase } from '@tollgate/postgres';
import { connectRedis } from '@tollgate/redis';
import { sealingFrom } from '@tollgate/sealing';
import { runService, showStores, type OpenedService, type ServiceContext } from '@tollgate/service';
import { readConfig, readUnknown, sealingSecrets, peopleSettings } from './config.js';
import { KeyManagementProcessModule } from './key-management-process.module.js';
import { keyManagementEntities } from './store/entities.js';
import { keyManagementSchema } from './store/migrations/index.js';
import { refuseOtherPepper } from './store/refuse-other-pepper.js';
import { tellOfUnreadableTexts } from './store/sealed-texts.js';

const SERVICE = 'key-management';
/** After this long, keys are shown without their spending. */
const SPENDING_TIMEOUT_MS = 1_500;
/** Longest wait for requests in flight at shutdown; none takes that long. */
const STOP_GRACE_MS = 5_000;

async function open({
  environment,
  logger,
  registry,
  waitFor,
}: ServiceContext<ReturnType<typeof readConfig>>): Promise<OpenedService> {
  const config = loadConfig(environment.TOLLGATE_CONFIG, environmentVariable);
  const {
    providers,
    oauth,
    mail: { from },
  } = config;
  logger.info({ config: config.fileDigest }, 'the configuration file was read');
  warnOfUnknown(logger, readUnknown(variablesOf(providers)));
  await waitFor(
    'PostgreSQL and its schema',
    prepareDatabase(environment, keyManagementSchema, (line) => logger.warn(line)),
  );
  const database = await openDatabase({
    url: environment.DATABASE_URL,
    poolSize: 10,
    applicationName: SERVICE,
    entities: keyManagementEntities,
  });
  const peppers = peppersOf(environment.TOLLGATE_PEPPER, environment.TOLLGATE_PEPPER_PREVIOUS);
  const sealing = sealingFrom(sealingSecrets(environment));
  const warn = (line: string): void => logger.warn(line);
  const keys = new ServiceDatabase(database.dataSource, 'keys');
  await refuseOtherPepper(keys, { peppers, warn });
  await tellOfUnreadableTexts(keys, sealing, warn);
  const redis = connectRedis({
    url: environment.REDIS_URL,
    ca: environment.REDIS_CA_FILE?.pem,
    name: SERVICE,
    onTrouble: (redis) => logger.warn({ redis }, 'Redis cannot be reached'),
  });
  const kafka = kafkaConnection(environment, SERVICE);
  const bus = kafkaBus(kafka);
  const consumer = new KafkaBatchServer({ ...kafka, groupId: consumerGroup(SERVICE, environment.KAFKA_TOPIC_PREFIX) });
  const serviceSecrets = acceptedSecrets(
    environment.TOLLGATE_SERVICE_SECRET,
    environment.TOLLGATE_SERVICE_SECRET_PREVIOUS,
  );
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

  const module = KeyManagementProcessModule.with({
    database,
    mail,
    usageBilling,
    serviceSecrets,
    logger,
    registry,
    snapshots: new RedisKeySnapshotWriter(redis),
    bus: bus.publisher,
    adminSecrets: acceptedSecrets(environment.TOLLGATE_ADMIN_SECRET, environment.TOLLGATE_ADMIN_SECRET_PREVIOUS),
    sealing,
    adminApi: adminApiSettings(environment),
    settings: {
      peppers,
      keyMarker: environment.TOLLGATE_KEY_MARKER,
      ...peopleSettings(environment),
      oidcPrivateNetwork: environment.TOLLGATE_OIDC_PRIVATE_NETWORK,
      dnsServers: environment.TOLLGATE_DNS_SERVERS,
      oauthWithoutChallenge: oauth.allowWithoutChallenge,
      // The providers' credentials are in the environment of the gateways, and not in this one.
      config: { ...config, reachableProviders: null },
    },
  });
  const app = await createNestServer(module, {
    logger,
    registry,
    serviceSecrets,
    document: readDocument(SERVICE),
    keepAliveMs: environment.TOLLGATE_KEEP_ALIVE_SECONDS * 1_000,
  });
  app.connectMicroservice({ strategy: consumer });
  return {
    app,
    // Without Redis or Kafka the service still creates, shows and revokes keys; the relay delivers the changes later.
    ready: showStores(database.dataSource, () => ({ redis: redis.storeId() !== null, kafka: consumer.consuming })),
    graceMs: STOP_GRACE_MS,
    connections: [usageBilling, bus, mail, redis, database],
  };
}

runService({ name: SERVICE, readEnvironment: readConfig, open });
