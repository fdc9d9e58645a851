import { randomUUID } from 'node:crypto';
import { MemoryAdmission, RedisAdmission, RedisAdmissionBooks, type Admission } from '@tollgate/admission';
import { ANSWERS_KEPT, answersName, MODELS_KEPT, type AdmissionDecision, type ReserveItem } from '@tollgate/credit';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const limit = 1_000;
const ceiling = 300;

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'token-limit', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

/** Makes the calls of one key. */
class Caller {
  readonly organizationId = randomUUID();
  readonly #drain: () => Promise<void>;

  constructor(
    readonly admission: Admission,
    private readonly tokensPerMinute: number = limit,
  ) {
    this.#drain = admission instanceof RedisAdmission ? () => admission.drain() : () => Promise.resolve();
  }

  reserve(parts: Partial<ReserveItem> = {}): Promise<AdmissionDecision> {
    return this.admission.reserve({
      requestId: randomUUID(),
      organizationId: this.organizationId,
      apiKeyId: 'key',
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 0n,
      accounts: [],
      rateLimits: { requestsPerMinute: null, tokensPerMinute: this.tokensPerMinute, parallelRequests: null },
      tokens: 0,
      ...parts,
    });
  }

  /** Reserves for a call without a ceiling of output and with an input of 10 tokens. */
  openEnded(model = 'model', requestId: string = randomUUID()): Promise<AdmissionDecision> {
    const openEnded = { inputTokens: 10, answersOf: answersName(model, 1) };
    return this.reserve({ requestId, tokens: 10 + ceiling, openEnded });
  }

  async settle(requestId: string, tokens: number, answerTokens: number | null): Promise<void> {
    this.admission.settle({ requestId, organizationId: this.organizationId, chargeNanoUsd: 0n, tokens, answerTokens });
    await this.#drain();
  }

  /** Makes calls without a ceiling, one after the other, with answers of these lengths in tokens. */
  async answer(model: string, ...answers: readonly number[]): Promise<void> {
    for (const tokens of answers) {
      const requestId = randomUUID();
      expect(await this.openEnded(model, requestId)).toMatchObject({ kind: 'admitted' });
      await this.settle(requestId, 0, tokens);
    }
  }

  /** The tokens that a call without a ceiling takes of the limit now. */
  async takes(model: string): Promise<number> {
    const requestId = randomUUID();
    const decision = await this.openEnded(model, requestId);
    expect(decision).toMatchObject({ kind: 'admitted' });
    await this.settle(requestId, 0, null);
    return limit - leftOf(decision);
  }
}

function leftOf(decision: AdmissionDecision): number {
  if (decision.kind !== 'admitted' && decision.kind !== 'rate_limited') throw new Error(decision.kind);
  return decision.rate.tokens!.remaining;
}

const shapes: { shape: string; make: () => Admission }[] = [
  { shape: 'in memory', make: () => new MemoryAdmission() },
  { shape: 'on Redis', make: () => new RedisAdmission(connection) },
];

