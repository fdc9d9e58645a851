import { randomUUID } from 'node:crypto';
import {
  MemoryAdmission,
  RedisAdmission,
  RedisAdmissionBooks,
  type Admission,
  type AdmissionBooks,
} from '@tollgate/admission';
import type { ReserveItem } from '@tollgate/credit';
import { startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const INSTANCE = 'instance-1';
const JOURNAL = 'journal-1';
const UNLIMITED = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'contract' });
  await storeKnown(connection, 5_000);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

interface Sides {
  readonly gateway: Admission;
  readonly books: AdmissionBooks;
}
const shapes: { shape: string; make: () => Sides }[] = [
  {
    shape: 'in memory',
    make: () => {
      const both = new MemoryAdmission();
      return { gateway: both, books: both };
    },
  },
  {
    shape: 'on Redis',
    make: () => ({ gateway: new RedisAdmission(connection), books: new RedisAdmissionBooks(connection) }),
  },
];

function request(organizationId: string, parts: Partial<ReserveItem> = {}): ReserveItem {
  return {
    requestId: randomUUID(),
    organizationId,
    apiKeyId: 'key-1',
    instanceId: INSTANCE,
    journalId: JOURNAL,
    amountNanoUsd: 10n,
    accounts: [{ accountId: 'account-1', capNanoUsd: 100n }],
    rateLimits: UNLIMITED,
    tokens: 100,
    ...parts,
  };
}

