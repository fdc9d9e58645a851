import { randomUUID } from 'node:crypto';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readClockOfTest } from './clock-of-test.js';
import { admissionInMemory, admissionOnRedis, countByStatus, CreditStage, StageTime } from './credit-stage.js';

const DAY_MS = 86_400_000;

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'credit-limits', commandTimeoutMs: 10_000 });
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

type AdmissionOf = (typeof shapes)[number]['admissionOf'];

/** Two gateways and usage-billing, for an organisation that has spent nothing. */
async function open(admissionOf: AdmissionOf): Promise<CreditStage> {
  const organizationId = randomUUID();
  const time = new StageTime(Date.now());
  const admission = await admissionOf(time, organizationId);
  return CreditStage.open({ time, admission, organizationId, gatewaysAheadMs: [0, 0] });
}

describe.each(shapes)('a limit that changes under load, $shape', ({ admissionOf }) => {
  let stage: CreditStage;
  beforeAll(async () => {
    stage = await open(admissionOf);
  });
  afterAll(() => stage?.close());

  it('from none to one counts what was spent before, and admits exactly what is left', async () => {
    const [key, other] = [await stage.makeKey(), await stage.makeKey()];
    expect(await stage.callAtOnce(key, 7)).toEqual({ 200: 7 });
    // Three calls are under way without a hold while the limit is set.
    stage.provider.isHolding = true;
    const underWay = [1, 2, 3].map(() => stage.call(key));
    await stage.waitAtProvider(3);
    stage.provider.isHolding = false;
    const others = stage.callAtOnce(other, 30);
    await stage.setLimit(key, 12);
    expect(await stage.callAtOnce(key, 40)).toEqual({ 200: 5, 402: 35 });
    expect(await others).toEqual({ 200: 30 });
    stage.provider.release();
    expect(countByStatus(await Promise.all(underWay))).toEqual({ 200: 3 });
    // Those that were under way are charged in full, and stand above the limit.
    await stage.settled(`key:${key.id}`, 15);
    expect(await stage.call(key)).toMatchObject({ status: 402, code: 'quota_exceeded' });
    await stage.setLimit(key, 17);
    expect(await stage.callAtOnce(key, 10)).toEqual({ 200: 2, 402: 8 });
    expect(await stage.callAtOnce(other, 5)).toEqual({ 200: 5 });
  });

  it('to less than is used admits nothing more, and lets what is under way end', async () => {
    const [key, other] = [await stage.makeKey(), await stage.makeKey()];
    await stage.setLimit(key, 10);
    expect(await stage.callAtOnce(key, 6)).toEqual({ 200: 6 });
    stage.provider.isHolding = true;
    const underWay = [1, 2].map(() => stage.call(key));
    await stage.waitAtProvider(2);
    stage.provider.isHolding = false;
    await stage.setLimit(key, 5);
    expect(await stage.callAtOnce(key, 20)).toEqual({ 402: 20 });
    expect((await stage.call(key)).message).toMatch(/^The credit limit of the API key has 0 USD left/);
    expect(await stage.callAtOnce(other, 5)).toEqual({ 200: 5 });
    stage.provider.release();
    expect(countByStatus(await Promise.all(underWay))).toEqual({ 200: 2 });
    await stage.settled(`key:${key.id}`, 8);
    await stage.setLimit(key, 9);
    expect(await stage.callAtOnce(key, 20)).toEqual({ 200: 1, 402: 19 });
  });

  it('to more admits exactly what it adds', async () => {
    const key = await stage.makeKey();
    await stage.setLimit(key, 5);
    expect(await stage.callAtOnce(key, 30)).toEqual({ 200: 5, 402: 25 });
    await stage.setLimit(key, 8);
    expect(await stage.callAtOnce(key, 30)).toEqual({ 200: 3, 402: 27 });
    await stage.settled(`key:${key.id}`, 8);
  });

  it('to none admits everything, and set again counts what was spent meanwhile', async () => {
    const key = await stage.makeKey();
    await stage.setLimit(key, 2);
    expect(await stage.callAtOnce(key, 10)).toEqual({ 200: 2, 402: 8 });
    await stage.setLimit(key, null);
    expect(await stage.callAtOnce(key, 10)).toEqual({ 200: 10 });
    await stage.setLimit(key, 15);
    expect(await stage.callAtOnce(key, 20)).toEqual({ 200: 3, 402: 17 });
    await stage.settled(`key:${key.id}`, 15);
  });

  it('from none to one of each day counts what was spent since midnight, never the days before', async () => {
    const [key, other] = [await stage.makeKey(), await stage.makeKey()];
    await stage.bookEarlier(key, 100, new Date(Date.now() - 2 * DAY_MS));
    expect(await stage.callAtOnce(key, 4)).toEqual({ 200: 4 });
    const others = stage.callAtOnce(other, 20);
    await stage.setLimit(key, 7, 'daily');
    expect(await stage.callAtOnce(key, 20)).toEqual({ 200: 3, 402: 17 });
    expect(await others).toEqual({ 200: 20 });
    const { message } = await stage.call(key);
    expect(message).toMatch(/ The limit resets at \d{4}-\d\d-\d\dT00:00:00Z\.$/);
  });

  it('of each day to one for good counts the life of the key', async () => {
    const key = await stage.makeKey();
    await stage.bookEarlier(key, 100, new Date(Date.now() - 2 * DAY_MS));
    await stage.setLimit(key, 50, 'daily');
    expect(await stage.callAtOnce(key, 4)).toEqual({ 200: 4 });
    await stage.setLimit(key, 50, 'never');
    expect(await stage.callAtOnce(key, 5)).toEqual({ 402: 5 });
    await stage.setLimit(key, 106, 'never');
    expect(await stage.callAtOnce(key, 5)).toEqual({ 200: 2, 402: 3 });
    await stage.settled(`key:${key.id}`, 106);
  });

  it('of each day to one for good counts calls under way, and no longer than until they are booked', async () => {
    const key = await stage.makeKey();
    await stage.setLimit(key, 6, 'daily');
    stage.provider.isHolding = true;
    const underWay = [1, 2, 3].map(() => stage.call(key));
    await stage.waitAtProvider(3);
    stage.provider.isHolding = false;
    await stage.setLimit(key, 4, 'never');
    expect(await stage.callAtOnce(key, 5)).toEqual({ 200: 1, 402: 4 });
    stage.provider.release();
    expect(countByStatus(await Promise.all(underWay))).toEqual({ 200: 3 });
    // The process that runs ends what is carried by itself.
    await stage.settled(`key:${key.id}`, 4);
    await stage.setLimit(key, 5, 'never');
    expect(await stage.callAtOnce(key, 5)).toEqual({ 200: 1, 402: 4 });
  });

  it('is 503 for that key alone until what was spent is known', async () => {
    const [key, other, capped] = [await stage.makeKey(), await stage.makeKey(), await stage.makeKey()];
    await stage.setLimit(capped, 50);
    expect(await stage.callAtOnce(key, 3)).toEqual({ 200: 3 });
    expect(await stage.callAtOnce(capped, 1)).toEqual({ 200: 1 });
    stage.busIsAway = true;
    await stage.setLimit(key, 4);
    const refused = stage.call(key);
    expect(await stage.callAtOnce(other, 10)).toEqual({ 200: 10 });
    expect(await stage.callAtOnce(capped, 10)).toEqual({ 200: 10 });
    expect(await refused).toMatchObject({ status: 503, code: 'credit_unavailable', retryAfter: '1' });
    stage.busIsAway = false;
    expect(await stage.callAtOnce(key, 10)).toEqual({ 200: 1, 402: 9 });
  });
});

