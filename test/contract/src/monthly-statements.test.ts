import { randomInt, randomUUID } from 'node:crypto';
import type { UsageRecordedV2 } from '@tollgate/contracts';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  AccountBalances,
  BillingMeter,
  BookUsage,
  IssueStatements,
  ReadStatements,
  SettleHolds,
  StatementFacts,
  StatementStore,
  statementCycle,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  RecordingAdmission,
  screening,
  secondVersion,
  usageBatch,
  usageEvent,
  type OpenedDatabase,
} from './billing-fixture.js';
import { randomBelow } from './random-below.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
/** Three months, of which the last has not ended two hours before `NOW`. */
const MONTHS = ['2026-08', '2026-09', '2026-10'] as const;
const NOW = Date.parse('2026-11-01T01:59:59.999Z');
const LATER = Date.parse('2026-11-01T02:00:00.000Z');
/** A moment at which something that is due in these months is booked, some before the last is issued and some after. */
const anyTime = (below: (n: number) => number): string =>
  new Date(Date.parse('2026-11-01T00:00:00Z') + below(3 * 3_600_000)).toISOString();
const LIVES = Number(process.env['STATEMENT_LIVES'] ?? 12);

describe.each(databaseShapes)('statements, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.close();
  });

  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    opened.database.dataSource.query(sql, parameters);

  function parts() {
    const database = billing(opened.database);
    const admission = new RecordingAdmission();
    const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
    const book = new BookUsage(
      database,
      admission,
      new SettleHolds(admission, logger),
      screening(database),
      logger,
      meter,
    );
    const balances = new AccountBalances(database, admission, logger);
    const [facts, store] = [new StatementFacts(database, balances, null), new StatementStore(database)];
    return {
      book,
      facts,
      store,
      issue: new IssueStatements(database, facts, store, logger),
      read: new ReadStatements(database, store, facts),
    };
  }

  /** Books events one batch after another, on a partition of its own. */
  function booker(book: BookUsage) {
    const partition = randomInt(1, 2 ** 30);
    let offset = 0n;
    return async (events: readonly UsageRecordedV2[]): Promise<void> => {
      await book.book(usageBatch(events, partition, offset));
      offset += BigInt(events.length);
    };
  }

  const grantTransfer = (organizationId: string, grantId: string, kind: string, amount: number, at: string) =>
    query(
      `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd, created_at)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [organizationId, randomUUID(), `grant:${grantId}`, kind, amount, at],
    );

  /** Gives credit on the third of a month. */
  const give = async (organizationId: string, grantId: string, amount: number, month: string, expiresAt?: string) => {
    const at = `${month}-03T00:00:00Z`;
    await query(
      'INSERT INTO billing.grant (organization_id, id, amount_nano_usd, expires_at, created_at) VALUES ($1, $2, $3, $4, $5)',
      [organizationId, grantId, amount, expiresAt ?? null, at],
    );
    await grantTransfer(organizationId, grantId, 'grant', amount, at);
  };
  /** What lapsed of a grant at a moment is booked at a later one. */
  const lapse = async (organizationId: string, grantId: string, amount: number, at: string, bookedAt: string) => {
    await query(
      `UPDATE billing.grant SET expires_at = $3, expired_nano_usd = $4, closed_at = $5, live = false
       WHERE organization_id = $1 AND id = $2`,
      [organizationId, grantId, at, amount, bookedAt],
    );
    if (amount > 0) await grantTransfer(organizationId, grantId, 'expire', amount, bookedAt);
  };

  it.each([
    ['a millisecond before the end of a month', '2026-09-30T23:59:59.999Z', [1_000n, 0n], [0n, 0n]],
    ['with the first moment of the next', '2026-10-01T00:00:00.000Z', [0n, 1_000n], [1_000n, 0n]],
    ['at a time in a month in which nothing else happened', '2026-10-15T12:00:00.000Z', [0n, 1_000n], [1_000n, 0n]],
  ] as const)(
    'F13: have what lapsed %s in the month of its end, and need no revision once that is booked',
    async (_when, expiresAt, expired, closing) => {
      const [organizationId, grantId] = [randomUUID(), randomUUID()];
      const { issue, read } = parts();
      await give(organizationId, grantId, 1_000, '2026-09', expiresAt);
      await issue.issue(LATER);
      const credits = async () => {
        const found = ['2026-09', '2026-10'].map((name) =>
          read.find(organizationId, statementCycle(name)!, null, LATER),
        );
        return (await Promise.all(found)).map((one) => ({ revision: one?.revision, ...one?.credit }));
      };
      const issued = expired.map((expiredNanoUsd, at) =>
        at === 1 && closing[0] === 0n
          ? // A month that begins with nothing and has nothing has no statement.
            { revision: undefined }
          : {
              revision: 1,
              openingNanoUsd: at === 0 ? 0n : closing[0],
              grantedNanoUsd: at === 0 ? 1_000n : 0n,
              expiredNanoUsd,
              chargedNanoUsd: 0n,
              closingNanoUsd: closing[at],
            },
      );
      expect(await credits()).toEqual(issued);
      await lapse(organizationId, grantId, 1_000, expiresAt, '2026-11-01T02:00:01Z');
      await issue.issue(LATER);
      await issue.issue(LATER);
      expect(await credits()).toEqual(issued);
    },
  );

  it('F13: are issued anew where the release before counted what lapsed in the next month', async () => {
    const [organizationId, grantId] = [randomUUID(), randomUUID()];
    const { issue, read } = parts();
    await give(organizationId, grantId, 1_000, '2026-09');
    const credit = { openingNanoUsd: '0', grantedNanoUsd: '1000', expiredNanoUsd: '0', chargedNanoUsd: '0' };
    const content = {
      ...{ organizationId, organizationName: null, cycle: '2026-09', usage: [], fees: [], includedNanoUsd: '0' },
      credit: { ...credit, closingNanoUsd: '1000' },
    };
    await query(
      `INSERT INTO billing.statement (organization_id, cycle, revision, issued_at, requests, usage_nano_usd, fees_nano_usd, content)
       VALUES ($1, '2026-09-01', 1, '2026-10-01T02:00:00Z', 0, 0, 0, $2)`,
      [organizationId, JSON.stringify(content)],
    );
    await lapse(organizationId, grantId, 1_000, '2026-09-30T23:59:59Z', '2026-10-01T00:00:09Z');
    await issue.issue(LATER);
    await issue.issue(LATER);
    expect(await read.find(organizationId, statementCycle('2026-09')!, null, LATER)).toMatchObject({
      revision: 2,
      credit: { expiredNanoUsd: 1_000n, closingNanoUsd: 0n },
    });
    // A month that begins with nothing and has nothing has no statement.
    expect(await read.find(organizationId, statementCycle('2026-10')!, null, LATER)).toBeNull();
  });

  /** A subscription that has no charges yet. */
  const subscribe = async (organizationId: string): Promise<{ readonly id: string; readonly planId: string }> => {
    const [id, planId] = [randomUUID(), randomUUID()];
    await query(
      `INSERT INTO billing.plan (id, name, folded_name, source, self_service, version, created_at) VALUES ($1::uuid, $1::text, $1::text, 'api', false, 1, now())`,
      [planId],
    );
    await query(
      `INSERT INTO billing.plan_version (plan_id, version, from_at, quota_nano_usd, price_nano_usd, payg_allowed) VALUES ($1, 1, now(), 5, 7, true)`,
      [planId],
    );
    await query(
      `INSERT INTO billing.subscription (organization_id, id, api_key_id, plan_id, anchor, payg_enabled, version, created_at, made_at)
       VALUES ($1, $2, gen_random_uuid(), $3, '2026-07-31T23:59:59Z', false, 1, now(), now())`,
      [organizationId, id, planId],
    );
    return { id, planId };
  };
  const feeTransfer = (organizationId: string, feeId: string, amount: number, bookedAt: string) =>
    query(
      `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd, created_at)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [organizationId, feeId, `fees:${organizationId}`, amount < 0 ? 'refund' : 'fee', amount, bookedAt],
    );
  /** The price of a cycle, or of a change in its middle, which is due at a moment and booked at a later one. */
  const charge = async (
    organizationId: string,
    { id, planId }: { readonly id: string; readonly planId: string },
    [number, sequence]: readonly [number, number],
    dueAt: string,
    bookedAt: string,
    amount = 7,
  ): Promise<string> => {
    const feeId = randomUUID();
    await query(
      `INSERT INTO billing.subscription_charge (organization_id, subscription_id, number, sequence, id, at, starts_at, ends_at, plan_id,
         plan_version, quota_nano_usd, amount_nano_usd)
       VALUES ($1, $2, $3, $4, $5, $6, '2026-08-31T23:59:59Z', '2026-09-30T23:59:59Z', $7, 1, 5, $8)`,
      [organizationId, id, number, sequence, feeId, dueAt, planId, amount],
    );
    await feeTransfer(organizationId, feeId, amount, bookedAt);
    return feeId;
  };

  describe('a fee', () => {
    type Fees = readonly (readonly number[])[];
    const feesOf = async (read: ReadStatements, organizationId: string): Promise<Fees> => {
      const found = await Promise.all(
        MONTHS.map((name) => read.find(organizationId, statementCycle(name)!, null, LATER)),
      );
      return found.map((one) => one?.fees.map(({ amountNanoUsd }) => Number(amountNanoUsd)) ?? []);
    };

    it.each<[string, (organizationId: string) => Promise<unknown>, Fees]>([
      [
        'whose cycle began in the last second of a month and was noticed in the next',
        async (o) => charge(o, await subscribe(o), [1, 0], '2026-08-31T23:59:59Z', '2026-09-01T00:00:00.7Z'),
        [[7], [], []],
      ],
      [
        'of three cycles that nobody noticed in their time',
        async (o) => {
          const subscription = await subscribe(o);
          for (const [at, month] of MONTHS.entries())
            await charge(o, subscription, [at, 0], `${month}-28T12:00:00Z`, '2026-10-30T00:00:00Z');
        },
        [[7], [7], [7]],
      ],
      [
        'of an upgrade in the middle of a cycle that began in the month before',
        async (o) => {
          const subscription = await subscribe(o);
          await charge(o, subscription, [1, 0], '2026-08-31T23:59:59Z', '2026-08-31T23:59:59.1Z');
          await charge(o, subscription, [1, 1], '2026-09-12T00:00:00Z', '2026-09-12T00:00:00Z', 3);
        },
        [[7], [3], []],
      ],
      [
        'that was given back in a later month',
        async (o) => {
          const feeId = await charge(o, await subscribe(o), [1, 0], '2026-08-31T23:59:59Z', '2026-08-31T23:59:59.1Z');
          await feeTransfer(o, feeId, -7, '2026-10-20T00:00:00Z');
        },
        [[7, -7], [], []],
      ],
      [
        'of no subscription, which has no other time than that of its booking',
        (o) => feeTransfer(o, randomUUID(), 2, '2026-09-30T23:59:59.999Z'),
        [[], [2], []],
      ],
    ])('counts in the month for which it is owed: %s', async (_what, book, fees) => {
      const organizationId = randomUUID();
      const { issue, read } = parts();
      await book(organizationId);
      await issue.issue(LATER);
      expect(await feesOf(read, organizationId)).toEqual(fees);
      const listed = new Map(
        (await read.list(organizationId, LATER)).map((each) => [each.cycle, Number(each.feesNanoUsd)]),
      );
      const sums = fees.map((all) => all.reduce((sum, fee) => sum + fee, 0));
      expect(MONTHS.map((month) => listed.get(month) ?? 0)).toEqual(sums);
      // Nothing is due any more.
      await issue.issue(LATER);
      for (const month of MONTHS)
        expect((await read.find(organizationId, statementCycle(month)!, null, LATER))?.revision ?? 1).toBe(1);
    });

    it('and a refund that are booked after the issue of their month make revisions of it, and of no other', async () => {
      const organizationId = randomUUID();
      const { issue, read } = parts();
      const subscription = await subscribe(organizationId);
      await give(organizationId, randomUUID(), 1_000, '2026-08');
      await charge(organizationId, subscription, [0, 0], '2026-09-02T00:00:00Z', '2026-09-02T00:00:00Z');
      await issue.issue(LATER);
      const shown = () =>
        Promise.all(
          MONTHS.map(async (name) => {
            const one = await read.find(organizationId, statementCycle(name)!, null, LATER);
            const { openingNanoUsd, closingNanoUsd } = one!.credit!;
            return [one!.revision, one!.fees.length, Number(openingNanoUsd), Number(closingNanoUsd)];
          }),
        );
      const september = [1, 1, 1_000, 1_000];
      const october = [1, 0, 1_000, 1_000];
      expect(await shown()).toEqual([[1, 0, 0, 1_000], september, october]);
      const due = ['2026-08-31T23:59:59Z', '2026-11-01T02:30:00Z'] as const;
      const late = await charge(organizationId, subscription, [1, 0], ...due);
      await issue.issue(LATER);
      expect(await shown()).toEqual([[2, 1, 0, 1_000], september, october]);
      await feeTransfer(organizationId, late, -7, '2026-11-01T02:40:00Z');
      await issue.issue(LATER);
      await issue.issue(LATER);
      expect(await shown()).toEqual([[3, 2, 0, 1_000], september, october]);
      expect((await read.find(organizationId, statementCycle('2026-08')!, 1, LATER))?.fees).toEqual([]);
    });

    it('that the release before counted when it was booked moves to its month by revisions of both', async () => {
      const organizationId = randomUUID();
      const { issue, read } = parts();
      await charge(
        organizationId,
        await subscribe(organizationId),
        [1, 0],
        '2026-08-31T23:59:59Z',
        '2026-09-01T00:00:01Z',
      );
      const fee = { subscriptionId: 's', description: '', chargedAt: '2026-09-01T00:00:01.000Z', amountNanoUsd: '7' };
      const content = {
        ...{ organizationId, organizationName: null, cycle: '2026-09', usage: [], includedNanoUsd: '0', credit: null },
        fees: [fee],
      };
      await query(
        `INSERT INTO billing.statement (organization_id, cycle, revision, issued_at, requests, usage_nano_usd, fees_nano_usd, content)
         VALUES ($1, '2026-09-01', 1, '2026-10-01T02:00:00Z', 0, 0, 7, $2)`,
        [organizationId, JSON.stringify(content)],
      );
      await issue.issue(LATER);
      await issue.issue(LATER);
      expect(await feesOf(read, organizationId)).toEqual([[7], [], []]);
      expect((await read.find(organizationId, statementCycle('2026-09')!, null, LATER))?.revision).toBe(2);
    });
  });

  it('are told to webhooks once for each revision, by however many processes', async () => {
    const organizationId = randomUUID();
    const { book, issue } = parts();
    const database = billing(opened.database);
    await database.inOrganization(organizationId, (manager) =>
      manager.query(
        `INSERT INTO billing.webhook (organization_id, id, url, events, secret, created_at, version)
         VALUES ($1, gen_random_uuid(), 'https://hooks.invalid/x', '{statement.issued}', 'sealed', now(), 1)`,
        [organizationId],
      ),
    );
    const told = async () => {
      const rows = await database.inOrganization(organizationId, (manager) =>
        manager.query<{ body: string }[]>('SELECT body FROM billing.webhook_delivery ORDER BY created_at'),
      );
      return rows.map(({ body }) => JSON.parse(body) as { type: string; data: object });
    };
    const books = booker(book);
    const event = (): UsageRecordedV2 =>
      secondVersion({
        ...usageEvent({ organizationId }),
        startedAt: '2026-10-05T10:00:00.000Z',
        endedAt: '2026-10-05T10:00:01.000Z',
      });
    await books([event()]);
    await Promise.all([issue.issue(LATER), parts().issue.issue(LATER)]);
    await issue.issue(LATER);
    const first = {
      organization_id: organizationId,
      cycle: '2026-10',
      revision: 1,
      requests: 1,
      usage_usd: '0.00000001',
    };
    expect(await told()).toMatchObject([{ type: 'statement.issued', data: { ...first, fees_usd: '0' } }]);
    await books([event()]);
    await issue.issue(LATER);
    expect((await told()).map(({ data }) => data)).toMatchObject([first, { revision: 2, requests: 2 }]);
  });

  it.each([
    ['each month in its time', ['2026-09-01T03:00:00Z', '2026-10-01T03:00:00Z', '2026-11-01T03:00:00Z']],
    ['once, when it is over', ['2026-11-01T03:00:00Z']],
    [
      'late for the first and in time for the rest',
      ['2026-10-15T00:00:00Z', '2026-10-20T00:00:00Z', '2026-11-01T03:00:00Z'],
    ],
  ])('of quiet months are the same whenever somebody looked: %s', async (_when, looks) => {
    const [prepaid, lapsed] = [randomUUID(), randomUUID()];
    const [kept, ended] = [randomUUID(), randomUUID()];
    await give(prepaid, kept, 1_000_000, '2026-08');
    await give(lapsed, ended, 1_000_000, '2026-08', '2026-09-05T10:00:00Z');
    await lapse(lapsed, ended, 1_000_000, '2026-09-05T10:00:00Z', '2026-09-05T10:00:10Z');
    const { issue, read } = parts();
    for (const at of looks) await issue.issue(Date.parse(at));
    const now = Date.parse(looks.at(-1)!);
    const shown = async (organizationId: string) => {
      const months = await Promise.all(
        MONTHS.map((name) => read.find(organizationId, statementCycle(name)!, null, now)),
      );
      return months.map((each) => each && [each.status, each.revision, each.credit?.closingNanoUsd]);
    };
    expect(await shown(prepaid)).toEqual([
      ['issued', 1, 1_000_000n],
      ['issued', 1, 1_000_000n],
      ['issued', 1, 1_000_000n],
    ]);
    // Nothing is left, so nothing is carried over.
    expect(await shown(lapsed)).toEqual([['issued', 1, 1_000_000n], ['issued', 1, 0n], null]);
  });

  it('are issued to the others where one cannot be, and never of a month that is none', async () => {
    const [bad, good, odd] = [randomUUID(), randomUUID(), randomUUID()].sort() as [string, string, string];
    const { book, read, facts, store } = parts();
    const event = (organizationId: string): UsageRecordedV2 =>
      secondVersion(
        usageEvent({ organizationId, startedAt: '2026-10-05T10:00:00.000Z', endedAt: '2026-10-05T10:00:01.000Z' }),
      );
    await booker(book)([event(bad), event(good), event(odd)]);
    // The release before booked calls whose account named such a cycle.
    for (const month of ['0001-01-01', '2099-01-01'])
      await query(
        `INSERT INTO billing.usage_month (dimension_id, at, organization_id, requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd)
         SELECT dimension_id, $2, organization_id, 1, 0, 0, 1, 1 FROM billing.usage_dimension WHERE organization_id = $1 AND grain = 'models'`,
        [odd, `${month}T00:00:00Z`],
      );
    const failing = Object.create(facts, {
      read: {
        value: (
          organizationId: string,
          ...rest: Parameters<StatementFacts['read']> extends [string, ...infer R] ? R : never
        ) => (organizationId === bad ? Promise.reject(new TypeError('no cycle')) : facts.read(organizationId, ...rest)),
      },
    }) as StatementFacts;
    await new IssueStatements(billing(opened.database), failing, store, logger).issue(LATER);
    const listed = async (organizationId: string) =>
      (await read.list(organizationId, LATER)).map(({ cycle, status }) => `${cycle} ${status}`);
    expect(await listed(bad)).toEqual(['2026-11 open', '2026-10 open']);
    for (const organizationId of [good, odd])
      expect(await listed(organizationId)).toEqual(['2026-11 open', '2026-10 issued']);
  });

  it('H3: add up to the ledger to the last nano-USD, in random lives', { timeout: 300_000 }, async () => {
    const seed = Number(process.env['STATEMENT_SEED'] ?? randomInt(2 ** 31));
    const { book, issue, read } = parts();
    for (let life = 0; life < LIVES; life += 1) {
      const below = randomBelow(seed, life);
      const organizationId = randomUUID();
      const books = booker(book);
      const message = `STATEMENT_SEED=${seed}, life ${life}`;
      await query('INSERT INTO billing.gateway_instance (instance_id, journal_id) VALUES ($1, $2)', [
        `instance of ${organizationId}`,
        `journal of ${organizationId}`,
      ]);
      const grants = [randomUUID(), randomUUID()];
      for (const [at, grantId] of grants.entries()) await give(organizationId, grantId, 1_000_000, MONTHS[at]!);
      // What lapsed of the first is booked in the month after.
      await lapse(organizationId, grants[0]!, below(1_000), '2026-09-30T23:59:59.999Z', '2026-10-01T00:00:09Z');
      const subscription = await subscribe(organizationId);
      for (let cycle = 0; cycle < 4; cycle++) {
        const due = `${MONTHS[below(3)]!}-${below(2) === 0 ? '01T00:00:00' : '30T23:59:59'}Z`;
        const feeId = await charge(organizationId, subscription, [cycle, below(2)], due, anyTime(below), 1 + below(9));
        if (below(3) === 0) await feeTransfer(organizationId, feeId, -1 - below(9), anyTime(below));
      }
      let number = 0;
      const event = (month: string): UsageRecordedV2 => {
        const cost = 1 + below(1_000);
        const first = below(cost + 1);
        const key = `key-${below(3)}-${organizationId}`;
        // A day by which the cycle of the credit was chosen, which need not be the one of the start.
        const day = `${month}-${below(2) === 0 ? '01' : '28'}`;
        const capped = below(2) === 0;
        number += 1;
        return {
          ...secondVersion(
            usageEvent({
              organizationId,
              apiKeyId: key,
              journalNumber: number,
              model: `model-${below(3)}`,
              costNanoUsd: `${cost}`,
              chargeNanoUsd: `${cost}`,
              holdNanoUsd: `${cost}`,
              startedAt: `${day}T${below(2) === 0 ? '00:00:00.000' : '23:59:59.999'}Z`,
              endedAt: '2026-11-01T00:30:00.000Z',
            }),
          ),
          accounts: [
            {
              accountId: capped ? `key:${key}:daily:${day}` : `key:${key}`,
              capNanoUsd: capped ? '9000000000' : null,
              kind: null,
              cycle: null,
            },
            ...grants.map((grantId, at) => ({
              accountId: `grant:${grantId}`,
              capNanoUsd: '1000000',
              kind: null,
              cycle: null,
              heldNanoUsd: `${at === 0 ? first : cost - first}`,
            })),
          ],
        };
      };
      const first = Array.from({ length: 20 }, () => event(MONTHS[below(3)]!));
      await books(first);
      // Redelivered events count once.
      await books(first.slice(0, 5));

      await issue.issue(NOW);
      expect((await read.find(organizationId, statementCycle('2026-10')!, null, NOW))?.status, message).toBe('open');
      await issue.issue(LATER);
      await issue.issue(LATER);
      const before = await Promise.all(
        MONTHS.map((name) => read.find(organizationId, statementCycle(name)!, null, LATER)),
      );
      await addsUp(organizationId, before, message);

      const late = event('2026-08');
      await books([late]);
      await issue.issue(LATER);
      const [revised] = await Promise.all([read.find(organizationId, statementCycle('2026-08')!, null, LATER)]);
      expect(revised?.revision, message).toBe((before[0]?.revision ?? 0) + 1);
      expect(await read.find(organizationId, statementCycle('2026-08')!, 1, LATER), message).toEqual(before[0]);
      const after = await Promise.all(
        MONTHS.map((name) => read.find(organizationId, statementCycle(name)!, null, LATER)),
      );
      await addsUp(organizationId, after, message);
      const listed = (await read.list(organizationId, LATER)).map(({ cycle, status }) => [cycle, status]);
      expect(listed, message).toEqual([
        ['2026-11', 'open'],
        ...[...MONTHS].reverse().map((cycle) => [cycle, 'issued']),
      ]);
    }
  });

  async function addsUp(
    organizationId: string,
    statements: readonly Awaited<ReturnType<ReadStatements['find']>>[],
    message: string,
  ): Promise<void> {
    const [ledger] = await query<{ charged: string; grants: string }>(
      // Each call is charged to its key's own account, which its event names first, and to others besides.
      `SELECT sum(t.amount_nano_usd) FILTER (WHERE t.account_id = e.accounts->0->>'accountId') AS charged,
         sum(t.amount_nano_usd) FILTER (WHERE t.account_id LIKE 'grant:%') AS grants
       FROM billing.transfer AS t JOIN billing.usage_event AS e USING (request_id)
       WHERE t.organization_id = $1 AND t.kind IN ('post', 'adjust')`,
      [organizationId],
    );
    const [fees] = await query<{ sum: string }>(
      'SELECT sum(amount_nano_usd) AS sum FROM billing.transfer WHERE account_id = $1',
      [`fees:${organizationId}`],
    );
    const charged = statements.flatMap((one) => one?.fees ?? []);
    expect(charged.reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n).toString(), message).toBe(fees!.sum);
    const lines = statements.flatMap((one) => one?.usage ?? []);
    expect(lines.reduce((sum, { chargedNanoUsd }) => sum + chargedNanoUsd, 0n).toString(), message).toBe(
      ledger!.charged,
    );
    for (const one of statements) {
      const credit = one!.credit!;
      expect(
        credit.openingNanoUsd + credit.grantedNanoUsd - credit.expiredNanoUsd - credit.chargedNanoUsd,
        message,
      ).toBe(credit.closingNanoUsd);
    }
    for (const [at, one] of statements.entries())
      if (at > 0) expect(one!.credit!.openingNanoUsd, message).toBe(statements[at - 1]!.credit!.closingNanoUsd);
    const spent = statements.reduce((sum, one) => sum + one!.credit!.chargedNanoUsd, 0n);
    expect(spent.toString(), message).toBe(ledger!.grants);
  }
});
