import { randomUUID } from 'node:crypto';
import {
  MemoryAdmission,
  RedisAdmission,
  RedisAdmissionBooks,
  type Admission,
  type AdmissionBooks,
} from '@tollgate/admission';
import { cycleAccountId, cycleOf } from '@tollgate/api-key';
import type { AdmissionDecision, CappedItem, ReserveItem } from '@tollgate/credit';
import { startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const INSTANCE = 'instance-1';
const JOURNAL = 'journal-1';
const UNLIMITED = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'contract', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
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

const DAY_MS = 86_400_000;

describe.each(shapes)('limits that reset, $shape', ({ make }) => {
  async function opened(): Promise<Sides & { organizationId: string; ask: Ask }> {
    const sides = make();
    const organizationId = randomUUID();
    await sides.gateway.renewLease(INSTANCE);
    await sides.books.openEpoch({ organizationId, epochId: randomUUID(), posted: [], booked: [], waitingFor: [] });
    const ask: Ask = (...accounts) => sides.gateway.reserve(request(organizationId, { accounts }));
    return { ...sides, organizationId, ask };
  }
  type Ask = (...accounts: CappedItem[]) => Promise<AdmissionDecision>;
  /** The account of a daily limit, `days` from the day that the clock of this machine says. */
  const account = (days: number, fields: Partial<CappedItem> = {}): CappedItem => {
    const cycle = cycleOf('daily', Date.now() + days * DAY_MS);
    const { startMs, endMs } = cycle;
    return { accountId: cycleAccountId('k', cycle), capNanoUsd: 15n, cycle: { startMs, endMs }, ...fields };
  };
  const today = (fields: Partial<CappedItem> = {}): CappedItem => {
    const { accountId } = account(0);
    // Two days, so that no midnight comes in between.
    return account(0, {
      accountId,
      cycle: { startMs: account(-1).cycle!.startMs, endMs: account(1).cycle!.endMs },
      ...fields,
    });
  };

  it('go by the clock of admission, whatever a gateway believes', async () => {
    const { ask, books, organizationId } = await opened();
    for (const days of [-2, 2]) {
      const decision = await ask(account(days));
      expect(decision).toMatchObject({ kind: 'unavailable', why: 'other_cycle' });
      if (decision.kind !== 'unavailable' || decision.why !== 'other_cycle') return;
      expect(Math.abs(decision.nowMs - Date.now())).toBeLessThan(60_000);
      expect(await ask(today({ accountId: cycleAccountId('k', cycleOf('daily', decision.nowMs)) }))).toMatchObject({
        kind: days < 0 ? 'admitted' : 'credit_exhausted',
      });
    }
    expect([...(await books.accounts(organizationId)).keys()]).toHaveLength(1);
  });

  it('admit nothing until they are loaded, then what is left, and no other key waits', async () => {
    const { ask, books, organizationId } = await opened();
    const limit = today({ generation: 3 });
    const { accountId } = limit;
    const other = { accountId: 'key:other', capNanoUsd: 10n };
    expect(await ask(other, limit)).toEqual({ kind: 'unavailable', why: 'not_loaded', accountId });
    expect(await ask(other)).toMatchObject({ kind: 'admitted' });
    const load = { accountId, unheldNanoUsd: 5n, generation: 3 };
    expect(await books.loadAccounts(organizationId, [load])).toBe(true);
    expect(await books.loadAccounts(organizationId, [load, { ...load, unheldNanoUsd: 2n }])).toBe(true);
    expect(await ask(limit)).toMatchObject({ kind: 'admitted' });
    expect(await ask(limit)).toEqual({ kind: 'credit_exhausted', accountId, availableNanoUsd: 0n });
    expect((await books.accounts(organizationId)).get(accountId)).toEqual({ postedNanoUsd: 5n, heldNanoUsd: 10n });
  });

  it('are left to the next epoch if none is open', async () => {
    const { ask, books, organizationId } = await opened();
    const limit = today({ generation: 3 });
    const load = { accountId: limit.accountId, unheldNanoUsd: 5n, generation: 3 };
    await books.closeEpoch(organizationId);
    expect(await books.loadAccounts(organizationId, [load])).toBe(false);
    const posted = [{ ...load, postedNanoUsd: 9n }];
    await books.openEpoch({ organizationId, epochId: randomUUID(), posted, booked: [], waitingFor: [] });
    expect(await ask(limit)).toMatchObject({ kind: 'credit_exhausted', availableNanoUsd: 6n });
    // A charge that the epoch has already is not added again; one after it is.
    await books.loadAccounts(organizationId, [load]);
    expect(await ask(limit)).toMatchObject({ availableNanoUsd: 6n });
    await books.loadAccounts(organizationId, [{ ...load, unheldNanoUsd: 7n }]);
    expect(await ask(limit)).toMatchObject({ availableNanoUsd: 4n });
  });

  it('are confirmed by each gateway for a version, and so for all before it', async () => {
    const { books, gateway, organizationId } = await opened();
    const [limit, other] = [`key:${randomUUID()}`, `key:${randomUUID()}`];
    await gateway.confirmShipped(organizationId, limit, 5, 'j1');
    await gateway.confirmShipped(organizationId, limit, 7, 'j2');
    const journals = async (limitId: string, generation: number) =>
      [...(await books.shippedJournals(organizationId, limitId, generation))].sort();
    expect(await journals(limit, 5)).toEqual(['j1', 'j2']);
    expect(await journals(limit, 6)).toEqual(['j2']);
    expect(await journals(limit, 8)).toEqual([]);
    expect(await journals(other, 1)).toEqual([]);
  });

  it('leave no accounts behind but those of the last days, and those on which something is held', async () => {
    const { books, gateway, organizationId } = await opened();
    const ids = (days: number, key: string): string =>
      cycleAccountId(key, cycleOf('daily', Date.now() + days * DAY_MS));
    const kept = [ids(0, 'k'), ids(-1, 'k'), 'key:k', cycleAccountId('k', cycleOf('monthly', Date.now()))];
    const old = [-4, -40].flatMap((days) => Array.from({ length: 600 }, (_, key) => ids(days, `k${key}`)));
    const load = (accountId: string) => ({ accountId, unheldNanoUsd: 5n, generation: 2 });
    await books.loadAccounts(organizationId, [...kept, ...old].map(load));
    const held = { accountId: ids(-4, 'k0'), capNanoUsd: 100n };
    const call = request(organizationId, { accounts: [held] });
    expect(await gateway.reserve(call)).toMatchObject({ kind: 'admitted' });
    expect(await books.dropEndedCycles(organizationId)).toBe(old.length - 1);
    expect([...(await books.accounts(organizationId)).keys()].sort()).toEqual([...kept, held.accountId].sort());
    gateway.settle({ requestId: call.requestId, organizationId, chargeNanoUsd: 3n, tokens: 0 });
    await waitUntil(async () => (await books.dropEndedCycles(organizationId)) === 1, {
      timeoutMs: 60_000,
      what: 'the account is dropped once nothing is held on it',
    });
    expect(await books.dropEndedCycles(organizationId)).toBe(0);
    expect((await books.accounts(organizationId)).size).toBe(kept.length);
  });
});

describe.each(shapes)('G2: refusals for want of credit, $shape', ({ make }) => {
  type Refused = AdmissionDecision & { readonly kind: 'credit_exhausted' };
  async function opened() {
    const sides = make();
    const organizationId = randomUUID();
    await sides.gateway.renewLease(INSTANCE);
    await sides.books.openEpoch({ organizationId, epochId: randomUUID(), posted: [], booked: [], waitingFor: [] });
    /** A call that is refused, at whichever gateway. */
    const refuse = async (parts: Partial<ReserveItem>, gateway = sides.gateway): Promise<void> => {
      const item = request(organizationId, parts);
      const decision = await gateway.reserve(item);
      expect(decision.kind).toBe('credit_exhausted');
      gateway.refused(item, decision as Refused);
    };
    const untold = async () =>
      (await sides.books.untoldRefusals()).find((each) => each.organizationId === organizationId);
    const untilUntold = (count: number) =>
      waitUntil(async () => ((await untold())?.refusals.length ?? 0) >= count, { what: `${count} refusals` });
    return { ...sides, organizationId, refuse, untold, untilUntold };
  }
  const limit = (capNanoUsd: bigint): Partial<ReserveItem> => ({ accounts: [{ accountId: 'key:k|,%', capNanoUsd }] });

  it('are told once for a limit, however many calls are refused, and again under a raised one', async () => {
    const { books, refuse, untold, untilUntold } = await opened();
    for (let call = 0; call < 20; call++) await refuse(limit(3n));
    await untilUntold(1);
    const first = await untold();
    const told = { accountId: 'key:k|,%', terms: '3', capNanoUsd: 3n, askedNanoUsd: 10n, leftNanoUsd: 3n };
    expect(first!.refusals).toEqual([{ ...told, refusedAtMs: expect.any(Number) as number }]);
    expect(Math.abs(first!.refusals[0]!.refusedAtMs - Date.now())).toBeLessThan(60_000);
    await books.forgetTold(first!);
    expect(await untold()).toBeUndefined();
    await refuse(limit(3n));
    await refuse(limit(5n));
    await untilUntold(1);
    expect((await untold())!.refusals).toMatchObject([{ capNanoUsd: 5n, leftNanoUsd: 5n }]);
  });

  it('are kept while nobody has told them, and what comes after a read stays', async () => {
    const { books, refuse, untold, untilUntold } = await opened();
    await refuse(limit(3n));
    await untilUntold(1);
    const [one, other] = [await untold(), await untold()];
    expect(other).toEqual(one);
    await refuse(limit(4n));
    await untilUntold(2);
    // Two processes have read the same; the second forgets nothing that it has not read.
    await books.forgetTold(one!);
    await books.forgetTold(other!);
    expect((await untold())!.refusals).toMatchObject([{ capNanoUsd: 4n }]);
  });

  it('outlive the epoch under which they were marked', async () => {
    const { books, organizationId, refuse, untold, untilUntold } = await opened();
    await refuse(limit(3n));
    await untilUntold(1);
    await books.closeEpoch(organizationId);
    await books.openEpoch({ organizationId, epochId: randomUUID(), posted: [], booked: [], waitingFor: [] });
    expect((await untold())!.refusals).toHaveLength(1);
  });

  it('are of the prepaid credit as a whole, and of quota and pay-as-you-go', async () => {
    const { refuse, untold, untilUntold } = await opened();
    const grants = [{ accountId: 'grant:g', capNanoUsd: 4n, endMs: null }];
    await refuse({ accounts: [], grants });
    await refuse({ accounts: [], either: ['quota', 'payg'].map((accountId) => ({ accountId, capNanoUsd: 2n })) });
    await untilUntold(3);
    expect((await untold())!.refusals).toMatchObject([
      { accountId: 'grants', terms: 'grant:g', capNanoUsd: null, leftNanoUsd: 4n },
      { accountId: 'quota', leftNanoUsd: null },
      { accountId: 'payg', leftNanoUsd: 2n },
    ]);
  });

  it('leave no marks behind of cycles that ended days ago', async () => {
    const { books, gateway, organizationId, untilUntold } = await opened();
    const accountId = cycleAccountId('k', cycleOf('daily', Date.now() - 4 * DAY_MS));
    const item = request(organizationId, { accounts: [{ accountId, capNanoUsd: 1n }] });
    gateway.refused(item, { kind: 'credit_exhausted', accountId, availableNanoUsd: 1n });
    await untilUntold(1);
    expect(await books.dropEndedCycles(organizationId)).toBe(1);
    expect(await books.dropEndedCycles(organizationId)).toBe(0);
  });
});

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
      { timeoutMs: 60_000, what: `held ${held} and posted ${posted}` },
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

  it('B5: counts what is booked once, however often its state is lost and loaded again, and everybody repeats himself', async () => {
    const sides = make();
    const organizationId = randomUUID();
    const final = (number: number) => ({
      requestId: `r${number}`,
      apiKeyId: 'key-1',
      instanceId: INSTANCE,
      journalId: JOURNAL,
      amountNanoUsd: 7n,
      accountIds: ['account-1'],
      parallel: false,
      tokens: 0,
      journalNumber: number,
    });
    const bookedItem = (number: number) => ({
      requestId: `r${number}`,
      organizationId,
      chargeNanoUsd: 7n,
      tokens: null,
      journalId: JOURNAL,
      journalNumber: number,
      accountIds: ['account-1'],
    });
    const numbers = [1, 2, 3, 4, 5, 6];
    for (const loaded of [0, 2, 4, 4, 6]) {
      await sides.books.closeEpoch(organizationId);
      // The ledger has booked the first ones; the journal of the gateway still has all.
      const posted = [{ accountId: 'account-1', postedNanoUsd: 7n * BigInt(loaded) }];
      const epoch = {
        ...{ organizationId, epochId: randomUUID(), posted, booked: [{ journalId: JOURNAL, number: loaded }] },
        waitingFor: [{ journalId: JOURNAL, instanceId: INSTANCE }],
      };
      expect(await sides.books.openEpoch(epoch)).toBe(true);
      expect(await sides.books.openEpoch(epoch)).toBe(false);
      // One more is booked before the gateway announces, and is told of twice.
      const late = bookedItem(loaded + 1);
      if (loaded < 6) await sides.books.settleBooked(organizationId, [late, late]);
      const announcement = { organizationId, journalId: JOURNAL, holds: [], finals: numbers.map(final) };
      await sides.gateway.announce(announcement);
      await sides.gateway.announce(announcement);
      for (const number of [...numbers, ...numbers]) {
        const settle = { requestId: `r${number}`, organizationId, chargeNanoUsd: 7n, tokens: null };
        sides.gateway.settle(settle);
      }
      await settled(sides, organizationId, 0n, 42n);
      await sides.books.settleBooked(organizationId, numbers.map(bookedItem));
      await sides.books.loadAccounts(organizationId, [{ accountId: 'account-1', unheldNanoUsd: 0n, generation: 0 }]);
      expect(await balance(sides, organizationId)).toEqual({ postedNanoUsd: 42n, heldNanoUsd: 0n });
    }
  });

  it('opens an epoch with the accounts of very many keys', async () => {
    const sides = make();
    const organizationId = randomUUID();
    const posted = Array.from({ length: 100_000 }, (_, n) => ({
      accountId: `account-${n}`,
      postedNanoUsd: 95n,
      unheldNanoUsd: 5n,
      generation: 2,
    }));
    await sides.gateway.renewLease(INSTANCE);
    const waitingFor = [{ journalId: 'gone', instanceId: 'gone' }];
    expect(await sides.books.openEpoch({ organizationId, epochId: 'e', posted, booked: [], waitingFor })).toBe(true);
    expect(await sides.books.openEpoch({ organizationId, epochId: 'f', posted, booked: [], waitingFor })).toBe(false);
    expect(await sides.gateway.reserve(request(organizationId))).toMatchObject({ why: 'announcing' });
    await sides.books.stopWaiting(organizationId, 'gone');
    for (const accountId of ['account-0', 'account-10000', 'account-99999', 'account-100000']) {
      const one = request(organizationId, { accounts: [{ accountId, capNanoUsd: 100n }] });
      const kind = accountId === 'account-100000' ? 'admitted' : 'credit_exhausted';
      expect(await sides.gateway.reserve(one)).toMatchObject({ kind });
    }
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
      { timeoutMs: 60_000, what: 'the parallel request to end' },
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
      { timeoutMs: 60_000, what: 'the tokens to be given back' },
    );
  });
});