describe.each(shapes)('the limit of an organisation that changes under load, $shape', ({ admissionOf }) => {
  let stage: CreditStage;
  beforeAll(async () => {
    stage = await open(admissionOf);
  });
  afterAll(() => stage?.close());

  it('counts what all its keys spent, and is one for all of them', async () => {
    const keys = [await stage.makeKey(), await stage.makeKey(), await stage.makeKey()];
    await stage.setLimit(keys[2]!, 3);
    for (const key of keys) expect(await stage.callAtOnce(key, 2)).toEqual({ 200: 2 });
    await stage.setOrganizationLimit(11, 2);
    const answers = await Promise.all(keys.flatMap((key) => Array.from({ length: 10 }, () => stage.call(key))));
    expect(countByStatus(answers)).toEqual({ 200: 5, 402: 25 });
    expect(
      new Set(answers.filter(({ status }) => status === 402).map(({ message }) => message?.slice(0, 44))),
    ).toContain('The credit limit of the organization has 0 U');
    await stage.setOrganizationLimit(4, 3, 2);
    expect(await stage.callAtOnce(keys[0]!, 5)).toEqual({ 402: 5 });
    await stage.setOrganizationLimit(13, 4, 2);
    expect(await stage.callAtOnce(keys[0]!, 5)).toEqual({ 200: 2, 402: 3 });
    await stage.setOrganizationLimit(null, 5, 2);
    expect(await stage.callAtOnce(keys[0]!, 5)).toEqual({ 200: 5 });
  });
});