describe.each(shapes)('tokens per minute $shape', ({ make }) => {
  it('are taken up to the model’s ceiling by first calls, then up to the largest of the last answers', async () => {
    const caller = new Caller(make());
    const first = [randomUUID(), randomUUID(), randomUUID()] as const;
    const decisions = await Promise.all(first.map((requestId) => caller.openEnded('model', requestId)));
    expect(decisions.map(leftOf)).toEqual([690, 380, 70]);
    expect(await caller.openEnded()).toMatchObject({ kind: 'rate_limited', limit: 'tokens' });
    await caller.settle(first[0], 0, 50);
    await caller.settle(first[1], 0, 200);
    await caller.settle(first[2], 0, 100);
    expect([await caller.takes('model'), await caller.takes('another')]).toEqual([210, 310]);
  });

  it('are all taken by a call that may need more, which then goes alone', async () => {
    const caller = new Caller(make(), 200);
    const [first, second] = await Promise.all([caller.openEnded(), caller.reserve({ tokens: 1 })]);
    expect(leftOf(first)).toBe(0);
    expect(second).toMatchObject({ kind: 'rate_limited', limit: 'tokens' });
    const large = await new Caller(make(), 200).reserve({ tokens: 100_000 });
    expect(large).toMatchObject({ kind: 'admitted', rate: { tokens: { remaining: 0 } } });
  });

  it('learn nothing from calls that name a ceiling, nor from calls without an answer', async () => {
    const caller = new Caller(make());
    await caller.answer('model', 100);
    const [named, none, empty] = [randomUUID(), randomUUID(), randomUUID()];
    await caller.reserve({ requestId: named, tokens: 20 });
    await caller.settle(named, 0, 290);
    await caller.openEnded('model', none);
    await caller.settle(none, 0, null);
    await caller.openEnded('model', empty);
    await caller.settle(empty, 0, 0);
    expect(await caller.takes('model')).toBe(110);
  });

  it(`forget an answer after ${ANSWERS_KEPT - 1} others of its model`, async () => {
    const caller = new Caller(make());
    await caller.answer('model', 250, ...Array<number>(ANSWERS_KEPT - 1).fill(20));
    await caller.answer('another', 7, 7);
    expect(await caller.takes('model')).toBe(260);
    await caller.answer('model', 30);
    expect(await caller.takes('model')).toBe(40);
  });

  it(`forget the model that answered longest ago when a key has more than ${MODELS_KEPT}`, async () => {
    const caller = new Caller(make());
    for (let model = 0; model < MODELS_KEPT; model++) await caller.answer(`invented|,;=${model}`, 20 + model);
    await caller.answer('invented|,;=0', 5);
    await caller.answer('one more', 9);
    const takes = [];
    const models = ['invented|,;=0', 'invented|,;=1', 'invented|,;=2', 'one more'];
    for (const model of models) takes.push(await caller.takes(model));
    expect(takes).toEqual([30, 310, 32, 19]);
  });

  it('never keep a key waiting for more than a minute, however long one answer was', async () => {
    const caller = new Caller(make(), 10);
    const requestId = randomUUID();
    await caller.openEnded('model', requestId);
    await caller.settle(requestId, 90_010, 90_000);
    const [all, one] = await Promise.all([caller.openEnded(), caller.reserve({ tokens: 1 })]);
    expect(all).toMatchObject({ kind: 'rate_limited', limit: 'tokens', rate: { tokens: { remaining: 0 } } });
    if (all.kind !== 'rate_limited' || one.kind !== 'rate_limited') throw new Error('the key is not limited');
    expect(all.retryAfterMs).toBeGreaterThan(50_000);
    expect(all.retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(one.retryAfterMs).toBeLessThanOrEqual(6_000);
  });
});

describe('tokens per minute when the clock is set back', () => {
  it('are full a minute later in memory', async () => {
    let now = 1_795_190_400_000_000;
    const caller = new Caller(new MemoryAdmission(() => now));
    await caller.reserve({ tokens: limit });
    now -= 3_600_000_000;
    expect(await caller.reserve({ tokens: limit })).toMatchObject({ kind: 'rate_limited', retryAfterMs: 60_000 });
    now += 60_000_000;
    expect(await caller.reserve({ tokens: limit })).toMatchObject({ kind: 'admitted' });
  });

  it('are within a minute on Redis, for requests and tokens, and stay so', async () => {
    const caller = new Caller(new RedisAdmission(connection));
    const key = `tollgate:{${caller.organizationId}}:admission:2`;
    const ahead = (Date.now() + 3_600_000) * 4_000;
    await connection.client.hset(key, 'r:key', `${ahead}|${ahead}|${limit}|0`);
    const rateLimits = { requestsPerMinute: 60, tokensPerMinute: limit, parallelRequests: null };
    const refused = await caller.reserve({ tokens: limit, rateLimits });
    expect(refused).toMatchObject({ kind: 'rate_limited', limit: 'requests' });
    expect(refused).toMatchObject({ rate: { tokens: { remaining: 0, resetMs: 60_000 } } });
    const [requests, tokens] = (await connection.client.hget(key, 'r:key'))!.split('|').map(Number);
    for (const ticks of [requests!, tokens!]) expect(ticks / 4_000 - Date.now()).toBeLessThanOrEqual(61_000);
  });
});

describe('tokens per minute beside a gateway of the release before', () => {
  it('end its holds, and write holds that it can read', async () => {
    const caller = new Caller(new RedisAdmission(connection));
    const key = `tollgate:{${caller.organizationId}}:admission:2`;
    const tat = (Date.now() + 60_000) * 4_000;
    await connection.client.hset(key, 'r:key', `0|${tat}|${limit}|0`, 'o:theirs', '0|1000|0|r:key||instance|journal');
    await caller.settle('theirs', 0, 77);
    expect(await connection.client.hkeys(key)).toEqual(['r:key']);
    expect(await caller.takes('model')).toBe(310);

    await caller.openEnded('model', 'ours');
    const text = (await connection.client.hget(key, 'o:ours'))!;
    // The former release reads the first seven parts of a hold, and rates have as many parts as before.
    expect(text.split('|').slice(0, 7)).toEqual(['0', '310', '0', 'r:key', '', 'i', 'j']);
    expect((await connection.client.hget(key, 'r:key'))!.split('|')).toHaveLength(4);
    const holds = await new RedisAdmissionBooks(connection).openHolds(caller.organizationId);
    expect(holds).toMatchObject([{ requestId: 'ours', tokens: 310, answersOf: 'model' }]);
  });
});

describe.each(shapes)('tokens per minute $shape under a new epoch', ({ make }) => {
  it('keep the answers, and put right what calls in flight took', async () => {
    const admission = make();
    const books = admission instanceof MemoryAdmission ? admission : new RedisAdmissionBooks(connection);
    const caller = new Caller(admission);
    await caller.answer('model', 40);
    const [inFlight, again] = [randomUUID(), randomUUID()];
    await caller.reserve({ requestId: inFlight, tokens: limit });
    const { organizationId } = caller;
    await books.openEpoch({ organizationId, epochId: 'e', posted: [], booked: [], waitingFor: [] });
    expect(await caller.openEnded('model', again)).toMatchObject({ kind: 'rate_limited' });
    await caller.settle(inFlight, 0, null);
    expect(await caller.takes('model')).toBe(50);
  });
});

describe('tokens per minute while Redis is away', () => {
  it('are held by each gateway for its share, put right at the end, and learnt from', async () => {
    const own = await startRedis();
    const redis = connectRedis({ url: own.url, name: 'away' });
    await storeKnown(redis, 30_000);
    const gateway = new RedisAdmission(redis);
    await gateway.renewLease('i');
    await own.kill();
    const caller = new Caller(gateway);
    const requestId = randomUUID();
    expect(leftOf(await caller.openEnded('model', requestId))).toBe(690);
    await caller.settle(requestId, 30, 20);
    expect(leftOf(await caller.openEnded('model'))).toBeGreaterThanOrEqual(940);
    expect(leftOf(await caller.openEnded('another'))).toBeLessThan(900);
    await redis.close();
    await own.stop();
  });
});
