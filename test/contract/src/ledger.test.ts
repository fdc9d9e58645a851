import { randomUUID } from 'node:crypto';
import { NO_LOG } from '@tollgate/bus';
import { USAGE_RECORDED_V1, type UsageRecordedV1 } from '@tollgate/contracts';
import { openDatabase } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { BillingMeter, BookUsage, FindUsageEvent, resumeOffsets, SettleHolds } from '@tollgate/usage-billing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  type OpenedDatabase,
  postgresServer,
  RecordingAdmission,
  screening,
  secondVersion,
  usageBatch,
  usageEvent,
} from './billing-fixture.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const newMeter = () => new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));

/** Too large for a bigint of Postgres, but allowed in an event. */
const TOO_MUCH = '9999999999999999999';

describe.each(databaseShapes)('ledger, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let admission: RecordingAdmission;
  let settles: SettleHolds;
  let book: BookUsage;
  let organizationId: string;
  let partition = 0;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.close();
  });
  beforeEach(async () => {
    admission = new RecordingAdmission();
    settles = new SettleHolds(admission, logger);
    book = new BookUsage(
      billing(opened.database),
      admission,
      settles,
      screening(billing(opened.database)),
      logger,
      newMeter(),
    );
    organizationId = randomUUID();
    partition += 1;
    // The gateway is running, so events of its journal settle holds and close no epoch.
    await query('INSERT INTO billing.gateway_instance (instance_id, journal_id) VALUES ($1, $2)', [
      `instance of ${organizationId}`,
      `journal of ${organizationId}`,
    ]);
  });

  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    opened.database.dataSource.query(sql, parameters);
  const event = (fields: Partial<UsageRecordedV1> = {}) => usageEvent({ organizationId, ...fields });
  const uncapped = { holdNanoUsd: null, accounts: [{ accountId: 'much', capNanoUsd: null }] };
  /** An event whose amounts do not fit their columns. */
  const tooMuch = (fields: Partial<UsageRecordedV1> = {}) =>
    event({ costNanoUsd: TOO_MUCH, chargeNanoUsd: TOO_MUCH, ...uncapped, ...fields });
  const booked = (records: Parameters<typeof usageBatch>[0], first = 0n) =>
    book.book(usageBatch(records, partition, first));
  const transfers = () =>
    query<{ request_id: string; kind: string; amount: string }>(
      `SELECT t.request_id, t.kind, t.amount_nano_usd AS amount FROM billing.transfer t JOIN billing.usage_event e USING (request_id)
     WHERE e.organization_id = $1 ORDER BY e.journal_number, t.kind`,
      [organizationId],
    );
  const posted = async () =>
    (
      await query<{ posted: string }>(
        'SELECT posted_nano_usd AS posted FROM billing.account WHERE organization_id = $1',
        [organizationId],
      )
    )[0]?.posted;
  const events = async () =>
    Number(
      (
        await query<{ n: string }>('SELECT count(*) AS n FROM billing.usage_event WHERE organization_id = $1', [
          organizationId,
        ])
      )[0]!.n,
    );
  const nextOffset = async () =>
    (await resumeOffsets(billing(opened.database))(USAGE_RECORDED_V1, [partition])).get(partition);
  const quarantined = () =>
    query<{ log_offset: string; log_part: number; reason: string; bytes: number }>(
      'SELECT log_offset, log_part, reason, length(value) AS bytes FROM billing.quarantine WHERE partition = $1 ORDER BY log_offset, log_part',
      [partition],
    );

  it('books an event, its transfer, the balance, the roll-up and the offset together', async () => {
    const one = event();
    await booked(
      [
        one,
        event({ journalNumber: 2, costNanoUsd: '25', endedAt: '2026-11-20T11:00:00.000Z', clientAddress: '192.0.2.9' }),
      ],
      7n,
    );
    expect(await events()).toBe(2);
    expect(await transfers()).toMatchObject([
      { request_id: one.requestId, kind: 'post', amount: '10' },
      { kind: 'platform_loss', amount: '15' },
      { kind: 'post', amount: '10' },
    ]);
    expect(await posted()).toBe('20');
    expect(await nextOffset()).toBe(9n);
    expect(
      await query(
        'SELECT requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd, last_used_at, last_used_from FROM billing.key_usage WHERE organization_id = $1',
        [organizationId],
      ),
    ).toEqual([
      {
        requests: '2',
        input_tokens: '6',
        output_tokens: '8',
        cost_nano_usd: '35',
        charge_nano_usd: '20',
        last_used_at: new Date('2026-11-20T11:00:00.000Z'),
        last_used_from: '192.0.2.9',
      },
    ]);
    expect(
      await query('SELECT number FROM billing.journal_progress WHERE organization_id = $1', [organizationId]),
    ).toEqual([{ number: '2' }]);
    const [row] = await query<Record<string, unknown>>('SELECT * FROM billing.usage_event WHERE request_id = $1', [
      one.requestId,
    ]);
    expect(row).toMatchObject({
      route: 'support-bot',
      model: 'gpt-4o-mini',
      stream: false,
      hold_nano_usd: '10',
      accounts: one.accounts,
      ended_at: new Date(one.endedAt),
    });
  });

  it('books a request once, however often and in whatever batch it comes', async () => {
    const one = event();
    await booked([one, one], 0n);
    await booked([one, event({ journalNumber: 2 })], 1n);
    await booked([one], 0n);
    expect(await events()).toBe(2);
    expect(await posted()).toBe('20');
    expect(await nextOffset()).toBe(3n);
  });

  describe('an event in two versions', () => {
    const factsOf = (table: string) =>
      query<Record<string, unknown>>(
        `SELECT request_id, text_input_tokens, cache_write5m_tokens, tool_calls, price_lines, tier_served
         FROM billing.${table} WHERE organization_id = $1`,
        [organizationId],
      );
    const told = (requestId: string) => ({
      request_id: requestId,
      text_input_tokens: '1',
      cache_write5m_tokens: '2',
      tool_calls: [{ tool: 'web_search', calls: 1 }],
      price_lines: secondVersion(event()).priceLines,
      tier_served: 'priority',
    });
    const untold = (requestId: string) => ({
      request_id: requestId,
      text_input_tokens: null,
      cache_write5m_tokens: null,
      tool_calls: null,
      price_lines: null,
      tier_served: null,
    });

    it('is booked once, by the second where both come together or the second comes first', async () => {
      const [one, other] = [event(), event({ journalNumber: 2 })];
      await booked([one, secondVersion(one), secondVersion(other)]);
      await booked([other, one, secondVersion(other)], 3n);
      expect(await factsOf('usage_event')).toEqual(
        expect.arrayContaining([told(one.requestId), told(other.requestId)]),
      );
      expect(await factsOf('usage_event_facts')).toEqual([]);
      expect([await events(), await posted(), (await transfers()).length]).toEqual([2, '20', 2]);
    });

    it('is charged once where the first was booked before, and the second adds what it knows, once', async () => {
      const one = event();
      await booked([one]);
      expect(await factsOf('usage_event')).toEqual([untold(one.requestId)]);
      const later = secondVersion(one);
      await booked([later], 1n);
      await booked([{ ...later, tierServed: 'flex' }, later, one], 2n);
      expect(await factsOf('usage_event')).toEqual([untold(one.requestId)]);
      expect(await factsOf('usage_event_facts')).toEqual([{ ...told(one.requestId), price_lines: later.priceLines }]);
      expect([await events(), await posted()]).toEqual([1, '10']);
      // Two contents in one version are a conflict, whatever the first version said.
      expect((await quarantined()).map(({ reason }) => reason)).toEqual([
        expect.stringMatching(/content: tierServed$/),
      ]);
      const found = await new FindUsageEvent(billing(opened.database)).byRequestId(organizationId, one.requestId);
      expect(found).toMatchObject({ chargeNanoUsd: 10n, priceLines: later.priceLines });
      await expect(query('DELETE FROM billing.usage_event_facts')).rejects.toThrow('append-only');
    });

    it('is in conflict where both say something else of the call, and adds nothing', async () => {
      const one = event();
      await booked([one]);
      const other = { ...secondVersion({ ...one, costNanoUsd: '12', chargeNanoUsd: '12' }), tierServed: 'flex' };
      await booked([other], 1n);
      expect(await factsOf('usage_event_facts')).toEqual([]);
      await booked([other, secondVersion(one)], 2n);
      expect(await factsOf('usage_event_facts')).toEqual([told(one.requestId)]);
      const second = event({ journalNumber: 2 });
      await booked([secondVersion(second), { ...second, inputTokens: 4 }], 4n);
      await booked([{ ...second, chargeNanoUsd: '7' }], 6n);
      expect((await quarantined()).map(({ log_offset, reason }) => `${log_offset} ${reason}`)).toEqual([
        expect.stringMatching(/^1 .*content: costNanoUsd, chargeNanoUsd$/),
        expect.stringMatching(/^5 .*content: inputTokens$/),
        expect.stringMatching(/^6 .*content: chargeNanoUsd$/),
      ]);
      expect([await events(), await posted()]).toEqual([2, '20']);
    });

    it('is booked by the first alone, as a journal of the release before has it', async () => {
      const one = event();
      await booked([one]);
      const found = await new FindUsageEvent(billing(opened.database)).byRequestId(organizationId, one.requestId);
      expect(found).toMatchObject({ chargeNanoUsd: 10n, priceLines: null });
      expect(await posted()).toBe('10');
    });

    it('has texts that the database can hold, wherever they stand', async () => {
      const one = secondVersion(event());
      const line = { ...one.priceLines[0]!, nanoUsd: one.costNanoUsd };
      await booked([{ ...one, tierServed: 'a\0', priceLines: [{ ...line, model: 'b\0' }] }]);
      const [row] = await factsOf('usage_event');
      expect(row).toMatchObject({ tier_served: 'a\ufffd', price_lines: [{ ...line, model: 'b\ufffd' }] });
    });
  });

  it('settles the holds of new events only, with what was charged', async () => {
    const held = event({ chargeNanoUsd: '4' });
    const uncapped = event({
      journalNumber: 2,
      holdNanoUsd: null,
      accounts: [{ accountId: 'uncapped', capNanoUsd: null }],
    });
    await booked([held, uncapped]);
    await booked([held]);
    expect(admission.calls).toEqual([
      {
        what: 'settleBooked',
        organizationId,
        items: [
          {
            requestId: held.requestId,
            organizationId,
            chargeNanoUsd: 4n,
            tokens: 7,
            journalId: held.journalId,
            journalNumber: 1,
            accountIds: [`account of ${organizationId}`],
          },
        ],
      },
    ]);
  });

  it('what cannot be settled at once is settled later, and the booking stands', async () => {
    admission.unreachable = true;
    await booked([event()]);
    expect(await events()).toBe(1);
    admission.unreachable = false;
    await settles.retry();
    expect(admission.count('settleBooked')).toBe(1);
  });

  it('poison goes to quarantine in the same transaction; the rest is booked and the partition moves on', async () => {
    const refusedByDatabase = tooMuch({ journalNumber: 4 });
    const ofUnknownKind = JSON.stringify({ ...event(), outcome: 'paused' });
    const [second, third] = [event({ journalNumber: 2 }), event({ journalNumber: 3 })];
    await booked([event(), 'not JSON', second, refusedByDatabase, ofUnknownKind, tooMuch(), 'x'.repeat(50_000), third]);
    expect(await events()).toBe(3);
    expect(await posted()).toBe('30');
    expect(await nextOffset()).toBe(8n);
    expect(await quarantined()).toEqual([
      { log_offset: '1', log_part: 0, reason: 'not JSON', bytes: 8 },
      { log_offset: '3', log_part: 0, reason: expect.stringMatching(/^chargeNanoUsd/), bytes: expect.any(Number) },
      { log_offset: '4', log_part: 0, reason: expect.stringContaining('outcome'), bytes: expect.any(Number) },
      { log_offset: '5', log_part: 0, reason: expect.stringMatching(/^chargeNanoUsd/), bytes: expect.any(Number) },
      { log_offset: '6', log_part: 0, reason: 'not JSON', bytes: 10_240 },
    ]);
    await booked(['not JSON'], 1n);
    expect(await quarantined()).toHaveLength(5);
  });

  it('two poison events of one record reach quarantine once each, its others are booked; coming again changes nothing', async () => {
    const [first, second, third] = [event(), event({ journalNumber: 2 }), event({ journalNumber: 4 })];
    const record = [first, 'not JSON', second, tooMuch({ journalNumber: 3 }), third];
    for (let time = 0; time < 2; time++) {
      await booked([record], 7n);
      expect([await events(), await posted(), await nextOffset()]).toEqual([3, '30', 8n]);
      expect(await quarantined()).toEqual([
        { log_offset: '7', log_part: 1, reason: 'not JSON', bytes: 8 },
        { log_offset: '7', log_part: 3, reason: expect.stringMatching(/^chargeNanoUsd/), bytes: expect.any(Number) },
      ]);
    }
  });

  it('the offset stays at a record until all its events are booked, also where poison among them takes several transactions', async () => {
    const late = event({ journalNumber: 4 });
    await query(
      `INSERT INTO billing.transfer (request_id, account_id, kind, amount_nano_usd, note) VALUES ($1, $2, 'void', 10, 'orphaned')`,
      [late.requestId, `account of ${organizationId}`],
    );
    // What it is charged fits into no column, and nothing of the event says so.
    const full = { accountId: `full of ${organizationId}`, capNanoUsd: null };
    await query(
      `INSERT INTO billing.account (account_id, organization_id, posted_nano_usd) VALUES ($1, 'another', $2)`,
      [full.accountId, (2n ** 63n - 1n).toString()],
    );
    const refused = event({ journalNumber: 3, holdNanoUsd: null, accounts: [full] });
    const records = [[event()], [event({ journalNumber: 2 }), refused, late]];
    admission.unreachable = true;
    await expect(booked(records, 7n)).rejects.toThrow('admission is away');
    expect([await events(), await nextOffset(), (await quarantined()).length]).toEqual([2, 8n, 1]);
    admission.unreachable = false;
    await booked(records.slice(1), 8n);
    expect([await events(), await nextOffset(), (await quarantined()).length]).toEqual([3, 9n, 1]);
  });

  it("posts nothing beyond the cap; the rest is the platform's, and admission has to load its balances again", async () => {
    const accounts = [{ accountId: `account of ${organizationId}`, capNanoUsd: '15' }];
    await booked([event({ accounts }), event({ accounts, journalNumber: 2 })]);
    expect(await posted()).toBe('15');
    expect(await transfers()).toMatchObject([
      { kind: 'post', amount: '10' },
      { kind: 'platform_loss', amount: '5' },
      { kind: 'post', amount: '5' },
    ]);
    expect(admission.calls[0]).toMatchObject({ what: 'closeEpoch', organizationId });
    await booked(
      [
        event({
          accounts: [{ accountId: `account of ${organizationId}`, capNanoUsd: '3' }],
          journalNumber: 3,
          costNanoUsd: '0',
          chargeNanoUsd: '0',
        }),
      ],
      2n,
    );
    expect(
      await query(
        'SELECT cap_nano_usd AS cap, posted_nano_usd AS posted FROM billing.account WHERE organization_id = $1',
        [organizationId],
      ),
    ).toEqual([{ cap: '3', posted: '15' }]);
  });

  it('an event that comes after its orphan was given back is an adjustment, and closes the epoch before it is committed', async () => {
    const late = event({ costNanoUsd: '12', chargeNanoUsd: '9', holdNanoUsd: '10' });
    await query(
      `INSERT INTO billing.transfer (request_id, account_id, kind, amount_nano_usd, note) VALUES ($1, $2, 'void', 10, 'orphaned')`,
      [late.requestId, `account of ${organizationId}`],
    );
    admission.unreachable = true;
    await expect(booked([late])).rejects.toThrow('admission is away');
    expect([await events(), await posted(), await nextOffset()]).toEqual([0, undefined, undefined]);
    admission.unreachable = false;
    await booked([late]);
    expect(admission.calls).toEqual([{ what: 'closeEpoch', organizationId }]);
    expect(await transfers()).toMatchObject([
      { kind: 'adjust', amount: '9' },
      { kind: 'platform_loss', amount: '3' },
      { kind: 'void', amount: '10' },
    ]);
    expect(await posted()).toBe('9');
    await booked([late]);
    expect(await posted()).toBe('9');
  });

  it("an event from a journal whose gateway is gone closes the epoch: its hold may be nobody's", async () => {
    await query('UPDATE billing.gateway_instance SET gone_at = now() WHERE instance_id = $1', [
      `instance of ${organizationId}`,
    ]);
    await booked([event()]);
    expect(admission.calls.map(({ what }) => what)).toEqual(['closeEpoch', 'settleBooked']);
  });

  it('refuses to change or delete what was written', async () => {
    await booked([event()]);
    for (const sql of [
      'UPDATE billing.transfer SET amount_nano_usd = 0',
      'DELETE FROM billing.transfer',
      'TRUNCATE billing.transfer',
      'UPDATE billing.usage_event SET cost_nano_usd = 0',
      'DELETE FROM billing.usage_event',
    ]) {
      await expect(query(sql)).rejects.toThrow(/append-only/);
    }
  });

  it('has one resolution for each request and account, and no balance beyond its ceiling', async () => {
    const one = event();
    await booked([one]);
    await expect(
      query(
        `INSERT INTO billing.transfer (request_id, account_id, kind, amount_nano_usd) VALUES ($1, $2, 'void', 10)`,
        [one.requestId, `account of ${organizationId}`],
      ),
    ).rejects.toThrow(/transfer_one_resolution/);
    await expect(
      query('UPDATE billing.account SET posted_nano_usd = 1001 WHERE organization_id = $1', [organizationId]),
    ).rejects.toThrow(/account_posted_within_ceiling/);
  });

  it('keeps no offset of a bus without a log', async () => {
    await book.book(usageBatch([event(), 'not JSON'], NO_LOG));
    expect(await events()).toBe(1);
    expect(await query('SELECT * FROM billing.consumer_offset WHERE partition < 0')).toEqual([]);
    expect(await query('SELECT log_offset FROM billing.quarantine WHERE partition < 0')).toEqual([
      { log_offset: null },
    ]);
  });
});

