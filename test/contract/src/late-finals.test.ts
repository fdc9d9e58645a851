import { randomUUID } from 'node:crypto';
import { budgetAccountId, cycleAccountId, cycleOf, grantAccountId } from '@tollgate/api-key';
import type { UsageRecordedV1, UsageRecordedV2 } from '@tollgate/contracts';
import type { ServiceDatabase } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  AccountBalances,
  BillingMeter,
  type BillingRelay,
  BookUsage,
  CompareBalances,
  EndGrants,
  GatewayInstances,
  GrantStore,
  IssueStatements,
  LedgerAccounts,
  LoadAccount,
  OpenEpoch,
  OrganizationTerms,
  rebuild,
  SettleHolds,
  StatementFacts,
  StatementStore,
  UsedKeys,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  postgresServer,
  RecordingAdmission,
  screening,
  ScreeningAt,
  secondVersion,
  usageBatch,
  usageEvent,
  type OpenedDatabase,
} from './billing-fixture.js';
import { summedUp } from './summed-up.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
const bus = { drained: () => Promise.resolve() };
const JOURNAL = 'a journal of late finals';
/** No grant of these tests has expired, so nobody is asked. */
const NOBODYS_BALANCES = { of: () => Promise.resolve(() => ({ postedNanoUsd: 0n, heldNanoUsd: 0n, generation: 0 })) };

/** Whose calls are: of a key in two groups that both open the route. */
const OF_OWNERS = {
  ...{ groupIds: ['g', 'h'], routeGroupId: 'g', otherRouteGroupIds: ['h'] },
  ...{ projectId: 'p', memberId: 'm' },
};

type UsageEvent = UsageRecordedV1 | UsageRecordedV2;
type Row = Record<string, unknown>;

