import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_KEY_MARKER } from '@tollgate/api-key';
import {
  spawnApp,
  startKafka,
  startPostgres,
  startRedis,
  tempFolder,
  type PostgresServer,
  type RedisServer,
  type RunningProcess,
} from '@tollgate/infra';
import { startDeployment, type Deployment } from './deployment.js';
import { thisBuild, type Build } from './former-build.js';
import { childNamed, giveWay, pinTo } from './pinning.js';
import { BenchRefused, GATEWAY_CORE, OTHER_CORE, type Tools } from './preconditions.js';
import { makeKeyUnderBudgets } from './seeding/key-under-budgets.js';
import { makeKeys, type SeededKey } from './seeding/seed-keys.js';

/** Everything that runs during the bench, ready for load. */
export interface Stack {
  /** What is measured. */
  readonly current: Deployment;
  /** What it is held against; null where it is held against nothing but the floor. */
  readonly former: Deployment | null;
  readonly floor: RunningProcess;
  /** The same in both deployments. */
  readonly keys: readonly SeededKey[];
  /** Of a key that is under budgets as well; the former build has none. Null where no scenario needs it. */
  readonly secretUnderBudgets: string | null;
  /** A folder of this run's own, gone with it. */
  readonly folder: string;
  /**
   * To be awaited before each load: all of the last one is booked, by either build, and usage-billing and PostgreSQL
   * get what the others leave of their core.
   */
  settleBookkeepers(): Promise<void>;
  /** Ends the gateways and starts others. Resolves when these are ready; they are cold then. */
  renewGateways(): Promise<void>;
  stop(): Promise<void>;
}

export interface StackOptions {
  readonly keys: number;
  /** Whether a scenario needs a key that is under budgets. */
  readonly underBudgets: boolean;
  /** A build that runs beside this one, with services, database, Redis and topics of its own; null for none. */
  readonly former: Build | null;
  /** Where the gateway's CPU profile goes when it ends; null for none. */
  readonly profileFolder: string | null;
}

const own = (script: string): string => fileURLToPath(new URL(`../dist/${script}`, import.meta.url));

/**
 * Starts servers, services, upstream and floor proxy as processes and puts the keys into the database. This process
 * goes to the core of the others, and so does all it starts, but for the gateways and the floor. PostgreSQL, Kafka and
 * the upstream are shared by the builds, so that they are equally warm for both.
 */
export async function startStack(tools: Tools, options: StackOptions): Promise<Stack> {
  if (options.former !== null && process.env['REDIS_URL']) {
    throw new BenchRefused(
      '--against gives each build a Redis of its own: run it without REDIS_URL, which names only one.',
    );
  }
  pinTo(tools.taskset, OTHER_CORE, process.pid);
  const [postgres, redis, kafka] = await Promise.all([startPostgres(), startRedis(), startKafka({ secured: false })]);
  const folder = tempFolder('tollgate-load');
  const upstream = await startUpstream(options.former === null ? 1 : 2);
  const [upstreamUrl, formerUpstreamUrl] = upstream.urls;
  const floor = await spawnApp({
    name: 'floor proxy',
    script: own('floor-proxy.js'),
    args: [upstreamUrl!],
    env: {},
    readyWhen: /floor proxy at (http\S+)/,
  });
  const keys = makeKeys(options.keys, DEFAULT_KEY_MARKER);
  const common = { kafkaBrokers: kafka.brokers, keys };
  const current = await startDeployment({
    ...common,
    build: thisBuild,
    redisUrl: redis.url,
    databaseUrl: await postgres.createDatabase(),
    upstreamUrl: upstreamUrl!,
    folder: made(join(folder, 'current')),
    gatewayNodeArgs: options.profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profileFolder}`],
  });
  const secretUnderBudgets = options.underBudgets ? await makeKeyUnderBudgets(current) : null;
  const redisOfFormer = options.former === null ? null : await startRedis();
  const former =
    options.former === null
      ? null
      : await startFormer(options.former, postgres, redisOfFormer!, {
          ...common,
          upstreamUrl: formerUpstreamUrl!,
          folder: made(join(folder, 'former')),
        });
  const deployments = former === null ? [current] : [current, former];
  const pinGateways = (): void => deployments.forEach(({ gateway }) => pinTo(tools.taskset, GATEWAY_CORE, gateway.pid));
  pinTo(tools.taskset, GATEWAY_CORE, floor.pid);
  pinGateways();
  const postmaster = childNamed('postgres');
  const bookkeepers = deployments.map(({ usageBilling }) => usageBilling.pid);
  if (postmaster !== undefined) bookkeepers.push(postmaster);
  return {
    current,
    former,
    floor,
    keys,
    secretUnderBudgets,
    folder,
    settleBookkeepers: async () => {
      await Promise.all(deployments.map((deployment) => deployment.untilAllIsBooked()));
      giveWay(bookkeepers);
    },
    renewGateways: async () => {
      await Promise.all(deployments.map((deployment) => deployment.restartGateway()));
      pinGateways();
    },
    stop: async () => {
      await Promise.all([...deployments, floor, upstream.process].map((each) => each.stop()));
      await Promise.all([postgres, redis, kafka, redisOfFormer].flatMap((each) => (each ? [each.stop()] : [])));
    },
  };
}

/** The upstream, with an address for each build. */
async function startUpstream(addresses: number): Promise<{ process: RunningProcess; urls: readonly string[] }> {
  const ready = /^upstream at (http.*)$/m;
  const upstream = await spawnApp({
    name: 'upstream',
    script: own('upstream.js'),
    args: [String(addresses)],
    env: {},
    readyWhen: ready,
  });
  return { process: upstream, urls: ready.exec(upstream.output())![1]!.split(' ') };
}

interface FormerOptions {
  readonly kafkaBrokers: string;
  readonly keys: readonly SeededKey[];
  readonly upstreamUrl: string;
  readonly folder: string;
}

/** Rejects with BenchRefused where the former build cannot live with the settings or keys that both builds get. */
async function startFormer(
  build: Build,
  postgres: PostgresServer,
  redis: RedisServer,
  options: FormerOptions,
): Promise<Deployment> {
  const databaseUrl = await postgres.createDatabase();
  try {
    return await startDeployment({ ...options, build, databaseUrl, redisUrl: redis.url, gatewayNodeArgs: [] });
  } catch (error) {
    const why = (error as Error).message;
    const what = `the build in ${build.folder} does not start with this bench's settings: ${why}`;
    throw new BenchRefused(what, { cause: error });
  }
}

function made(folder: string): string {
  mkdirSync(folder);
  return folder;
}
