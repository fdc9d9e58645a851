import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  freePort,
  grantKafka,
  infraFromEnvironment,
  startRedis,
  tempFolder,
  type KafkaServer,
  type RedisServer,
} from '@tollgate/infra';
import { appEnvironment, type DistributedApp, type Environment, type Place } from './app-environments.js';
import { appScript, repository } from './app-script.js';
import { databaseDump } from './database.js';
import { ManagedProcess } from './managed-process.js';
import { startOutside, type Outside } from './outside.js';
import type { Gateway, Shape } from './shape.js';
import { filesUnder, redisDump } from './stored-bytes.js';
import { TollgateClient } from './tollgate-client.js';

export interface DistributedOptions {
  /** Gateway processes; default 2. */
  readonly gateways?: number;
  /** After what silence usage-billing counts a gateway as gone, in ms; default: its own. */
  readonly gatewayGoneAfterMs?: number;
  /** An empty database on another server than the run's. */
  readonly databaseUrl?: string;
  /** Another Kafka than the run's. */
  readonly kafka?: Pick<KafkaServer, 'brokers' | 'secured'>;
  /** Whether clients that do not sign in at that Kafka have the rights of services, as during an upgrade. */
  readonly plainKafkaClients?: boolean;
  /** The provider, GitHub and configuration to use; default: fresh ones, which then end with the shape. */
  readonly outside?: Outside;
  /** The root of another built release, whose processes are started; default: this one. */
  readonly releaseFolder?: string;
  /** Changes what a process is told before it starts; it is named as in `processes`: `gateway 0`, `key-management`. */
  readonly environmentOf?: (process: string, environment: Environment) => Environment;
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
export async function startDistributed(options: DistributedOptions = {}): Promise<DistributedShape> {
  const { gateways = 2, gatewayGoneAfterMs, releaseFolder, environmentOf = (_, environment) => environment } = options;
  const infra = infraFromEnvironment();
  const [outside, databaseUrl, redis] = await Promise.all([
    options.outside ?? startOutside(),
    options.databaseUrl ?? infra.createDatabase(),
    startRedis(),
  ]);
  const secrets = newSecrets();
  const ownerPassword = `owner-${randomBytes(24).toString('hex')}`;
  const folder = tempFolder('tollgate-distributed');
  const [keyManagement, usageBilling, secretScanning] = await Promise.all([
    freeAddress(),
    freeAddress(),
    freeAddress(),
  ]);
  const addresses = await Promise.all(Array.from({ length: gateways }, freeAddress));
  const { brokers: kafkaBrokers, secured: kafkaSecured } = options.kafka ?? {
    brokers: infra.kafkaBrokers,
    secured: infra.kafkaSecured,
  };
  const topicPrefix = `test-${randomBytes(4).toString('hex')}-`;
  if (kafkaSecured) await grantKafka(kafkaBrokers, topicPrefix, { plainClients: options.plainKafkaClients ?? false });
  const deployment = {
    databaseUrl,
    secrets,
    ownerEmail,
    ownerPassword,
    publicUrl: addresses[0]!.url,
    redisUrl: redis.url,
    kafkaBrokers,
    kafkaSecured,
    topicPrefix,
    urls: { keyManagement: keyManagement.url, usageBilling: usageBilling.url, secretScanning: secretScanning.url },
    outside: outside.environment,
  };
  const start = (app: DistributedApp, place: Place, name: string = app, more: Environment = {}) =>
    startApp(
      name,
      app,
      place,
      environmentOf(name, { ...appEnvironment(app, deployment, place), ...more }),
      releaseFolder,
    );
  const startGateway = async (address: Address, number: number): Promise<Gateway> => {
    const dataFolder = join(folder, `gateway-${number}`);
    return {
      url: address.url,
      dataFolder,
      process: await start('gateway', { ...address, dataFolder }, `gateway ${number}`),
    };
  };
  /** Of the services that write mails. */
  const mailData = join(folder, 'mail-data');
  const [runningGateways, ...services] = await Promise.all([
    Promise.all(addresses.map(startGateway)),
    start('key-management', { ...keyManagement, dataFolder: mailData }),
    start(
      'usage-billing',
      { ...usageBilling, dataFolder: mailData },
      'usage-billing',
      gatewayGoneAfterMs === undefined ? {} : { GATEWAY_GONE_AFTER_MS: String(gatewayGoneAfterMs) },
    ),
    start('secret-scanning', { ...secretScanning, dataFolder: mailData }),
  ]);
  const canaries = {
    keySecrets: new Set<string>(),
    deploymentSecrets: new Set([...Object.values(secrets), ownerPassword, outside.providerCredential]),
  };
  const clients = runningGateways.map(({ url }) => new TollgateClient(url, secrets.admin, canaries.keySecrets));
  const internal = new TollgateClient(usageBilling.url, secrets.service, canaries.keySecrets);
  const processes = [...runningGateways.map((gateway) => gateway.process), ...services];
  return {
    name: 'distributed',
    gateways: runningGateways,
    adminSecret: secrets.admin,
    ownerEmail,
    ownerPassword,
    simulator: outside.simulator,
    providerCredential: outside.providerCredential,
    github: outside.github,
    strangeGithub: outside.strangeGithub,
    mailFolder: join(mailData, 'mail'),
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
      await Promise.all([options.outside === undefined && outside.stop(), redis.stop()]);
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

function startApp(
  name: string,
  app: DistributedApp,
  { operationsPort }: Place,
  env: Environment,
  releaseFolder = repository,
): Promise<ManagedProcess> {
  return ManagedProcess.start({
    name,
    script: appScript(app, releaseFolder),
    cwd: releaseFolder,
    env,
    readyWhen: `http://127.0.0.1:${operationsPort}/readyz`,
    readyWithinMs: 120_000,
  });
}

function newSecrets(): Record<'admin' | 'service' | 'pepper', string> {
  const random = (name: string) => `${name}-${randomBytes(24).toString('hex')}`;
  return { admin: random('admin'), service: random('service'), pepper: random('pepper') };
}
