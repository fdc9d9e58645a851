import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import {
  freePort,
  spawnApp,
  startKafka,
  startPostgres,
  startRedis,
  tempFolder,
  type RunningProcess,
} from '@tollgate/infra';
import { Client } from 'undici';
import { scriptOf, thisBuild } from './former-build.js';
import { cpuOfCommand } from './pinning.js';
import { parseProcessStat } from './proc-files.js';
import { organizationOf, seedUsage } from './seeding/seed-usage.js';
import { median } from './statistics.js';

/**
 * Measures reads of usage on generated roll-ups: organisations of 1,000 keys with a tenth of 100 million events in a
 * year each. All over one connection, through the admin API and so under the policies.
 *
 * `npm run bench:usage` prints a table: times on the clock, and what a reading takes of CPU time, which says what a
 * machine would do that is not busy with other things. `-- --organizations N` makes that many such organisations (2);
 * `-- --profile FOLDER` writes a CPU profile of usage-billing there.
 */
const TIMES = 20;
const FIRST_DAY = '2025-11-01';
const YEAR = `from=${FIRST_DAY}T00:00:00Z&to=2026-11-01T00:00:00Z`;
/** Nearly a year of a zone that is ahead of UTC, of which there is usage at both ends. */
function yearAt(offset: string): string {
  const zone = encodeURIComponent(offset);
  return `from=2025-11-02T00:00:00${zone}&to=2026-11-01T00:00:00${zone}`;
}
/** A year that begins and ends within a month, a day and an hour. */
const ODD_YEAR = 'from=2025-11-05T07:45:00Z&to=2026-10-20T19:15:00Z';
const QUERIES: Readonly<Record<string, string>> = {
  'all there was': '',
  'a year by day, grouped by model': `${YEAR}&interval=day&group_by=model`,
  'the same in Berlin': `${YEAR}&interval=day&group_by=model&tz=Europe/Berlin`,
  'the same in Kathmandu': `${YEAR}&interval=day&group_by=model&tz=Asia/Kathmandu`,
  'the top 50 keys of a year': `${YEAR}&group_by=api_key_id&limit=50`,
  'the same in Berlin, a year of it': `${yearAt('+01:00')}&group_by=api_key_id&limit=50`,
  'the same in Kathmandu, a year of it': `${yearAt('+05:45')}&group_by=api_key_id&limit=50`,
  'the same by requests': `${YEAR}&group_by=api_key_id&limit=50&order=requests`,
  'the top 50 keys, no whole months': `${ODD_YEAR.replaceAll(/T\d\d:\d\d/g, 'T00:00')}&group_by=api_key_id&limit=50`,
  'the top 50 keys of a year, by month': `${YEAR}&group_by=api_key_id&limit=50&interval=month`,
  'all 1,000 keys of a year': `${YEAR}&group_by=api_key_id`,
  'a year by month, no group': `${ODD_YEAR}&interval=month`,
  'groups of a year': `${YEAR}&group_by=group_id`,
  'a month by key and model': 'from=2026-06-01T00:00:00Z&to=2026-07-01T00:00:00Z&group_by=api_key_id,model&limit=50',
  'a year by status and model': `${YEAR}&group_by=status,model`,
};

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? undefined : process.argv[at + 1];
};

const secrets = {
  admin: `admin-${randomBytes(24).toString('hex')}`,
  service: `service-${randomBytes(24).toString('hex')}`,
};

async function startUsageBilling(folder: string, servers: Record<string, string>): Promise<[string, RunningProcess]> {
  const [port, operationsPort] = [await freePort(), await freePort()];
  const profile = option('profile');
  const app = await spawnApp({
    name: 'usage-billing',
    script: scriptOf(thisBuild, 'usage-billing'),
    cwd: thisBuild.folder,
    nodeArgs: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
    env: {
      ...servers,
      KAFKA_TOPIC_PREFIX: `usage-bench-${randomBytes(4).toString('hex')}-`,
      TOLLGATE_ADMIN_CALLS_PER_SECOND: '100000',
      TOLLGATE_ADMIN_CALLS_AT_ONCE: '100000',
      TOLLGATE_HOST: '127.0.0.1',
      TOLLGATE_PORT: String(port),
      TOLLGATE_OPERATIONS_PORT: String(operationsPort),
      TOLLGATE_DATA: join(folder, 'usage-billing'),
      TOLLGATE_ADMIN_SECRET: secrets.admin,
      TOLLGATE_SERVICE_SECRET: secrets.service,
      LOG_LEVEL: 'warn',
    },
    readyWhen: `http://127.0.0.1:${operationsPort}/readyz`,
    readyWithinMs: 60_000,
  });
  return [`http://127.0.0.1:${port}`, app];
}

const cpuOf = (pid: number): number => parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8')).cpuMicroseconds;

async function ask(client: Client, path: string): Promise<number> {
  const begun = performance.now();
  const reply = await client.request({
    method: 'GET',
    path,
    headers: { authorization: `Bearer ${secrets.admin}`, 'x-organization-id': organizationOf(1) },
  });
  const text = await reply.body.text();
  if (reply.statusCode !== 200) throw new Error(`${path} was answered ${reply.statusCode}: ${text}`);
  return performance.now() - begun;
}

async function main(): Promise<void> {
  const organizations = Number(option('organizations') ?? 2);
  console.log(`${organizations} organisations; load average ${loadavg()[0]!.toFixed(1)}`);
  const [postgres, redis, kafka] = await Promise.all([startPostgres(), startRedis(), startKafka({ secured: false })]);
  const databaseUrl = await postgres.createDatabase();
  const [url, service] = await startUsageBilling(tempFolder('tollgate-usage-bench'), {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    KAFKA_BROKERS: kafka.brokers,
  });
  const client = new Client(url, { headersTimeout: 0, bodyTimeout: 0 });
  try {
    const seed = { organizations, keys: 1_000, models: 10, events: 10_000_000, firstDay: FIRST_DAY };
    await seedUsage(databaseUrl, seed, (line) => console.log(line));
    console.log(`\nms, of ${TIMES}${' '.repeat(32)}  median   worst   CPU of usage-billing   of PostgreSQL`);
    for (const [what, query] of Object.entries(QUERIES)) {
      const times: number[] = [];
      const [before, postgresBefore] = [cpuOf(service.pid), cpuOfCommand('postgres')];
      for (let n = 0; n < TIMES; n++) times.push(await ask(client, `/v1/usage?${query}`));
      const cpu = [cpuOf(service.pid) - before, cpuOfCommand('postgres') - postgresBefore];
      const figures = [median(times), Math.max(...times), ...cpu.map((microseconds) => microseconds / 1_000 / TIMES)];
      console.log(`${what.padEnd(40)}${figures.map((ms) => ms.toFixed(1).padStart(8)).join('')}`);
    }
  } finally {
    await client.close();
    await service.stop();
    await Promise.all([postgres.stop(), redis.stop(), kafka.stop()]);
  }
  console.log(`load average ${loadavg()[0]!.toFixed(1)}`);
}

await main();