describe('an epoch that several calls open on Redis', () => {
  it('is never opened without what the first ones wrote', async () => {
    const organizationId = randomUUID();
    const books = new RedisAdmissionBooks(connection);
    const posted = Array.from({ length: 25_000 }, (_, n) => ({ accountId: `account-${n}`, postedNanoUsd: 95n }));
    const open = () => books.openEpoch({ organizationId, epochId: 'e', posted, booked: [], waitingFor: [] });
    const client = connection.client as unknown as { openEpoch(...args: unknown[]): Promise<unknown> };
    const call = client.openEpoch.bind(client);
    vi.spyOn(client, 'openEpoch').mockImplementationOnce(async (key, ...args) => {
      const opened = await call(key, ...args);
      await connection.client.del(key as string);
      return opened;
    });
    expect(await open()).toBe(false);
    expect(await books.hasEpoch(organizationId)).toBe(false);
    expect(await open()).toBe(true);
    expect((await books.accounts(organizationId)).size).toBe(25_000);
  });
});

/** What happens to one of the commands by which usage-billing opens an epoch. */
const FAULTS = ['usage-billing dies before it', 'Redis refuses it alone'] as const;

describe('an epoch on Redis whose opening fails', () => {
  const gateways = ['i1', 'i2', 'i3'];
  /** More than one call takes. */
  const posted = Array.from({ length: 10_001 }, (_, n) => ({ accountId: `account-${n}`, postedNanoUsd: 95n }));
  let dying: RedisConnection;
  beforeAll(async () => {
    dying = connectRedis({ url: server.url, name: 'dying', commandTimeoutMs: 10_000 });
    await storeKnown(dying, 30_000);
    // From here on Redis knows the scripts.
    await new RedisAdmissionBooks(dying).openEpoch(epochOf(randomUUID()));
  });
  afterAll(() => dying?.close());

  const epochOf = (organizationId: string) => ({
    organizationId,
    epochId: randomUUID(),
    posted,
    booked: [],
    waitingFor: gateways.map((instanceId) => ({ journalId: `of ${instanceId}`, instanceId })),
  });

  /** Opens an epoch while the command with this number fails; whether there was one. */
  async function openWith(fault: (typeof FAULTS)[number], failing: number, organizationId: string): Promise<boolean> {
    let sent = 0;
    const send = dying.client.sendCommand.bind(dying.client);
    const commands = vi.spyOn(dying.client, 'sendCommand').mockImplementation((command, ...rest) => {
      sent += 1;
      const fails = fault === 'Redis refuses it alone' ? sent === failing : sent >= failing;
      if (!fails) return send(command, ...rest);
      command.reject(new Error('the command failed'));
      return command.promise;
    });
    const opened = new RedisAdmissionBooks(dying).openEpoch(epochOf(organizationId));
    await opened.catch(() => undefined);
    // Commands that nobody waited for have been sent by now as well.
    await dying.client.ping().catch(() => undefined);
    commands.mockRestore();
    const hasFailed = await opened.then(
      () => false,
      () => true,
    );
    expect(hasFailed).toBe(sent > failing);
    return hasFailed;
  }

  /** The gateways that an open epoch waits for, and those that hear of it when they renew their leases. */
  async function state(organizationId: string) {
    const has = async (instanceId: string) => {
      const gateway = new RedisAdmission(connection);
      const told = (await gateway.renewLease(instanceId)).includes(organizationId);
      return { instanceId, told, waitedFor: (await gateway.bookedNumber(organizationId, `of ${instanceId}`)) !== null };
    };
    return Promise.all(gateways.map(has));
  }

  it.each(FAULTS)('waits for no gateway that was not told to announce: %s', async (fault) => {
    const books = new RedisAdmissionBooks(connection);
    let failing = 1;
    for (let fails = true; fails; failing += 1) {
      const organizationId = randomUUID();
      fails = await openWith(fault, failing, organizationId);
      const isOpen = await books.hasEpoch(organizationId);
      const seen = await state(organizationId);
      if (isOpen) expect([failing, seen.filter(({ told }) => !told)]).toEqual([failing, []]);
      // Another process goes on, and by then a gateway that was told too early is told still.
      expect(await books.openEpoch(epochOf(organizationId))).toBe(!isOpen);
      expect(await state(organizationId)).toEqual(
        gateways.map((instanceId) => ({ instanceId, told: true, waitedFor: true })),
      );
    }
    // Whether it is open, three gateways, and two calls that open it.
    expect(failing).toBeGreaterThan(6);
  });
});

