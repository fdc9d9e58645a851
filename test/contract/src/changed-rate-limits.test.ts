import { randomInt, randomUUID } from 'node:crypto';
import { MemoryAdmission, RedisAdmission, type Admission } from '@tollgate/admission';
import { emptyOrganization, reserve, settle, type AdmissionDecision, type RateLimitsItem } from '@tollgate/credit';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as formerAdmission from '../releases/2026-11-29-3/admission/index.js';
import { clockKey, readClockOfTest } from './clock-of-test.js';
import { randomBelow } from './random-below.js';

const SECOND_US = 1_000_000;
const NONE: RateLimitsItem = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
const rpm = (requestsPerMinute: number | null): RateLimitsItem => ({ ...NONE, requestsPerMinute });
const tpm = (tokensPerMinute: number | null): RateLimitsItem => ({ ...NONE, tokensPerMinute });
const atOnce = (parallelRequests: number | null): RateLimitsItem => ({ ...NONE, parallelRequests });

let server: RedisServer;
let connection: RedisConnection;
/** Each release has its own connection, because their scripts have the same names. They go by the time of Redis. */
let ours: RedisConnection, theirs: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  [connection, ours, theirs] = ['changed-limits', 'ours', 'theirs'].map((name) =>
    connectRedis({ url: server.url, name, commandTimeoutMs: 10_000 }),
  ) as [RedisConnection, RedisConnection, RedisConnection];
  await Promise.all([connection, ours, theirs].map((each) => storeKnown(each, 30_000)));
  readClockOfTest(connection.client);
});
afterAll(async () => {
  await Promise.all([connection?.close(), ours?.close(), theirs?.close()]);
  await server?.stop();
});

/** A key's calls, whose clock the test moves. */
class Caller {
  readonly organizationId = randomUUID();
  #nowUs = 1_795_190_400_000_000;
  readonly #gateways: readonly Admission[];

  /** Gateways take turns: what one lets through, the others count. */
  constructor(make: (nowUs: () => number) => readonly Admission[]) {
    this.#gateways = make(() => this.#nowUs);
  }

  async pass(seconds: number): Promise<void> {
    this.#nowUs += seconds * SECOND_US;
    await connection.client.set(clockKey(this.organizationId), String(this.#nowUs));
  }

  call(rateLimits: RateLimitsItem, tokens = 1, gateway = 0): Promise<AdmissionDecision> {
    return this.#gateways[gateway % this.#gateways.length]!.reserve({
      requestId: randomUUID(),
      organizationId: this.organizationId,
      apiKeyId: 'key',
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 0n,
      accounts: [],
      rateLimits,
      tokens,
    });
  }

  /** How many of so many calls at once are let through. */
  async letThrough(calls: number, rateLimits: RateLimitsItem, tokens = 1): Promise<number> {
    const decisions = [];
    for (let n = 0; n < calls; n++) decisions.push(await this.call(rateLimits, tokens, n));
    return decisions.filter(({ kind }) => kind === 'admitted').length;
  }
}

const shapes: { shape: string; make: (nowUs: () => number) => readonly Admission[] }[] = [
  { shape: 'in memory', make: (nowUs) => [new MemoryAdmission(nowUs)] },
  {
    shape: 'on Redis, by two gateways',
    make: () => [new RedisAdmission(connection), new RedisAdmission(connection)],
  },
];

/** Which limits a key has, one after the other, each with how many calls it makes and how many are let through. */
type Step = readonly [limits: RateLimitsItem, calls: number, letThrough: number];