describe.each(databaseShapes)("a final that comes after the event of its call's orphan, $shape", ({ open }) => {
  let opened: OpenedDatabase;
  let admission: RecordingAdmission;
  let organizationId: string;
  let key: string;
  beforeAll(async () => {
    opened = await open();
    await new GatewayInstances(database()).register({ instanceId: 'an instance', journalId: JOURNAL });
  });
  afterAll(() => opened?.close());
  beforeEach(() => {
    admission = new RecordingAdmission();
    [organizationId, key] = [randomUUID(), randomUUID()];
  });

  const database = () => billing(opened.database);
  const query = (sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    database().acrossOrganizations((manager) => manager.query<Row[]>(sql, parameters));
  const bookUsage = (nowMs?: number) =>
    new BookUsage(
      database(),
      admission,
      new SettleHolds(admission, logger),
      nowMs === undefined ? screening(database()) : new ScreeningAt(database(), () => nowMs),
      logger,
      meter,
    );
  let offset = 0n;
  const book = (...events: readonly UsageEvent[]) => bookUsage().book(usageBatch(events, 0, (offset += 10n)));

  const openEpoch = async (): Promise<void> => {
    await new OpenEpoch(database(), admission, bus, logger, meter).open(organizationId);
    for (const { journalId } of admission.openings.at(-1)?.waitingFor ?? [])
      await admission.stopWaiting(organizationId, journalId);
  };
  /** A call that held credit on its key's account, as its final says it. */
  const final = (fields: Partial<UsageRecordedV1> = {}): UsageRecordedV1 =>
    usageEvent({
      organizationId,
      apiKeyId: key,
      journalId: JOURNAL,
      journalNumber: 7,
      accounts: [{ accountId: `key:${key}`, capNanoUsd: '1000' }],
      ...fields,
    });
  /** What the next process of its gateway made of it. */
  const orphanOf = <Event extends UsageEvent>(event: Event, fields: Partial<UsageRecordedV1> = {}): Event =>
    withClasses({
      ...event,
      outcome: 'orphaned',
      journalNumber: 3,
      inputTokens: 2,
      outputTokens: 1,
      usageSource: 'counted',
      endedAt: '2026-11-20T10:00:00.500Z',
      ...fields,
    });
  /** The classes of tokens add up to both sides; two tokens of the input were written to a cache. */
  const withClasses = <Event extends UsageEvent>(event: Event): Event =>
    event.eventVersion === 1
      ? event
      : { ...event, textInputTokens: event.inputTokens - 2, textOutputTokens: event.outputTokens };
  const hold = async ({ requestId, accounts, holdNanoUsd }: UsageRecordedV1): Promise<void> => {
    const decision = await admission.reserve({
      ...{ requestId, organizationId, apiKeyId: key, instanceId: 'an instance', journalId: JOURNAL, tokens: 0 },
      amountNanoUsd: BigInt(holdNanoUsd!),
      accounts: accounts.map(({ accountId }) => ({ accountId, capNanoUsd: 1_000n })),
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    });
    expect(decision.kind).toBe('admitted');
  };
  const giveBack = ({ requestId, accounts }: UsageRecordedV1) =>
    query(
      `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd, note)
       SELECT $1, $2, unnest($3::text[]), 'void', 10, 'orphaned'`,
      [organizationId, requestId, accounts.map(({ accountId }) => accountId)],
    );
  const transfersOf = async (requestId: string): Promise<string[]> =>
    (
      await query(
        `SELECT split_part(account_id, ':', 1) AS account, kind, amount_nano_usd AS amount FROM billing.transfer WHERE request_id = $1
         ORDER BY 1, created_at, 2`,
        [requestId],
      )
    ).map(({ account, kind, amount }) => `${account as string} ${kind as string} ${amount as string}`);

  const sumsOf = (organization: string) => summedUp(query, organization);
  /** Ledger, transfers, events and admission say the same of each account, and nothing is held. */
  const expectOne = async (): Promise<void> => {
    if (!(await admission.hasEpoch(organizationId))) await openEpoch();
    for (const each of await new CompareBalances(database(), admission).of(organizationId)) {
      const { accountId, ledgerPostedNanoUsd: posted } = each;
      expect(each).toEqual({
        accountId,
        ledgerPostedNanoUsd: posted,
        transfersNanoUsd: posted,
        eventsNanoUsd: posted,
        admissionPostedNanoUsd: posted,
        heldNanoUsd: 0n,
      });
    }
    expect((await rebuild(database())).wrong.filter((each) => each.organizationId === organizationId)).toEqual([]);
  };
  const posted = async (accountId = `key:${key}`): Promise<string | undefined> =>
    (await query('SELECT posted_nano_usd AS posted FROM billing.account WHERE account_id = $1', [accountId]))[0]?.[
      'posted'
    ] as string | undefined;

  const cases = [
    { what: 'of the same charge', orphan: '10', cost: '10', charge: '10', platform: [] },
    { what: 'that is cheaper', orphan: '6', cost: '2', charge: '2', platform: [] },
    { what: 'that cost nothing', orphan: '6', cost: '0', charge: '0', platform: [] },
    { what: 'that is dearer', orphan: '2', cost: '8', charge: '8', platform: [] },
    { what: 'of a call that was charged nothing', orphan: '0', cost: '7', charge: '7', platform: [] },
    { what: 'that is dearer than its hold', orphan: '4', cost: '14', charge: '10', platform: ['platform correct 4'] },
    {
      ...{ what: 'where the orphan cost more than its hold', orphan: '15', cost: '3', charge: '3' },
      platform: ['platform platform_loss 5', 'platform correct -5'],
    },
  ];
  const versions = [
    [1, 1],
    [2, 2],
    [1, 2],
    [2, 1],
  ] as const;
  const inVersion = (event: UsageRecordedV1, version: 1 | 2): UsageEvent =>
    version === 1 ? event : withClasses({ ...secondVersion(event), priceLines: [], ...OF_OWNERS });
  const min = (one: string, other: string) => (Number(one) < Number(other) ? one : other);

  describe.each(cases)('$what', ({ orphan: orphanCost, cost, charge, platform }) => {
    it.each(versions)('takes its place, whatever came first: version %s before version %s', async (before, after) => {
      const one = final({ costNanoUsd: cost, chargeNanoUsd: min(cost, '10') });
      const told = inVersion(one, after);
      const orphan = inVersion(
        orphanOf(one, { costNanoUsd: orphanCost, chargeNanoUsd: min(orphanCost, '10') }),
        before,
      );
      await openEpoch();
      await hold(one);
      await book(orphan);
      expect(await posted()).toBe(min(orphanCost, '10'));
      await book(told);
      expect(await admission.hasEpoch(organizationId), 'admission has to load the corrected balance').toBe(false);
      const difference = Number(charge) - Number(min(orphanCost, '10'));
      expect(await transfersOf(one.requestId)).toEqual([
        `key post ${min(orphanCost, '10')}`,
        `key correct ${difference}`,
        ...platform,
      ]);
      // The final and the orphan again, in any order and company: nothing changes.
      const settled = await sumsOf(organizationId);
      for (const events of [[told], [orphan], [orphan, told], [told, orphan, orphan]]) await book(...events);
      expect(await posted()).toBe(charge);
      expect(await sumsOf(organizationId)).toEqual(settled);
      await expectOne();

      const [replaced, sums] = [organizationId, settled];
      for (const events of [[told], [told, orphan], [orphan, told]]) {
        [organizationId, key] = [randomUUID(), randomUUID()];
        const ofAnother = (event: UsageEvent): UsageEvent =>
          ({
            ...event,
            organizationId,
            apiKeyId: key,
            requestId: replaced,
            accounts: [{ ...event.accounts[0]!, accountId: `key:${key}` }],
          }) as UsageEvent;
        const requestId = randomUUID();
        await book(...events.map((event) => ({ ...ofAnother(event), requestId })));
        expect(await sumsOf(organizationId), 'as if the orphan had never been booked').toEqual(sums);
        expect(await posted()).toBe(charge);
        await expectOne();
      }
    });
  });

  it('is charged as one that comes after its hold was given back, where that was before the orphan came', async () => {
    const one = final({ costNanoUsd: '8', chargeNanoUsd: '8' });
    await giveBack(one);
    await book(orphanOf(one, { costNanoUsd: '3', chargeNanoUsd: '3' }));
    await book(one);
    expect(await transfersOf(one.requestId)).toEqual(['key void 10', 'key adjust 3', 'key correct 5']);
    await expectOne();
  });

  it('is charged what the cap leaves beside what others used meanwhile, and never less than its orphan was', async () => {
    const capped = (fields: Partial<UsageRecordedV1>) =>
      final({ accounts: [{ accountId: `key:${key}`, capNanoUsd: '15' }], ...fields });
    const one = capped({});
    await book(orphanOf(one, { costNanoUsd: '4', chargeNanoUsd: '4' }));
    await book(capped({ journalNumber: 8 }));
    await book(one);
    expect(await transfersOf(one.requestId)).toEqual(['key post 4', 'key correct 1', 'platform platform_loss 5'].map((each) => each.replace('platform_loss', 'correct'))); // prettier-ignore
    expect(await posted()).toBe('15');
    // A cap that was lowered takes nothing from the call that was within it.
    const other = capped({ journalNumber: 9 });
    await book(orphanOf(other, { costNanoUsd: '0', chargeNanoUsd: '0', journalNumber: 4 }));
    await book({ ...other, accounts: [{ accountId: `key:${key}`, capNanoUsd: '2' }] });
    expect(await posted()).toBe('15');
    await expectOne();
  });

  it('is counted in its own month, and the statements of both are issued again', async () => {
    const months = { october: '2026-10-31T23:59:59.000Z', november: '2026-11-01T00:00:01.000Z' };
    const now = Date.parse('2026-12-01T03:00:00.000Z');
    const one = final({ startedAt: months.november, endedAt: months.november, costNanoUsd: '7', chargeNanoUsd: '7' });
    const other = final({ journalNumber: 8, startedAt: months.october, endedAt: months.october });
    const again = { startedAt: months.october, endedAt: months.october };
    const store = new StatementStore(database());
    const issue = () =>
      new IssueStatements(database(), new StatementFacts(database(), NOBODYS_BALANCES), store, logger)
        .issue(now)
        .then(() => undefined);
    const latest = async () =>
      Object.fromEntries(
        (await store.latest(organizationId, 10)).map(({ cycle, revision, requests, usageNanoUsd }) => [
          cycle,
          [revision, requests, Number(usageNanoUsd)],
        ]),
      );
    await book(orphanOf(one, { ...again, costNanoUsd: '10', chargeNanoUsd: '10' }));
    await issue();
    expect(await latest()).toEqual({ '2026-10': [1, 1, 10] });
    await bookUsage(now).book(usageBatch([one]));
    await issue();
    // Nothing is left of October: its last statement says so.
    expect(await latest()).toEqual({ '2026-10': [2, 0, 0], '2026-11': [1, 1, 7] });
    await book(orphanOf(other, { costNanoUsd: '4', chargeNanoUsd: '4' }));
    await issue();
    await book(other);
    await issue();
    await issue();
    expect(await latest()).toEqual({ '2026-10': [4, 1, 10], '2026-11': [1, 1, 7] });
    await expectOne();
  });

  it('of the same request that says something else than the final before is in conflict with it', async () => {
    const one = final();
    await book(orphanOf(one));
    await book(one);
    await book({ ...one, costNanoUsd: '9', chargeNanoUsd: '9' });
    expect(await query('SELECT cause, field FROM billing.quarantine WHERE request_id = $1', [one.requestId])).toEqual([
      { cause: 'conflict', field: 'costNanoUsd' },
    ]);
    expect(await posted()).toBe('10');
  });

  it.each([
    ['apiKeyId', (id: string) => ({ apiKeyId: id, accounts: [{ accountId: `key:${id}`, capNanoUsd: '1000' }] })],
    ['organizationId', (id: string) => ({ organizationId: id })],
  ])('of another %s is no final of the call: it is put aside, and the orphan stays', async (field, fields) => {
    const one = final();
    await book(orphanOf(one, { costNanoUsd: '4', chargeNanoUsd: '4' }));
    await book({ ...one, ...fields(randomUUID()) });
    expect(await query('SELECT cause, field FROM billing.quarantine WHERE request_id = $1', [one.requestId])).toEqual([
      { cause: 'conflict', field },
    ]);
    expect(await posted()).toBe('4');
    await expectOne();
  });

  it('adds what version 2 says of a final to a final alone, and of an orphan to an orphan', async () => {
    const one = final();
    const orphan = orphanOf(one);
    await book(orphan);
    await book(inVersion(orphan, 2));
    expect(await sumsOf(organizationId)).toMatchObject({ usage_event_facts: [{ group_ids: ['g', 'h'] }] });
    await book(one);
    expect(await sumsOf(organizationId)).toMatchObject({ usage_event_facts: [] });
    expect(await sumsOf(organizationId)).not.toHaveProperty('owner_usage_day.0.charge_nano_usd');
    await book(inVersion(orphan, 2));
    expect(await sumsOf(organizationId)).toMatchObject({ usage_event_facts: [] });
    await book(inVersion(one, 2));
    expect(await sumsOf(organizationId)).toMatchObject({
      usage_event_facts: [{ group_ids: ['g', 'h'] }],
      owner_usage_day: [
        { owner_kind: 'group', owner: 'g', charge_nano_usd: '10' },
        { owner_kind: 'group', owner: 'h', charge_nano_usd: '10' },
        { owner_kind: 'project', owner: 'p', charge_nano_usd: '10' },
      ],
    });
  });

  it('is taken out of a limit that was loaded between the two', async () => {
    const today = new Date().toISOString();
    const daily = cycleAccountId(key, cycleOf('daily', Date.parse(today)));
    const budget = budgetAccountId('group', 'g', cycleOf('never', 0));
    const unlimited = { holdNanoUsd: null, accounts: [{ accountId: `key:${key}`, capNanoUsd: null }] };
    const one = inVersion(final({ startedAt: today, endedAt: today, ...unlimited }), 2);
    await book(orphanOf(one, { endedAt: today, costNanoUsd: '4', chargeNanoUsd: '4' }));
    await openEpoch();
    const load = new LoadAccount(database(), admission, bus, meter);
    admission.shippedJournals = () => Promise.resolve(new Set([JOURNAL]));
    const startMs = cycleOf('daily', Date.parse(today)).startMs;
    await load.load({ organizationId, accountId: daily, apiKeyId: key, reset: 'daily', startMs, generation: 2 });
    await load.load({
      organizationId,
      accountId: budget,
      apiKeyId: null,
      reset: 'never',
      startMs: null,
      generation: 2,
    });
    for (const accountId of [daily, budget]) expect(await posted(accountId)).toBe('4');
    await book(one);
    for (const accountId of [daily, budget, `key:${key}`]) expect(await posted(accountId)).toBe('10');
    await expectOneOfLimits();
  });
  const expectOneOfLimits = async (): Promise<void> => {
    expect((await rebuild(database())).wrong.filter((each) => each.organizationId === organizationId)).toEqual([]);
    await openEpoch();
    for (const { accountId, ledgerPostedNanoUsd, eventsNanoUsd, admissionPostedNanoUsd } of await new CompareBalances(
      database(),
      admission,
    ).of(organizationId))
      expect([accountId, eventsNanoUsd, admissionPostedNanoUsd ?? ledgerPostedNanoUsd]).toEqual([
        accountId,
        ledgerPostedNanoUsd,
        ledgerPostedNanoUsd,
      ]);
  };

  it('gives credit back to grants that were closed since', async () => {
    const grant = randomUUID();
    await query(
      `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd) VALUES ($1, $2, $3, 'grant', 10)`,
      [organizationId, grant, grantAccountId(grant)],
    );
    await database().inOrganization(organizationId, (manager) =>
      manager.query(
        `INSERT INTO billing.grant (organization_id, id, amount_nano_usd, created_at) VALUES ($1, $2, 10, now())`,
        [organizationId, grant],
      ),
    );
    const paid = { accountId: grantAccountId(grant), capNanoUsd: '10', kind: null, cycle: null, heldNanoUsd: '10' };
    const told = secondVersion(final({ costNanoUsd: '3', chargeNanoUsd: '3' }));
    const one = { ...told, priceLines: [], accounts: [...told.accounts, paid] };
    await book(orphanOf(one, { costNanoUsd: '10', chargeNanoUsd: '10' }));
    await database().inOrganization(organizationId, async (manager) => {
      await manager.query(`UPDATE billing.grant SET live = false, closed_at = now() WHERE id = $1`, [grant]);
      await manager.query(`UPDATE billing.account SET closed_at = now() WHERE account_id = $1`, [paid.accountId]);
    });
    await book(one);
    expect(await posted(paid.accountId)).toBe('3');
    expect(await query('SELECT closed_at FROM billing.grant WHERE id = $1', [grant])).toEqual([{ closed_at: null }]);
    expect(await query('SELECT charge_nano_usd FROM billing.account_usage_month WHERE account_id = $1', [paid.accountId])).toEqual([{ charge_nano_usd: '3' }]); // prettier-ignore
    await expectOne();
    // It is told to gateways again, and what is left of it lapses once it has expired.
    const endGrants = async (expiresAt: Date | null) => {
      await database().inOrganization(organizationId, (manager) =>
        manager.query('UPDATE billing.grant SET expires_at = $2 WHERE id = $1', [grant, expiresAt]),
      );
      const ofOne = {
        acrossOrganizations: () => Promise.resolve([{ organization_id: organizationId }]),
        inOrganization: database().inOrganization.bind(database()),
      } as unknown as ServiceDatabase;
      const relay = { publishes: () => {}, wake: () => {}, outbox: { add: () => Promise.resolve() } };
      const terms = new OrganizationTerms(relay as unknown as BillingRelay);
      await new EndGrants(ofOne, new GrantStore(database()), terms, admission, bus, logger).end(new Date());
      return query('SELECT live, closed_at IS NOT NULL AS closed, expired_nano_usd AS expired FROM billing.grant WHERE id = $1', [grant]); // prettier-ignore
    };
    expect(await endGrants(new Date(Date.now() + 1_000))).toEqual([{ live: false, closed: false, expired: '0' }]);
    expect(await endGrants(null)).toEqual([{ live: true, closed: false, expired: '0' }]);
    expect(await endGrants(null)).toEqual([{ live: true, closed: false, expired: '0' }]);
    await query(`UPDATE billing.account SET closed_at = now() WHERE account_id = $1`, [paid.accountId]);
    await database().inOrganization(organizationId, (manager) =>
      manager.query(`UPDATE billing.credit_epoch SET opened_at = 'epoch' WHERE organization_id = $1`, [organizationId]),
    );
    expect(await endGrants(new Date(Date.now() - 60_000))).toEqual([{ live: false, closed: true, expired: '7' }]);
  });

  it('is told key-management, although the key has no more requests than before', async () => {
    const one = final({ costNanoUsd: '2', chargeNanoUsd: '2' });
    const used = new UsedKeys(database());
    const changed = async () =>
      (await used.changed(null, 100_000, new Date())).filter((each) => each.organizationId === organizationId);
    await book(orphanOf(one, { costNanoUsd: '9', chargeNanoUsd: '9' }));
    const [before] = await changed();
    await used.told([before!.key]);
    expect(await changed()).toEqual([]);
    await book(one);
    const [after] = await changed();
    expect(after!.key).toMatchObject({ requests: 1, chargedNanoUsd: '2', secrets: [{ chargedNanoUsd: '2' }] });
    expect(after!.key.sequence).toBeGreaterThan(before!.key.sequence);
    // What was told late of before does not count as told.
    await used.told([before!.key]);
    expect(await changed()).toHaveLength(1);
    await used.told([after!.key]);
    expect(await changed()).toEqual([]);
  });

  it('is shown as a transfer of its call', async () => {
    const one = final({ costNanoUsd: '2', chargeNanoUsd: '2' });
    await book(orphanOf(one, { costNanoUsd: '10', chargeNanoUsd: '10' }));
    await book(one);
    const balances = new AccountBalances(database(), admission, logger);
    const accounts = new LedgerAccounts(database(), balances, { of: () => Promise.resolve(new Map()) });
    const filter = { kind: 'correct', from: null, to: null };
    expect(await accounts.transfers(organizationId, `key:${key}`, filter, 10, null)).toMatchObject([
      { transferId: one.requestId, kind: 'correct', amountNanoUsd: -8n },
    ]);
  });

  it('is the only thing that takes out an event, and only of an orphan whose difference is booked', async () => {
    const [one, other] = [final(), final({ journalNumber: 8 })];
    await book(orphanOf(one), other);
    const takeOut = (requestId: string) =>
      query('SELECT billing.take_out_orphans(ARRAY[$1::uuid]) AS taken', [requestId]);
    for (const { requestId } of [one, other]) expect(await takeOut(requestId)).toEqual([{ taken: '0' }]);
    await expect(query('DELETE FROM billing.usage_event')).rejects.toThrow(/permission denied/);
    await expect(opened.database.dataSource.query('DELETE FROM billing.usage_event')).rejects.toThrow('append-only');
    await expect(
      query(
        `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd) VALUES ($1, $2, 'a', 'post', -1)`,
        [organizationId, randomUUID()],
      ),
    ).rejects.toThrow(/transfer_amount_not_negative/);
  });
});

describe('finals after orphans, at several processes', () => {
  it('correct each call once', async () => {
    const { database, close } = await postgresServer.open();
    const service = billing(database);
    await new GatewayInstances(service).register({ instanceId: 'an instance', journalId: JOURNAL });
    const organizations = Array.from({ length: 5 }, () => randomUUID());
    const finals = organizations.flatMap((organizationId) =>
      Array.from({ length: 12 }, (_, n) =>
        usageEvent({
          organizationId,
          journalId: JOURNAL,
          journalNumber: 100 + n,
          costNanoUsd: String(n),
          chargeNanoUsd: String(Math.min(n, 10)),
        }),
      ),
    );
    const orphans = finals.map((event, n): UsageRecordedV1 => ({
      ...event,
      outcome: 'orphaned',
      journalNumber: n + 1,
      costNanoUsd: String((n * 7) % 11),
      chargeNanoUsd: String(Math.min((n * 7) % 11, 10)),
    }));
    const process = () => {
      const admission = new RecordingAdmission();
      return new BookUsage(service, admission, new SettleHolds(admission, logger), screening(service), logger, meter);
    };
    const bookAll = async (events: readonly UsageRecordedV1[], size: number) => {
      const booking = process();
      for (let at = 0; at < events.length; at += size) await booking.book(usageBatch(events.slice(at, at + size)));
    };
    await Promise.all([
      bookAll(orphans, 7),
      bookAll([...finals].reverse(), 5),
      bookAll([...finals, ...orphans], 11),
      bookAll([...orphans, ...finals].reverse(), 13),
    ]);
    const rows = await service.acrossOrganizations((manager) =>
      manager.query<Row[]>(
        `SELECT a.posted_nano_usd AS posted, (SELECT sum(amount_nano_usd) FROM billing.transfer AS t
           WHERE t.account_id = a.account_id AND kind IN ('post', 'adjust', 'correct')) AS transfers,
           (SELECT count(*) FROM billing.usage_event AS e WHERE e.organization_id = a.organization_id AND outcome <> 'orphaned') AS finals,
           (SELECT sum(requests) FROM billing.usage_dimension AS d JOIN billing.usage_month USING (dimension_id)
            WHERE d.organization_id = a.organization_id AND d.grain = 'models' AND outcome <> 'orphaned') AS counted,
           (SELECT count(*) FROM billing.usage_dimension AS d JOIN billing.usage_day USING (dimension_id)
            WHERE d.organization_id = a.organization_id AND outcome = 'orphaned') AS left
         FROM billing.account AS a`,
      ),
    );
    const charged = String(Array.from({ length: 12 }, (_, n) => Math.min(n, 10)).reduce((sum, n) => sum + n, 0));
    expect(rows).toEqual(
      organizations.map(() => ({ posted: charged, transfers: charged, finals: '12', counted: '12', left: '0' })),
    );
    expect((await rebuild(service)).wrong).toEqual([]);
    await close();
  });
});
