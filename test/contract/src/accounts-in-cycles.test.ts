import { randomInt, randomUUID } from 'node:crypto';
import { CREDIT_RESETS, cycleAccountId, cycleOf, type CreditReset } from '@tollgate/api-key';
import type { UsageRecordedV1 } from '@tollgate/contracts';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  CarriedHolds,
  CompareBalances,
  GatewayInstances,
  LoadAccount,
  OpenEpoch,
  ReleaseCarriedHolds,
  SettleHolds,
  spendingByKey,
  UsedKeys,
} from '@tollgate/usage-billing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  billing,
  databaseShapes,
  type OpenedDatabase,
  RecordingAdmission,
  screening,
  usageBatch,
  usageEvent,
} from './billing-fixture.js';
import { randomBelow } from './random-below.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const LIVES = 30;
const MONDAY = '2026-11-23';
const FRIDAY = '2026-11-27';

describe.each(databaseShapes)('accounts in cycles, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let organizationId: string;
  let key: string;
  let admission: RecordingAdmission;
  let drained: () => Promise<void>;
  let meter: BillingMeter;

  beforeAll(async () => {
    opened = await open();
    await new GatewayInstances(billing(opened.database)).register({ instanceId: 'i', journalId: 'j' });
  });
  afterAll(() => opened?.close());
  beforeEach(() => {
    organizationId = randomUUID();
    key = randomUUID();
    admission = new RecordingAdmission();
    // The gateway says at once that all of its journal is on the bus.
    admission.shippedJournals = () => Promise.resolve(new Set(['j']));
    drained = () => Promise.resolve();
    meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  });
  afterEach(() => vi.useRealTimers());

  const bus = { drained: () => drained() };
  const book = (...events: UsageRecordedV1[]) =>
    new BookUsage(
      billing(opened.database),
      admission,
      new SettleHolds(admission, logger),
      screening(billing(opened.database)),
      logger,
      meter,
    ).book(usageBatch(events));
  const loader = () => new LoadAccount(billing(opened.database), admission, bus, meter);
  const requestFor = (reset: CreditReset, day: string, generation: number) => {
    const cycle = cycleOf(reset, Date.parse(`${day}T12:00:00.000Z`));
    const startMs = reset === 'never' ? null : cycle.startMs;
    return { organizationId, accountId: cycleAccountId(key, cycle), apiKeyId: key, reset, startMs, generation };
  };
  const load = async (reset: CreditReset, day: string, generation = 2) =>
    (await loader().load(requestFor(reset, day, generation))).postedNanoUsd;
  const loadWhole = async (generation = 2) => {
    const accountId = `organization:${organizationId}`;
    const whole = { organizationId, accountId, apiKeyId: null, reset: 'never', startMs: null, generation } as const;
    return (await loader().load(whole)).postedNanoUsd;
  };
  /** A call without a hold: its key has no limit. */
  const unheld = (startedAt: string, charge: number, fields: Partial<UsageRecordedV1> = {}) =>
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
      ...fields,
    });
  /** A call that held credit on an account. */
  const held = (accountId: string, startedAt: string, charge: number) =>
    unheld(startedAt, charge, { holdNanoUsd: String(charge), accounts: [{ accountId, capNanoUsd: '1000' }] });
  const openEpoch = async () => {
    const epochs = new OpenEpoch(billing(opened.database), admission, bus, logger, meter);
    await epochs.open(organizationId);
    await admission.stopWaiting(organizationId, 'j');
    for (const { journalId } of admission.openings.at(-1)?.waitingFor ?? [])
      await admission.stopWaiting(organizationId, journalId);
  };
  const balances = async () =>
    Object.fromEntries(
      (await new CompareBalances(billing(opened.database), admission).of(organizationId)).map(
        ({ accountId, ledgerPostedNanoUsd, transfersNanoUsd, eventsNanoUsd, admissionPostedNanoUsd }) => {
          expect(transfersNanoUsd, `transfers of ${accountId}`).toBe(ledgerPostedNanoUsd);
          return [
            accountId.replace(key, 'KEY').replace(organizationId, 'ORG'),
            [ledgerPostedNanoUsd, eventsNanoUsd, admissionPostedNanoUsd].map((each) =>
              each === null ? null : Number(each),
            ),
          ];
        },
      ),
    );

  it('count what was charged in their period, by the day on which each call began', async () => {
    await book(
      unheld('2026-10-31T23:59:59.999Z', 1),
      unheld('2026-11-22T23:59:59.999Z', 20), // a Sunday
      unheld(`${MONDAY}T00:00:00.000Z`, 300),
      unheld(`${FRIDAY}T00:00:00.000Z`, 4_000),
      unheld('2026-11-28T00:00:00.000Z', 50_000),
      unheld(`${FRIDAY}T10:00:00.000Z`, 7, {
        apiKeyId: `another of ${organizationId}`,
        accounts: [{ accountId: `key:another of ${organizationId}`, capNanoUsd: null }],
      }),
    );
    await openEpoch();
    expect(await load('daily', FRIDAY)).toBe('4000');
    expect(await load('weekly', FRIDAY, 3)).toBe('54300');
    expect(await load('monthly', FRIDAY, 4)).toBe('54320');
    expect(await load('never', FRIDAY, 5)).toBe('54321');
    expect(await loadWhole()).toBe('54328');
    expect(await balances()).toMatchObject({
      'key:KEY:daily:2026-11-27': [4_000, 4_000, 4_000],
      'key:KEY:weekly:2026-11-23': [54_300, 54_300, 54_300],
      'key:KEY:monthly:2026-11-01': [54_320, 54_320, 54_320],
      'key:KEY': [54_321, 54_321, 54_321],
      'organization:ORG': [54_328, 54_328, 54_328],
    });
    const spent = await spendingByKey(
      billing(opened.database),
      organizationId,
      [key],
      new Date(`${FRIDAY}T23:59:59.999Z`),
    );
    expect(spent).toMatchObject([
      { chargedTodayNanoUsd: '4000', chargedThisWeekNanoUsd: '54300', chargedThisMonthNanoUsd: '54320' },
    ]);
  });

  it('are the same after a load that is repeated, by two processes at once, or that comes late', async () => {
    await book(unheld(`${FRIDAY}T10:00:00.000Z`, 70));
    await openEpoch();
    const loads = await Promise.all([load('daily', FRIDAY, 5), load('daily', FRIDAY, 5), load('daily', FRIDAY, 4)]);
    expect(loads).toEqual(['70', '70', '70']);
    expect(await balances()).toMatchObject({ 'key:KEY:daily:2026-11-27': [70, 70, 70] });
    const [row] = await opened.database.dataSource.query<object[]>(
      `SELECT generation, unheld_nano_usd FROM billing.account WHERE account_id = 'key:${key}:daily:2026-11-27'`,
    );
    expect(row).toEqual({ generation: '5', unheld_nano_usd: '70' });
  });

  it('count calls that were under way without a hold, and tell admission, without ending the epoch', async () => {
    // An epoch begins without cycles that ended long ago.
    const today = new Date().toISOString().slice(0, 10);
    const yesterday = new Date(Date.parse(`${today}T00:00:00.000Z`) - 1).toISOString();
    const day = `key:${key}:daily:${today}`;
    const posted = async () => (await balances())[`key:KEY:daily:${today}`];
    await book(unheld(`${today}T00:00:00.000Z`, 100));
    await openEpoch();
    await load('daily', today);
    await book(unheld(`${today}T00:00:01.000Z`, 30), unheld(yesterday, 5));
    expect(await posted()).toEqual([130, 130, 130]);
    expect(admission.count('closeEpoch')).toBe(0);
    // Calls with holds: admission has settled them before they are booked.
    const one = held(day, `${today}T00:00:02.000Z`, 9);
    const { requestId, apiKeyId } = one;
    const hold = { requestId, organizationId, apiKeyId, instanceId: 'i', journalId: 'j', amountNanoUsd: 9n, tokens: 0 };
    const noLimits = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
    const decision = await admission.reserve({
      ...hold,
      accounts: [{ accountId: day, capNanoUsd: 1_000n, generation: 2 }],
      rateLimits: noLimits,
    });
    expect(decision.kind).toBe('admitted');
    await book(one, unheld(`${today}T00:00:03.000Z`, 1));
    expect(await posted()).toEqual([140, 140, 140]);
    // The next epoch begins with the same.
    await admission.closeEpoch(organizationId);
    await openEpoch();
    await book(unheld(`${today}T00:00:04.000Z`, 2));
    await load('daily', today, 3);
    expect(await posted()).toEqual([142, 142, 142]);
  });

  it('are never passed by a limit that resets in another way while calls are under way', async () => {
    const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
    const kept = new CarriedHolds(billing(opened.database));
    const release = new ReleaseCarriedHolds(kept, admission, bus);
    const now = Date.now();
    const noLimits = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
    let carried = 0;
    for (let life = 0; life < LIVES; life++) {
      const below = randomBelow(seed, life);
      const message = `SEED=${seed}, life ${life}`;
      [organizationId, key] = [randomUUID(), randomUUID()];
      await openEpoch();
      const open = new Map<string, { readonly accountId: string; readonly amount: number }>();
      const settled: UsageRecordedV1[] = [];
      let [reset, generation, charged] = ['never' as CreditReset, 1, 0];
      const account = () => cycleAccountId(key, cycleOf(reset, now));
      const change = async () => {
        reset = CREDIT_RESETS[below(CREDIT_RESETS.length)]!;
        generation += 1;
        // A load waits for what is on its way to the ledger.
        await book(...settled.splice(0));
        await load(reset, new Date(now).toISOString().slice(0, 10), generation);
      };
      const call = async () => {
        const [requestId, amount] = [randomUUID(), 1 + below(50)];
        const { kind } = await admission.reserve({
          ...{ requestId, organizationId, apiKeyId: key, instanceId: 'i', journalId: 'j', tokens: 0 },
          amountNanoUsd: BigInt(amount),
          accounts: [{ accountId: account(), capNanoUsd: 100n, generation, ...presentCycle(reset, now) }],
          rateLimits: noLimits,
        });
        if (kind === 'admitted') open.set(requestId, { accountId: account(), amount });
      };
      const end = async () => {
        const [requestId, ended] = [...open][below(Math.max(1, open.size))] ?? [];
        if (requestId === undefined || ended === undefined) return;
        open.delete(requestId);
        const charge = below(ended.amount + 1);
        charged += charge;
        admission.settle({ requestId, organizationId, chargeNanoUsd: BigInt(charge), tokens: 0 });
        settled.push({
          ...held(ended.accountId, new Date(now).toISOString(), charge),
          requestId,
          holdNanoUsd: String(ended.amount),
        });
      };
      const bookSome = () => book(...settled.splice(0, below(settled.length + 1)));
      const steps = [call, call, call, end, change, bookSome, () => release.run(new Date(now))];
      await change();
      for (let step = 0; step < 25; step++) {
        await steps[below(steps.length)]!();
        carried += (await kept.all()).filter((each) => each.organizationId === organizationId).length;
        const underWay = [...open.values()].reduce((sum, { amount }) => sum + amount, 0);
        expect(charged + underWay, message).toBeLessThanOrEqual(100);
      }
      while (open.size > 0) await end();
      await book(...settled.splice(0));
      await release.run(new Date(now));
      const balance = (await admission.accounts(organizationId)).get(account());
      expect(balance, message).toEqual({ postedNanoUsd: BigInt(charged), heldNanoUsd: 0n });
    }
    expect(carried).toBeGreaterThan(0);
    expect(await kept.all()).toEqual([]);
  });

  it('are looked for by every process while some are carried by any, and by none otherwise', async () => {
    const [one, other] = [1, 2].map(() => new GatewayInstances(billing(opened.database)));
    const kept = new CarriedHolds(billing(opened.database));
    const release = new ReleaseCarriedHolds(kept, admission, bus);
    const now = Date.now();
    const today = new Date(now).toISOString().slice(0, 10);
    const isCarrying = async () => [(await one!.watched()).isCarrying, (await other!.watched()).isCarrying];
    await openEpoch();
    await load('daily', today, 2);
    expect(await isCarrying()).toEqual([false, false]);
    const requestId = randomUUID();
    const daily = cycleAccountId(key, cycleOf('daily', now));
    await admission.reserve({
      ...{ requestId, organizationId, apiKeyId: key, instanceId: 'i', journalId: 'j', tokens: 0, amountNanoUsd: 9n },
      accounts: [{ accountId: daily, capNanoUsd: 100n, generation: 2 }],
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    });
    await load('weekly', today, 3);
    expect(await isCarrying()).toEqual([true, true]);
    await release.run(new Date(now));
    expect(await isCarrying(), 'the call is under way').toEqual([true, true]);
    await book({ ...held(daily, new Date(now).toISOString(), 4), requestId, holdNanoUsd: '9' });
    await Promise.all([release.run(new Date(now)), release.run(new Date(now))]);
    expect(await isCarrying()).toEqual([false, false]);
    expect((await one!.watched()).instances).toContainEqual({ instanceId: 'i', gone: false });
  });

  it('give up a call that is neither held nor booked any more only after a while, and take one back that an epoch lost', async () => {
    const kept = new CarriedHolds(billing(opened.database));
    const release = new ReleaseCarriedHolds(kept, admission, bus);
    const now = Date.now();
    const today = new Date(now).toISOString().slice(0, 10);
    await openEpoch();
    await load('daily', today, 2);
    const requestId = randomUUID();
    const daily = cycleAccountId(key, cycleOf('daily', now));
    await admission.reserve({
      ...{ requestId, organizationId, apiKeyId: key, instanceId: 'i', journalId: 'j', tokens: 0, amountNanoUsd: 9n },
      accounts: [{ accountId: daily, capNanoUsd: 100n, generation: 2 }],
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    });
    await load('weekly', today, 3);
    const weekly = cycleAccountId(key, cycleOf('weekly', now));
    const heldOn = async () => (await admission.accounts(organizationId)).get(weekly)?.heldNanoUsd ?? 0n;
    expect(await heldOn()).toBe(9n);
    const [hold] = await admission.openHolds(organizationId);
    await admission.closeEpoch(organizationId);
    await new OpenEpoch(billing(opened.database), admission, bus, logger, meter).open(organizationId);
    await admission.announce({ organizationId, journalId: 'j', holds: [hold!], finals: [] });
    for (const { journalId } of admission.openings.at(-1)?.waitingFor ?? [])
      await admission.stopWaiting(organizationId, journalId);
    expect(await heldOn()).toBe(0n);
    await release.run(new Date(now));
    expect(await heldOn()).toBe(9n);
    admission.settle({ requestId, organizationId, chargeNanoUsd: 0n, tokens: null });
    for (const minutes of [0, 9]) {
      await release.run(new Date(now + minutes * 60_000));
      expect(await heldOn()).toBe(9n);
    }
    await release.run(new Date(now + 10 * 60_000));
    expect(await heldOn()).toBe(0n);
  });

  it('leave a call in the cycle that its credit was held in, whatever the clock of its gateway says', async () => {
    await openEpoch();
    const [friday, saturday] = [`key:${key}:daily:2026-11-27`, `key:${key}:daily:2026-11-28`];
    await book(held(saturday, '2026-11-28T00:00:00.001Z', 1));
    await book(held(friday, '2026-11-28T00:04:59.000Z', 20), held(saturday, '2026-11-27T23:55:00.000Z', 300));
    expect(await balances()).toMatchObject({
      'key:KEY:daily:2026-11-27': [20, 20, null],
      'key:KEY:daily:2026-11-28': [301, 301, null],
    });
  });

  it('begin an epoch with those in force, not with cycles that ended more than a day ago', async () => {
    const now = Date.now();
    const account = (days: number) => cycleAccountId(key, cycleOf('daily', now - days * 86_400_000));
    const at = (days: number) => new Date(now - days * 86_400_000).toISOString();
    await book(...[0, 1, 2, 9].map((days) => held(account(days), at(days), 10)), held(`key:${key}`, at(0), 10));
    await openEpoch();
    const named = admission.openings[0]!.posted.map(({ accountId }) => accountId);
    expect(named.toSorted()).toEqual([`key:${key}`, account(1), account(0)].toSorted());
    expect(admission.openings[0]!.posted[0]).toMatchObject({ unheldNanoUsd: 0n, generation: 0 });
  });

  it('are loaded as they are while no epoch is open: the next one begins with them', async () => {
    await book(unheld(`${FRIDAY}T09:00:00.000Z`, 100));
    expect(await loadWhole(7)).toBe('100');
    await openEpoch();
    const posted = {
      accountId: `organization:${organizationId}`,
      postedNanoUsd: 100n,
      unheldNanoUsd: 100n,
      generation: 7,
    };
    expect(admission.openings[0]!.posted).toEqual([posted]);
  });

  it('of a bus that is not drained in time are unavailable, and loaded all the same when it is', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let drain = (): void => undefined;
    const whenDrained = new Promise<void>((resolve) => (drain = resolve));
    drained = () => whenDrained;
    const loading = loader();
    const late = loading.load(requestFor('daily', FRIDAY, 2)).catch((error: unknown) => (error as Error).name);
    await vi.advanceTimersByTimeAsync(1_800);
    expect(await late).toBe('UnavailableError');
    vi.useRealTimers();
    const joined = loading.load(requestFor('daily', FRIDAY, 2));
    drain();
    expect(await joined).toEqual({ postedNanoUsd: '0' });
  });

  it('are not loaded by half where admission cannot be told: the ledger keeps nothing of it', async () => {
    await book(unheld(`${FRIDAY}T09:00:00.000Z`, 100));
    await openEpoch();
    vi.spyOn(admission, 'loadAccounts').mockRejectedValueOnce(new Error('away'));
    await expect(load('daily', FRIDAY)).rejects.toMatchObject({ name: 'UnavailableError' });
    expect(Object.keys(await balances())).not.toContain('key:KEY:daily:2026-11-27');
    expect(await load('daily', FRIDAY)).toBe('100');
  });

  it('are not loaded for admission before they are for the ledger, which must count calls under way', async () => {
    await book(unheld(`${FRIDAY}T09:00:00.000Z`, 100));
    await openEpoch();
    const tell = admission.loadAccounts.bind(admission);
    vi.spyOn(admission, 'loadAccounts').mockImplementationOnce(async (...told) => {
      await tell(...told);
      throw new Error('the process ends between telling and its commit');
    });
    await expect(load('never', FRIDAY)).rejects.toThrow();
    const reserve = async () =>
      admission.reserve({
        requestId: randomUUID(),
        organizationId,
        apiKeyId: key,
        instanceId: 'i',
        journalId: 'j',
        amountNanoUsd: 50n,
        accounts: [{ accountId: `key:${key}`, capNanoUsd: 300n, generation: 2 }],
        rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
        tokens: 0,
      });
    expect(await reserve()).toMatchObject({ why: 'not_loaded' });
    await book(unheld(`${FRIDAY}T09:30:00.000Z`, 200));
    expect(await load('never', FRIDAY)).toBe('300');
    expect(await reserve()).toMatchObject({ kind: 'credit_exhausted', availableNanoUsd: 0n });
    expect(await balances()).toMatchObject({ 'key:KEY': [300, 300, 300] });
  });

  describe('the sums that are kept by whoever books', () => {
    const secretsOf = () =>
      opened.database.dataSource.query<{ secret_id: string; requests: string; addresses: { address: string }[] }[]>(
        `SELECT secret_id, requests, addresses FROM billing.secret_usage WHERE api_key_id = $1 ORDER BY requests`,
        [key],
      );

    it('are of each secret, with the last ten addresses; an event without one is of the first', async () => {
      const at = (second: number) => new Date(Date.UTC(2026, 10, 27, 10, 0, second)).toISOString();
      await book(unheld(at(0), 1), unheld(at(1), 1, { secretId: 'second', clientAddress: '' }));
      const addresses = Array.from({ length: 12 }, (_, n) => `192.0.2.${n}`);
      for (const [n, clientAddress] of addresses.entries())
        await book(unheld(at(2 + n), 1, { secretId: 'second', clientAddress }));
      await book(unheld(at(20), 1, { secretId: 'second', clientAddress: '192.0.2.5' }));
      const [first, second] = await secretsOf();
      expect(first).toMatchObject({ secret_id: key, requests: '1', addresses: [{ address: '192.0.2.1' }] });
      expect(second).toMatchObject({ secret_id: 'second', requests: '14' });
      const newest = [5, 11, 10, 9, 8, 7, 6, 4, 3, 2].map((n) => `192.0.2.${n}`);
      expect(second!.addresses.map(({ address }) => address)).toEqual(newest);
    });

    it('are told once, and again when a process ended before it noted that', async () => {
      const used = new UsedKeys(billing(opened.database));
      const own = async () =>
        (await used.changed(null, 10_000, new Date(`${FRIDAY}T23:00:00.000Z`))).filter(
          (each) => each.key.apiKeyId === key,
        );
      await book(unheld(`${MONDAY}T10:00:00.000Z`, 3), unheld(`${FRIDAY}T10:00:00.000Z`, 4, { secretId: 'second' }));
      const [told] = await own();
      expect(told).toMatchObject({
        organizationId,
        key: {
          sequence: 2,
          requests: 2,
          chargedNanoUsd: '7',
          day: FRIDAY,
          chargedTodayNanoUsd: '4',
          chargedThisWeekNanoUsd: '7',
          chargedThisMonthNanoUsd: '7',
          lastUsedFrom: '192.0.2.1',
        },
      });
      expect(told!.key.secrets.map(({ secretId }) => secretId).toSorted()).toEqual([key, 'second'].toSorted());
      expect(await own()).toEqual([told]);
      // A call that is booked between the message and the note is told next.
      await book(unheld(`${FRIDAY}T11:00:00.000Z`, 5));
      await used.told([told!.key]);
      expect(await own()).toMatchObject([{ key: { sequence: 3, chargedNanoUsd: '12' } }]);
      await used.told((await own()).map((each) => each.key));
      expect(await own()).toEqual([]);
      await used.told([told!.key]);
      expect(await own()).toEqual([]);
    });

    it('are told of the secrets that were used last, however often the key was rotated', async () => {
      const secrets = Array.from({ length: 12 }, (_, n) => `secret ${n}`);
      const at = (n: number) => new Date(Date.UTC(2026, 10, 27, 10, 0, n)).toISOString();
      await book(...secrets.map((secretId, n) => unheld(at(n), 1, { secretId })));
      const changed = await new UsedKeys(billing(opened.database)).changed(null, 10_000, new Date(at(20)));
      const told = changed.find((each) => each.key.apiKeyId === key);
      expect(told!.key.secrets.map(({ secretId }) => secretId).toSorted()).toEqual(secrets.slice(2).toSorted());
    });
  });
});

/** The cycle of an account, as a gateway names it; nothing for one that is for good. */
function presentCycle(reset: CreditReset, nowMs: number) {
  const { startMs, endMs } = cycleOf(reset, nowMs);
  return reset === 'never' ? {} : { cycle: { startMs, endMs } };
}
