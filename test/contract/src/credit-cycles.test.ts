import { randomUUID } from 'node:crypto';
import { cycleAccountId, cycleOf, type CreditReset } from '@tollgate/api-key';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readClockOfTest } from './clock-of-test.js';
import { admissionInMemory, admissionOnRedis, countByStatus, CreditStage, StageTime } from './credit-stage.js';

const DAY_MS = 86_400_000;
const FIVE_MINUTES_MS = 300_000;
const AHEAD = 1;
const BEHIND = 2;

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'credit-cycles', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
  readClockOfTest(connection.client);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

const shapes = [
  { shape: 'in memory', admissionOf: (time: StageTime) => Promise.resolve(admissionInMemory(time)) },
  {
    shape: 'on Redis',
    admissionOf: (time: StageTime, organizationId: string) => admissionOnRedis(connection, time, [organizationId]),
  },
];

/** The last second of the present cycle by the clock of this machine, which Postgres and events have. */
const lastSecondOf = (reset: CreditReset): number => cycleOf(reset, Date.now()).endMs - 1_000;

describe.each(shapes)('limits that reset, $shape', ({ admissionOf }) => {
  let stage: CreditStage;
  let time: StageTime;
  beforeAll(async () => {
    const organizationId = randomUUID();
    time = new StageTime(lastSecondOf('daily'));
    const admission = await admissionOf(time, organizationId);
    // The clock of one gateway is right, that of another ahead, that of the third behind.
    stage = await CreditStage.open({
      time,
      admission,
      organizationId,
      gatewaysAheadMs: [0, FIVE_MINUTES_MS, -FIVE_MINUTES_MS],
    });
  });
  afterAll(() => stage?.close());
  beforeEach(async () => {
    stage.busIsAway = false;
    await time.set(lastSecondOf('daily'));
  });
  const accountNow = (key: { id: string }, reset: CreditReset): string =>
    cycleAccountId(key.id, cycleOf(reset, time.nowMs));

  it('are not decided by the clock of a gateway that is five minutes off (fault 23)', async () => {
    const [key, other] = [await stage.makeKey(), await stage.makeKey()];
    await stage.setLimit(key, 6, 'daily');
    // At 23:59:59 one gateway believes that it is tomorrow: it admits nothing beyond today's limit.
    for (let calls = 0; calls < 6; calls++) expect((await stage.call(key)).status).toBe(200);
    for (const gateway of [0, AHEAD, BEHIND]) {
      const { status, message } = await stage.call(key, gateway);
      expect(status).toBe(402);
      expect(message).toContain(
        `The limit resets at ${new Date(time.nowMs + 1_000).toISOString().replace('.000', '')}.`,
      );
      expect((await stage.call(other, gateway)).status).toBe(200);
    }
    // At midnight another one believes that it is still today: it denies nothing that today's calls have used up.
    await time.set(time.nowMs + 1_000);
    for (const gateway of [BEHIND, 0, AHEAD, BEHIND, 0, AHEAD])
      expect((await stage.call(key, gateway)).status).toBe(200);
    for (const gateway of [0, AHEAD, BEHIND]) expect((await stage.call(key, gateway)).status).toBe(402);
    await stage.settled(accountNow(key, 'daily'), 6);
    // A clock of admission that is set back finds what was charged on that day.
    await time.set(time.nowMs - 60_000);
    expect(countByStatus(await Promise.all([0, AHEAD, BEHIND].map((gateway) => stage.call(key, gateway))))).toEqual({
      402: 3,
    });
    await stage.settled(accountNow(key, 'daily'), 6);
  });

  it('charge each of 500 calls that are under way at midnight to the day in which it was reserved (fault 22)', async () => {
    const [key, other] = [await stage.makeKey(), await stage.makeKey()];
    await stage.setLimit(key, 500, 'daily');
    stage.provider.isHolding = true;
    const today = accountNow(key, 'daily');
    const calls = [stage.callAtOnce(key, 600)];
    await stage.waitAtProvider(500);
    expect(await stage.account(today)).toEqual({ posted: 0, held: 500 });

    await time.set(time.nowMs + 1_000);
    const tomorrow = accountNow(key, 'daily');
    expect(tomorrow).not.toBe(today);
    calls.push(stage.callAtOnce(key, 600));
    await stage.waitAtProvider(1_000);
    expect([await stage.account(today), await stage.account(tomorrow)]).toEqual([
      { posted: 0, held: 500 },
      { posted: 0, held: 500 },
    ]);
    stage.provider.release();
    expect(await Promise.all(calls)).toEqual([
      { 200: 500, 402: 100 },
      { 200: 500, 402: 100 },
    ]);
    await stage.settled(today, 500);
    await stage.settled(tomorrow, 500);
    expect(await stage.callAtOnce(key, 3)).toEqual({ 402: 3 });
    expect(await stage.callAtOnce(other, 3)).toEqual({ 200: 3 });
  });

  it('that were set on a key in use need nothing of usage-billing at the next midnight', async () => {
    const key = await stage.makeKey();
    await time.set(time.nowMs - DAY_MS / 2);
    expect(await stage.callAtOnce(key, 2)).toEqual({ 200: 2 });
    await stage.setLimit(key, 5, 'daily');
    expect(await stage.callAtOnce(key, 9)).toEqual({ 200: 3, 402: 6 });
    stage.busIsAway = true;
    await time.set(time.nowMs + DAY_MS / 2 + 1_000);
    expect(await stage.callAtOnce(key, 9)).toEqual({ 200: 5, 402: 4 });
  });

  it.each<CreditReset>(['weekly', 'monthly'])('%s begin anew at their own time, and not before', async (reset) => {
    const key = await stage.makeKey();
    await time.set(lastSecondOf(reset));
    await stage.setLimit(key, 3, reset);
    expect(await stage.callAtOnce(key, 5)).toEqual({ 200: 3, 402: 2 });
    await time.set(time.nowMs - DAY_MS / 2);
    expect(await stage.callAtOnce(key, 2)).toEqual({ 402: 2 });
    await time.set(lastSecondOf(reset) + 1_000);
    expect(await stage.callAtOnce(key, 5)).toEqual({ 200: 3, 402: 2 });
    await time.set(time.nowMs + DAY_MS / 2);
    expect(await stage.callAtOnce(key, 2)).toEqual({ 402: 2 });
    await stage.settled(accountNow(key, reset), 3);
  });
});
