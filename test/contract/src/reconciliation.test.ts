import { randomUUID } from 'node:crypto';
import type { UsageRecordedV1 } from '@tollgate/contracts';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  AccountBalances,
  BillingMeter,
  BookUsage,
  CheckOrganization,
  CompareUsage,
  GatewayInstances,
  KnownAccounts,
  LedgerAccounts,
  OpenEpoch,
  Reconcile,
  ReconciliationStore,
  SettleHolds,
  UsageCheckStore,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  RecordingAdmission,
  screening,
  usageBatch,
  usageEvent,
  type OpenedDatabase,
} from './billing-fixture.js';

const logger = createLogger({ service: 'contract', level: 'silent' });

describe.each(databaseShapes)('ledger, events and admission, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let organizationId: string;
  let admission: RecordingAdmission;
  let errors: object[];

  beforeAll(async () => {
    opened = await open();
    await new GatewayInstances(billing(opened.database)).register({ instanceId: 'i', journalId: 'j' });
  });
  afterAll(() => opened?.close());
  beforeEach(async () => {
    organizationId = randomUUID();
    admission = new RecordingAdmission();
    errors = [];
    for (const table of ['reconciliation_difference', 'account_check']) await query(`DELETE FROM billing.${table}`);
    await query(`UPDATE billing.reconciliation SET running_since = NULL, passed_to = ''`);
    const bus = { drained: () => Promise.resolve() };
    await new OpenEpoch(database(), admission, bus, logger, meter()).open(organizationId);
    await admission.stopWaiting(organizationId, 'j');
  });

  const query = <T extends object>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    opened.database.dataSource.query(sql, parameters);
  const database = () => billing(opened.database);
  const meter = () => new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  /** Nobody knows the present limits, so that those of the last calls are shown. */
  const ledgerAccounts = () => {
    const balances = new AccountBalances(database(), admission, logger);
    return new LedgerAccounts(database(), balances, { of: () => Promise.resolve(new Map()) });
  };
  const key = () => `key:key of ${organizationId}`;
  const event = (fields: Partial<UsageRecordedV1> = {}) =>
    usageEvent({ organizationId, journalId: 'j', accounts: [{ accountId: key(), capNanoUsd: '1000' }], ...fields });
  /** A call that was held, settled by its gateway and booked. */
  const call = async (one = event()) => {
    const { requestId, apiKeyId } = one;
    await admission.reserve({
      requestId,
      organizationId,
      apiKeyId,
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 10n,
      accounts: [{ accountId: one.accounts[0]!.accountId, capNanoUsd: 1_000n }],
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
      tokens: 0,
    });
    admission.settle({ requestId, organizationId, chargeNanoUsd: BigInt(one.chargeNanoUsd), tokens: null });
    await new BookUsage(
      database(),
      admission,
      new SettleHolds(admission, logger),
      screening(database()),
      logger,
      meter(),
    ).book(usageBatch([one]));
  };
  const store = () => new ReconciliationStore(database());
  const reconcile = () =>
    new Reconcile(
      store(),
      new CheckOrganization(
        database(),
        admission,
        { drained: () => Promise.resolve() },
        new SettleHolds(admission, logger),
      ),
      new CompareUsage(new UsageCheckStore(database()), meter(), logger),
      meter(),
      { ...logger, error: (facts: object) => errors.push(facts) } as never,
    );
  /** A check that is due now. */
  const check = async (by = reconcile()) => {
    await query(`UPDATE billing.reconciliation SET due_at = now() - interval '1 second'`);
    return by.runIfDue();
  };
  const differing = async () =>
    (await store().lasting())
      .filter((each) => each.organizationId === organizationId)
      .map(({ accountId, place, differenceNanoUsd }) => [accountId, place, Number(differenceNanoUsd)]);

  it('agree after calls, and say when that was seen', async () => {
    await call();
    await call(event({ chargeNanoUsd: '7', costNanoUsd: '7' }));
    for (let time = 0; time < 3; time++) expect(await check()).toBe(true);
    expect(await differing()).toEqual([]);
    const { checkedAt, checkedAccounts, passEndedAt } = await store().state();
    expect([checkedAt, passEndedAt]).toEqual([expect.any(Date), expect.any(Date)]);
    expect(checkedAccounts).toBeGreaterThan(0);
    expect(
      await query('SELECT posted_nano_usd, transfers FROM billing.account_check WHERE account_id = $1', [key()]),
    ).toEqual([{ posted_nano_usd: '17', transfers: '2' }]);
  });

  it('differ where admission was changed: by how much is said after two checks, once, until it is right again', async () => {
    await call();
    await admission.loadAccounts(organizationId, [{ accountId: key(), unheldNanoUsd: 5n, generation: 0 }]);
    await check();
    expect([await differing(), errors]).toEqual([[], []]);
    await check();
    await check();
    expect(await differing()).toEqual([[key(), 'admission', -5]]);
    expect(errors).toMatchObject([
      { organizationId, accountId: key(), place: 'admission', differenceUsd: '-0.000000005' },
    ]);
    await admission.closeEpoch(organizationId);
    const bus = { drained: () => Promise.resolve() };
    await new OpenEpoch(database(), admission, bus, logger, meter()).open(organizationId);
    await admission.stopWaiting(organizationId, 'j');
    await check();
    expect(await differing()).toEqual([]);
  });

  it('differ where a balance was changed behind the back of the ledger, with or without calls since', async () => {
    await call();
    await check();
    await query('UPDATE billing.account SET posted_nano_usd = posted_nano_usd - 4 WHERE account_id = $1', [key()]);
    await check();
    await call();
    await check();
    expect((await differing()).filter(([, place]) => place === 'transfers')).toEqual([[key(), 'transfers', -4]]);
  });

  it('differ where a transfer was added that nobody was charged: the slow pass reads all transfers', async () => {
    await call();
    await check();
    await query(
      `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd) VALUES ($1, $2, $3, 'post', 3)`,
      [organizationId, randomUUID(), key()],
    );
    await check();
    await check();
    expect(await differing()).toEqual([[key(), 'transfers', -3]]);
  });

  it('differ where a balance counts more than the events', async () => {
    await call();
    await query(
      `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd) VALUES ($1, $2, $3, 'post', 3)`,
      [organizationId, randomUUID(), key()],
    );
    await query('UPDATE billing.account SET posted_nano_usd = posted_nano_usd + 3 WHERE account_id = $1', [key()]);
    await admission.loadAccounts(organizationId, [{ accountId: key(), unheldNanoUsd: 3n, generation: 0 }]);
    await check();
    await check();
    expect(await differing()).toEqual([[key(), 'events', 3]]);
  });

  it('are compared by one of several processes, and by another after that one ended in the middle', async () => {
    await call();
    await query(`UPDATE billing.reconciliation SET due_at = now() - interval '1 second'`);
    const did = await Promise.all([reconcile(), reconcile(), reconcile()].map((each) => each.runIfDue()));
    expect(did.filter(Boolean)).toHaveLength(1);
    await query(`UPDATE billing.reconciliation SET running_since = now() - interval '61 seconds'`);
    expect(await check()).toBe(true);
  });

  it('sum up only the transfers that are new', async () => {
    await call();
    await check();
    // What the check before saw is believed until the slow pass comes round.
    await query('UPDATE billing.account_check SET transfers = 300000, whole_at = now() WHERE account_id = $1', [key()]);
    await call();
    await check();
    expect(
      await query('SELECT posted_nano_usd, transfers FROM billing.account_check WHERE account_id = $1', [key()]),
    ).toEqual([{ posted_nano_usd: '20', transfers: '300001' }]);
  });

  it('accounts and transfers are listed in pages, each once, and of one organisation only', async () => {
    const accounts = ledgerAccounts();
    const other = `other key of ${organizationId}`;
    const ended = `key:${other}:daily:2026-11-20`;
    await call();
    await call(event({ chargeNanoUsd: '3', costNanoUsd: '3' }));
    await call(event({ apiKeyId: other, accounts: [{ accountId: ended, capNanoUsd: '50' }] }));
    const filter = { kind: null, ownerId: null, withEnded: false };
    const [one, ...others] = await accounts.list(organizationId, filter, 10, null, new Date());
    expect([one, others]).toMatchObject([
      {
        accountId: key(),
        kind: 'key',
        ownerId: `key of ${organizationId}`,
        capNanoUsd: 1_000n,
        postedNanoUsd: 13n,
        heldNanoUsd: 0n,
      },
      [],
    ]);
    const all = await accounts.list(organizationId, { ...filter, withEnded: true }, 10, null, new Date());
    expect(all.map(({ accountId }) => accountId)).toEqual([key(), ended]);
    expect(await accounts.list(organizationId, { ...filter, withEnded: true }, 10, key(), new Date())).toHaveLength(1);
    // A millisecond before its end the day is listed, and at its end no more.
    const end = Date.parse('2026-11-21T00:00:00.000Z');
    expect(await accounts.list(organizationId, filter, 10, null, new Date(end - 1))).toHaveLength(2);
    expect(await accounts.list(organizationId, filter, 10, null, new Date(end))).toHaveLength(1);
    expect(await accounts.list(randomUUID(), filter, 10, null, new Date())).toEqual([]);

    const none = { kind: null, from: null, to: null };
    const [newest, oldest] = await accounts.transfers(organizationId, key(), none, 10, null);
    expect([newest, oldest]).toMatchObject([
      { kind: 'post', amountNanoUsd: 3n },
      { kind: 'post', amountNanoUsd: 10n },
    ]);
    const place = [newest!.createdAtText, newest!.transferId, newest!.kind] as const;
    expect(await accounts.transfers(organizationId, key(), none, 10, place)).toEqual([oldest]);
    expect(await accounts.transfers(organizationId, key(), { ...none, kind: 'void' }, 10, null)).toEqual([]);
    const to = { ...none, to: newest!.createdAt };
    expect((await accounts.transfers(organizationId, key(), to, 10, null)).length).toBeLessThan(2);
    expect(await accounts.transfers(randomUUID(), key(), none, 10, null)).toEqual([]);
  });

  it('the account of fees is listed among the others, each on one page', async () => {
    const accounts = ledgerAccounts();
    const fees = `fees:${organizationId}`;
    const filter = { kind: null, ownerId: null, withEnded: false };
    const listed = async (only: object, count = 10, after: string | null = null) =>
      (await accounts.list(organizationId, { ...filter, ...only }, count, after, new Date())).map(
        ({ accountId, postedNanoUsd }) => [accountId, postedNanoUsd],
      );
    await call();
    expect(await listed({ kind: 'fees' })).toEqual([]);
    for (const amount of [15, 27])
      await query(
        `INSERT INTO billing.transfer (request_id, account_id, kind, amount_nano_usd, organization_id)
         VALUES (gen_random_uuid(), $1, 'fee', $2, $3)`,
        [fees, amount, organizationId],
      );
    expect(await listed({})).toEqual([
      [fees, 42n],
      [key(), 10n],
    ]);
    expect(await listed({}, 1)).toEqual([[fees, 42n]]);
    expect(await listed({}, 1, fees)).toEqual([[key(), 10n]]);
    expect(await listed({ kind: 'fees' })).toEqual([[fees, 42n]]);
    expect(await listed({ ownerId: organizationId })).toEqual([[fees, 42n]]);
    expect(await listed({ kind: 'key' })).toEqual([[key(), 10n]]);
    expect(await accounts.list(randomUUID(), filter, 10, null, new Date())).toEqual([]);
  });

  it('an account is known that the ledger has, or of something that the organisation has, in a cycle there is', async () => {
    const [own, gone] = [randomUUID(), randomUUID()];
    const asked: unknown[] = [];
    const known = new KnownAccounts(database(), {
      ofOrganization: async (request) => {
        asked.push(request);
        const named = (ids: readonly string[] = []) =>
          ids.filter((id) => id === own).map((id) => ({ id, name: 'one' }));
        return {
          organization: true,
          organizationName: null,
          apiKeys: named(request.apiKeyIds),
          groups: named(request.groupIds),
          projects: named(request.projectIds),
          members: [],
        };
      },
    });
    const has = (accountId: string) => known.has(organizationId, accountId);
    await call();
    for (const id of [key(), `fees:${organizationId}`, `organization:${organizationId}`])
      expect(await has(id), id).toBe(true);
    expect(asked).toEqual([]);
    for (const kind of ['key', 'group', 'project'])
      expect([await has(`${kind}:${own}`), await has(`${kind}:${own}:daily:2026-02-28`)], kind).toEqual([true, true]);
    for (const id of [
      'nonsense',
      'key:x',
      `key:${gone}`,
      `key:${own}:daily:2026-02-30`,
      `key:${own}:hourly:2026-02-28`,
      `group:${gone}:monthly:2026-02-01`,
      `grant:${own}`,
      `payg:${own}`,
      `fees:${own}`,
      `organization:${own}`,
    ])
      expect(await has(id), id).toBe(false);
    expect(await known.has(randomUUID(), key())).toBe(false);
  });
});
