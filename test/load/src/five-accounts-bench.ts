import { loadavg } from 'node:os';
import { Redis } from 'ioredis';
import { DEFAULT_KEY_MARKER } from '@tollgate/api-key';
import { spawnApp, startKafka, startPostgres, startRedis, tempFolder } from '@tollgate/infra';
import { Pool } from 'undici';
import { requestBody } from './bodies.js';
import { startDeployment, type Deployment } from './deployment.js';
import { thisBuild } from './former-build.js';
import { FIVE_ACCOUNTS, PATHS, scenariosNamed } from './scenarios.js';
import { makeKeyUnderBudgets } from './seeding/key-under-budgets.js';
import { makeKeys } from './seeding/seed-keys.js';
import { median } from './statistics.js';
import { timedCall } from './timed-call.js';
import { measureWindow, type LoadResult, type Window } from './window.js';

/**
 * Measures what a call through a gateway costs under five accounts (its key, its organisation, two groups, a project)
 * beside one under two: CPU of the gateway's process and of Redis. The two take short turns, so that a machine on which
 * others work slows both alike. usage-billing stands still meanwhile: what it does later, of calls of either kind, is
 * counted for neither.
 *
 * `npm run bench:five-accounts` prints the medians of the turns and their ratios.
 */
const CALLS_OF_TURN = 1_500;
const AT_ONCE = 32;
const TURNS = 12;
/** The first turns compile, and load the accounts. */
const WARM_TURNS = 3;
const [chat] = scenariosNamed(['chat-1k', FIVE_ACCOUNTS]);

/** Makes the calls of one turn. Rejects where one is not answered with 200. */
async function turn(pool: Pool, credential: string): Promise<LoadResult> {
  const request = { path: PATHS.chat, credential, body };
  const begun = performance.now();
  let left = CALLS_OF_TURN;
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const { status } = await timedCall(pool, request);
      if (status !== 200) throw new Error(`a call was answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  const seconds = (performance.now() - begun) / 1_000;
  return { requests: CALLS_OF_TURN, seconds, p50Ms: 0, p99Ms: 0, gapP99Ms: null, firstByteP50Ms: null };
}

async function measured(deployment: Deployment, redis: Redis, secrets: readonly string[]): Promise<Window[][]> {
  const pool = new Pool(deployment.gatewayUrl, { connections: AT_ONCE });
  const windows: Window[][] = secrets.map(() => []);
  for (let at = 0; at < TURNS + WARM_TURNS; at++) {
    if (at === WARM_TURNS) process.kill(deployment.usageBilling.pid, 'SIGSTOP');
    const order = secrets.map((secret, kind) => ({ secret, kind }));
    for (const { secret, kind } of at % 2 === 0 ? order : order.toReversed()) {
      const load = () => turn(pool, secret);
      const window = await measureWindow(deployment.gateway.pid, redis, load, () => deployment.untilQuiet());
      if (at >= WARM_TURNS) windows[kind]!.push(window);
    }
  }
  process.kill(deployment.usageBilling.pid, 'SIGCONT');
  await pool.close();
  return windows;
}

function report([two, five]: readonly Window[][]): void {
  const times = (cost: (window: Window) => number): string => {
    const [ofTwo, ofFive] = [two!, five!].map((windows) => median(windows.map(cost)));
    const ratio = median(five!.map((window, at) => cost(window) / cost(two![at]!)));
    return `${ofTwo!.toFixed(1)} µs with two accounts, ${ofFive!.toFixed(1)} with five (${ratio.toFixed(3)} ×)`;
  };
  console.log(`gateway: ${times(({ cpuMicroseconds }) => cpuMicroseconds)}`);
  console.log(`Redis: ${times(({ redisCpuMicroseconds }) => redisCpuMicroseconds)}`);
  console.log(`both: ${times((window) => window.cpuMicroseconds + window.redisCpuMicroseconds)}`);
  const calls = median([...two!, ...five!].map(({ scriptCalls }) => scriptCalls));
  console.log(`${(2 / calls).toFixed(1)} reserves and settles in a call of a script; load ${loadavg()[0]!.toFixed(1)}`);
}

const body = requestBody(chat!);
const [postgres, redisServer, kafka] = await Promise.all([
  startPostgres(),
  startRedis(),
  startKafka({ secured: false }),
]);
const ready = /^upstream at (http.*)$/m;
const upstream = await spawnApp({
  name: 'upstream',
  script: new URL('./upstream.js', import.meta.url).pathname,
  args: ['1'],
  env: {},
  readyWhen: ready,
});
const keys = makeKeys(1, DEFAULT_KEY_MARKER);
const deployment = await startDeployment({
  build: thisBuild,
  databaseUrl: await postgres.createDatabase(),
  redisUrl: redisServer.url,
  kafkaBrokers: kafka.brokers,
  upstreamUrl: ready.exec(upstream.output())![1]!,
  keys,
  folder: tempFolder('tollgate-five-accounts'),
  gatewayNodeArgs: [],
});
const redis = new Redis(redisServer.url);
try {
  const underBudgets = await makeKeyUnderBudgets(deployment);
  report(await measured(deployment, redis, [keys[0]!.secret.reveal(), underBudgets]));
} finally {
  redis.disconnect();
  await deployment.stop();
  await upstream.stop();
  await Promise.all([postgres, redisServer, kafka].map((server) => server.stop()));
}
