import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { kafkaBus } from '@tollgate/bus';
import { USAGE_RECORDED_V2 } from '@tollgate/contracts';
import {
  freePort,
  spawnApp,
  startKafka,
  startPostgres,
  startRedis,
  waitUntil,
  type RunningProcess,
} from '@tollgate/infra';
import { Client as Postgres } from 'pg';
import { scriptOf, thisBuild } from './former-build.js';
import { JOURNALS, usageEvents, type IngestLoad } from './ingest-events.js';
import { cpuOfCommand, pinTo } from './pinning.js';
import { findTools, GATEWAY_CORE, OTHER_CORE } from './preconditions.js';
import { parsePeakMemory, parseProcessStat, parseResidentMemory } from './proc-files.js';

/**
 * Measures how many usage events one usage-billing process on one core takes from Kafka into PostgreSQL, with price
 * lines and all roll-ups; everything else has the other core. The events wait in the topic before the process starts,
 * so it is never short of them. CPU times say what the figure would be on a machine that is not busy with other things.
 *
 * `npm run bench:ingest` prints both tables. `-- --events N` (200,000), `-- --keys N` (1,000), `-- --accounts 2,5`
 * (`none` for no table). `-- --outage S` stops the process for S seconds at 2,000 events a second and says when the lag
 * is gone. `-- --minutes M` has it book for M minutes at `-- --rate N` (2,000) events a second and prints its memory.
 * `-- --profile FOLDER` writes a CPU profile there.
 */
const BATCH = 2_000;
const OUTAGE_RATE = 2_000;
/** How often memory is looked at. */
const LOOK_MS = 30_000;

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? undefined : process.argv[at + 1];
};

const secrets = { admin: randomBytes(24).toString('hex'), service: randomBytes(24).toString('hex') };

interface Servers {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly brokers: string;
  readonly keyManagementUrl: string;
  readonly taskset: string;
}

type UsageBilling = RunningProcess & { readonly operationsUrl: string };

/** Starts usage-billing on its core. */
async function startUsageBilling(servers: Servers, topicPrefix: string): Promise<UsageBilling> {
  const [port, operationsPort] = [await freePort(), await freePort()];
  const profile = option('profile');
  const app = await spawnApp({
    name: 'usage-billing',
    script: scriptOf(thisBuild, 'usage-billing'),
    cwd: thisBuild.folder,
    nodeArgs: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
    env: {
      DATABASE_URL: servers.databaseUrl,
      REDIS_URL: servers.redisUrl,
      KAFKA_BROKERS: servers.brokers,
      KAFKA_TOPIC_PREFIX: topicPrefix,
      KEY_MANAGEMENT_URL: servers.keyManagementUrl,
      TOLLGATE_HOST: '127.0.0.1',
      TOLLGATE_PORT: String(port),
      TOLLGATE_OPERATIONS_PORT: String(operationsPort),
      TOLLGATE_ADMIN_SECRET: secrets.admin,
      TOLLGATE_SERVICE_SECRET: secrets.service,
      // The gateways of the load renew no lease, and are not gone.
      GATEWAY_GONE_AFTER_MS: '9999999',
      LOG_LEVEL: 'warn',
    },
    readyWhen: `http://127.0.0.1:${operationsPort}/healthz`,
    readyWithinMs: 120_000,
  });
  pinTo(servers.taskset, GATEWAY_CORE, app.pid);
  return Object.assign(app, { operationsUrl: `http://127.0.0.1:${operationsPort}` });
}

