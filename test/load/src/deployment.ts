import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asRedisUser, asRole, freePort, spawnApp, type RunningProcess } from '@tollgate/infra';
import {
  hasProviderTypes,
  hasRedisUsers,
  hasRoles,
  scriptOf,
  speaksToAnthropic,
  type BenchApp,
  type Build,
} from './former-build.js';
import { UPSTREAM_REPLIES, type UpstreamReply } from './scenarios.js';
import { untilAllIsBooked, untilQuiet } from './services-state.js';
import { seedKeys, type SeededKey } from './seeding/seed-keys.js';

/** The services of one build, with nothing in common with those of another but servers and upstream. */
export interface Deployment {
  readonly build: Build;
  /** The gateway that runs now. */
  readonly gateway: RunningProcess;
  readonly gatewayUrl: string;
  readonly usageBilling: RunningProcess;
  readonly usageBillingUrl: string;
  /** Where this build alone calls the upstream. */
  readonly upstreamUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly serviceSecret: string;
  readonly adminSecret: string;
  /** Resolves when the gateway has ended all requests and shipped their usage. */
  untilQuiet(): Promise<void>;
  /** Resolves when the ledger holds all usage that was shipped. */
  untilAllIsBooked(): Promise<void>;
  /** Ends the gateway and starts another one at the same address, on the same data. Resolves when that is ready. */
  restartGateway(): Promise<void>;
  stop(): Promise<void>;
}

export interface DeploymentOptions {
  readonly build: Build;
  /** A database of its own, empty. */
  readonly databaseUrl: string;
  /** A Redis of its own: what it uses is counted. */
  readonly redisUrl: string;
  readonly kafkaBrokers: string;
  readonly upstreamUrl: string;
  /** What everybody is known by: put into the database before the gateway starts. */
  readonly keys: readonly SeededKey[];
  /** There, and for this deployment alone. */
  readonly folder: string;
  /** Options of Node.js for the gateway. */
  readonly gatewayNodeArgs: readonly string[];
  /** As in `Seed`. */
  readonly halfUncapped?: boolean;
}

/** Time for a profile to be written. */
const GATEWAY_STOP_MS = 30_000;

/** Starts the services of a build and puts the keys into its database. Rejects where one does not become ready. */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { build, databaseUrl, redisUrl, kafkaBrokers, upstreamUrl, keys, folder } = options;
  const secrets = { admin: random('admin'), service: random('service'), pepper: random('pepper') };
  const [keyManagement, usageBilling, gateway] = [await freeAddress(), await freeAddress(), await freeAddress()];
  const everyApp = {
    TOLLGATE_HOST: '127.0.0.1',
    KAFKA_BROKERS: kafkaBrokers,
    KAFKA_TOPIC_PREFIX: `load-${randomBytes(4).toString('hex')}-`,
    TOLLGATE_SERVICE_SECRET: secrets.service,
    LOG_LEVEL: 'info',
  };
  const redisAs = (app: 'gateway' | 'key-management' | 'usage-billing') => ({
    REDIS_URL: hasRedisUsers(build) ? asRedisUser(redisUrl, app) : redisUrl,
  });
  const behind = (role: string) => ({
    ...everyApp,
    ...(hasRoles(build)
      ? { DATABASE_URL: asRole(databaseUrl, role), DATABASE_MIGRATION_URL: databaseUrl }
      : { DATABASE_URL: databaseUrl }),
    TOLLGATE_ADMIN_SECRET: secrets.admin,
  });
  const configFile = join(folder, 'config.yaml');
  writeFileSync(configFile, configFor(build, upstreamUrl));
  const [keyManagementProcess, usageBillingProcess] = await Promise.all([
    startApp(build, 'key-management', keyManagement, {
      ...behind('tollgate_keys'),
      ...redisAs('key-management'),
      TOLLGATE_PEPPER: secrets.pepper,
      TOLLGATE_DATA: join(folder, 'key-management'),
      TOLLGATE_CONFIG: configFile,
      USAGE_BILLING_URL: usageBilling.url,
    }),
    startApp(build, 'usage-billing', usageBilling, {
      ...behind('tollgate_billing'),
      ...redisAs('usage-billing'),
      TOLLGATE_DATA: join(folder, 'usage-billing'),
      TOLLGATE_CONFIG: configFile,
      KEY_MANAGEMENT_URL: keyManagement.url,
    }),
  ]);
  await seedKeys({ databaseUrl, pepper: secrets.pepper, keys, halfUncapped: options.halfUncapped === true });
  const startGateway = (): Promise<RunningProcess> =>
    startApp(
      build,
      'gateway',
      gateway,
      {
        ...everyApp,
        ...redisAs('gateway'),
        KEY_MANAGEMENT_URL: keyManagement.url,
        USAGE_BILLING_URL: usageBilling.url,
        SECRET_SCANNING_URL: keyManagement.url,
        TOLLGATE_PEPPER: secrets.pepper,
        TOLLGATE_DATA: join(folder, 'gateway'),
        TOLLGATE_CONFIG: configFile,
        LOAD_CREDENTIAL: 'provider-credential-of-the-load',
      },
      options.gatewayNodeArgs,
    );
  let gatewayProcess = await startGateway();
  return {
    build,
    get gateway() {
      return gatewayProcess;
    },
    gatewayUrl: gateway.url,
    usageBilling: usageBillingProcess,
    usageBillingUrl: usageBilling.url,
    upstreamUrl,
    redisUrl,
    databaseUrl,
    serviceSecret: secrets.service,
    adminSecret: secrets.admin,
    untilQuiet: () => untilQuiet(gateway.operationsUrl),
    untilAllIsBooked: () => untilAllIsBooked(usageBilling.operationsUrl),
    restartGateway: async () => {
      await gatewayProcess.stop(GATEWAY_STOP_MS);
      gatewayProcess = await startGateway();
    },
    stop: async () => {
      await gatewayProcess.stop(GATEWAY_STOP_MS);
      await Promise.all([keyManagementProcess, usageBillingProcess].map((each) => each.stop()));
    },
  };
}