describe('marks of refusals on Redis', () => {
  it('are found by the next refusal, of any gateway, where the first gateway died before it named the organisation', async () => {
    const [books, organizationId] = [new RedisAdmissionBooks(connection), randomUUID()];
    const item = request(organizationId, { accounts: [{ accountId: 'key:k', capNanoUsd: 1n }] });
    const refused = { kind: 'credit_exhausted', accountId: 'key:k', availableNanoUsd: 1n } as const;
    const dying = new RedisAdmission(connection);
    const client = connection.client as unknown as { putField(...args: unknown[]): Promise<unknown> };
    vi.spyOn(client, 'putField').mockRejectedValueOnce(new Error('the gateway is gone'));
    dying.refused(item, refused);
    await dying.drain();
    const untold = async () => (await books.untoldRefusals()).filter((each) => each.organizationId === organizationId);
    expect(await untold()).toEqual([]);
    const another = new RedisAdmission(connection);
    another.refused(item, refused);
    await another.drain();
    expect(await untold()).toMatchObject([{ refusals: [{ accountId: 'key:k' }] }]);
  });

  it('cost a refused call of the same limit nothing for a minute', async () => {
    const gateway = new RedisAdmission(connection);
    const item = request(randomUUID(), { accounts: [{ accountId: 'key:k', capNanoUsd: 1n }] });
    const client = connection.client as unknown as { noteRefusals(...args: unknown[]): Promise<unknown> };
    const calls = vi.spyOn(client, 'noteRefusals');
    for (let call = 0; call < 5; call++)
      gateway.refused(item, { kind: 'credit_exhausted', accountId: 'key:k', availableNanoUsd: 1n });
    await gateway.drain();
    expect(calls).toHaveBeenCalledTimes(1);
    calls.mockRestore();
  });
});