/** Stands for key-management, which knows every key. */
async function startKnownKeys(): Promise<{ url: string; stop: () => void }> {
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const { apiKeyIds } = JSON.parse(Buffer.concat(chunks).toString()) as { apiKeyIds?: string[] };
      reply.setHeader('content-type', 'application/json').end(JSON.stringify({ apiKeyIds: apiKeyIds ?? [] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => void server.close() };
}

/** How many events are booked: the sums of the keys are few rows. */
async function booked(client: Postgres): Promise<number> {
  const { rows } = await client.query<{ n: string }>(
    `SELECT coalesce(sum(requests), 0) AS n FROM billing.key_usage WHERE to_regclass('billing.key_usage') IS NOT NULL`,
  );
  return Number(rows[0]?.n ?? 0);
}

const cpuOf = (pid: number): number => parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8')).cpuMicroseconds;

async function publishAll(brokers: string, topicPrefix: string, load: IngestLoad): Promise<void> {
  const bus = kafkaBus({ brokers: brokers.split(','), clientId: 'ingest-bench', topicPrefix });
  let batch: { key: string; value: string }[] = [];
  for (const message of usageEvents(load)) {
    batch.push(message);
    if (batch.length < BATCH) continue;
    await bus.publisher.publish(USAGE_RECORDED_V2, batch);
    batch = [];
  }
  await bus.publisher.publish(USAGE_RECORDED_V2, batch);
  await bus.close();
}

/** One backlog, booked by one process. */
async function measureBacklog(servers: Servers, client: Postgres, load: IngestLoad): Promise<void> {
  const topicPrefix = `ingest-${randomBytes(4).toString('hex')}-`;
  await publishAll(servers.brokers, topicPrefix, load);
  const app = await startUsageBilling(servers, topicPrefix);
  const start = await booked(client);
  try {
    // The first events are booked by code that is not compiled yet: the window begins behind them.
    const warm = Math.floor(load.events / 5);
    await until(client, start + warm, load.events);
    const [from, atMs, cpu, postgres] = [
      await booked(client),
      performance.now(),
      cpuOf(app.pid),
      cpuOfCommand('postgres'),
    ];
    await until(client, start + load.events, load.events);
    const seconds = (performance.now() - atMs) / 1_000;
    const count = start + load.events - from;
    const perEvent = (cpuOf(app.pid) - cpu) / count;
    const postgresPerEvent = (cpuOfCommand('postgres') - postgres) / count;
    const memory = parsePeakMemory(readFileSync(`/proc/${app.pid}/status`, 'utf8')) / 1024 / 1024;
    console.log(
      [
        `${load.accounts} accounts an event, ${load.keys} keys, ${count} events in ${seconds.toFixed(1)} s`,
        `  ${Math.round(count / seconds)} events/s as the machine was; usage-billing ${perEvent.toFixed(0)} µs of CPU an event` +
          ` (${Math.round(1e6 / perEvent)} events/s on a core of its own), PostgreSQL ${postgresPerEvent.toFixed(0)} µs` +
          ` (${Math.round(1e6 / postgresPerEvent)}), peak ${memory.toFixed(0)} MB`,
        `  the bottleneck is ${postgresPerEvent > perEvent ? 'PostgreSQL' : 'usage-billing'}`,
      ].join('\n'),
    );
  } finally {
    await app.stop();
  }
}

/** Publishes events at a rate until it is stopped. */
function startLoad(servers: Servers, topicPrefix: string, load: IngestLoad, rate: number) {
  const bus = kafkaBus({ brokers: servers.brokers.split(','), clientId: 'ingest-bench', topicPrefix });
  const messages = usageEvents({ ...load, events: Number.MAX_SAFE_INTEGER });
  const begunMs = performance.now();
  const state = { published: 0, going: true };
  const loading = (async () => {
    while (state.going) {
      const due = Math.floor(((performance.now() - begunMs) / 1_000) * rate) - state.published;
      const batch = Array.from({ length: Math.min(BATCH, Math.max(0, due)) }, () => messages.next().value!);
      await bus.publisher.publish(USAGE_RECORDED_V2, batch);
      state.published += batch.length;
      await delay(50);
    }
  })();
  return {
    published: () => state.published,
    stop: async () => {
      state.going = false;
      await loading;
      await bus.close();
    },
  };
}

/** An outage under load: usage-billing is away, and comes back. */
async function measureOutage(servers: Servers, client: Postgres, load: IngestLoad, seconds: number): Promise<void> {
  const topicPrefix = `ingest-${randomBytes(4).toString('hex')}-`;
  const start = await booked(client);
  const going = startLoad(servers, topicPrefix, load, OUTAGE_RATE);
  try {
    await delay(seconds * 1_000);
    const backMs = performance.now();
    const app = await startUsageBilling(servers, topicPrefix);
    const readyMs = performance.now();
    const behind = await waitUntil(
      async () => {
        const lag = going.published() - ((await booked(client)) - start);
        return lag < OUTAGE_RATE ? { lag } : false;
      },
      { what: 'the lag to be gone', timeoutMs: 600_000, intervalMs: 200 },
    );
    const goneMs = performance.now();
    console.log(
      `after ${seconds} s away at ${OUTAGE_RATE} events/s (${going.published()} published) the lag was gone ` +
        `(${behind.lag} events, less than a second's worth) ${((goneMs - readyMs) / 1_000).toFixed(1)} s after it was ready, ` +
        `${((goneMs - backMs) / 1_000).toFixed(1)} s after it was started`,
    );
    await app.stop();
  } finally {
    await going.stop();
  }
}

/** Bookings for minutes at a steady rate: the memory of the process at each look. */
async function measureMemory(servers: Servers, client: Postgres, load: IngestLoad, rate: number): Promise<void> {
  const topicPrefix = `ingest-${randomBytes(4).toString('hex')}-`;
  const minutes = Number(option('minutes'));
  const app = await startUsageBilling(servers, topicPrefix);
  const start = await booked(client);
  const going = startLoad(servers, topicPrefix, load, rate);
  const begunMs = performance.now();
  try {
    for (let look = 1; look <= (minutes * 60_000) / LOOK_MS; look++) {
      await delay(Math.max(0, begunMs + look * LOOK_MS - performance.now()));
      const metrics = await (await fetch(`${app.operationsUrl}/metrics`)).text();
      const metric = (name: string): number =>
        Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(metrics)?.[1]);
      const resident = parseResidentMemory(readFileSync(`/proc/${app.pid}/status`, 'utf8'));
      const [rss, heap, external] = [
        resident,
        metric('nodejs_heap_size_used_bytes'),
        metric('nodejs_external_memory_bytes'),
      ].map((bytes) => `${(bytes / 1024 / 1024).toFixed(0)} MB`);
      console.log(
        `${((performance.now() - begunMs) / 60_000).toFixed(1)} min: resident ${rss}, heap ${heap}, outside of it ${external}, ` +
          `${(await booked(client)) - start} of ${going.published()} events booked, ` +
          `oldest unbooked ${metric('tollgate_usage_billing_oldest_unbooked_seconds').toFixed(1)} s`,
      );
    }
  } finally {
    await going.stop();
    await app.stop();
  }
}

const until = (client: Postgres, events: number, timeoutFor: number): Promise<unknown> =>
  waitUntil(async () => (await booked(client)) >= events, {
    what: `${events} events to be booked`,
    timeoutMs: 120_000 + timeoutFor * 5,
    intervalMs: 100,
  });

async function main(): Promise<void> {
  const { taskset } = await findTools();
  pinTo(taskset, OTHER_CORE, process.pid);
  const [postgres, redis, kafka, keys] = await Promise.all([
    startPostgres(),
    startRedis(),
    startKafka({ secured: false }),
    startKnownKeys(),
  ]);
  const databaseUrl = await postgres.createDatabase();
  const servers: Servers = {
    databaseUrl,
    redisUrl: redis.url,
    brokers: kafka.brokers,
    keyManagementUrl: keys.url,
    taskset,
  };
  const client = new Postgres({ connectionString: databaseUrl });
  await client.connect();
  console.log(`load average ${loadavg()[0]!.toFixed(1)}`);
  try {
    // Makes the schema.
    await (await startUsageBilling(servers, 'ingest-schema-')).stop();
    for (const journal of JOURNALS)
      await client.query('INSERT INTO billing.gateway_instance (instance_id, journal_id) VALUES ($1, $1)', [journal]);
    const load = { events: Number(option('events') ?? 200_000), keys: Number(option('keys') ?? 1_000) };
    const backlogs = option('accounts') ?? '2,5';
    for (const accounts of backlogs === 'none' ? [] : backlogs.split(',').map(Number))
      await measureBacklog(servers, client, { ...load, accounts });
    const outage = option('outage');
    if (outage !== undefined) await measureOutage(servers, client, { ...load, accounts: 2 }, Number(outage));
    if (option('minutes') !== undefined)
      await measureMemory(servers, client, { ...load, accounts: 2 }, Number(option('rate') ?? OUTAGE_RATE));
    console.log(`load average ${loadavg()[0]!.toFixed(1)}`);
  } finally {
    await client.end();
    keys.stop();
    await Promise.all([postgres.stop(), redis.stop(), kafka.stop()]);
  }
}

await main();
