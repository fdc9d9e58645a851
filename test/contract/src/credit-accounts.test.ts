import { randomUUID } from 'node:crypto';
import {
  budgetAccountId,
  cycleOf,
  grantAccountId,
  paygAccountId,
  subscriptionAccountId,
  subscriptionCycleAt,
  type ActiveSnapshot,
  type OrganizationSnapshot,
  type SnapshotBudget,
  type SnapshotSubscription,
} from '@tollgate/api-key';
import { startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readClockOfTest } from './clock-of-test.js';
import { admissionInMemory, admissionOnRedis, CreditStage, StageTime, type StagedKey } from './credit-stage.js';

const DAY_MS = 86_400_000;

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'credit-accounts', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
  readClockOfTest(connection.client);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

const shapes = [
  {
    shape: 'in memory',
    admissionOf: (time: StageTime) => Promise.resolve(admissionInMemory(time)),
    lose: undefined,
  },
  {
    shape: 'on Redis',
    admissionOf: (time: StageTime, organizationId: string) => admissionOnRedis(connection, time, [organizationId]),
    lose: (organizationId: string) => connection.client.del(`tollgate:{${organizationId}}:admission:2`),
  },
];

/** An amount of whole calls, each of which costs and holds one unit. */
const units = (count: number): string => String(count * 1_000_000);

/** A key under limits of every kind, each with an account of its own. */
interface Limited {
  readonly key: StagedKey;
  /** The account, at the present time of the stage. */
  readonly account: () => string;
  readonly code: string;
}