describe('admission whose Redis answers too late', () => {
  it('B5: sends nothing again of which it does not know whether it was done, and counts no charge twice', async () => {
    const redis = connectRedis({ url: server.url, name: 'late', commandTimeoutMs: 10_000 });
    await storeKnown(redis, 30_000);
    const gateway = new RedisAdmission(redis);
    const books = new RedisAdmissionBooks(redis);
    const organizationId = randomUUID();
    await gateway.renewLease(INSTANCE);
    await books.openEpoch({ organizationId, epochId: 'e', posted: [], booked: [], waitingFor: [] });
    type Script = 'admit' | 'settle';
    const client = redis.client as unknown as Record<Script, (...call: unknown[]) => Promise<unknown>>;
    let calls = 0;
    const lateOnce = (script: Script) => {
      const run = client[script].bind(client);
      return vi.spyOn(client, script).mockImplementationOnce(async (...call) => {
        calls += 1;
        await run(...call);
        throw new Error('Command timed out');
      });
    };
    const balance = async () => (await books.accounts(organizationId)).get('account-1');
    const spy = lateOnce('admit');
    // It was held, and the caller is refused: the hold is given back, and not taken again.
    expect(await gateway.reserve(request(organizationId))).toEqual({ kind: 'unavailable', why: 'store_unreachable' });
    await waitUntil(async () => (await balance())?.heldNanoUsd === 0n, { what: 'the hold to be given back' });
    const item = request(organizationId);
    expect(await gateway.reserve(item)).toMatchObject({ kind: 'admitted' });
    spy.mockRestore();
    lateOnce('settle');
    // It was settled, and is settled again: the second time there is no hold.
    gateway.settle({ requestId: item.requestId, organizationId, chargeNanoUsd: 8n, tokens: null });
    await waitUntil(async () => (await balance())?.postedNanoUsd === 8n, { what: 'the charge' });
    await waitUntil(() => gateway.settleLagMs() === 0, { what: 'the settle to be repeated' });
    expect(calls).toBe(2);
    expect(await balance()).toEqual({ postedNanoUsd: 8n, heldNanoUsd: 0n });
    vi.restoreAllMocks();
    await redis.close();
  });
});

describe('admission whose Redis is gone', () => {
  it('refuses credit, keeps its share of the rate limits, and releases what it could not be sure of', async () => {
    const own = await startRedis();
    const redis = connectRedis({ url: own.url, name: 'gone' });
    await storeKnown(redis, 30_000);
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
