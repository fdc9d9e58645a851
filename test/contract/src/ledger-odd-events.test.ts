import { randomUUID } from 'node:crypto';
import { USAGE_RECORDED_V1, type UsageRecordedV1 } from '@tollgate/contracts';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { BillingMeter, BookUsage, CompareBalances, resumeOffsets, SettleHolds } from '@tollgate/usage-billing';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  type OpenedDatabase,
  RecordingAdmission,
  screening,
  usageBatch,
  usageEvent,
} from './billing-fixture.js';

type Registry = ReturnType<typeof createMetricsRegistry>;

/** Too large for a bigint of Postgres, but allowed in an event. */
const TOO_MUCH = '9999999999999999999';
/** The amount that replaces it: 9,000,000 USD. */
const MOST = 9_000_000_000_000_000n;
/** Postgres takes no NUL in text (SQLSTATE 22021), and in jsonb no half of a surrogate pair either (22P02, 22P05). */
const ODD_TEXTS = ['nul \0 character', 'half \ud83d of a pair', '\udc00\ud800', '\0'];
/** The text as the ledger stores it. It is written independently of the code under test. */
const held = (text: string): string => [...text].map((each) => (/[\0\p{Cs}]/u.test(each) ? '\ufffd' : each)).join('');

/** A request that a provider served is owed, whatever texts its event contains. */
describe.each(databaseShapes)('the ledger and odd events, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let registry: Registry;
  let admission: RecordingAdmission;
  let book: BookUsage;
  let organizationId: string;
  let logged: string[];
  let partition = 0;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.close();
  });
  beforeEach(async () => {
    logged = [];
    const destination = { write: (line: string) => void logged.push(line) };
    const logger = createLogger({ service: 'contract', level: 'error', destination });
    registry = createMetricsRegistry('contract', { processMetrics: false });
    admission = new RecordingAdmission();
    const settles = new SettleHolds(admission, logger);
    book = new BookUsage(
      billing(opened.database),
      admission,
      settles,
      screening(billing(opened.database)),
      logger,
      new BillingMeter(registry),
    );
    organizationId = randomUUID();
    partition += 1;
    // The gateway is running, so events of its journal settle holds and close no epoch.
    const instance = [`instance of ${organizationId}`, `journal of ${organizationId}`];
    await query('INSERT INTO billing.gateway_instance (instance_id, journal_id) VALUES ($1, $2)', instance);
  });

  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    opened.database.dataSource.query(sql, parameters);
  const event = (fields: Partial<UsageRecordedV1> = {}) => usageEvent({ organizationId, ...fields });
  const withoutLimit = (accountId = `account of ${organizationId}`) => ({
    holdNanoUsd: null,
    accounts: [{ accountId, capNanoUsd: null }],
  });
  const booked = (records: Parameters<typeof usageBatch>[0], first = 0n) =>
    book.book(usageBatch(records, partition, first));
  const ofKeys = (columns: string) =>
    query<Record<string, string>>(`SELECT ${columns} FROM billing.key_usage WHERE organization_id = $1`, [
      organizationId,
    ]);
  const ofRequest = (requestId: string, columns: string) =>
    query<Record<string, string>>(`SELECT ${columns} FROM billing.usage_event WHERE request_id = $1`, [requestId]);
  const posted = async () => {
    const rows = await query<{ account_id: string; posted: string }>(
      'SELECT account_id, posted_nano_usd AS posted FROM billing.account WHERE organization_id = $1',
      [organizationId],
    );
    return Object.fromEntries(rows.map((row) => [row.account_id, row.posted]));
  };
  const transfers = async (requestId: string) => {
    const rows = await query<{ kind: string; amount: string }>(
      'SELECT kind, amount_nano_usd AS amount FROM billing.transfer WHERE request_id = $1 ORDER BY kind',
      [requestId],
    );
    return rows.map(({ kind, amount }) => `${kind} ${amount}`);
  };
  const nextOffset = async () =>
    (await resumeOffsets(billing(opened.database))(USAGE_RECORDED_V1, [partition])).get(partition);
  const quarantined = async () =>
    (await query('SELECT 1 FROM billing.quarantine WHERE partition = $1', [partition])).length;
  const replacedCount = async () =>
    Number(/^tollgate_usage_billing_values_replaced_total\b.* (\d+)$/m.exec(await registry.metrics())?.[1]);

  it.each(ODD_TEXTS)(
    'a text that Postgres does not take is replaced, its money booked, once, with an alarm: %j',
    async (odd) => {
      const texts = { route: odd, provider: odd, model: odd, priceVersion: odd, clientAddress: odd };
      const accountId = `${organizationId} ${odd}`;
      const one = event({
        ...texts,
        accounts: [{ accountId, capNanoUsd: '1000' }],
        journalNumber: 2,
        costNanoUsd: '25',
      });
      const records = [event(), [one, event({ journalNumber: 3 })], 'not JSON'];
      for (let time = 0; time < 2; time++) {
        await booked(records);
        expect([await nextOffset(), await quarantined(), await replacedCount()]).toEqual([3n, 1, 1]);
        expect(await ofKeys('requests, cost_nano_usd, charge_nano_usd')).toEqual([
          { requests: '3', cost_nano_usd: '45', charge_nano_usd: '30' },
        ]);
      }
      expect(await ofRequest(one.requestId, 'route, provider, model, price_version, client_address')).toEqual([
        {
          route: held(odd),
          provider: held(odd),
          model: held(odd),
          price_version: held(odd),
          client_address: held(odd),
        },
      ]);
      expect(await posted()).toEqual({ [`account of ${organizationId}`]: '20', [held(accountId)]: '10' });
      expect(await transfers(one.requestId)).toEqual(['platform_loss 15', 'post 10']);
      const alarms = logged
        .filter((line) => line.includes('values replaced'))
        .map((line) => JSON.parse(line) as object);
      expect(alarms).toMatchObject([
        { level: 'error', requestId: one.requestId, fields: expect.arrayContaining(['model']) as unknown },
      ]);
    },
  );

  it('ids with such a text are booked under what stands for them, each account once', async () => {
    const accounts = [`a\0 ${organizationId}`, `a\ud83d ${organizationId}`].map((accountId) => ({
      accountId,
      capNanoUsd: null,
    }));
    const odd = event({
      apiKeyId: `key \0 of ${organizationId}`,
      journalId: 'half \ud83d',
      holdNanoUsd: null,
      accounts,
    });
    await booked([odd]);
    expect(await ofKeys('api_key_id, charge_nano_usd')).toEqual([
      { api_key_id: `key \ufffd of ${organizationId}`, charge_nano_usd: '10' },
    ]);
    expect(await transfers(odd.requestId)).toEqual(['post 10']);
    expect(await quarantined()).toBe(0);
  });

  it('a cost that nobody is charged may be beyond what a column takes, in one event or in sum', async () => {
    const lie = (journalNumber: number) =>
      event({ ...withoutLimit(), journalNumber, costNanoUsd: TOO_MUCH, chargeNanoUsd: '7' });
    await booked([lie(1), lie(2)]);
    await booked([lie(3), event({ ...withoutLimit(), journalNumber: 4 })], 2n);
    expect(await posted()).toEqual({ [`account of ${organizationId}`]: '31' });
    expect(await ofKeys('cost_nano_usd, charge_nano_usd')).toEqual([
      { cost_nano_usd: String(3n * MOST + 10n), charge_nano_usd: '31' },
    ]);
    expect(await quarantined()).toBe(0);
  });

  it('words that the database refuses all the same are booked as plain ones', async () => {
    // The constraint simulates a database with another encoding than UTF-8.
    await query(`ALTER TABLE billing.usage_event ADD CONSTRAINT words_are_ascii CHECK (model ~ '^[ -~]*$') NOT VALID`);
    try {
      const odd = event({ model: '模型-7', clientAddress: 'fe80::1%ü', journalNumber: 2 });
      const tooMuch = event({ ...withoutLimit(), costNanoUsd: TOO_MUCH, chargeNanoUsd: TOO_MUCH, journalNumber: 4 });
      const records = [event(), [odd, event({ journalNumber: 3 }), tooMuch], event({ journalNumber: 5 })];
      for (let time = 0; time < 2; time++) {
        await booked(records, 3n);
        expect([await nextOffset(), await quarantined(), await replacedCount()]).toEqual([6n, 1, 1]);
        expect(await ofKeys('requests, charge_nano_usd')).toEqual([{ requests: '4', charge_nano_usd: '40' }]);
      }
      expect(await ofRequest(odd.requestId, 'model, client_address, charge_nano_usd')).toEqual([
        { model: '??-7', client_address: 'fe80::1%?', charge_nano_usd: '10' },
      ]);
    } finally {
      await query('ALTER TABLE billing.usage_event DROP CONSTRAINT words_are_ascii');
    }
  });

  it('every event that can be true is booked, whatever its texts and moments are', async () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 });
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      units.map((codes) => String.fromCharCode(...codes)),
      fc.constantFrom('', ...ODD_TEXTS, '"\\{}', "'", '%00', '\\u0000'),
    );
    const [first, last] = [new Date(Date.now() - 365 * 86_400_000), new Date()];
    const moment = fc.date({ min: first, max: last, noInvalidDate: true }).map((date) => date.toISOString());
    const account = fc.record({
      accountId: text.map((id) => `${organizationId} ${id}`),
      capNanoUsd: fc.constantFrom(null, '1000000', TOO_MUCH),
    });
    const anyFields = fc.record({
      route: text,
      provider: text,
      model: text,
      priceVersion: text,
      clientAddress: text,
      startedAt: moment,
      endedAt: moment,
      accounts: fc.array(account, { minLength: 1, maxLength: 3 }),
    });
    const many = fc.sample(anyFields, 300).map((fields, at) => event({ ...fields, journalNumber: at + 1 }));
    await booked(many);
    expect(await quarantined()).toBe(0);
    expect(await ofKeys('requests, charge_nano_usd')).toEqual([{ requests: '300', charge_nano_usd: '3000' }]);
    const names = await query<{ model: string }>(
      'SELECT model FROM billing.usage_event WHERE organization_id = $1 ORDER BY journal_number',
      [organizationId],
    );
    expect(names.map(({ model }) => model)).toEqual(many.map(({ model }) => held(model)));
  });

  it('a key without a limit owes what its gateway found plausible; the rest is a loss, and the books agree', async () => {
    const lie = event({ ...withoutLimit(), costNanoUsd: '1000000000000', chargeNanoUsd: '7' });
    const late = event({ ...withoutLimit(), costNanoUsd: '2000000000000', chargeNanoUsd: '3', journalNumber: 3 });
    await query(
      `INSERT INTO billing.transfer (request_id, account_id, kind, amount_nano_usd, note) VALUES ($1, $2, 'void', 0, 'orphaned')`,
      [late.requestId, `account of ${organizationId}`],
    );
    const records = [lie, event({ ...withoutLimit(), journalNumber: 2 }), late];
    for (let time = 0; time < 2; time++) {
      await booked(records);
      expect(await posted()).toEqual({ [`account of ${organizationId}`]: '20' });
    }
    expect(await transfers(lie.requestId)).toEqual(['platform_loss 999999999993', 'post 7']);
    expect(await transfers(late.requestId)).toEqual(['adjust 3', 'platform_loss 1999999999997', 'void 0']);
    expect(admission.calls).toEqual([]);
    expect(await ofKeys('cost_nano_usd, charge_nano_usd')).toEqual([
      { cost_nano_usd: '3000000000010', charge_nano_usd: '20' },
    ]);
    const accountId = `account of ${organizationId}`;
    const sums = {
      ledgerPostedNanoUsd: 20n,
      transfersNanoUsd: 20n,
      eventsNanoUsd: 20n,
      admissionPostedNanoUsd: null,
      heldNanoUsd: 0n,
    };
    expect(await new CompareBalances(billing(opened.database), admission).of(organizationId)).toEqual([
      { accountId, ...sums },
    ]);
  });
});
