import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, grantKafka, infraFromEnvironment, startRedis, tempFolder } from '@tollgate/infra';
import { appEnvironment, type Deployment, type DistributedApp, type Environment } from './app-environments.js';
import { appScript, repository } from './app-script.js';
import { Forwarder } from './forwarder.js';
import { ManagedProcess } from './managed-process.js';
import { startOutside, type Outside } from './outside.js';

/** The processes of the shape, two gateways among them. */
export const REPLACEABLE = ['gateway 0', 'gateway 1', 'key-management', 'usage-billing', 'secret-scanning'] as const;
export type Replaceable = (typeof REPLACEABLE)[number];

/** What a deployment is told: its secrets, and further variables such as the previous ones. */
export interface Told {
  readonly secrets: Deployment['secrets'];
  readonly more?: Environment;
}

/** The distributed shape, whose processes can be replaced one by one by such that are told something else. */
export interface ReplaceableShape {
  readonly databaseUrl: string;
  readonly outside: Outside;
  /** The public origins of the gateways. */
  readonly gatewayUrls: readonly string[];
  /** The processes that run now. */
  readonly processes: ReadonlyMap<Replaceable, ManagedProcess>;
  /**
   * Replaces a process. A gateway, whose folder takes one process at a time, ends before its successor starts; of the
   * others the successor is ready before the one before ends.
   */
  replace(name: Replaceable, told: Told): Promise<void>;
  stop(): Promise<void>;
}

const appOf = (name: Replaceable): DistributedApp => (name === 'gateway 0' || name === 'gateway 1' ? 'gateway' : name);

/** Starts all of it; resolves when every process is ready. */
export async function startReplaceable(told: Told): Promise<ReplaceableShape> {
  const infra = infraFromEnvironment();
  const [outside, databaseUrl, redis] = await Promise.all([startOutside(), infra.createDatabase(), startRedis()]);
  const folder = tempFolder('tollgate-replaceable');
  const forwarders = {
    'key-management': await Forwarder.start(),
    'usage-billing': await Forwarder.start(),
    'secret-scanning': await Forwarder.start(),
  };
  const ports = { 'gateway 0': await freePort(), 'gateway 1': await freePort() };
  const topicPrefix = `test-${randomBytes(4).toString('hex')}-`;
  if (infra.kafkaSecured) await grantKafka(infra.kafkaBrokers, topicPrefix);
  const start = async (name: Replaceable, { secrets, more = {} }: Told): Promise<ManagedProcess> => {
    const app = appOf(name);
    const port = name === 'gateway 0' || name === 'gateway 1' ? ports[name] : await freePort();
    const operationsPort = await freePort();
    const deployment: Deployment = {
      databaseUrl,
      topicPrefix,
      secrets,
      redisUrl: redis.url,
      kafkaBrokers: infra.kafkaBrokers,
      kafkaSecured: infra.kafkaSecured,
      urls: {
        keyManagement: forwarders['key-management'].url,
        usageBilling: forwarders['usage-billing'].url,
        secretScanning: forwarders['secret-scanning'].url,
      },
      ownerEmail: 'owner@example.com',
      outside: outside.environment,
    };
    const dataFolder = join(folder, name.replace(' ', '-'));
    const takesFolder = app === 'gateway' || app === 'secret-scanning';
    const environment = appEnvironment(app, deployment, { port, operationsPort, ...(takesFolder && { dataFolder }) });
    const readNames = new Set(READ_BY[app]);
    const process = await ManagedProcess.start({
      name,
      script: appScript(app),
      cwd: repository,
      env: {
        ...environment,
        ...Object.fromEntries(Object.entries(more).filter(([variable]) => readNames.has(variable))),
      },
      readyWhen: `http://127.0.0.1:${operationsPort}/readyz`,
      readyWithinMs: 120_000,
    });
    if (name === 'key-management' || name === 'usage-billing' || name === 'secret-scanning')
      forwarders[name].towards(port);
    return process;
  };
  // The services first: a gateway calls them at its start.
  const services = REPLACEABLE.filter((name) => appOf(name) !== 'gateway');
  const gateways = REPLACEABLE.filter((name) => appOf(name) === 'gateway');
  const processes = new Map<Replaceable, ManagedProcess>();
  for (const group of [services, gateways])
    await Promise.all(group.map(async (name) => processes.set(name, await start(name, told))));
  return {
    databaseUrl,
    outside,
    processes,
    gatewayUrls: gateways.map((name) => `http://127.0.0.1:${ports[name as 'gateway 0' | 'gateway 1']}`),
    replace: async (name, next) => {
      const before = processes.get(name)!;
      if (appOf(name) === 'gateway') await before.stop();
      processes.set(name, await start(name, next));
      await before.stop();
    },
    stop: async () => {
      await Promise.all([...processes.values()].map((each) => each.stop()));
      await Promise.all([outside.stop(), redis.stop(), ...Object.values(forwarders).map((each) => each.stop())]);
    },
  };
}

/** Which previous secrets each app reads. */
const READ_BY: Readonly<Record<DistributedApp, readonly string[]>> = {
  gateway: [
    'TOLLGATE_ENCRYPTION_KEY',
    'TOLLGATE_ENCRYPTION_KEY_PREVIOUS',
    'TOLLGATE_PEPPER_PREVIOUS',
    'TOLLGATE_SERVICE_SECRET_PREVIOUS',
  ],
  'key-management': [
    'TOLLGATE_ADMIN_SECRET_PREVIOUS',
    'TOLLGATE_ENCRYPTION_KEY',
    'TOLLGATE_ENCRYPTION_KEY_PREVIOUS',
    'TOLLGATE_PEPPER_PREVIOUS',
    'TOLLGATE_SERVICE_SECRET_PREVIOUS',
  ],
  'usage-billing': [
    'TOLLGATE_ADMIN_SECRET_PREVIOUS',
    'TOLLGATE_ENCRYPTION_KEY',
    'TOLLGATE_ENCRYPTION_KEY_PREVIOUS',
    'TOLLGATE_PEPPER_PREVIOUS',
    'TOLLGATE_SERVICE_SECRET_PREVIOUS',
  ],
  'secret-scanning': ['TOLLGATE_PEPPER_PREVIOUS', 'TOLLGATE_SERVICE_SECRET_PREVIOUS'],
};
