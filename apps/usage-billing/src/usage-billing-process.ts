import { RedisAdmissionBooks } from '@tollgate/admission';
import { warnOfUnknown } from '@tollgate/app-process';
import { adminApiSettings } from '@tollgate/auth';
import { consumerGroup, KafkaBatchServer, kafkaBus, kafkaConnection } from '@tollgate/bus';
import { environmentVariable, loadConfig, variablesOf } from '@tollgate/config';
import { acceptedSecrets, createNestServer, httpKeyManagementApi } from '@tollgate/http';
import { mailSenderOf } from '@tollgate/mail';
import { readDocument } from '@tollgate/openapi';
import { openDatabase, prepareDatabase, ServiceDatabase } from '@tollgate/postgres';
import { connectRedis } from '@tollgate/redis';
import { sealingFrom } from '@tollgate/sealing';
import { runService, showStores, type OpenedService, type ServiceContext } from '@tollgate/service';
import { readConfig, readUnknown, sealingSecrets } from './config.js';
import { resumeOffsets } from './store/consumer-offsets.js';
import { tellOfUnreadableBillingTexts } from './store/sealed-texts.js';
import { usageBillingSchema } from './store/migrations/index.js';
import { UsageBillingProcessModule } from './usage-billing-process.module.js';

const SERVICE = 'usage-billing';
/** Longest wait for requests in flight at shutdown; none takes that long. */
const STOP_GRACE_MS = 5_000;
/** Timeout of calls to key-management, which only usage queries about a key without usage make. */
const KEY_MANAGEMENT_TIMEOUT_MS = 3_000;

async function open({
  environment,
  logger,
  registry,
  waitFor,
}: ServiceContext<ReturnType<typeof readConfig>>): Promise<OpenedService> {
  const config = loadConfig(environment.TOLLGATE_CONFIG, environmentVariable);
  const {
    fileDigest,
    providers,
    webhooks,
    mail: { from },
  } = config;
  logger.info({ config: fileDigest }, 'the configuration file was read');
  warnOfUnknown(logger, readUnknown(variablesOf(providers)));
  await waitFor(
    'PostgreSQL and its schema',
    prepareDatabase(environment, usageBillingSchema, (line) => logger.warn(line)),
  );
  const database = await openDatabase({ url: environment.DATABASE_URL, poolSize: 10, applicationName: SERVICE });
  const sealing = sealingFrom(sealingSecrets(environment));
  const billing = new ServiceDatabase(database.dataSource, 'billing');
  await tellOfUnreadableBillingTexts(billing, sealing, (line) => logger.warn(line));
  const redis = connectRedis({
    url: environment.REDIS_URL,
    ca: environment.REDIS_CA_FILE?.pem,
    name: SERVICE,
    onTrouble: (redis) => logger.warn({ redis }, 'Redis cannot be reached'),
  });
  const kafka = kafkaConnection(environment, SERVICE);
  const bus = kafkaBus(kafka);
  const consumer = new KafkaBatchServer({
    ...kafka,
    groupId: consumerGroup(SERVICE, environment.KAFKA_TOPIC_PREFIX),
    resume: resumeOffsets(billing),
    // Each event costs the database a third less in batches of thousands: sums and accounts are written once a batch.
    batchSize: 4_000,
    partitionsAtOnce: 3,
  });
  const serviceSecrets = acceptedSecrets(
    environment.TOLLGATE_SERVICE_SECRET,
    environment.TOLLGATE_SERVICE_SECRET_PREVIOUS,
  );
  const url = environment.KEY_MANAGEMENT_URL;
  const keyManagement =
    url === undefined ? null : httpKeyManagementApi({ url, serviceSecrets, timeoutMs: KEY_MANAGEMENT_TIMEOUT_MS });

  const { sender: mail } = mailSenderOf({
    smtpUrl: environment.SMTP_URL,
    smtpCa: environment.SMTP_CA_FILE?.pem,
    dataFolder: environment.TOLLGATE_DATA,
    from,
  });

  const module = UsageBillingProcessModule.with({
    database,
    mail,
    sealing,
    serviceSecrets,
    logger,
    registry,
    admission: new RedisAdmissionBooks(redis),
    busProgress: consumer,
    bus: bus.publisher,
    adminSecrets: acceptedSecrets(environment.TOLLGATE_ADMIN_SECRET, environment.TOLLGATE_ADMIN_SECRET_PREVIOUS),
    adminApi: adminApiSettings(environment),
    ...(keyManagement !== null && { keyManagement }),
    settings: {
      goneAfterMs: environment.GATEWAY_GONE_AFTER_MS,
      usageEventMonths: environment.TOLLGATE_USAGE_EVENT_MONTHS,
      usageMinuteDays: environment.TOLLGATE_USAGE_MINUTE_DAYS,
      usageHourDays: environment.TOLLGATE_USAGE_HOUR_DAYS,
      webhooksPrivateNetwork: webhooks.allowPrivateNetwork,
      prices: config,
      plans: config.plans,
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
    // Without Redis or Kafka the service still answers usage queries; epochs and bookings wait.
    ready: showStores(database.dataSource, () => ({ redis: redis.storeId() !== null, kafka: consumer.consuming })),
    graceMs: STOP_GRACE_MS,
    connections: [...(keyManagement !== null ? [keyManagement] : []), bus, mail, redis, database],
  };
}

runService({ name: SERVICE, readEnvironment: readConfig, open });
