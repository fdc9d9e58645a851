import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import {
  asRole,
  freePort,
  spawnApp,
  startKafka,
  startPostgres,
  startRedis,
  tempFolder,
  type RunningProcess,
} from '@tollgate/infra';
import { thisBuild } from './former-build.js';
import { cpuOfCommand } from './pinning.js';
import { parseProcessStat, parseResidentMemory } from './proc-files.js';

/**
 * Measures what the four services and their servers cost when nobody calls: CPU time and memory of each, in windows of
 * a minute after all have come to rest. CPU time hardly depends on what else the machine does.
 *
 * `npm run bench:idle` prints a table. `-- --windows N` measures N windows (3), `-- --seconds S` of S seconds (60)
 * each; `-- --profile FOLDER` writes a CPU profile of each service there.
 */
const REST_MS = 20_000;

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? undefined : process.argv[at + 1];
};

/** A part of the house, and how its CPU time is read, in microseconds. */
interface Part {
  readonly name: string;
  readonly cpu: () => number;
  readonly memory: () => number | null;
}

const cpuOf = (pid: number): number => parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8')).cpuMicroseconds;
const memoryOf = (pid: number): number => parseResidentMemory(readFileSync(`/proc/${pid}/status`, 'utf8'));

const partOfApp = ({ name, process: { pid } }: { name: string; process: RunningProcess }): Part => ({
  name,
  cpu: () => cpuOf(pid),
  memory: () => memoryOf(pid),
});
const partOfServer = (name: string, command: string): Part => ({
  name,
  cpu: () => cpuOfCommand(command),
  memory: () => null,
});

/** Starts the four services on servers of their own. Resolves when each is ready. */
async function startHouse(folder: string) {
  const [postgres, redis, kafka] = await Promise.all([startPostgres(), startRedis(), startKafka()]);
  const databaseUrl = await postgres.createDatabase();
  const secrets = { admin: random('admin'), service: random('service'), pepper: random('pepper') };
  const ports = await Promise.all(Array.from({ length: 8 }, () => freePort()));
  const url = (at: number): string => `http://127.0.0.1:${ports[at]}`;
  const configFile = join(folder, 'config.yaml');
  writeFileSync(
    configFile,
    JSON.stringify({
      providers: [{ name: 'idle', type: 'compatible', base_url: 'http://127.0.0.1:9/v1', allow_private_network: true }],
      routes: [{ name: 'idle', targets: [{ provider: 'idle', model: 'idle' }] }],
    }),
  );
  const everyApp = {
    TOLLGATE_HOST: '127.0.0.1',
    TOLLGATE_CONFIG: configFile,
    TOLLGATE_PEPPER: secrets.pepper,
    TOLLGATE_SERVICE_SECRET: secrets.service,
    REDIS_URL: redis.url,
    KAFKA_BROKERS: kafka.brokers,
    KAFKA_TOPIC_PREFIX: `idle-${randomBytes(4).toString('hex')}-`,
    KEY_MANAGEMENT_URL: url(2),
    USAGE_BILLING_URL: url(4),
    SECRET_SCANNING_URL: url(6),
    LOG_LEVEL: 'warn',
  };
  const behind = (role: string): Record<string, string> => ({
    DATABASE_URL: asRole(databaseUrl, role),
    DATABASE_MIGRATION_URL: databaseUrl,
    TOLLGATE_ADMIN_SECRET: secrets.admin,
  });
  const profile = option('profile');
  const start = async (name: string, at: number, more: Record<string, string> = {}) => ({
    name,
    process: await spawnApp({
      name,
      script: join(thisBuild.folder, 'apps', name, 'dist', 'main.js'),
      cwd: thisBuild.folder,
      nodeArgs:
        profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}.cpuprofile`],
      env: {
        ...everyApp,
        ...more,
        TOLLGATE_DATA: join(folder, name),
        TOLLGATE_PORT: String(ports[at]),
        TOLLGATE_OPERATIONS_PORT: String(ports[at + 1]),
      },
      readyWhen: `http://127.0.0.1:${ports[at + 1]}/readyz`,
      readyWithinMs: 120_000,
    }),
  });
  const apps = await Promise.all([
    start('gateway', 0),
    start('key-management', 2, behind('tollgate_keys')),
    start('usage-billing', 4, behind('tollgate_billing')),
    start('secret-scanning', 6, behind('tollgate_scanning')),
  ]);
  return {
    parts: [
      ...apps.map(partOfApp),
      partOfServer('PostgreSQL', 'postgres'),
      partOfServer('Redis', 'redis-server'),
      partOfServer('Kafka', 'java'),
    ],
    stop: async () => {
      await Promise.all(apps.map((app) => app.process.stop()));
      await Promise.all([postgres, redis, kafka].map((server) => server.stop()));
    },
  };
}

function random(name: string): string {
  return `${name}-${randomBytes(24).toString('hex')}`;
}

/** The share of a core, in percent, that each part takes for `seconds`. */
async function window(parts: readonly Part[], seconds: number): Promise<readonly number[]> {
  const [before, atMs] = [parts.map(({ cpu }) => cpu()), performance.now()];
  await delay(seconds * 1_000);
  const elapsedMicroseconds = (performance.now() - atMs) * 1_000;
  return parts.map(({ cpu }, at) => ((cpu() - before[at]!) / elapsedMicroseconds) * 100);
}

const house = await startHouse(tempFolder('tollgate-idle'));
try {
  await delay(REST_MS);
  const windows: (readonly number[])[] = [];
  for (let n = Number(option('windows') ?? 3); n > 0; n--)
    windows.push(await window(house.parts, Number(option('seconds') ?? 60)));
  const line = (name: string, shares: readonly number[], memory: number | null): string =>
    [
      name.padEnd(16),
      ...shares.map((share) => `${share.toFixed(2).padStart(7)} %`),
      memory === null ? '' : `${(memory / 1024 / 1024).toFixed(0).padStart(6)} MB`,
    ].join(' ');
  for (const [at, part] of house.parts.entries())
    console.log(
      line(
        part.name,
        windows.map((shares) => shares[at]!),
        part.memory(),
      ),
    );
  console.log(
    line(
      'together',
      windows.map((shares) => shares.reduce((sum, each) => sum + each, 0)),
      null,
    ),
  );
  console.log(`load of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
} finally {
  await house.stop();
}