describe.each(shapes)('a rate limit that changes, $shape', ({ make }) => {
  it.each<[string, readonly Step[]]>([
    [
      '2 → 100 a minute',
      [
        [rpm(2), 4, 2],
        [rpm(100), 120, 98],
      ],
    ],
    [
      '100 → 2, of which more were used',
      [
        [rpm(100), 50, 50],
        [rpm(2), 3, 0],
      ],
    ],
    [
      '100 → 2, of which one was used',
      [
        [rpm(100), 1, 1],
        [rpm(2), 3, 1],
      ],
    ],
    [
      '100 → 2, of which as many were used',
      [
        [rpm(100), 2, 2],
        [rpm(2), 3, 0],
      ],
    ],
    [
      '100 → 2 → 100, without a call that counts in between',
      [
        [rpm(100), 50, 50],
        [rpm(2), 3, 0],
        [rpm(100), 60, 50],
      ],
    ],
    [
      '100 → 60 → 100',
      [
        [rpm(100), 50, 50],
        [rpm(60), 20, 10],
        [rpm(100), 60, 40],
      ],
    ],
    [
      'none → 2',
      [
        [NONE, 5, 5],
        [rpm(2), 4, 2],
      ],
    ],
    [
      '2 → none → 100',
      [
        [rpm(2), 4, 2],
        [NONE, 9, 9],
        [rpm(100), 120, 98],
      ],
    ],
    [
      '100 → none → 2',
      [
        [rpm(100), 50, 50],
        [NONE, 1, 1],
        [rpm(2), 2, 0],
      ],
    ],
    [
      '2 → 3 → 4',
      [
        [rpm(2), 3, 2],
        [rpm(3), 3, 1],
        [rpm(4), 3, 1],
      ],
    ],
    [
      '1 → 2,000,000,000',
      [
        [rpm(1), 2, 1],
        [rpm(2_000_000_000), 5, 5],
      ],
    ],
    [
      '1,000,000 → 1',
      [
        [rpm(1_000_000), 5, 5],
        [rpm(1), 2, 0],
      ],
    ],
    [
      '2 → 100 tokens a minute',
      [
        [tpm(2), 4, 2],
        [tpm(100), 120, 98],
      ],
    ],
    [
      '100 → 2 tokens a minute',
      [
        [tpm(100), 50, 50],
        [tpm(2), 3, 0],
      ],
    ],
    [
      'none → 2 tokens a minute',
      [
        [tpm(null), 5, 5],
        [tpm(2), 4, 2],
      ],
    ],
    [
      '2 → none → 100 tokens a minute',
      [
        [tpm(2), 4, 2],
        [tpm(null), 9, 9],
        [tpm(100), 120, 98],
      ],
    ],
    [
      'requests → tokens',
      [
        [rpm(2), 3, 2],
        [tpm(5), 6, 5],
        [{ ...rpm(3), tokensPerMinute: 6 }, 3, 1],
      ],
    ],
    [
      '2 → 100 at once',
      [
        [atOnce(2), 4, 2],
        [atOnce(100), 120, 98],
      ],
    ],
    [
      '100 → 2 at once',
      [
        [atOnce(100), 50, 50],
        [atOnce(2), 3, 0],
        [atOnce(52), 5, 2],
      ],
    ],
    [
      '2 → none → 100 at once',
      [
        [atOnce(2), 4, 2],
        [atOnce(null), 9, 9],
        [atOnce(100), 120, 98],
      ],
    ],
  ])('lets through the new one without what was used: %s', async (_, steps) => {
    const caller = new Caller(make);
    await caller.pass(0);
    const seen = [];
    for (const [limits, calls] of steps) seen.push(await caller.letThrough(calls, limits));
    expect(seen).toEqual(steps.map(([, , letThrough]) => letThrough));
  });

  it('says what is left of the new one, and when a lowered one lets through again, which is within a minute', async () => {
    const caller = new Caller(make);
    await caller.pass(0);
    await caller.letThrough(2, rpm(2));
    expect(await caller.call(rpm(100))).toMatchObject({
      rate: { requests: { limit: 100, remaining: 97, resetMs: 1_800 } },
    });
    await caller.letThrough(97, rpm(100));
    const refused = await caller.call(rpm(2));
    expect(refused).toMatchObject({
      kind: 'rate_limited',
      limit: 'requests',
      retryAfterMs: 60_000,
      rate: { requests: { limit: 2, remaining: 0, resetMs: 60_000 } },
    });
    await caller.pass(57);
    expect(await caller.letThrough(3, rpm(2))).toBe(0);
    await caller.pass(3);
    expect(await caller.letThrough(3, rpm(2))).toBe(2);
    expect(await caller.call(rpm(2))).toMatchObject({ retryAfterMs: 30_000 });
  });

  it('goes on at the pace of a higher one also where that refuses a call', async () => {
    const caller = new Caller(make);
    await caller.pass(0);
    await caller.letThrough(1, tpm(100), 100);
    expect(await caller.call(tpm(200), 200)).toMatchObject({ kind: 'rate_limited', retryAfterMs: 30_000 });
    await caller.pass(30);
    expect(await caller.call(tpm(200), 200)).toMatchObject({ kind: 'admitted' });
  });

  it('counts what calls under way turn out to have used by the limit that they are counted by', async () => {
    const admissions = make(() => 1_795_190_400_000_000);
    const caller = new Caller(() => admissions);
    await caller.pass(0);
    const requestId = randomUUID();
    const item = { organizationId: caller.organizationId, apiKeyId: 'key', instanceId: 'i', journalId: 'j' };
    const asked = { ...item, requestId, amountNanoUsd: 0n, accounts: [], rateLimits: tpm(1_000), tokens: 900 };
    expect((await admissions[0]!.reserve(asked)).kind).toBe('admitted');
    expect(await caller.letThrough(1, tpm(10_000), 1_000)).toBe(1);
    const end = { requestId, organizationId: caller.organizationId, chargeNanoUsd: 0n, tokens: 100 };
    admissions[0]!.settle(end);
    if (admissions[0] instanceof RedisAdmission) await admissions[0].drain();
    expect(await caller.call(tpm(10_000), 1)).toMatchObject({ rate: { tokens: { remaining: 10_000 - 1_101 } } });
  });
});

