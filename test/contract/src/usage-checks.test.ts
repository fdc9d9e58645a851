import { randomInt, randomUUID } from 'node:crypto';
import type { UsageRecorded } from '@tollgate/contracts';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  compareAllUsage,
  CompareUsage,
  mendUsage,
  SettleHolds,
  UsageCheckStore,
  UsageEventMonths,
  UsageRetention,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
const DAY_MS = 86_400_000;
const midnight = (ms: number): number => ms - (ms % DAY_MS);
/** A day whose minutes are kept, and of the same month as the day after it. */
const DAY = [3, 4, 5].map((days) => midnight(Date.now()) - days * DAY_MS).find((ms) => new Date(ms).getUTCDate() > 2)!;
const [FROM, TO] = [new Date(DAY).toISOString(), new Date(DAY + DAY_MS).toISOString()];
const MONTH = FROM.slice(0, 7);

describe.each(databaseShapes)('events, roll-ups and the ledger, $shape', ({ open, shape }) => {
  const seed = Number(process.env['TOLLGATE_TEST_SEED'] ?? randomInt(2 ** 31));
  const below = randomBelow(seed, 0);
  let opened: OpenedDatabase;
  let organizationId: string;
  let offset = 0n;
  let errors: object[];
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened?.close());
  beforeEach(async () => {
    organizationId = randomUUID();
    errors = [];
    for (const table of ['usage_difference', 'usage_check', 'usage_deleted'])
      await query(`DELETE FROM billing.${table}`);
  });

  const query = <T extends object>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    opened.database.dataSource.query(sql, parameters);
  /** Changes rows as nobody may who does not pass the triggers by. */
  const tamper = (sql: string, parameters: unknown[] = []): Promise<unknown> =>
    opened.database.dataSource.transaction(async (manager) => {
      await manager.query('SET LOCAL session_replication_role = replica');
      return manager.query(sql, parameters);
    });
  const database = () => billing(opened.database);
  const meter = () => new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  const store = () => new UsageCheckStore(database());
  const usage = () =>
    new CompareUsage(store(), meter(), { ...logger, error: (facts: object) => errors.push(facts) } as never);
  const alone = { renew: () => Promise.resolve(), isStopped: () => false };
  /** A check whose slow pass begins with the organisation: those of other tests take time, too. */
  const check = async (touched: readonly string[] = []) => {
    await query(`UPDATE billing.reconciliation SET usage_passed_organization = $1, usage_passed_to = NULL`, [
      organizationId,
    ]);
    return usage().run(touched, alone);
  };

  const event = (fields: Partial<UsageRecorded> = {}): UsageRecorded => {
    const apiKeyId = fields.apiKeyId ?? `key of ${organizationId}`;
    const startedAt = fields.startedAt ?? new Date(DAY + 40_000_000).toISOString();
    const accounts = [{ accountId: `key:${apiKeyId}`, capNanoUsd: null }];
    const first = {
      ...usageEvent({ organizationId, apiKeyId, holdNanoUsd: null, accounts, startedAt }),
      endedAt: startedAt,
    };
    return { ...first, ...fields } as UsageRecorded;
  };
  const book = async (events: readonly UsageRecorded[]): Promise<void> => {
    const admission = new RecordingAdmission();
    const settles = new SettleHolds(admission, logger);
    const books = new BookUsage(database(), admission, settles, screening(database()), logger, meter());
    await books.book(usageBatch(events, 0, (offset += 1_000n)));
  };
  /** Some calls of two keys and models, which end in several ways, on two days. */
  const someCalls = () =>
    book([
      event(),
      event({ chargeNanoUsd: '7', costNanoUsd: '7' }),
      event({ apiKeyId: `other key of ${organizationId}`, model: 'another', outcome: 'provider_failed' }),
      secondVersion(event({ costNanoUsd: '20', chargeNanoUsd: '20' }) as never),
      event({ startedAt: TO, endedAt: TO }),
    ]);
  /** What is noted of the organisation, also after one check. */
  const noted = () => query('SELECT book FROM billing.usage_difference WHERE organization_id = $1', [organizationId]);
  /** What is shown of the organisation. */
  const differing = async () =>
    (await store().lasting())
      .filter((each) => each.organizationId === organizationId)
      .map(({ book, fromMs, chargeNanoUsd, hasChargeNanoUsd, requests, hasRequests }) => [
        book,
        new Date(fromMs).toISOString(),
        Number(chargeNanoUsd - hasChargeNanoUsd),
        hasRequests === null ? null : Number(requests - hasRequests),
      ]);

  it('agree after calls of several keys and days, whether the calls are new to the check or not', async () => {
    await someCalls();
    await check([organizationId]);
    expect(await noted()).toEqual([]);
    expect(await store().touched([organizationId])).toEqual([]);
    await book([event()]);
    expect(await store().touched([organizationId])).toMatchObject([{ fromMs: DAY, requests: 5 }]);
    await check();
    expect(await store().touched([organizationId]), 'the slow pass has come there, too').toEqual([]);
    expect(await compareAllUsage(store(), organizationId)).toEqual([]);
  });

  const ofDay = `organization_id = $1 AND date_bin('1 day', at, '2000-01-01Z') = $2::timestamptz`;
  const raise = (table: string, grain: string, more = '') =>
    `UPDATE billing.${table} AS u SET charge_nano_usd = charge_nano_usd + 1000000 WHERE ctid = (
       SELECT ctid FROM billing.${table} WHERE ${ofDay} ${more} AND dimension_id IN (
         SELECT dimension_id FROM billing.usage_dimension WHERE organization_id = $1 AND grain = '${grain}') LIMIT 1)`;
  const raised = [
    ...['day', 'hour', 'quarter', 'minute'].flatMap((unit) =>
      ['full', 'models'].map((grain) => [`usage_${unit}.${grain}`, raise(`usage_${unit}`, grain)] as const),
    ),
    ['usage_day.owners', raise('usage_day', 'owners')] as const,
    ...[15, 60, 360, 1440].flatMap((minutes) =>
      ['models', 'total'].map(
        (grain) =>
          [`usage_series.${grain}.${minutes}`, raise('usage_series', grain, `AND minutes = ${minutes}`)] as const,
      ),
    ),
    [
      'key_usage_day',
      `UPDATE billing.key_usage_day SET charge_nano_usd = charge_nano_usd + 1000000
       WHERE api_key_id = 'key of ' || $1 AND day = ($2::timestamptz AT TIME ZONE 'UTC')::date`,
    ] as const,
  ];

  it('differ where any roll-up of a day was raised: which, when and by how much is said after two checks, once', async () => {
    await someCalls();
    await check([organizationId]);
    for (const [name, sql] of raised) {
      await tamper(sql, [organizationId, FROM]);
      errors = [];
      await check();
      expect([await differing(), errors], name).toEqual([[], []]);
      await check();
      await check();
      expect(await differing(), name).toEqual([[name, FROM, -1_000_000, 0]]);
      expect(errors, name).toMatchObject([
        { organizationId, book: name, from: FROM, to: TO, sums: ['charge_nano_usd'], differenceUsd: '-0.001' },
      ]);
      await tamper(sql.replace('+ 1000000', '- 1000000'), [organizationId, FROM]);
      await check();
      expect(await differing(), name).toEqual([]);
    }
  });

  it('differ where a roll-up of a month was raised, that statements are listed by', async () => {
    await someCalls();
    for (const grain of ['models', 'owners'])
      await tamper(
        `UPDATE billing.usage_month SET requests = requests + 3, charge_nano_usd = charge_nano_usd - 2 WHERE ctid = (
           SELECT ctid FROM billing.usage_month WHERE organization_id = $1 AND dimension_id IN (
             SELECT dimension_id FROM billing.usage_dimension WHERE grain = '${grain}') LIMIT 1)`,
        [organizationId],
      );
    await check();
    await check();
    const at = `${MONTH}-01T00:00:00.000Z`;
    expect((await differing()).sort()).toEqual([
      ['usage_month.models', at, 2, -3],
      ['usage_month.owners', at, 2, -3],
    ]);
  });

  it('differ where an event is gone or charges another amount, and where its transfer does', async () => {
    await someCalls();
    await check([organizationId]);
    const [row] = await query<{ request_id: string }>(
      `SELECT request_id FROM billing.usage_event WHERE organization_id = $1 AND charge_nano_usd = 7`,
      [organizationId],
    );
    const asked = [row!.request_id];
    await tamper('UPDATE billing.usage_event SET charge_nano_usd = 3 WHERE request_id = $1', asked);
    for (let time = 0; time < 2; time++) await check();
    expect(await differing()).toEqual([['usage_event', FROM, 4, 0]]);
    await tamper('UPDATE billing.usage_event SET charge_nano_usd = 7 WHERE request_id = $1', asked);
    await tamper('UPDATE billing.transfer SET amount_nano_usd = 9 WHERE request_id = $1', asked);
    for (let time = 0; time < 2; time++) await check();
    expect(await differing()).toEqual([['transfer', FROM, -2, null]]);
    await tamper('UPDATE billing.transfer SET amount_nano_usd = 7 WHERE request_id = $1', asked);
    await tamper('DELETE FROM billing.usage_event WHERE request_id = $1', asked);
    for (let time = 0; time < 2; time++) await check();
    expect(await differing()).toEqual([['usage_event', FROM, 7, 1]]);
  });

  it('differ where a row is missing, is of facts that nobody knows, or is of a time without calls', async () => {
    await someCalls();
    const full = `SELECT dimension_id FROM billing.usage_dimension WHERE organization_id = $1 AND grain = 'full'`;
    await tamper(`DELETE FROM billing.usage_hour WHERE ${ofDay} AND dimension_id IN (${full})`, [organizationId, FROM]);
    const earlier = new Date(DAY - DAY_MS).toISOString();
    await tamper(
      `INSERT INTO billing.usage_day SELECT (jsonb_populate_record(u, jsonb_build_object('at', $3::text))).*
       FROM billing.usage_day AS u WHERE ${ofDay} AND charge_nano_usd = 37 AND dimension_id IN (${full})`,
      [organizationId, FROM, earlier],
    );
    await check();
    await check();
    expect((await differing()).sort()).toEqual([
      ['usage_day.full', earlier, -37, -3],
      ['usage_hour.full', FROM, 47, 4],
    ]);
    await tamper(
      `DELETE FROM billing.usage_dimension WHERE organization_id = $1 AND grain = 'models' AND model = 'another'`,
      [organizationId],
    );
    await check();
    await check();
    expect((await differing()).map(([name]) => name)).toEqual(
      expect.arrayContaining(['usage_day.models', 'usage_month.models', 'usage_series.models.1440']),
    );
  });

  it('are compared in parts where a day has many events, and differ in that part', async () => {
    await someCalls();
    const apiKeyId = `key of ${organizationId}`;
    await opened.database.dataSource.transaction(async (manager) => {
      // A call each three seconds, as they are booked.
      await manager.query(
        `INSERT INTO billing.usage_event (request_id, organization_id, api_key_id, journal_id, journal_number, outcome, route, provider, model,
           stream, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, usage_source, cost_nano_usd, charge_nano_usd, accounts,
           price_version, started_at, ended_at, client_address)
         SELECT gen_random_uuid(), $1, $2, 'j', n, 'completed', 'r', 'p', 'm', false, 1, 1, 0, 0, 'provider', 5, 5,
           jsonb_build_array(jsonb_build_object('accountId', 'key:' || $2, 'capNanoUsd', NULL)), 'v1', at, at, ''
         FROM generate_series(0, 24999) AS n CROSS JOIN LATERAL (SELECT $3::timestamptz + n * interval '3 seconds' AS at) AS started`,
        [organizationId, apiKeyId, FROM],
      );
      await manager.query(
        `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd)
         SELECT organization_id, request_id, 'key:' || api_key_id, 'post', charge_nano_usd FROM billing.usage_event
         WHERE organization_id = $1 AND journal_id = 'j'`,
        [organizationId],
      );
    });
    await check([organizationId]);
    await check();
    expect(await compareAllUsage(store(), organizationId)).toEqual([]);
    const late = new Date(DAY + 50_000 * 1_000).toISOString();
    await tamper(`DELETE FROM billing.usage_event WHERE organization_id = $1 AND started_at = $2`, [
      organizationId,
      new Date(DAY + 50_001 * 1_000).toISOString(),
    ]);
    for (let time = 0; time < 50 && (await differing()).length === 0; time++) await usage().run([], alone);
    const [[name, from, charge, requests], ...others] = (await differing()) as [[string, string, number, number]];
    expect([name, charge, requests, others]).toEqual(['usage_event', 5, 1, []]);
    expect([from > FROM, from <= late, Date.parse(from) % 900_000]).toEqual([true, true, 0]);
  }, 240_000);

  it('agree on what is left when minutes, hours and months of events are gone, also where a call of then comes late', async () => {
    await query(`SELECT billing.make_usage_event_month((billing.this_month() - interval '4 months')::date)`);
    const [made] = await query<{ id: string; at: Date }>(
      `SELECT left(billing.usage_event_bound(month)::text, 14) AS id, (month + 10)::timestamp AT TIME ZONE 'UTC' AS at
       FROM (SELECT (billing.this_month() - interval '4 months')::date AS month) AS past`,
    );
    const past = made!.at.toISOString();
    const idOfThen = () => `${made!.id}7${randomUUID().slice(15)}`;
    await book([event({ requestId: idOfThen(), startedAt: past, endedAt: past }), event()]);
    expect(await compareAllUsage(store(), organizationId)).toEqual([]);
    await new UsageRetention(database(), logger, { usageMinuteDays: 1, usageHourDays: 2 }).delete(Date.now());
    const gone = await new UsageEventMonths(database(), { usageEventMonths: 2 }, logger).dropPast();
    expect(gone.length).toBeGreaterThan(0);
    expect(await compareAllUsage(store(), organizationId)).toEqual([]);
    await book([event({ requestId: idOfThen(), startedAt: past, endedAt: past })]);
    await new UsageEventMonths(database(), {}, logger).make();
    expect(await compareAllUsage(store(), organizationId)).toEqual([]);
    await check([organizationId]);
    await check();
    expect(await noted()).toEqual([]);
    // What was found of events before they were gone is forgotten.
    await query('DELETE FROM billing.usage_difference');
    await query(
      `INSERT INTO billing.usage_difference (organization_id, book, starts_at, ends_at, sums, requests, charge_nano_usd, has_charge_nano_usd)
       VALUES ($1, 'usage_event', $2::timestamptz, $2::timestamptz + interval '1 day', '{requests}', 1, 1, 1)`,
      [organizationId, new Date(midnight(Date.parse(past)))],
    );
    await check();
    expect(await noted()).toEqual([]);
  });

  it('are made one again from the events, where an operator says so, and never from events that are wrong', async () => {
    const rows = (from = FROM) =>
      query(
        `SELECT unit, dimension_id, at, requests, input_tokens, charge_nano_usd, duration::text FROM (
           ${['minute', 'quarter', 'hour', 'day', 'month'].map((unit) => `SELECT '${unit}' AS unit, dimension_id, at, organization_id, requests, input_tokens, charge_nano_usd, duration FROM billing.usage_${unit}`).join(' UNION ALL ')}
           UNION ALL SELECT grain || minutes, dimension_id, at, organization_id, requests, input_tokens, charge_nano_usd, duration FROM billing.usage_series
           UNION ALL SELECT api_key_id, NULL, day, organization_id, requests, 0, charge_nano_usd, 0 FROM billing.key_usage_day) AS rows
         WHERE organization_id = $1 AND at >= $2::timestamptz - interval '40 days' ORDER BY 1, 2, 3`,
        [organizationId, from],
      );
    const mine = async (write: boolean) =>
      (await mendUsage(database(), write)).filter((each) => each.organizationId === organizationId);
    await someCalls();
    const told = event({ holdNanoUsd: null });
    await book([told]);
    await book([{ ...secondVersion(told as never), projectId: randomUUID() }]);
    const before = await rows();
    // Most books are still right.
    for (const [, sql] of raised.filter((_, n) => n % 3 === 0)) await tamper(sql, [organizationId, FROM]);
    await tamper('DELETE FROM billing.usage_month WHERE organization_id = $1', [organizationId]);
    expect((await mine(false)).length).toBeGreaterThan(6);
    expect(await rows()).not.toEqual(before);
    expect((await mine(true)).every(({ isMendable }) => isMendable)).toBe(true);
    expect(await rows()).toEqual(before);
    expect(await mine(false)).toEqual([]);

    await tamper('DELETE FROM billing.usage_event WHERE organization_id = $1 AND charge_nano_usd = 7', [
      organizationId,
    ]);
    await tamper(raise('usage_day', 'full'), [organizationId, FROM]);
    for (const write of [true, false])
      expect((await mine(write)).map(({ book, isMendable }) => [book, isMendable])).toEqual([
        ['usage_day.full', false],
        ['usage_event', false],
      ]);
  });

  it(`agree while calls are booked, calls that count in another day, come twice, or take the place of an orphan`, async () => {
    const keys = ['one', 'two', 'three'].map((name) => `${name} ${organizationId}`);
    const orphans: UsageRecorded[] = [];
    const call = (): UsageRecorded => {
      const apiKeyId = keys[below(3)]!;
      const near = DAY + below(3) * DAY_MS + (below(2) === 0 ? below(1_200_000) - 600_000 : below(DAY_MS));
      const day = new Date(midnight(near + below(600_000) - 300_000)).toISOString().slice(0, 10);
      const startedAt = new Date(near).toISOString();
      const cost = String(below(1_000));
      const one = event({
        apiKeyId,
        startedAt,
        endedAt: new Date(near + 600_000).toISOString(),
        model: `model ${below(3)}`,
        costNanoUsd: cost,
        chargeNanoUsd: cost,
        accounts: [
          below(2) === 0
            ? { accountId: `key:${apiKeyId}`, capNanoUsd: null }
            : { accountId: `key:${apiKeyId}:daily:${day}`, capNanoUsd: '9000000' },
        ],
      });
      const told = below(2) === 0 ? one : secondVersion(one as never);
      if (below(4) > 0) return told;
      orphans.push(told);
      return { ...told, outcome: 'orphaned', ...('priceLines' in told && { priceLines: [] }) } as UsageRecorded;
    };
    const booking = { isOver: false };
    const booked = (async () => {
      for (let batch = 0; batch < 15; batch++) {
        const calls = Array.from({ length: 1 + below(25) }, call);
        await book([...calls, ...calls.slice(0, 2), ...orphans.splice(0, below(5))]);
      }
    })().finally(() => Object.assign(booking, { isOver: true }));
    while (shape === 'Postgres server' && !booking.isOver)
      expect(await compareAllUsage(store(), organizationId), `seed ${seed}`).toEqual([]);
    await booked;
    expect(await compareAllUsage(store(), organizationId), `seed ${seed}`).toEqual([]);
    await check([organizationId]);
    await check();
    expect(await noted(), `seed ${seed}`).toEqual([]);
    await tamper(
      'UPDATE billing.usage_event SET charge_nano_usd = charge_nano_usd + 1, cost_nano_usd = cost_nano_usd + 1 WHERE organization_id = $1',
      [organizationId],
    );
    expect((await compareAllUsage(store(), organizationId)).length).toBeGreaterThan(0);
  });
});