describe.each(shapes)('admission $shape', ({ make }) => {
  async function opened(): Promise<Sides & { organizationId: string }> {
    const sides = make();
    const organizationId = randomUUID();
    await sides.gateway.renewLease(INSTANCE);
    await sides.books.openEpoch({ organizationId, epochId: randomUUID(), posted: [], booked: [], waitingFor: [] });
    return { ...sides, organizationId };
  }
  const balance = async (sides: Sides, organizationId: string) =>
    (await sides.books.accounts(organizationId)).get('account-1');
  const settled = (sides: Sides, organizationId: string, held: bigint, posted: bigint) =>
    waitUntil(
      async () => {
        const now = await balance(sides, organizationId);
        return now?.heldNanoUsd === held && now.postedNanoUsd === posted;
      },
      { timeoutMs: 2_000, what: `held ${held} and posted ${posted}` },
    );

  it('admits as many holds as the cap has room for, however many ask at once', async () => {
    const { gateway, books, organizationId } = await opened();
    const decisions = await Promise.all(Array.from({ length: 500 }, () => gateway.reserve(request(organizationId))));
    expect(decisions.filter(({ kind }) => kind === 'admitted')).toHaveLength(10);
    expect(decisions.filter(({ kind }) => kind === 'credit_exhausted')).toHaveLength(490);
    expect(await balance({ gateway, books }, organizationId)).toEqual({ postedNanoUsd: 0n, heldNanoUsd: 100n });
  });

  it('holds on every account or on none', async () => {
    const { gateway, books, organizationId } = await opened();
    const accounts = [
      { accountId: 'account-1', capNanoUsd: 100n },
      { accountId: 'account-2', capNanoUsd: 5n },
    ];
    expect(await gateway.reserve(request(organizationId, { accounts }))).toEqual({
      kind: 'credit_exhausted',
      accountId: 'account-2',
      availableNanoUsd: 5n,
    });
    expect(await gateway.reserve(request(organizationId, { accounts, amountNanoUsd: 5n }))).toMatchObject({
      kind: 'admitted',
    });
    const balances = await books.accounts(organizationId);
    expect([...balances].map(([accountId, { heldNanoUsd }]) => [accountId, heldNanoUsd])).toEqual(
      expect.arrayContaining([
        ['account-1', 5n],
        ['account-2', 5n],
      ]),
    );
  });

  it('gives a repeated reserve the same answer and takes nothing twice', async () => {
    const sides = await opened();
    const item = request(sides.organizationId);
    for (let i = 0; i < 10; i++) expect(await sides.gateway.reserve(item)).toMatchObject({ kind: 'admitted' });
    expect(await balance(sides, sides.organizationId)).toEqual({ postedNanoUsd: 0n, heldNanoUsd: 10n });
  });

  it('settles a hold once, at most the hold', async () => {
    const sides = await opened();
    const { organizationId } = sides;
    const item = request(organizationId);
    await sides.gateway.reserve(item);
    for (let i = 0; i < 10; i++)
      sides.gateway.settle({ requestId: item.requestId, organizationId, chargeNanoUsd: 25n, tokens: null });
    await settled(sides, organizationId, 0n, 10n);
    await sides.books.settleBooked(organizationId, [
      {
        requestId: item.requestId,
        organizationId,
        chargeNanoUsd: 25n,
        tokens: null,
        journalId: JOURNAL,
        journalNumber: 1,
        accountIds: ['account-1'],
      },
    ]);
    expect(await balance(sides, organizationId)).toEqual({ postedNanoUsd: 10n, heldNanoUsd: 0n });
  });

  it('refuses capped requests without an epoch, and while one waits to hear from a gateway', async () => {
    const sides = make();
    const organizationId = randomUUID();
    await sides.gateway.renewLease(INSTANCE);
    expect(await sides.gateway.reserve(request(organizationId))).toEqual({ kind: 'unavailable', why: 'no_epoch' });
    const waitingFor = [{ journalId: JOURNAL, instanceId: INSTANCE }];
    expect(
      await sides.books.openEpoch({
        organizationId,
        epochId: 'e',
        posted: [{ accountId: 'account-1', postedNanoUsd: 60n }],
        booked: [{ journalId: JOURNAL, number: 4 }],
        waitingFor,
      }),
    ).toBe(true);
    expect(await sides.gateway.reserve(request(organizationId))).toEqual({ kind: 'unavailable', why: 'announcing' });
    expect(await sides.gateway.renewLease(INSTANCE)).toEqual([organizationId]);
    expect(await sides.gateway.bookedNumber(organizationId, JOURNAL)).toBe(4);
    const hold = (requestId: string, amountNanoUsd: bigint) => ({
      requestId,
      apiKeyId: 'key-1',
      instanceId: INSTANCE,
      journalId: JOURNAL,
      amountNanoUsd,
      accountIds: ['account-1'],
      parallel: false,
      tokens: 0,
    });
    await sides.gateway.announce({
      organizationId,
      journalId: JOURNAL,
      holds: [hold('in-flight', 10n)],
      finals: [
        { ...hold('booked', 7n), journalNumber: 4 },
        { ...hold('not-booked', 20n), journalNumber: 5 },
      ],
    });
    expect(await balance(sides, organizationId)).toEqual({ postedNanoUsd: 60n, heldNanoUsd: 30n });
    expect(await sides.gateway.reserve(request(organizationId))).toMatchObject({ kind: 'admitted' });
    expect(await sides.gateway.reserve(request(organizationId))).toMatchObject({ kind: 'credit_exhausted' });
    expect(await sides.gateway.bookedNumber(organizationId, JOURNAL)).toBeNull();
    expect(await sides.gateway.renewLease(INSTANCE)).toEqual([]);
  });

  it('counts what is booked before its gateway announces, and leaves it out of the announcement', async () => {
    const sides = make();
    const organizationId = randomUUID();
    await sides.books.openEpoch({
      organizationId,
      epochId: 'e',
      posted: [],
      booked: [],
      waitingFor: [{ journalId: JOURNAL, instanceId: INSTANCE }],
    });
    const booked = {
      requestId: 'r',
      organizationId,
      chargeNanoUsd: 8n,
      tokens: null,
      journalId: JOURNAL,
      journalNumber: 1,
      accountIds: ['account-1'],
    };
    await sides.books.settleBooked(organizationId, [booked, booked]);
    expect(await balance(sides, organizationId)).toEqual({ postedNanoUsd: 8n, heldNanoUsd: 0n });
    await sides.gateway.announce({
      organizationId,
      journalId: JOURNAL,
      holds: [],
      finals: [
        {
          requestId: 'r',
          apiKeyId: 'key-1',
          instanceId: INSTANCE,
          journalId: JOURNAL,
          amountNanoUsd: 8n,
          accountIds: ['account-1'],
          parallel: false,
          tokens: 0,
          journalNumber: 1,
        },
      ],
    });
    expect(await balance(sides, organizationId)).toEqual({ postedNanoUsd: 8n, heldNanoUsd: 0n });
  });

  it('opens an epoch once, again after it was closed, and stops waiting for who is gone', async () => {
    const sides = await opened();
    const { organizationId } = sides;
    const opening = {
      organizationId,
      epochId: 'second',
      posted: [],
      booked: [],
      waitingFor: [{ journalId: 'gone', instanceId: 'gone' }],
    };
    expect(await sides.books.openEpoch(opening)).toBe(false);
    await sides.books.closeEpoch(organizationId);
    expect(await sides.books.hasEpoch(organizationId)).toBe(false);
    expect(await sides.books.openEpoch(opening)).toBe(true);
    expect(await sides.gateway.reserve(request(organizationId))).toMatchObject({ kind: 'unavailable' });
    await sides.books.stopWaiting(organizationId, 'gone');
    expect(await sides.gateway.reserve(request(organizationId))).toMatchObject({ kind: 'admitted' });
  });

  it('names the organisations that it knows, whether they have an epoch or not', async () => {
    const [withEpoch, without] = [await opened(), make()];
    const organizationId = randomUUID();
    expect(
      await without.gateway.reserve(
        request(organizationId, { accounts: [], rateLimits: { ...UNLIMITED, parallelRequests: 1 } }),
      ),
    ).toMatchObject({ kind: 'admitted' });
    expect(await withEpoch.books.organizations()).toContain(withEpoch.organizationId);
    expect(await without.books.organizations()).toContain(organizationId);
    expect(await without.books.organizations()).not.toContain(randomUUID());
  });

  it('enforces requests per minute, parallel requests and tokens, and corrects tokens at the end', async () => {
    const sides = await opened();
    const { organizationId } = sides;
    const uncapped = (rateLimits: Partial<ReserveItem['rateLimits']>, apiKeyId: string, tokens = 100) =>
      request(organizationId, { accounts: [], apiKeyId, tokens, rateLimits: { ...UNLIMITED, ...rateLimits } });

    const rpm = await Promise.all(
      Array.from({ length: 8 }, () => sides.gateway.reserve(uncapped({ requestsPerMinute: 5 }, 'by-requests'))),
    );
    expect(rpm.filter(({ kind }) => kind === 'admitted')).toHaveLength(5);
    expect(rpm.find(({ kind }) => kind === 'rate_limited')).toMatchObject({
      limit: 'requests',
      rate: { requests: { limit: 5, remaining: 0 } },
    });

    const first = uncapped({ parallelRequests: 1 }, 'by-parallel');
    expect(await sides.gateway.reserve(first)).toMatchObject({ kind: 'admitted' });
    expect(await sides.gateway.reserve(uncapped({ parallelRequests: 1 }, 'by-parallel'))).toMatchObject({
      kind: 'rate_limited',
      limit: 'parallel',
    });
    sides.gateway.settle({ requestId: first.requestId, organizationId, chargeNanoUsd: 0n, tokens: 1 });
    await waitUntil(
      async () => (await sides.gateway.reserve(uncapped({ parallelRequests: 1 }, 'by-parallel'))).kind === 'admitted',
      { timeoutMs: 2_000, what: 'the parallel request to end' },
    );

    const big = uncapped({ tokensPerMinute: 1_000 }, 'by-tokens', 900);
    expect(await sides.gateway.reserve(big)).toMatchObject({ kind: 'admitted', rate: { tokens: { remaining: 100 } } });
    expect(await sides.gateway.reserve(uncapped({ tokensPerMinute: 1_000 }, 'by-tokens', 300))).toMatchObject({
      kind: 'rate_limited',
      limit: 'tokens',
    });
    sides.gateway.settle({ requestId: big.requestId, organizationId, chargeNanoUsd: 0n, tokens: 200 });
    await waitUntil(
      async () =>
        (await sides.gateway.reserve(uncapped({ tokensPerMinute: 1_000 }, 'by-tokens', 300))).kind === 'admitted',
      { timeoutMs: 2_000, what: 'the tokens to be given back' },
    );
  });
});

describe('admission whose Redis is gone', () => {
  it('refuses credit, keeps its share of the rate limits, and releases what it could not be sure of', async () => {
    const own = await startRedis();
    const redis = connectRedis({ url: own.url, name: 'gone' });
    await storeKnown(redis, 5_000);
    const gateway = new RedisAdmission(redis);
    await gateway.renewLease(INSTANCE);
    await own.kill();
    const organizationId = randomUUID();
    expect(await gateway.reserve(request(organizationId))).toEqual({ kind: 'unavailable', why: 'store_unreachable' });
    const limited = () =>
      gateway.reserve(request(organizationId, { accounts: [], rateLimits: { ...UNLIMITED, requestsPerMinute: 3 } }));
    const decisions = [];
    for (let i = 0; i < 5; i++) decisions.push(await limited());
    expect(decisions.filter(({ kind }) => kind === 'admitted')).toHaveLength(3);
    await redis.close();
    await own.stop();
  });
});
