import { randomInt } from 'node:crypto';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { billing, postgresServer, type OpenedDatabase } from './billing-fixture.js';
import { clockKey, readClockOfTest } from './clock-of-test.js';
import { admissionInMemory, admissionOnRedis, StageTime } from './credit-stage.js';
import { closestMidnight, LedgerLife } from './ledger-life.js';

/** Lives of each shape; more on demand: `TOLLGATE_TEST_LIVES=2000`. */
const LIVES = Number(process.env['TOLLGATE_TEST_LIVES'] ?? 150);
const STEPS = 40;
/** Lives that run at the same time: each waits for the database most of its time. */
const AT_ONCE = 5;

/** What must happen in many lives, or they would show little. */
const OUTCOMES = [
  'admitted',
  'credit_exhausted',
  'without a limit',
  'no_epoch',
  'not_loaded',
  'a quota',
  'pay-as-you-go',
  'a grant',
  'several grants',
  'settled',
  'delivered',
  'delivered again',
  'another limit',
  'another limit of the organisation',
  'another budget',
  'granted',
  'another plan',
  'cancelled',
  'forgotten',
  'killed',
  'late',
  'found',
  'lost',
  'lapsed',
  'spent and lapsed',
  'above its cap',
];

let opened: OpenedDatabase;
let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  opened = await postgresServer.open();
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'ledger-lives', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
  readClockOfTest(connection.client);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
  await opened?.close();
});

describe('pure functions, admission and ledger', () => {
  it.each(['in memory', 'on Redis'])(
    `agree in ${LIVES} random lives with limits, budgets, grants and quotas that change, gateways that die, and events that come late or twice, %s`,
    async (shape) => {
      const seed = Number(process.env['TOLLGATE_TEST_SEED'] ?? randomInt(2 ** 31));
      const outcomes = new Map<string, number>();
      const live = async (number: number) => {
        // Ten seconds before the end of a day.
        const time = new StageTime(closestMidnight(Date.now()) - 10_000);
        const isOnRedis = shape === 'on Redis';
        const admission = isOnRedis ? await admissionOnRedis(connection, time, []) : admissionInMemory(time);
        const life = new LedgerLife(seed, number, time, billing(opened.database), admission);
        if (isOnRedis)
          await time.follow((nowMs) => connection.client.set(clockKey(life.organizationId), String(nowMs * 1_000)));
        const happened = await life.live(STEPS).catch((cause: unknown) => {
          throw new Error(`life ${number} of seed ${seed}`, { cause });
        });
        for (const outcome of happened) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      };
      for (let first = 0; first < LIVES; first += AT_ONCE)
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, LIVES - first) }, (_, at) => live(first + at)));
      for (const outcome of OUTCOMES) expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(LIVES / 50);
    },
    300_000,
  );
});
