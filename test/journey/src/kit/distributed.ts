import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, infraFromEnvironment, startRedis, tempFolder, type RedisServer } from '@tollgate/infra';
import { appScript, repository } from './app-script.js';
import { databaseDump } from './database.js';
import { ManagedProcess } from './managed-process.js';
import { startOutside } from './outside.js';
import type { Gateway, Shape } from './shape.js';
import { filesUnder, redisDump } from './stored-bytes.js';
import { TollgateClient } from './tollgate-client.js';

export interface DistributedOptions {
  /** Gateway processes; default 2. */
  readonly gateways?: number;
  /** After what silence usage-billing counts a gateway as gone, in ms; default: its own. */
  readonly gatewayGoneAfterMs?: number;
}

export interface DistributedShape extends Shape {
  readonly name: 'distributed';
  readonly keyManagement: ManagedProcess;
  readonly usageBilling: ManagedProcess;
  readonly secretScanning: ManagedProcess;
  readonly databaseUrl: string;
  /** This shape's own, so that a test may kill it. */
  readonly redis: RedisServer;
  /** An internal path of usage-billing, with the service secret. */
  askUsageBilling<T>(path: string): Promise<T>;
}

const ownerEmail = 'owner@example.com';

/**
 * Starts the four services as processes, several gateways among them, on a fresh database of the run's PostgreSQL, a
 * Redis of their own, and the run's Kafka with topics of their own. Resolves when every process is ready.
 */
export async function startDistributed({ gateways = 2, gatewayGoneAfterMs }: DistributedOptions = {}): Promise<DistributedShape> {
  const infra = infraFromEnvironment();
  const [outside, databaseUrl, redis] = await Promise.all([startOutside(), infra.createDatabase(), startRedis()]);
  const secrets = newSecrets();
  const folder = tempFolder('tollgate-distributed');
  const everyApp = {
    TOLLGATE_HOST: '127.0.0.1',
    REDIS_URL: redis.url,
    KAFKA_BROKERS: infra.kafkaBrokers,
    KAFKA_TOPIC_PREFIX: `test-${randomBytes(4).toString('hex')}-`,
    TOLLGATE_SERVICE_SECRET: secrets.service,
    LOG_LEVEL: 'info',
  };
  const [keyManagement, usageBilling, secretScanning] = await Promise.all([freeAddress(), freeAddress(), freeAddress()]);
  const urls = { KEY_MANAGEMENT_URL: keyManagement.url, USAGE_BILLING_URL: usageBilling.url, SECRET_SCANNING_URL: secretScanning.url };
  const start = (app: string, address: Address, environment: Record<string, string>, name = app) => startApp(name, app, address, { ...everyApp, ...environment });
  const startGateway = async (number: number): Promise<Gateway> => {
    const [address, dataFolder] = [await freeAddress(), join(folder, `gateway-${number}`)];
    const environment = { ...outside.environment, ...urls, TOLLGATE_DATA: dataFolder, TOLLGATE_PEPPER: secrets.pepper };
    return { url: address.url, dataFolder, process: await start('gateway', address, environment, `gateway ${number}`) };
  };
  const scanningData = join(folder, 'secret-scanning');
  const [runningGateways, ...services] = await Promise.all([
    Promise.all(Array.from({ length: gateways }, (_, number) => startGateway(number))),
    start('key-management', keyManagement, {
      DATABASE_URL: databaseUrl, TOLLGATE_ADMIN_SECRET: secrets.admin, TOLLGATE_PEPPER: secrets.pepper,
      USAGE_BILLING_URL: usageBilling.url, INIT_OWNER_EMAIL: ownerEmail,
    }),
    start('usage-billing', usageBilling, {
      DATABASE_URL: databaseUrl, TOLLGATE_ADMIN_SECRET: secrets.admin,
      ...(gatewayGoneAfterMs === undefined ? {} : { GATEWAY_GONE_AFTER_MS: String(gatewayGoneAfterMs) }),
    }),
    start('secret-scanning', secretScanning, {
      ...outside.environment, ...urls, DATABASE_URL: databaseUrl, TOLLGATE_PEPPER: secrets.pepper, TOLLGATE_DATA: scanningData,
    }),
  ]);
  const canaries = { keySecrets: new Set<string>(), deploymentSecrets: new Set([...Object.values(secrets), outside.providerCredential]) };
  const clients = runningGateways.map(({ url }) => new TollgateClient(url, secrets.admin, canaries.keySecrets));
  const internal = new TollgateClient(usageBilling.url, secrets.service, canaries.keySecrets);
  const processes = [...runningGateways.map((gateway) => gateway.process), ...services];
  return {
    name: 'distributed',
    gateways: runningGateways,
    adminSecret: secrets.admin,
    ownerEmail,
    simulator: outside.simulator,
    providerCredential: outside.providerCredential,
    github: outside.github,
    strangeGithub: outside.strangeGithub,
    mailFolder: join(scanningData, 'mail'),
    canaries,
    processes,
    client: (gateway = 0) => clients[gateway]!,
    async *storedBytes() {
      yield* filesUnder(folder);
      yield* databaseDump(databaseUrl);
      yield* redisDump(redis.url);
    },
    stop: async () => {
      const exits = await Promise.all(processes.map((app) => app.stop()));
      await Promise.all([...clients, internal].map((client) => client.close()));
      await Promise.all([outside.stop(), redis.stop()]);
      return exits;
    },
    keyManagement: services[0],
    usageBilling: services[1],
    secretScanning: services[2],
    databaseUrl,
    redis,
    askUsageBilling: async <T>(path: string) => {
      const reply = await internal.admin('GET', path);
      if (reply.status !== 200) throw new Error(`usage-billing answered ${path} with ${reply.status}: ${reply.text}`);
      return reply.json<T>();
    },
  };
}

interface Address {
  readonly url: string;
  readonly port: number;
  readonly operationsPort: number;
}

async function freeAddress(): Promise<Address> {
  const [port, operationsPort] = [await freePort(), await freePort()];
  return { url: `http://127.0.0.1:${port}`, port, operationsPort };
}

function startApp(name: string, app: string, { port, operationsPort }: Address, environment: Record<string, string>): Promise<ManagedProcess> {
  return ManagedProcess.start({
    name,
    script: appScript(app),
    cwd: repository,
    env: { ...environment, TOLLGATE_PORT: String(port), TOLLGATE_OPERATIONS_PORT: String(operationsPort) },
    readyWhen: `http://127.0.0.1:${operationsPort}/readyz`,
    readyWithinMs: 60_000,
  });
}

function newSecrets(): Record<'admin' | 'service' | 'pepper', string> {
  const random = (name: string) => `${name}-${randomBytes(24).toString('hex')}`;
  return { admin: random('admin'), service: random('service'), pepper: random('pepper') };
}
