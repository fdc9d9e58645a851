import { join, resolve } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { MemoryAdmission } from '@tollgate/admission';
import { peppersOf, type Peppers } from '@tollgate/api-key';
import { inFolder, listenersFree, warnOfUnknown } from '@tollgate/app-process';
import { adminApiLimits, type AdminApiSettings } from '@tollgate/auth';
import { inProcessBus } from '@tollgate/bus';
import { environmentVariable, isConfigured, loadConfig, variablesOf } from '@tollgate/config';
import { DEFAULT_ORGANIZATION_ID } from '@tollgate/contracts';
import { Gateway, Journal } from '@tollgate/gateway';
import { acceptedSecrets, BodyBudget, createNestServer, stopListening } from '@tollgate/http';
import {
  FirstOwner,
  linkTo,
  peopleSettings,
  refuseOtherPepper,
  reseal,
  tellOfUnreadableTexts,
} from '@tollgate/key-management';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { mailSenderOf, type ClosableMailSender } from '@tollgate/mail';
import { readPublicDocument } from '@tollgate/openapi';
import { ServiceDatabase } from '@tollgate/postgres';
import { sealedIdsFrom, sealingFrom, type SealedIds, type Sealing } from '@tollgate/sealing';
import { showStores } from '@tollgate/service';
import {
  createLogger,
  createMetricsRegistry,
  startOperationsListener,
  type Logger,
  type OperationsListener,
  type Readiness,
  type Registry,
} from '@tollgate/telemetry';
import { resealBilling, tellOfUnreadableBillingTexts } from '@tollgate/usage-billing';
import { DISTRIBUTED_ONLY, readUnknown, type StandaloneEnvironment } from './config.js';
import { takeDataFolder } from './data-folder.js';
import { greeting, type FirstSignIn } from './greeting.js';
import { instanceFolder } from './instance-folder.js';
import { instanceSecrets, secretsFile } from './instance-secrets.js';
import { SecretsForOperator } from './shown-secret.js';
import { withSimulatedOutside, type Outside } from './simulated-outside.js';
import { StandaloneModule } from './standalone.module.js';
import { openStores, type Stores } from './stores.js';