describe('rates in Redis beside a gateway of the release before', () => {
  const formerGateway = (): Admission => new formerAdmission.RedisAdmission(theirs) as unknown as Admission;

  it('are read and written by both, and requests and places among parallel ones are shared', async () => {
    const caller = new Caller(() => [new RedisAdmission(ours), formerGateway()]);
    const both = { ...rpm(10), parallelRequests: 7 };
    expect(await caller.letThrough(6, both)).toBe(6);
    expect(await caller.letThrough(3, both)).toBe(1);
    const key = `tollgate:{${caller.organizationId}}:admission:2`;
    const text = (await connection.client.hget(key, 'r:key'))!;
    expect(text.split('|')).toHaveLength(4);
    expect(Number.parseInt(text.split('|')[3]!, 10)).toBe(7);
    // Seven of ten were used: three more, whoever asks, and each goes on where the other wrote.
    expect(await caller.letThrough(6, rpm(10))).toBe(3);
  });

  it('count as used under the limit of today where the former release wrote them', async () => {
    const caller = new Caller(() => [formerGateway(), new RedisAdmission(ours)]);
    expect((await caller.call(rpm(4), 1, 0)).kind).toBe('admitted');
    const key = `tollgate:{${caller.organizationId}}:admission:2`;
    expect(await connection.client.hget(key, 'r:key')).toMatch(/\|0$/);
    expect(await caller.call(rpm(4), 1, 1)).toMatchObject({ rate: { requests: { remaining: 2 } } });
    expect(await connection.client.hget(key, 'r:key')).toMatch(/\|0\.0000000004$/);
    expect(await caller.call(rpm(4), 1, 0)).toMatchObject({ rate: { requests: { remaining: 1 } } });
    expect(await connection.client.hget(key, 'r:key')).toMatch(/\|0$/);
  });
});

describe('the script and its twin', () => {
  it('agree about limits that change at random, and never let more through than was fair', async () => {
    const seed = Number(process.env['RATE_SEED'] ?? randomInt(2 ** 31));
    for (let life = 0; life < 300; life++) {
      const below = randomBelow(seed, life);
      const organizationId = randomUUID();
      const where = `RATE_SEED=${seed}, life ${life}`;
      const twin = emptyOrganization();
      const gateway = new RedisAdmission(connection);
      let nowUs = 1_795_190_400_000_000 + below(1_000_000);
      const limit = (): number | null => [null, 1, 2, 3, 10, 100, 1_000, 2_000_000_000][below(8)]!;
      let rateLimits: RateLimitsItem = NONE;
      /** When calls were let through. */
      const passed: number[] = [];
      /** Of all limits so far. A call that a token limit refuses has its key go on at the pace of its limit, too. */
      let highest = 0;
      const open: string[] = [];
      for (let step = 0; step < 40; step++) {
        if (below(4) === 0)
          rateLimits = { requestsPerMinute: limit(), tokensPerMinute: limit(), parallelRequests: limit() };
        if (below(3) === 0) nowUs += [1, 250_000, 5 * SECOND_US, 61 * SECOND_US][below(4)]!;
        await connection.client.set(clockKey(organizationId), String(nowUs));
        const ended = open[below(8)];
        if (ended !== undefined && below(3) === 0) {
          const end = { requestId: ended, organizationId, chargeNanoUsd: 0n, tokens: below(30) };
          settle(twin, end, nowUs);
          gateway.settle(end);
          await gateway.drain();
        }
        const requestId = randomUUID();
        const item = {
          requestId,
          organizationId,
          apiKeyId: 'key',
          instanceId: 'i',
          journalId: 'j',
          amountNanoUsd: 0n,
          accounts: [],
          rateLimits,
          tokens: 1 + below(20),
        };
        const here = reserve(twin, item, 'store', nowUs);
        expect(await gateway.reserve(item), `${where}, step ${step}`).toEqual(here);
        const { requestsPerMinute } = rateLimits;
        highest = Math.max(highest, requestsPerMinute ?? 0);
        if (here.kind !== 'admitted') continue;
        open.push(requestId);
        if (requestsPerMinute === null) continue;
        passed.push(nowUs);
        // Of a bucket that refills evenly at most twice the highest limit passes in a window.
        const inWindow = passed.filter((at) => at > nowUs - 60 * SECOND_US).length;
        expect(inWindow, `${where}, step ${step}`).toBeLessThanOrEqual(2 * highest);
      }
    }
  });
});
