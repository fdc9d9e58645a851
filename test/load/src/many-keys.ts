import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_KEY_MARKER } from '@tollgate/api-key';
import { spawnApp, startKafka, startPostgres, startRedis, tempFolder } from '@tollgate/infra';
import { Redis } from 'ioredis';
import { Pool } from 'undici';
import { startDeployment, type Deployment } from './deployment.js';
import { thisBuild } from './former-build.js';
import { makeKeys, type SeededKey } from './seeding/seed-keys.js';
import { seededRandom, zipfDraws } from './zipf.js';

/**
 * Measures what many keys cost: the memory of a gateway that meets few of them or all, by Zipf at 1,000 calls a second,
 * and how long an empty Redis takes to have them all again under that load. Every second key has no limit of credit: it
 * must be served whatever happens to Redis. Prints a table.
 *
 * node test/load/dist/many-keys.js [KEYS] [SECONDS]
 */
const [keyCount = 1_000_000, seconds = 60] = process.argv.slice(2).map(Number);
const FEW = 10_000;
const CALLS_PER_SECOND = 1_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const residentMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
const loadOfMachine = (): string => readFileSync('/proc/loadavg', 'utf8').split(' ')[0]!;

interface Calls {
  readonly answers: ReadonlyMap<string, number>;
  readonly slowestMs: number;
}

/** Calls at a fixed rate, whether or not earlier ones are answered, until `goesOn` says no. */
async function call(
  url: string,
  pick: () => { key: SeededKey; uncapped: boolean },
  goesOn: () => boolean,
): Promise<Calls> {
  const pool = new Pool(url, { connections: 128, pipelining: 1 });
  const body = JSON.stringify({ model: 'reply-1k', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] });
  const answers = new Map<string, number>();
  let slowestMs = 0;
  const open = new Set<Promise<void>>();
  const one = async (): Promise<void> => {
    const { key, uncapped } = pick();
    const sentAt = performance.now();
    const outcome = await pool
      .request({
        path: '/v1/chat/completions',
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key.secret.reveal()}` },
        body,
      })
      .then(async (reply) => {
        await reply.body.dump();
        return String(reply.statusCode);
      })
      .catch((error: Error) => error.name);
    slowestMs = Math.max(slowestMs, performance.now() - sentAt);
    const name = `${uncapped ? 'uncapped' : 'capped'} ${outcome}`;
    answers.set(name, (answers.get(name) ?? 0) + 1);
  };
  const begun = performance.now();
  for (let sent = 0; goesOn();) {
    const due = Math.floor(((performance.now() - begun) * CALLS_PER_SECOND) / 1_000);
    for (; sent < due; sent++) {
      const under: Promise<void> = one().finally(() => open.delete(under));
      open.add(under);
    }
    await delay(2);
  }
  await Promise.all(open);
  await pool.close();
  return { answers, slowestMs: Math.round(slowestMs) };
}

const told = (answers: ReadonlyMap<string, number>): string =>
  [...answers]
    .sort()
    .map((each) => each.join(': '))
    .join(', ');

async function memory(deployment: Deployment, keys: readonly SeededKey[], uncappedFrom: number): Promise<number> {
  const draws = zipfDraws(keys.length, 1, seconds * CALLS_PER_SECOND + 1_000, seededRandom(1));
  let at = 0;
  const until = performance.now() + seconds * 1_000;
  const pick = () => {
    const number = draws[at++ % draws.length]! - 1;
    return { key: keys[number]!, uncapped: number % 2 === uncappedFrom };
  };
  const { answers, slowestMs } = await call(deployment.gatewayUrl, pick, () => performance.now() < until);
  const resident = residentMiB(deployment.gateway.pid);
  say(
    `| memory | ${keys.length} keys, ${seconds} s | ${Math.round(resident)} MiB; ${told(answers)}; slowest ${slowestMs} ms |`,
  );
  return resident;
}

async function rebuild(
  deployment: Deployment,
  redis: Redis,
  restart: () => Promise<unknown>,
  keys: readonly SeededKey[],
): Promise<void> {
  const random = seededRandom(2);
  const pick = () => {
    const number = Math.floor(random() * keys.length);
    return { key: keys[number]!, uncapped: number % 2 === 1 };
  };
  let going = true;
  let cappedServedAt = Infinity;
  const calling = call(deployment.gatewayUrl, pick, () => going);
  await delay(3_000);
  await restart();
  const emptyAt = performance.now();
  while (
    (await redis.get('tollgate:{key-changes}:refilled').catch(() => null)) === null &&
    performance.now() - emptyAt < 300_000
  ) {
    if (cappedServedAt === Infinity && (await redis.exists('tollgate:{key-changes}:stream').catch(() => 0)) === 1)
      cappedServedAt = performance.now();
    await delay(200);
  }
  const took = (performance.now() - emptyAt) / 1_000;
  const size = await redis.dbsize();
  going = false;
  const { answers, slowestMs } = await calling;
  say(
    `| rebuild | ${keys.length} keys | ${took.toFixed(1)} s, ${size} entries; ${told(answers)}; slowest ${slowestMs} ms |`,
  );
}

const [postgres, redisServer, kafka] = await Promise.all([
  startPostgres(),
  startRedis(),
  startKafka({ secured: false }),
]);
const folder = tempFolder('tollgate-many-keys');
const ready = /^upstream at (http.*)$/m;
const upstream = await spawnApp({
  name: 'upstream',
  script: new URL('./upstream.js', import.meta.url).pathname,
  args: ['1'],
  env: {},
  readyWhen: ready,
});
const keys = makeKeys(keyCount, DEFAULT_KEY_MARKER);
const databaseUrl = await postgres.createDatabase();
say(`| figure | of | load of the machine ${loadOfMachine()} |\n|---|---|---|`);
const deployment = await startDeployment({
  build: thisBuild,
  databaseUrl,
  redisUrl: redisServer.url,
  kafkaBrokers: kafka.brokers,
  upstreamUrl: ready.exec(upstream.output())![1]!.split(' ')[0]!,
  keys,
  folder,
  gatewayNodeArgs: [],
  halfUncapped: true,
});
const redis = new Redis(redisServer.url, { maxRetriesPerRequest: null });
redis.on('error', () => undefined);
try {
  const few = await memory(deployment, keys.slice(0, FEW), 1);
  await deployment.restartGateway();
  const all = await memory(deployment, keys, 1);
  say(`| memory | the difference | ${Math.round(all - few)} MiB |`);
  await rebuild(deployment, redis, () => redisServer.restart(), keys);
} finally {
  redis.disconnect();
  await deployment.stop();
  await upstream.stop();
  await Promise.all([postgres, redisServer, kafka].map((server) => server.stop()));
}
say(`load of the machine at the end: ${loadOfMachine()}`);
