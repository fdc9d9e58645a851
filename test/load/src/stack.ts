import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_KEY_MARKER } from '@tollgate/api-key';
import { freePort, spawnApp, startKafka, startPostgres, startRedis, tempFolder, type RunningProcess } from '@tollgate/infra';
import { childNamed, giveWay, pinTo } from './pinning.js';
import { GATEWAY_CORE, OTHER_CORE, type Tools } from './preconditions.js';
import type { UpstreamReply } from './scenarios.js';
import { untilAllIsBooked } from './services-state.js';
import { seedKeys, type SeededKey } from './seeding/seed-keys.js';

/** Everything that runs during the bench, ready for load. */
export interface Stack {
  readonly gateway: RunningProcess;
  readonly gatewayUrl: string;
  /** Its `/metrics`. */
  readonly operationsUrl: string;
  readonly floor: RunningProcess;
  readonly upstreamUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly usageBillingUrl: string;
  readonly serviceSecret: string;
  readonly keys: readonly SeededKey[];
  /** A folder of this run's own, gone with it. */
  readonly folder: string;
  /** To be awaited before each load: all of the last one is booked, and usage-billing and PostgreSQL get what the others leave of their core. */
  settleBookkeepers(): Promise<void>;
  stop(): Promise<void>;
}

export interface StackOptions {
  readonly keys: number;
  /** Where the gateway's CPU profile goes when it ends; null for none. */
  readonly profileFolder: string | null;
}

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const own = (script: string): string => fileURLToPath(new URL(`../dist/${script}`, import.meta.url));
const upstreamReplies: readonly UpstreamReply[] = ['reply-1k', 'stream-64', 'stream-64-paced'];

/**
 * Starts servers, services, upstream and floor proxy as processes and puts the keys into the database. This process
 * goes to the core of the others, and so does all it starts, but for the gateway and the floor.
 */
export async function startStack(tools: Tools, options: StackOptions): Promise<Stack> {
  pinTo(tools.taskset, OTHER_CORE, process.pid);
  const [postgres, redis, kafka] = await Promise.all([startPostgres(), startRedis(), startKafka()]);
  const folder = tempFolder('tollgate-load');
  const secrets = { admin: random('admin'), service: random('service'), pepper: random('pepper') };
  const [upstream, databaseUrl] = await Promise.all([
    spawnApp({ name: 'upstream', script: own('upstream.js'), env: {}, readyWhen: /upstream at (http\S+)/ }),
    postgres.createDatabase(),
  ]);
  const floor = await spawnApp({ name: 'floor proxy', script: own('floor-proxy.js'), args: [upstream.url!], env: {}, readyWhen: /floor proxy at (http\S+)/ });
  const everyApp = {
    TOLLGATE_HOST: '127.0.0.1', REDIS_URL: redis.url, KAFKA_BROKERS: kafka.brokers, KAFKA_TOPIC_PREFIX: `load-${randomBytes(4).toString('hex')}-`,
    TOLLGATE_SERVICE_SECRET: secrets.service, LOG_LEVEL: 'info',
  };
  const [keyManagement, usageBilling, gateway] = [await freeAddress(), await freeAddress(), await freeAddress()];
  const urls = { KEY_MANAGEMENT_URL: keyManagement.url, USAGE_BILLING_URL: usageBilling.url, SECRET_SCANNING_URL: keyManagement.url };
  const [keyManagementProcess, usageBillingProcess] = await Promise.all([
    startApp('key-management', keyManagement, {
      ...everyApp, DATABASE_URL: databaseUrl, TOLLGATE_ADMIN_SECRET: secrets.admin, TOLLGATE_PEPPER: secrets.pepper, USAGE_BILLING_URL: usageBilling.url,
    }),
    startApp('usage-billing', usageBilling, { ...everyApp, DATABASE_URL: databaseUrl, TOLLGATE_ADMIN_SECRET: secrets.admin }),
  ]);
  const postmaster = childNamed('postgres');
  const bookkeepers = [usageBillingProcess.pid, ...(postmaster === undefined ? [] : [postmaster])];
  const keys = await seedKeys({ databaseUrl, pepper: secrets.pepper, marker: DEFAULT_KEY_MARKER, keys: options.keys });
  const configFile = join(folder, 'config.yaml');
  writeFileSync(configFile, configFor(upstream.url!));
  const gatewayProcess = await startApp('gateway', gateway, {
    ...everyApp, ...urls, TOLLGATE_PEPPER: secrets.pepper, TOLLGATE_DATA: join(folder, 'gateway'), TOLLGATE_CONFIG: configFile, LOAD_CREDENTIAL: 'provider-credential-of-the-load',
  }, options.profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profileFolder}`]);
  for (const { pid } of [gatewayProcess, floor]) pinTo(tools.taskset, GATEWAY_CORE, pid);
  return {
    gateway: gatewayProcess,
    gatewayUrl: gateway.url,
    operationsUrl: gateway.operationsUrl,
    floor,
    upstreamUrl: upstream.url!,
    redisUrl: redis.url,
    databaseUrl,
    usageBillingUrl: usageBilling.url,
    serviceSecret: secrets.service,
    keys,
    folder,
    settleBookkeepers: async () => {
      await untilAllIsBooked(usageBilling.operationsUrl);
      giveWay(bookkeepers);
    },
    stop: async () => {
      await Promise.all([gatewayProcess, floor, upstream].map((process) => process.stop(30_000)));
      await Promise.all([keyManagementProcess, usageBillingProcess, postgres, redis, kafka].map((each) => each.stop()));
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

function startApp(app: string, address: Address, environment: Record<string, string>, nodeArgs: readonly string[] = []): Promise<RunningProcess> {
  return spawnApp({
    name: app,
    nodeArgs,
    script: `${repository}apps/${app}/dist/main.js`,
    cwd: repository,
    env: { ...environment, TOLLGATE_PORT: String(address.port), TOLLGATE_OPERATIONS_PORT: String(address.operationsPort) },
    readyWhen: `${address.operationsUrl}/readyz`,
    readyWithinMs: 60_000,
  });
}

/** A provider and a route for each answer of the upstream. JSON is YAML. */
function configFor(upstreamUrl: string): string {
  return JSON.stringify({
    providers: upstreamReplies.map((name) => ({ name, dialect: 'openai', base_url: `${upstreamUrl}/${name}/v1`, credential: '${env:LOAD_CREDENTIAL}', allow_private_network: true })),
    routes: upstreamReplies.map((name) => ({ name, targets: [{ provider: name, model: name }] })),
    prices: upstreamReplies.map((name) => ({ provider: name, model: name, input_usd_per_million: 0.15, output_usd_per_million: 0.6 })),
  }, null, 2);
}

function random(name: string): string {
  return `${name}-${randomBytes(24).toString('hex')}`;
}