describe.each(shapes)('the accounts of a call, $shape', ({ admissionOf, lose }) => {
  const organizationId = randomUUID();
  let stage: CreditStage;
  let time: StageTime;
  /** The last second of the day of this machine, which Postgres and events have. */
  const evening = cycleOf('daily', Date.now()).endMs - 1_000;
  beforeAll(async () => {
    time = new StageTime(evening);
    const admission = await admissionOf(time, organizationId);
    stage = await CreditStage.open({ time, admission, organizationId, gatewaysAheadMs: [0, 0, 0] });
  });
  afterAll(() => stage?.close());
  beforeEach(async () => {
    stage.provider.isHolding = false;
    await time.set(evening);
    await stage.setOrganization({});
  });

  const budget = (
    kind: SnapshotBudget['kind'],
    ownerId: string,
    count: number,
    more: Partial<SnapshotBudget> = {},
  ): SnapshotBudget => ({ kind, ownerId, capNanoUsd: units(count), reset: 'daily', generation: 0, ...more });
  const subscription = (count: number, payg: number | null): SnapshotSubscription => ({
    subscriptionId: randomUUID(),
    // Its cycle ends with this day.
    anchorMs: evening + 1_000 - 30 * DAY_MS,
    quotas: [{ fromMs: 0, quotaNanoUsd: units(count) }],
    endsAtMs: null,
    payg: payg === null ? null : { capNanoUsd: units(payg) },
  });
  const makeKey = (fields: Partial<ActiveSnapshot>): Promise<StagedKey> =>
    stage.makeKey({ state: 'subscribed', ...fields });
  const cycleNow = (owner: SnapshotSubscription) => subscriptionCycleAt(owner.anchorMs, time.nowMs);
  const isBilled = (fields: Partial<OrganizationSnapshot>): Promise<void> => stage.setOrganization(fields);

  /** Makes keys with `count` calls left, one under each kind of limit that has cycles. */
  async function limitedInCycles(count: number): Promise<Limited[]> {
    const [groupId, projectId] = [randomUUID(), randomUUID()];
    const [quota, payg] = [subscription(count, null), subscription(0, count)];
    await isBilled({ budgets: [budget('group', groupId, count), budget('project', projectId, count)] });
    const ofBudget = (kind: SnapshotBudget['kind'], id: string) => () =>
      budgetAccountId(kind, id, cycleOf('daily', time.nowMs));
    return [
      { key: await makeKey({ groups: [groupId] }), account: ofBudget('group', groupId), code: 'quota_exceeded' },
      { key: await makeKey({ projectId }), account: ofBudget('project', projectId), code: 'quota_exceeded' },
      {
        key: await makeKey({ subscription: quota }),
        account: () => subscriptionAccountId(quota.subscriptionId, cycleNow(quota)),
        code: 'quota_exceeded',
      },
      {
        key: await makeKey({ subscription: payg }),
        account: () => paygAccountId(payg.subscriptionId, cycleNow(payg)),
        code: 'insufficient_balance',
      },
    ];
  }

  it('of each kind take exactly what they have room for, of 100 calls at once at three gateways (fault 8)', async () => {
    for (const { key, account, code } of await limitedInCycles(10)) {
      expect(await stage.callAtOnce(key, 100), account()).toEqual({ 200: 10, 402: 90 });
      expect(await stage.call(key), account()).toMatchObject({ status: 402, code });
      await stage.settled(account(), 10);
    }
  });

  it('of each kind are those of the cycle in which a call was reserved, though it ends in the next (fault 22)', async () => {
    const limited = await limitedInCycles(25);
    const today = limited.map(({ account }) => account());
    stage.provider.isHolding = true;
    const first = limited.map(({ key }) => stage.callAtOnce(key, 30));
    await stage.waitAtProvider(100);
    await time.set(evening + 1_000);
    const tomorrow = limited.map(({ account }) => account());
    // One millisecond after the boundary, without any job, nothing is used (B2).
    for (const account of tomorrow) expect(await stage.account(account)).toEqual({ posted: 0, held: 0 });
    const second = limited.map(({ key }) => stage.callAtOnce(key, 30));
    await stage.waitAtProvider(200);
    for (const account of [...today, ...tomorrow])
      expect(await stage.account(account), account).toEqual({ posted: 0, held: 25 });
    stage.provider.release();
    for (const answers of await Promise.all([...first, ...second])) expect(answers).toEqual({ 200: 25, 402: 5 });
    for (const account of [...today, ...tomorrow]) await stage.settled(account, 25);
  });

  it('that are 0 refuse, and where there is none, nothing is refused (B1)', async () => {
    const [groupId, projectId] = [randomUUID(), randomUUID()];
    const keys = [
      await makeKey({ groups: [groupId] }),
      await makeKey({ projectId }),
      await makeKey({ subscription: subscription(0, null) }),
      await makeKey({ subscription: subscription(0, 0) }),
    ];
    await isBilled({ budgets: [budget('group', groupId, 0), budget('project', projectId, 0)] });
    for (const key of keys) expect((await stage.call(key)).status).toBe(402);
    await isBilled({ budgets: [] });
    for (const key of keys.slice(0, 2)) expect((await stage.call(key)).status).toBe(200);
    for (const fields of [{ capNanoUsd: '0' }, { grants: [] }]) {
      await isBilled(fields);
      expect(await stage.call(keys[0]!)).toMatchObject({ status: 402, code: 'insufficient_balance' });
    }
    await isBilled({});
    expect((await stage.call(keys[0]!)).status).toBe(200);
  });

  it('all take a call, or none: what the last of them refuses is held on no other', async () => {
    const [groupId, projectId] = [randomUUID(), randomUUID()];
    const grantId = randomUUID();
    const key = await makeKey({ groups: [groupId], projectId });
    const grants = [{ grantId, amountNanoUsd: units(3), expiresAtMs: null }];
    await isBilled({
      capNanoUsd: units(100),
      budgets: [budget('group', groupId, 50), budget('project', projectId, 40)],
      grants,
    });
    expect(await stage.callAtOnce(key, 20)).toEqual({ 200: 3, 402: 17 });
    const now = cycleOf('daily', time.nowMs);
    for (const account of [
      budgetAccountId('group', groupId, now),
      budgetAccountId('project', projectId, now),
      grantAccountId(grantId),
    ])
      await stage.settled(account, 3);
    expect((await stage.account(`organization:${organizationId}`)).held).toBe(0);
  });

  it('of groups are those that open the route: all groups of the key on a route for everyone, each once (B4)', async () => {
    const [opening, other] = [randomUUID(), randomUUID()];
    const key = await makeKey({ groups: [other, opening] });
    await isBilled({
      budgets: [budget('group', opening, 5), budget('group', other, 3)],
      groupRoutes: { [opening]: ['c'], [other]: [] },
    });
    const ofGroup = (id: string): string => budgetAccountId('group', id, cycleOf('daily', time.nowMs));
    expect(await stage.callAtOnce(key, 2, 'c')).toEqual({ 200: 2 });
    await stage.settled(ofGroup(opening), 2);
    await stage.settled(ofGroup(other), 0);
    expect(await stage.callAtOnce(key, 9, 'm')).toEqual({ 200: 3, 402: 6 });
    await stage.settled(ofGroup(opening), 5);
    await stage.settled(ofGroup(other), 3);
    expect(await stage.callAtOnce(key, 3, 'c')).toEqual({ 402: 3 });
  });

  it('are settled as they were held, though the key has left its group and the budget is gone (B4)', async () => {
    const groupId = randomUUID();
    const key = await makeKey({ groups: [groupId] });
    await isBilled({ budgets: [budget('group', groupId, 5)] });
    stage.provider.isHolding = true;
    const calls = stage.callAtOnce(key, 5);
    await stage.waitAtProvider(5);
    await stage.changeKey(key, { groups: [] });
    await isBilled({ budgets: [] });
    stage.provider.release();
    expect(await calls).toEqual({ 200: 5 });
    await stage.settled(budgetAccountId('group', groupId, cycleOf('daily', time.nowMs)), 5);
  });

  it('have more room during a raise, which ends by itself and at once (B3)', async () => {
    const groupId = randomUUID();
    const key = await makeKey({ groups: [groupId] });
    const raise = { amountNanoUsd: units(2), untilMs: evening + 500 };
    await isBilled({ budgets: [budget('group', groupId, 3, { raise })] });
    await time.set(evening + 499);
    expect(await stage.callAtOnce(key, 9)).toEqual({ 200: 5, 402: 4 });
    await isBilled({ budgets: [budget('group', groupId, 4, { raise })] });
    await time.set(evening + 500);
    expect(await stage.callAtOnce(key, 9)).toEqual({ 402: 9 });
    await isBilled({ budgets: [budget('group', groupId, 6, { raise })] });
    expect(await stage.callAtOnce(key, 9)).toEqual({ 200: 1, 402: 8 });
  });

  it('are a quota while it covers a whole call, then pay-as-you-go, which is chosen at its reservation (B6)', async () => {
    const owner = subscription(5, 3);
    const key = await makeKey({ subscription: owner });
    // Half of a call is left of the quota, and stays.
    await stage.changeKey(key, {
      state: 'subscribed',
      subscription: { ...owner, quotas: [{ fromMs: 0, quotaNanoUsd: '5500000' }] },
    });
    const [quota, payg] = [
      subscriptionAccountId(owner.subscriptionId, cycleNow(owner)),
      paygAccountId(owner.subscriptionId, cycleNow(owner)),
    ];
    stage.provider.isHolding = true;
    const calls = stage.callAtOnce(key, 12);
    await stage.waitAtProvider(8);
    expect([await stage.account(quota), await stage.account(payg)]).toEqual([
      { posted: 0, held: 5 },
      { posted: 0, held: 3 },
    ]);
    stage.provider.release();
    expect(await calls).toEqual({ 200: 8, 402: 4 });
    await stage.settled(quota, 5);
    await stage.settled(payg, 3);
    expect((await stage.call(key)).code).toBe('insufficient_balance');
    // Pay-as-you-go is switched off: the plan's quota is what is reached.
    await stage.changeKey(key, { state: 'subscribed', subscription: { ...owner, payg: null } });
    expect((await stage.call(key)).code).toBe('quota_exceeded');
  });

  describe('of a subscription are charged as the plan of the cycle says from its first moment, by the clock alone:', () => {
    type Charging = Omit<NonNullable<SnapshotSubscription['cycleTerms']>[number], 'fromMs'>;
    const off = { payg: null, markupMillionths: null };
    const on = { payg: { capNanoUsd: units(8) }, markupMillionths: null };
    const dear = { payg: null, markupMillionths: 1_000_000 };
    type Booked = readonly [quota: number, payg: number];
    it.each<[string, number, Charging, Charging, Record<number, number>, Booked, Record<number, number>, Booked]>([
      ['pay-as-you-go that the next plan forbids', 2, on, off, { 200: 4 }, [2, 2], { 200: 2, 402: 2 }, [2, 0]],
      ['pay-as-you-go that the next plan allows', 2, off, on, { 200: 2, 402: 2 }, [2, 0], { 200: 4 }, [2, 2]],
      ['a mark-up that follows', 6, off, dear, { 200: 4 }, [4, 0], { 200: 3, 402: 1 }, [6, 0]],
      ['a mark-up that ends', 6, dear, off, { 200: 3, 402: 1 }, [6, 0], { 200: 4 }, [4, 0]],
    ])('%s', async (_, quota, present, following, first, booked, second, bookedNext) => {
      const owner: SnapshotSubscription = {
        ...subscription(quota, null),
        cycleTerms: [
          { fromMs: 0, ...present },
          { fromMs: evening + 1_000, ...following },
        ],
      };
      const key = await makeKey({ subscription: owner });
      const accounts = () => [
        subscriptionAccountId(owner.subscriptionId, cycleNow(owner)),
        paygAccountId(owner.subscriptionId, cycleNow(owner)),
      ];
      const before = accounts();
      stage.provider.isHolding = true;
      const calls = stage.callAtOnce(key, 4);
      await stage.waitAtProvider(first[200]!);
      await time.set(evening + 1_000);
      const after = accounts();
      const more = stage.callAtOnce(key, 4);
      await stage.waitAtProvider(first[200]! + second[200]!);
      stage.provider.release();
      // A call that was reserved before is charged as it was agreed then, though it ends in the next cycle.
      expect([await calls, await more]).toEqual([first, second]);
      for (const [at, count] of [...booked, ...bookedNext].entries())
        await stage.settled([...before, ...after][at]!, count);
    });
  });

  it('are grants in their order, of the last one a part, and none of them for what a quota covers (C1)', async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const owner = subscription(2, 4);
    const key = await makeKey({ subscription: owner });
    await isBilled({
      grants: [
        { grantId: first, amountNanoUsd: '1500000', expiresAtMs: evening + DAY_MS },
        { grantId: second, amountNanoUsd: units(1), expiresAtMs: null },
      ],
    });
    expect(await stage.callAtOnce(key, 2)).toEqual({ 200: 2 });
    for (const id of [first, second]) expect((await stage.account(grantAccountId(id))).posted).toBe(0);
    expect(await stage.callAtOnce(key, 6)).toEqual({ 200: 2, 402: 4 });
    await stage.settled(grantAccountId(first), 1.5);
    await stage.settled(grantAccountId(second), 0.5);
    expect(await stage.call(key)).toMatchObject({
      code: 'insufficient_balance',
      message: expect.stringContaining('The prepaid balance of the organization has 0.0005 USD left') as string,
    });
  });

  it('are no grants that have expired by the clock; a hold of before settles on its own grant (C2)', async () => {
    const [ending, lasting] = [randomUUID(), randomUUID()];
    const key = await makeKey({});
    await isBilled({
      grants: [
        { grantId: ending, amountNanoUsd: units(5), expiresAtMs: evening + 500 },
        { grantId: lasting, amountNanoUsd: units(2), expiresAtMs: null },
      ],
    });
    stage.provider.isHolding = true;
    const calls = stage.callAtOnce(key, 3);
    await stage.waitAtProvider(3);
    await time.set(evening + 500);
    const more = stage.callAtOnce(key, 6);
    await stage.waitAtProvider(5);
    stage.provider.release();
    expect([await calls, await more]).toEqual([{ 200: 3 }, { 200: 2, 402: 4 }]);
    await stage.settled(grantAccountId(ending), 3);
    await stage.settled(grantAccountId(lasting), 2);
    await isBilled({});
  });

  // What is in memory is lost only with its process.
  if (lose !== undefined)
    it('of each kind have again what is held once the store is empty and the gateways have announced (faults 10 and 11)', async () => {
      const limited = await limitedInCycles(12);
      const [grantId, small] = [randomUUID(), randomUUID()];
      const grants = [
        { grantId: small, amountNanoUsd: '2500000', expiresAtMs: null },
        { grantId, amountNanoUsd: units(100), expiresAtMs: null },
      ];
      const budgets = limited.flatMap(({ key: { snapshot } }) => [
        ...(snapshot.groups ?? []).map((id) => budget('group', id, 12)),
        ...(typeof snapshot.projectId === 'string' ? [budget('project', snapshot.projectId, 12)] : []),
      ]);
      await isBilled({ budgets, grants });
      for (const { key } of limited) expect(await stage.callAtOnce(key, 2)).toEqual({ 200: 2 });
      stage.provider.isHolding = true;
      const calls = limited.map(({ key }) => stage.callAtOnce(key, 7));
      await stage.waitAtProvider(28);
      const accounts = limited.map(({ account }) => account());
      // A settle of the calls before comes a moment after their answers.
      const stands = (held: number): Promise<unknown> =>
        waitUntil(
          async () => {
            const all = await Promise.all(accounts.map((account) => stage.account(account)));
            expect(all).toEqual(accounts.map(() => ({ posted: 2, held })));
            return true;
          },
          { timeoutMs: 60_000, what: `${held} held on each account` },
        );
      await stands(7);
      await lose(organizationId);
      for (const { key } of limited)
        void waitUntil(async () => (await stage.call(key)).status !== 503, {
          timeoutMs: 60_000,
          what: 'a call to be decided',
        });
      await stage.waitAtProvider(32);
      // Nothing is lost: each has what it had, and the call that was admitted since.
      await stands(8);
      stage.provider.release();
      for (const answers of await Promise.all(calls)) expect(answers).toEqual({ 200: 7 });
      for (const account of accounts.slice(0, limited.length)) await stage.settled(account, 10);
      // The quota's calls took nothing of the grants: 30 of 40 calls did.
      await stage.settled(grantAccountId(small), 2.5);
      await stage.settled(grantAccountId(grantId), 27.5);
      for (const { key, account } of limited) {
        expect(await stage.callAtOnce(key, 9), account()).toEqual({ 200: 2, 402: 7 });
        await stage.settled(account(), 12);
      }
    });
});