interface Address {
  readonly url: string;
  readonly operationsUrl: string;
  readonly port: number;
  readonly operationsPort: number;
}

async function freeAddress(): Promise<Address> {
  const [port, operationsPort] = [await freePort(), await freePort()];
  return { url: `http://127.0.0.1:${port}`, operationsUrl: `http://127.0.0.1:${operationsPort}`, port, operationsPort };
}

function startApp(
  build: Build,
  app: BenchApp,
  address: Address,
  environment: Record<string, string>,
  nodeArgs: readonly string[] = [],
): Promise<RunningProcess> {
  return spawnApp({
    name: `${app} of ${build.name}`,
    nodeArgs,
    script: scriptOf(build, app),
    cwd: build.folder,
    env: {
      ...environment,
      TOLLGATE_PORT: String(address.port),
      TOLLGATE_OPERATIONS_PORT: String(address.operationsPort),
    },
    readyWhen: `${address.operationsUrl}/readyz`,
    readyWithinMs: 60_000,
  });
}

/** A provider and a route for each answer of the upstream that the build can ask for. JSON is YAML. */
function configFor(build: Build, upstreamUrl: string): string {
  const all = Object.keys(UPSTREAM_REPLIES) as UpstreamReply[];
  const names = all.filter((name) => {
    const dialect = UPSTREAM_REPLIES[name];
    return dialect === 'chat' || (dialect === 'messages' ? speaksToAnthropic(build) : hasProviderTypes(build));
  });
  return JSON.stringify(
    {
      providers: names.map((name) => ({
        name,
        ...kindOf(name),
        base_url: `${upstreamUrl}/${name}/v1`,
        credential: '${env:LOAD_CREDENTIAL}',
        allow_private_network: true,
      })),
      routes: names.map((name) => ({ name, targets: [{ provider: name, model: name }] })),
      prices: names.map((name) => ({
        provider: name,
        model: name,
        input_usd_per_million: 0.15,
        output_usd_per_million: 0.6,
      })),
    },
    null,
    2,
  );
}

/** Former builds know `dialect` alone, and chat is what they are measured by. */
function kindOf(name: UpstreamReply): object {
  switch (UPSTREAM_REPLIES[name]) {
    case 'chat':
      return { dialect: 'openai' };
    case 'messages':
      return { type: 'anthropic' };
    case 'responses':
    case 'embeddings':
      return { type: 'openai' };
  }
}

function random(name: string): string {
  return `${name}-${randomBytes(24).toString('hex')}`;
}
