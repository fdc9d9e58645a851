import { RedisAdmission } from '@tollgate/admission';
import { pepperIds, peppersOf, type Peppers } from '@tollgate/api-key';
import { folderFault, inFolder, StartFault, warnOfUnknown } from '@tollgate/app-process';
import {
  environmentVariable,
  lackingProviders,
  loadConfig,
  missingCredentials,
  missingSources,
  variablesOf,
  type TollgateConfig,
} from '@tollgate/config';
import { BodyBudget, createNestServer, httpKeyManagementApi } from '@tollgate/http';
import { RedisKeySnapshotReader } from '@tollgate/key-snapshots';
import { readPublicDocument } from '@tollgate/openapi';
import { connectRedis } from '@tollgate/redis';
import { sealedIdsFrom } from '@tollgate/sealing';
import { runService, type OpenedService, type ServiceContext } from '@tollgate/service';
import type { Logger } from '@tollgate/telemetry';
import type { FastifyInstance } from 'fastify';
import { readConfig, readUnknown } from './config.js';
import { busOf, internalCalls, usageBillingOf } from './connections.js';
import { registerControlPlane } from './control-plane/proxy.js';
import { Gateway } from './gateway.js';
import { GatewayProcessModule } from './gateway-process.module.js';
import { JournalFolders } from './left-journals/journal-folders.js';

const SERVICE = 'gateway';

type Environment = ReturnType<typeof readConfig>;

async function open({ environment, logger, registry, waitFor }: ServiceContext<Environment>): Promise<OpenedService> {
  const config = loadConfig(environment.TOLLGATE_CONFIG, environmentVariable);
  logger.info({ config: config.fileDigest }, 'the configuration file was read');
  warnOfUnknown(logger, readUnknown(variablesOf(config.providers)));
  needCredentials(config, logger);
  const { admission, bus, keyManagement, redis, snapshots, usageBilling } = connect(environment, logger);
  const bodyBudget = new BodyBudget(config.limits.bodiesBytesMax);
  const dataFolder = environment.TOLLGATE_DATA;
  const journalFolders = new JournalFolders(dataFolder);
  const journal = inFolder('TOLLGATE_DATA', dataFolder, () => journalFolders.openOwn());
  logger.info({ folder: journalFolders.own, journalId: journal.journalId }, 'the journal was opened');
  const module = GatewayProcessModule.with({
    admission,
    bodyBudget,
    config,
    keyManagement,
    logger,
    registry,
    snapshots,
    usageBilling,
    bus: bus.publisher,
    journal,
    journalFolders,
    // The next start takes another folder. SIGTERM lets the calls in flight end.
    onJournalLost: () => process.kill(process.pid, 'SIGTERM'),
    peppers: gatewayPeppers(environment),
    sealedIds: sealedIdsFrom({
      encryptionKey: environment.TOLLGATE_ENCRYPTION_KEY,
      encryptionKeyPrevious: environment.TOLLGATE_ENCRYPTION_KEY_PREVIOUS,
      pepper: environment.TOLLGATE_PEPPER,
      pepperPrevious: environment.TOLLGATE_PEPPER_PREVIOUS,
    }),
  });
  const app = await createNestServer(module, {
    logger,
    bodyBudget,
    trustedProxies: config.trustedProxies,
    document: readPublicDocument(),
    keepAliveMs: environment.TOLLGATE_KEEP_ALIVE_SECONDS * 1_000,
    proxyProtocol: environment.TOLLGATE_PROXY_PROTOCOL === 'v2',
  });
  const gateway = app.get(Gateway);
  await registerControlPlane(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, {
    urls: {
      keyManagement: environment.KEY_MANAGEMENT_URL,
      usageBilling: environment.USAGE_BILLING_URL,
      secretScanning: environment.SECRET_SCANNING_URL,
    },
    serviceSecrets: internalCalls(environment).serviceSecrets,
  });
  return {
    app,
    ready: () => {
      const { ready, checks } = gateway.readiness();
      // Usage waits in the journal while Kafka is away: that is shown, and does not decide.
      return Promise.resolve({ ready, checks: { ...checks, kafka: bus.publishing } });
    },
    start: async (tell) => {
      await app.init();
      await gateway
        .start(tell)
        .catch((error: unknown) => Promise.reject(folderFault('TOLLGATE_DATA', dataFolder, error)));
      await waitFor('usage-billing and the changes of keys in Redis', gateway.informed());
    },
    answering: () => gateway.requests(),
    // Ships usage and sends the settlements, before the connections for them are closed.
    end: async (tell) => {
      await gateway.end(tell);
      await admission.drain();
    },
    connections: [bus, keyManagement, usageBilling, snapshots, redis],
  };
}

/** Makes the clients of Redis, Kafka and the other services. The caller closes them. */
function connect(environment: Environment, logger: Logger) {
  const redis = connectRedis({
    url: environment.REDIS_URL,
    ca: environment.REDIS_CA_FILE?.pem,
    name: SERVICE,
    onTrouble: (redis) => logger.warn({ redis }, 'Redis cannot be reached'),
  });
  const keyManagement = httpKeyManagementApi({
    ...internalCalls(environment),
    url: environment.KEY_MANAGEMENT_URL,
    pepperIds: pepperIds(gatewayPeppers(environment)),
  });
  const [bus, usageBilling] = [busOf(environment, SERVICE), usageBillingOf(environment)];
  const snapshots = new RedisKeySnapshotReader(redis);
  return { admission: new RedisAdmission(redis), bus, keyManagement, redis, snapshots, usageBilling };
}

function gatewayPeppers(environment: Environment): Peppers {
  return peppersOf(environment.TOLLGATE_PEPPER, environment.TOLLGATE_PEPPER_PREVIOUS);
}

/**
 * Stops the start if a provider that a route leads to has no credential: this gateway would fail requests that other
 * gateways can answer. Providers that may be without one, or that no route leads to, get a line in the log.
 */
function needCredentials(config: TollgateConfig, logger: Logger): void {
  const { required, passedOver } = lackingProviders(config);
  if (required.length > 0)
    throw new StartFault(
      required.flatMap(missingSources).join(', '),
      `${missingCredentials(required)}; set it, or let the provider say optional: true in config.yaml`,
    );
  for (const provider of passedOver)
    logger.warn(
      { provider: provider.name, missing: missingSources(provider) },
      'a provider has no credential, and its targets are passed over',
    );
}

runService({ name: SERVICE, readEnvironment: readConfig, open });