describe('ledger, two consumers', () => {
  it('the same events in both at the same time count once', async () => {
    const { url, database, close } = await postgresServer.open();
    const second = await openDatabase({ url, poolSize: 2, applicationName: 'contract' });
    const [one, other] = [database, second].map((each) => {
      const admission = new RecordingAdmission();
      return new BookUsage(
        billing(each),
        admission,
        new SettleHolds(admission, logger),
        screening(billing(each)),
        logger,
        newMeter(),
      );
    });
    const organizations = Array.from({ length: 20 }, () => randomUUID());
    const all = organizations.flatMap((organizationId, at) =>
      Array.from({ length: 30 }, (_, n) => usageEvent({ organizationId, journalNumber: at * 30 + n + 1 })),
    );
    const batches = Array.from({ length: 6 }, (_, n) => all.slice(n * 100, n * 100 + 100));
    await Promise.all([
      (async () => {
        for (const [n, some] of batches.entries()) await one!.book(usageBatch(some, 0, BigInt(n * 100)));
      })(),
      (async () => {
        for (const [n, some] of [...batches.entries()].reverse())
          await other!.book(usageBatch([...some].reverse(), 0, BigInt(n * 100)));
      })(),
    ]);
    const balances = await database.dataSource.query(
      `SELECT a.posted_nano_usd AS posted, sum(t.amount_nano_usd) AS transfers, count(*) AS n FROM billing.account a JOIN billing.transfer t USING (account_id)
       GROUP BY a.account_id`,
    );
    expect(balances).toEqual(organizations.map(() => ({ posted: '300', transfers: '300', n: '30' })));
    expect(await resumeOffsets(billing(database))(USAGE_RECORDED_V1, [0])).toEqual(new Map([[0, 600n]]));
    await second.close();
    await close();
  });
});