/** A standalone that answers on its public port. */
export interface Standalone {
  /** The text to print after the start. */
  readonly greeting: string;
  /** Call it once the greeting is printed. */
  greeted(): void;
  /** Stops in order. At SIGTERM, requests are served for the stop window first. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

/**
 * Starts the four services in this process on embedded parts, in this order: lock the folder; open the database; start
 * the services and the bus between them; ship and book what the journal holds from earlier processes; rebuild the
 * accounts from the ledger; and only then open the public port. So when the port answers, everything is ready. The
 * operations listener opens before the database, and says that the process starts. `tell` gets one line for each step
 * of the start and of the stop. `isTerminal` says whether the greeting is shown on one, and may have secrets in it.
 */
export async function startStandalone(
  environment: StandaloneEnvironment,
  { tell, isTerminal }: { readonly tell: (line: string) => void; readonly isTerminal: boolean },
): Promise<Standalone> {
  const logger = createLogger({ service: 'tollgate', level: environment.LOG_LEVEL });
  const registry = createMetricsRegistry('standalone', { processMetrics: true });
  let ready = (): Promise<Readiness> => Promise.resolve({ ready: false, checks: {}, stage: 'starting' });
  const openOperations = (): Promise<OperationsListener> =>
    startOperationsListener({
      registry,
      host: environment.TOLLGATE_OPERATIONS_HOST,
      port: environment.TOLLGATE_OPERATIONS_PORT,
      ready: () => ready(),
    });
  const instance = await openInstance(environment, logger, tell, openOperations);
  const { dataFolder, secrets, simulation } = instance;
  const { sender: mail, folder: mailFolder } = mailSenderOf({
    dataFolder,
    smtpUrl: environment.SMTP_URL,
    smtpCa: environment.SMTP_CA_FILE?.pem,
    from: instance.config.mail.from,
  });
  const adminApi = adminApiOf(environment, () => instance.url);
  const { app, gateway } = await openApplication(environment, instance, { adminApi, logger, mail, registry });
  await gateway.start(tell);
  await gateway.openCreditEpoch(DEFAULT_ORGANIZATION_ID);
  const firstSignIn = await firstSignInOf(app);
  await app.listen(environment.TOLLGATE_PORT, environment.TOLLGATE_HOST);
  instance.url = (await app.getUrl()).replace('[::1]', 'localhost');
  ready = () => readinessOf(instance.stores, gateway);

  const shown = new SecretsForOperator(dataFolder, isTerminal);
  const shownSecrets = inFolder('TOLLGATE_DATA', dataFolder, () => ({
    firstSignIn: shownSignIn(firstSignIn(adminApi.publicUrl), shown),
    newAdminSecret: secrets.newAdminSecret === null ? null : shown.show('adminSecret', secrets.newAdminSecret),
    keptAdminSecret: environment.TOLLGATE_ADMIN_SECRET === undefined ? shown.left('adminSecret') : null,
  }));

  return {
    greeting: greeting({
      url: instance.url,
      operationsUrl: instance.operations.url,
      dataFolder,
      mailFolder,
      ...shownSecrets,
      adminSecretFromEnvironment: environment.TOLLGATE_ADMIN_SECRET !== undefined,
      simulation,
      problem: instance.problem,
      model: instance.config.routes[0]?.name ?? 'a route of config.yaml',
      unused: DISTRIBUTED_ONLY.filter((name) => environment[name] !== undefined),
    }),
    greeted: secrets.shown,
    stop: async (signal) => {
      ready = () => Promise.resolve({ ready: false, checks: {}, stage: 'stopping' });
      // A person who presses Ctrl-C has no balancer that must hear of it first.
      const seconds = signal === 'SIGINT' ? 0 : environment.TOLLGATE_STOP_WINDOW_SECONDS;
      tell(seconds === 0 ? 'taking no new requests' : `serving for ${seconds} s more`);
      await stopListening(app, { windowMs: seconds * 1_000, tell, answering: () => gateway.requests() });
      await gateway.end(tell);
      tell('closing the database');
      await app.close();
      await instance.operations.close();
      await simulation?.stop();
      await mail.close();
      await instance.stores.close();
      instance.lock.release();
    },
  };
}

/** What an instance has in its folder and of its outside, before the services start. */
interface Instance extends Outside {
  readonly dataFolder: string;
  readonly journalFolder: string;
  readonly lock: ReturnType<typeof takeDataFolder>;
  readonly operations: OperationsListener;
  readonly folder: ReturnType<typeof instanceFolder>;
  readonly secrets: ReturnType<typeof instanceSecrets>;
  readonly peppers: Peppers;
  readonly sealing: Sealing;
  readonly sealedIds: SealedIds;
  readonly stores: Stores;
  /** The public address, once it is known. The simulation reports leaks to it. */
  url: string;
}

/**
 * Locks the data folder, opens its database, and finds or makes its secrets.
 * @throws {StartFault} if an operator has to mend something first
 */
async function openInstance(
  environment: StandaloneEnvironment,
  logger: Logger,
  tell: (line: string) => void,
  openOperations: () => Promise<OperationsListener>,
): Promise<Instance> {
  const warn = (line: string): void => logger.warn(line);
  const dataFolder = resolve(environment.TOLLGATE_DATA);
  const journalFolder = join(dataFolder, 'journal');
  const configured = loadConfig(environment.TOLLGATE_CONFIG, environmentVariable);
  warnOfUnknown(logger, readUnknown(variablesOf(configured.providers)));
  tell(`starting on ${dataFolder}`);
  const lock = takeDataFolder(dataFolder);
  await listenersFree(environment);
  const operations = await openOperations();
  const given = { pepper: environment.TOLLGATE_PEPPER, adminSecret: environment.TOLLGATE_ADMIN_SECRET };
  const parts = { onServer: environment.DATABASE_URL !== undefined, pepperGiven: given.pepper !== undefined };
  const folder = inFolder('TOLLGATE_DATA', dataFolder, () => instanceFolder(dataFolder, parts));
  const secrets = inFolder('TOLLGATE_DATA', dataFolder, () => instanceSecrets(dataFolder, given));
  const stores = await openStores({
    dataFolder,
    tell,
    warn,
    url: environment.DATABASE_URL,
    migrationUrl: environment.DATABASE_MIGRATION_URL,
    onLost: (reason, error) => {
      logger.fatal({ ...(error !== undefined && { err: error }) }, `${reason}: this process ends`);
      process.exit(1);
    },
  });
  if (folder.warning !== null) warn(folder.warning);
  const { database } = stores;
  const peppers = peppersOf(secrets.pepper, environment.TOLLGATE_PEPPER_PREVIOUS);
  const keys = new ServiceDatabase(database.dataSource, 'keys');
  await refuseOtherPepper(keys, { peppers, source: secrets.pepperSource, warn });
  const sealingSecrets = {
    encryptionKey: environment.TOLLGATE_ENCRYPTION_KEY,
    encryptionKeyPrevious: environment.TOLLGATE_ENCRYPTION_KEY_PREVIOUS,
    pepper: secrets.pepper,
    pepperPrevious: environment.TOLLGATE_PEPPER_PREVIOUS,
  };
  const sealing = sealingFrom(sealingSecrets, { alone: true });
  const sealedIds = sealedIdsFrom(sealingSecrets, { alone: true });
  // No other process reads these texts, so the previous key is not needed for them any more.
  await reseal(keys, sealing);
  await tellOfUnreadableTexts(keys, sealing, warn);
  const billing = new ServiceDatabase(database.dataSource, 'billing');
  await resealBilling(billing, sealing);
  await tellOfUnreadableBillingTexts(billing, sealing, warn);
  if (inFolder('TOLLGATE_DATA', dataFolder, () => secrets.accepted()))
    warn(`${secretsFile(dataFolder)} no longer keeps the pepper: from now on TOLLGATE_PEPPER must be set`);
  const opened = {
    ...{ dataFolder, journalFolder, lock, operations, folder, secrets, peppers, sealing, sealedIds, stores },
    url: '',
  };
  const outside = await withSimulatedOutside({
    config: configured,
    setting: environment.TOLLGATE_SIMULATOR,
    dataFolder,
    journalFolder,
    database,
    origin: () => opened.url,
    leaks: { host: environment.TOLLGATE_LEAK_HOST, port: environment.TOLLGATE_LEAK_PORT },
  });
  if (outside.problem !== null) warn(outside.problem);
  return Object.assign(opened, outside);
}

/** The four services in one Nest application, initialised; it does not listen yet. */
async function openApplication(
  environment: StandaloneEnvironment,
  { config, dataFolder, folder, journalFolder, secrets, peppers, sealing, sealedIds, stores }: Instance,
  {
    adminApi,
    logger,
    mail,
    registry,
  }: {
    readonly adminApi: AdminApiSettings;
    readonly logger: Logger;
    readonly mail: ClosableMailSender;
    readonly registry: Registry;
  },
): Promise<{ app: NestFastifyApplication; gateway: Gateway }> {
  const bus = inProcessBus();
  const admission = new MemoryAdmission();
  const snapshots = new MemoryKeySnapshots(stores.uncertainMs);
  const bodyBudget = new BodyBudget(config.limits.bodiesBytesMax);
  const journal = inFolder('TOLLGATE_DATA', journalFolder, () => Journal.open(journalFolder));
  const module = StandaloneModule.with(
    {
      database: stores.database,
      snapshots,
      admission,
      bus,
      mail,
      adminSecrets: acceptedSecrets(secrets.adminSecret, environment.TOLLGATE_ADMIN_SECRET_PREVIOUS),
      sealing,
      adminApi,
      logger,
      registry,
      keyManagement: {
        peppers,
        keyMarker: environment.TOLLGATE_KEY_MARKER,
        ...peopleSettings(environment),
        oidcPrivateNetwork: environment.TOLLGATE_OIDC_PRIVATE_NETWORK,
        dnsServers: environment.TOLLGATE_DNS_SERVERS,
        oauthWithoutChallenge: config.oauth.allowWithoutChallenge,
        config: {
          ...config,
          reachableProviders: new Set(config.providers.filter(isConfigured).map(({ name }) => name)),
        },
      },
      usageBilling: {
        usageEventMonths: environment.TOLLGATE_USAGE_EVENT_MONTHS,
        usageMinuteDays: environment.TOLLGATE_USAGE_MINUTE_DAYS,
        usageHourDays: environment.TOLLGATE_USAGE_HOUR_DAYS,
        webhooksPrivateNetwork: config.webhooks.allowPrivateNetwork,
        prices: config,
        plans: config.plans,
      },
      secretScanning: { peppers, githubPublicKeysUrl: config.secretScanning.github.publicKeysUrl },
    },
    { admission, bodyBudget, config, journal, logger, peppers, registry, sealedIds, snapshots, bus: bus.publisher },
  );
  const app = await createNestServer(module, {
    logger,
    registry,
    bodyBudget,
    trustedProxies: config.trustedProxies,
    document: readPublicDocument(),
    keepAliveMs: environment.TOLLGATE_KEEP_ALIVE_SECONDS * 1_000,
    proxyProtocol: environment.TOLLGATE_PROXY_PROTOCOL === 'v2',
  });
  // All parts of the folder exist now (the journal was the last one), and no key has been made yet.
  inFolder('TOLLGATE_DATA', dataFolder, () => folder.made());
  app.connectMicroservice({ strategy: bus.server });
  await app.startAllMicroservices();
  await app.init();
  return { app, gateway: app.get(Gateway) };
}

/** The public origin is what the environment says, else where this process listens, once it does. */
function adminApiOf(environment: StandaloneEnvironment, listensAt: () => string): AdminApiSettings {
  return {
    get publicUrl() {
      return environment.TOLLGATE_PUBLIC_URL ?? (listensAt() || `http://127.0.0.1:${environment.TOLLGATE_PORT}`);
    },
    limits: adminApiLimits(environment),
  };
}

/** How the first owner signs in, as it is said: the link itself on a terminal, else a file. */
function shownSignIn(signIn: SignIn | null, shown: SecretsForOperator): FirstSignIn | null {
  if (signIn?.link == null) shown.remove('signInLink');
  if (signIn === null) return null;
  return { email: signIn.email, link: signIn.link === null ? null : shown.show('signInLink', signIn.link) };
}

interface SignIn {
  readonly email: string;
  readonly link: string | null;
}

/**
 * How the first owner signs in, by the public origin; null once an owner has. Without a password there is a new link
 * with each start. The work is done before the port answers: what is printed then comes at once.
 */
async function firstSignInOf(app: NestFastifyApplication): Promise<(publicUrl: string) => SignIn | null> {
  const firstOwner = app.get(FirstOwner);
  const state = await firstOwner.ensure();
  if (state.kind === 'signed_in') return () => null;
  const { email, hasPassword } = state;
  const token = hasPassword ? null : await firstOwner.newSignInToken();
  return (publicUrl) => ({ email, link: token === null ? null : linkTo(publicUrl, 'sign-in-link', token) });
}

async function readinessOf({ database }: Stores, gateway: Gateway): Promise<Readiness> {
  const { ready, checks } = gateway.readiness();
  const stores = await showStores(database.dataSource, () => checks)();
  return { ready, checks: stores.checks };
}
