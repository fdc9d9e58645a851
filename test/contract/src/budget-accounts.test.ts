import { randomUUID } from 'node:crypto';
import { budgetAccountId, cycleOf, grantAccountId, paygAccountId, type CreditReset } from '@tollgate/api-key';
import type { UsageRecordedV1, UsageRecordedV2 } from '@tollgate/contracts';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  CompareBalances,
  GatewayInstances,
  LoadAccount,
  OpenEpoch,
  SettleHolds,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  type OpenedDatabase,
  RecordingAdmission,
  screening,
  secondVersion,
  usageBatch,
  usageEvent,
} from './billing-fixture.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const FRIDAY = '2026-11-27';

describe.each(databaseShapes)('accounts of budgets, grants and subscriptions, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let organizationId: string;
  let key: string;
  let a: string;
  let b: string;
  let p: string;
  let admission: RecordingAdmission;
  let meter: BillingMeter;

  beforeAll(async () => {
    opened = await open();
    await new GatewayInstances(billing(opened.database)).register({ instanceId: 'i', journalId: 'j' });
  });
  afterAll(() => opened?.close());
  beforeEach(() => {
    organizationId = randomUUID();
    key = randomUUID();
    [a, b, p] = ['a', 'b', 'p'].map((name) => `${name} of ${organizationId}`) as [string, string, string];
    admission = new RecordingAdmission();
    admission.shippedJournals = () => Promise.resolve(new Set(['j']));
    meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  });

  const bus = { drained: () => Promise.resolve() };
  const book = (...events: (UsageRecordedV1 | UsageRecordedV2)[]) =>
    new BookUsage(
      billing(opened.database),
      admission,
      new SettleHolds(admission, logger),
      screening(billing(opened.database)),
      logger,
      meter,
    ).book(usageBatch(events));
  const own = () => ({ accountId: `key:${key}`, capNanoUsd: null, kind: null, cycle: null });
  const first = (startedAt: string, charge: number) =>
    usageEvent({
      organizationId,
      apiKeyId: key,
      journalId: 'j',
      holdNanoUsd: null,
      costNanoUsd: String(charge),
      chargeNanoUsd: String(charge),
      accounts: [{ accountId: `key:${key}`, capNanoUsd: null }],
      startedAt,
      endedAt: startedAt,
    });
  const call = (startedAt: string, charge: number, fields: Partial<UsageRecordedV2> = {}): UsageRecordedV2 => ({
    ...secondVersion(first(startedAt, charge)),
    accounts: [own()],
    ...fields,
  });
  const held = (accountId: string, heldNanoUsd?: number) => ({
    accountId,
    capNanoUsd: '1000',
    kind: null,
    cycle: null,
    ...(heldNanoUsd === undefined ? {} : { heldNanoUsd: String(heldNanoUsd) }),
  });
  const load = async (kind: 'group' | 'project', ownerId: string, reset: CreditReset, generation = 2) => {
    const cycle = cycleOf(reset, Date.parse(`${FRIDAY}T12:00:00.000Z`));
    const accountId = budgetAccountId(kind, ownerId, cycle);
    const startMs = reset === 'never' ? null : cycle.startMs;
    const loader = new LoadAccount(billing(opened.database), admission, bus, meter);
    return (await loader.load({ organizationId, accountId, apiKeyId: null, reset, startMs, generation })).postedNanoUsd;
  };
  const openEpoch = () => new OpenEpoch(billing(opened.database), admission, bus, logger, meter).open(organizationId);
  const balances = async () =>
    Object.fromEntries(
      (await new CompareBalances(billing(opened.database), admission).of(organizationId)).map((each) => {
        expect(each.transfersNanoUsd, `transfers of ${each.accountId}`).toBe(each.ledgerPostedNanoUsd);
        return [each.accountId.replace(key, 'KEY'), [each.ledgerPostedNanoUsd, each.eventsNanoUsd].map(Number)];
      }),
    );

  it('a budget counts what its group or project was charged in its period, by the day on which each call began', async () => {
    await book(
      call('2026-10-31T23:59:59.999Z', 1, { groupIds: [a, b], projectId: p }),
      call('2026-11-22T23:59:59.999Z', 20, { groupIds: [a, b], routeGroupId: b }),
      call('2026-11-23T00:00:00.000Z', 300, { groupIds: [a], projectId: p }),
      call(`${FRIDAY}T00:00:00.000Z`, 4_000, { groupIds: [a] }),
      call(`${FRIDAY}T09:00:00.000Z`, 50_000),
    );
    await openEpoch();
    expect(await load('group', a, 'daily')).toBe('4000');
    expect(await load('group', a, 'weekly', 3)).toBe('4300');
    expect(await load('group', a, 'never', 4)).toBe('4301');
    expect(await load('group', b, 'monthly')).toBe('20');
    expect(await load('project', p, 'never')).toBe('301');
    expect(await load('project', 'q', 'monthly')).toBe('0');
    await book(call(`${FRIDAY}T10:00:00.000Z`, 7, { groupIds: [a, b], projectId: p }));
    expect(await balances()).toMatchObject({
      [`group:${a}`]: [4_308, 4_308],
      [`group:${b}:monthly:2026-11-01`]: [27, 27],
      [`project:${p}`]: [308, 308],
    });
  });

  it('a call on a route that several groups open counts for each of them once, whenever their budgets are set', async () => {
    const [opened_, nobody] = [{ groupIds: [a, b, 'c'], routeGroupId: b }, `group:${randomUUID()}`];
    const [ofA, ofB] = [a, b].map((group) =>
      budgetAccountId('group', group, cycleOf('daily', Date.parse(`${FRIDAY}T00:00:00Z`))),
    );
    await book(
      call(`${FRIDAY}T08:00:00.000Z`, 1, { ...opened_, otherRouteGroupIds: [a] }),
      call(`${FRIDAY}T08:00:01.000Z`, 20, { ...opened_, otherRouteGroupIds: [a, a, b] }),
      // The budget of one of the two was set already.
      call(`${FRIDAY}T08:00:02.000Z`, 300, {
        ...opened_,
        otherRouteGroupIds: [a],
        accounts: [own(), held(ofA!)],
        holdNanoUsd: '300',
      }),
      call(`${FRIDAY}T08:00:03.000Z`, 400, {
        ...opened_,
        otherRouteGroupIds: [a],
        accounts: [own(), held(ofB!)],
        holdNanoUsd: '400',
      }),
      call(`${FRIDAY}T08:00:04.000Z`, 50_000, { ...opened_, otherRouteGroupIds: [nobody] }),
    );
    const one = first(`${FRIDAY}T09:00:00.000Z`, 600_000);
    await book(one);
    await book({ ...secondVersion(one), ...opened_, otherRouteGroupIds: [a] });
    expect(await load('group', b, 'weekly', 3)).toBe('650721');
    expect(await load('group', a, 'weekly', 3)).toBe('600721');
    expect(await load('group', 'c', 'weekly')).toBe('0');
    await book(call(`${FRIDAY}T10:00:00.000Z`, 7_000_000, { ...opened_, otherRouteGroupIds: [a] }));
    for (const group of [a, b]) {
      const [ledger, events] = (await balances())[`group:${group}:weekly:2026-11-23`]!;
      expect([group, ledger]).toEqual([group, events]);
    }
  });

  it('a budget counts a call that version 1 booked once version 2 says whose it is, and once only', async () => {
    const one = first(`${FRIDAY}T09:00:00.000Z`, 5);
    await book(one);
    expect(await load('group', a, 'daily')).toBe('0');
    const later: UsageRecordedV2 = { ...secondVersion(one), groupIds: [a], projectId: p };
    await book(later);
    await book(later, one);
    expect(await load('group', a, 'daily', 3)).toBe('5');
    expect(await load('project', p, 'daily')).toBe('5');
  });

  it('a call counts in the cycle that its budget was held in, whatever the clock of its gateway says', async () => {
    const saturday = budgetAccountId('group', a, cycleOf('daily', Date.parse('2026-11-28T00:00:00.000Z')));
    const late = { groupIds: [a], holdNanoUsd: '9', accounts: [own(), held(saturday)] };
    await book(call('2026-11-27T23:59:59.999Z', 9, late), call('2026-11-28T00:00:00.000Z', 1, late));
    expect(await balances()).toMatchObject({ [saturday]: [10, 10] });
    expect(await load('group', a, 'daily')).toBe('0');
  });

  it('grants and subscriptions are charged what was held on them, and the events say the same', async () => {
    const [one, other] = [grantAccountId(randomUUID()), grantAccountId(randomUUID())];
    const payg = paygAccountId(randomUUID(), { startMs: Date.UTC(2026, 10, 1), endMs: Date.UTC(2026, 11, 1) });
    const prepaid = { holdNanoUsd: '10', accounts: [own(), held(one, 4), held(other, 6)] };
    await book(
      call(`${FRIDAY}T09:00:00.000Z`, 7, prepaid),
      call(`${FRIDAY}T09:00:01.000Z`, 3, prepaid),
      call(`${FRIDAY}T09:00:02.000Z`, 0, prepaid),
      call(`${FRIDAY}T09:00:03.000Z`, 2, { holdNanoUsd: '5', accounts: [own(), held(payg)] }),
    );
    expect(await balances()).toEqual({ 'key:KEY': [12, 12], [one]: [7, 7], [other]: [3, 3], [payg]: [2, 2] });
    expect(admission.calls.at(-1)).toMatchObject({
      what: 'settleBooked',
      items: [
        {
          accountIds: [],
          charged: [
            { accountId: one, amountNanoUsd: 4n },
            { accountId: other, amountNanoUsd: 3n },
          ],
        },
        {},
        {},
        { accountIds: [payg] },
      ],
    });
    const [row] = await opened.database.dataSource.query<object[]>(
      'SELECT kind, credit_reset, cycle_starts_at, cycle_ends_at FROM billing.account WHERE account_id = $1',
      [payg],
    );
    expect(row).toEqual({
      kind: 'payg',
      credit_reset: 'subscription',
      cycle_starts_at: new Date('2026-11-01T00:00:00.000Z'),
      cycle_ends_at: new Date('2026-12-01T00:00:00.000Z'),
    });
  });

  it('an epoch begins with budgets, cycles and grants in force, and without those that are closed', async () => {
    const now = Date.now();
    const [used, closed] = [grantAccountId(randomUUID()), grantAccountId(randomUUID())];
    const period = { startMs: Math.floor(now / 1_000) * 1_000 - 5_000_000, endMs: Math.floor(now / 1_000) * 1_000 };
    const ended = paygAccountId('s', { startMs: Date.UTC(2026, 0, 1), endMs: Date.UTC(2026, 1, 1) });
    const lasting = paygAccountId('s', period);
    const budget = budgetAccountId('project', p, cycleOf('weekly', now));
    const accounts = [own(), held(lasting), held(budget), held(used, 5), held(closed, 5)];
    await book(call('2026-01-31T23:59:59.999Z', 10, { holdNanoUsd: '10', accounts: [own(), held(ended)] }));
    await book(call(new Date(now).toISOString(), 10, { holdNanoUsd: '10', accounts }));
    await opened.database.dataSource.query(
      `UPDATE billing.account SET closed_at = now() - interval '25 hours' WHERE account_id = $1`,
      [closed],
    );
    await openEpoch();
    const named = admission.openings[0]!.posted.map(({ accountId }) => accountId);
    expect(named.toSorted()).toEqual([lasting, budget, used].toSorted());
  });
});
