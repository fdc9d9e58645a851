import { randomBytes, randomUUID } from 'node:crypto';
import { infraFromEnvironment, tempFolder, waitUntil } from '@tollgate/infra';
import { migrate, openDatabase, startEmbeddedPostgres, type Database } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { BillingMeter, BookUsage, SettleHolds, UsageEventMonths, usageBillingSchema } from '@tollgate/usage-billing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { billing, RecordingAdmission, screening, usageBatch, usageEvent } from './billing-fixture.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
/** The schema of the previous release, with all usage events in one table. */
/** The schema of a release that knew no roles. */
const before = { schema: 'billing', migrations: usageBillingSchema.migrations.slice(0, 2) };

const shapes = [
  {
    shape: 'embedded Postgres',
    start: async () => {
      const embedded = await startEmbeddedPostgres(tempFolder('months'));
      return { url: embedded.url, stop: embedded.close };
    },
  },
  {
    shape: 'Postgres server',
    start: async () => ({ url: await infraFromEnvironment().createDatabase(), stop: async () => undefined }),
  },
];

/** A UUIDv7 with this time. */
function idAt(moment: Date): string {
  const hex = `${moment.getTime().toString(16).padStart(12, '0')}7${randomBytes(10).toString('hex').slice(1)}`.slice(
    0,
    32,
  );
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const now = new Date();
/** The first day of the month that is `after` months after this one. */
const month = (after: number): Date => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + after, 1));
const tableOf = (first: Date): string => `billing.usage_event_${first.toISOString().slice(0, 7).replace('-', '_')}`;
const DEFAULT = 'billing.usage_event_default';
const endOf = (first: Date): Date => new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 1) - 1);

/** Statements of the previous release, word for word; the first one names all columns that need a value. */
const OF_RELEASE_BEFORE = {
  insert: `INSERT INTO billing.usage_event AS known (request_id, organization_id, api_key_id, journal_id, journal_number, outcome, route, provider, model, stream, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, usage_source, cost_nano_usd, charge_nano_usd, hold_nano_usd, accounts, price_version, started_at, ended_at, client_address)
    SELECT request_id, organization_id, api_key_id, journal_id, journal_number, outcome, route, provider, model, stream, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, usage_source, cost_nano_usd, charge_nano_usd, hold_nano_usd, accounts::jsonb, price_version, started_at, ended_at, client_address
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[], $20::text[], $21::timestamptz[], $22::timestamptz[], $23::text[])
      AS given (request_id, organization_id, api_key_id, journal_id, journal_number, outcome, route, provider, model, stream, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, usage_source, cost_nano_usd, charge_nano_usd, hold_nano_usd, accounts, price_version, started_at, ended_at, client_address)`,
  booked: `SELECT request_id, true AS booked FROM billing.usage_event WHERE request_id = ANY($1::uuid[])
     UNION ALL SELECT DISTINCT request_id, false FROM billing.transfer WHERE kind = 'void' AND request_id = ANY($1::uuid[])`,
  inPeriod: `SELECT count(*) AS requests, coalesce(sum(e.input_tokens), 0) AS input_tokens,
         coalesce(sum(e.output_tokens), 0) AS output_tokens, coalesce(sum(e.charge_nano_usd), 0) AS charged
    FROM billing.key_usage k JOIN billing.usage_event e ON e.api_key_id = k.api_key_id
    WHERE ($1::text IS NULL OR k.api_key_id = $1)
      AND e.ended_at >= coalesce($2::timestamptz, '-infinity') AND e.ended_at < coalesce($3::timestamptz, 'infinity')`,
  orphans: `SELECT request_id, charge_nano_usd, CASE WHEN outcome <> 'orphaned' THEN input_tokens + output_tokens END AS tokens, journal_id, journal_number
     FROM billing.usage_event WHERE request_id = ANY($1::uuid[])`,
  otherProviders: 'SELECT EXISTS (SELECT 1 FROM billing.usage_event WHERE provider <> $1) AS used',
};

/** The parameters of `insert`: one array for each column. */
function columns(ids: readonly string[], apiKeyId: string): unknown[] {
  const all = <T>(value: T): T[] => ids.map(() => value);
  const [texts, at] = [['completed', 'r', 'openai', 'm'].map(all), '2026-11-20T10:00:00.000Z'];
  return [
    ids, all('an organisation'), all(apiKeyId), all('j'), ids.map((_, n) => n + 1), ...texts, all(false),
    all(1), all(2), all(0), all(0), all('provider'), all('10'), all('10'), all(null), all('[]'), all('v1'),
    all(at), all(at), all('192.0.2.1'),
  ]; // prettier-ignore
}

describe.each(shapes)('usage events by month, $shape', ({ start }) => {
  let server: { url: string; stop(): Promise<void> };
  let database: Database;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  const open = async () => {
    database = await openDatabase({ url: server.url, poolSize: 6, applicationName: 'contract' });
  };
  const query = <T = Record<string, unknown>>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    database.dataSource.query(sql, parameters);
  const where = async (id: string) =>
    (
      await query<{ at: string }>(
        'SELECT tableoid::regclass::text AS at FROM billing.usage_event WHERE request_id = $1',
        [id],
      )
    )[0]?.at;
  const add = (...ids: string[]) => query(OF_RELEASE_BEFORE.insert, columns(ids, 'a key'));
  const months = () => new UsageEventMonths(billing(database), {}, logger);
  const drop = (first: Date) => query(`DROP TABLE ${tableOf(first)}`);

  describe('the migration', () => {
    /** Ids of five months, close to the beginning and end of each, and ids that belong to no month near now. */
    const ids = {
      months: [-3, -2, -1, 0, 1].flatMap((n) => [idAt(month(n)), idAt(endOf(month(n))), idAt(endOf(month(n)))]),
      random: Array.from({ length: 20 }, () => randomUUID()),
      far: [
        '00000000-0000-7000-8000-000000000000',
        'ffffffff-ffff-7fff-bfff-ffffffffffff',
        'ffffffff-ffff-ffff-ffff-ffffffffffff',
        idAt(new Date('1970-01-02T00:00:00Z')),
        idAt(new Date('2999-01-01T00:00:00Z')),
      ],
    };
    const all = Object.values(ids).flat();
    let rowsBefore: unknown[];
    const rows = () => query('SELECT * FROM billing.usage_event ORDER BY request_id');

    beforeAll(async () => {
      await migrate(server.url, before);
      await open();
      await add(...all);
      rowsBefore = await rows();
      await database.close();
      await migrate(server.url, usageBillingSchema);
      await open();
    });
    afterAll(() => database?.close());

    it('keeps every row as it was', async () => {
      expect(rowsBefore).toHaveLength(all.length);
      const after = (await rows()) as object[];
      // Later migrations added columns: none of them says anything of a row of before.
      const added = Object.keys(after[0]!).filter((column) => !(column in (rowsBefore[0] as object)));
      expect(added).toEqual(expect.arrayContaining(['secret_id', 'price_lines']));
      const untold = Object.fromEntries(added.map((column) => [column, null]));
      expect(after).toEqual(rowsBefore.map((row) => ({ ...(row as object), ...untold })));
    });

    it('puts each id into its month, and odd ones into the default partition', async () => {
      for (const [at, id] of ids.months.entries()) expect(await where(id)).toBe(tableOf(month(Math.floor(at / 3) - 3)));
      for (const id of ids.far) expect(await where(id)).toBe(DEFAULT);
      const places = await Promise.all(ids.random.map(where));
      expect(places.filter((place) => place !== DEFAULT).length).toBeLessThanOrEqual(1);
    });

    it('has made the months ahead, and nothing more is due', async () => {
      const state = await months().state();
      expect(state.monthsAhead).toBe(3);
      expect(state.eventsWithoutMonth).toBeGreaterThanOrEqual(ids.far.length + ids.random.length - 1);
      expect(await months().make()).toEqual([]);
    });

    it('refuses an id twice, in whichever partition it is', async () => {
      for (const id of all) await expect(add(id)).rejects.toThrow(/duplicate key/);
    });

    it('refuses to change or delete what was written, by the table or by a partition', async () => {
      const tables = await query<{ name: string }>(
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'billing.usage_event'::regclass`,
      );
      expect(tables).toHaveLength(3 + 1 + 3 + 1);
      for (const name of ['billing.usage_event', ...tables.map((table) => table.name)])
        for (const sql of [`UPDATE ${name} SET cost_nano_usd = 0`, `DELETE FROM ${name}`, `TRUNCATE ${name}`])
          await expect(query(sql)).rejects.toThrow(/append-only/);
    });

    it('leaves bounds, defaults and index on every partition', async () => {
      await expect(query(OF_RELEASE_BEFORE.insert.replace('charge_nano_usd, hold_nano_usd, accounts::jsonb', 'cost_nano_usd + 1, hold_nano_usd, accounts::jsonb'), columns([idAt(now)], 'k'))).rejects.toThrow(/usage_event_charge_bounds/); // prettier-ignore
      const indexes = await query<{ parent: string; n: string }>(
        `SELECT inhparent::regclass::text AS parent, count(*) AS n FROM pg_inherits
         WHERE inhparent IN ('billing.usage_event_pk'::regclass, 'billing.usage_event_by_key'::regclass) GROUP BY 1 ORDER BY 1`,
      );
      expect(indexes).toEqual([
        { parent: 'billing.usage_event_by_key', n: '8' },
        { parent: 'billing.usage_event_pk', n: '8' },
      ]);
    });

    it('leaves the statements of the release before as they were', async () => {
      const [id, odd] = [idAt(now), randomUUID()];
      await query(OF_RELEASE_BEFORE.insert, columns([id, odd], 'key of the release before'));
      await query(
        `INSERT INTO billing.key_usage VALUES ('key of the release before', 'an organisation', 2, 2, 4, 20, 20, now(), '')`,
      );
      expect(await query(OF_RELEASE_BEFORE.booked, [[id, randomUUID()]])).toEqual([{ request_id: id, booked: true }]);
      expect(
        await query(OF_RELEASE_BEFORE.inPeriod, ['key of the release before', '2026-11-20T00:00:00Z', null]),
      ).toEqual([{ requests: '2', input_tokens: '2', output_tokens: '4', charged: '20' }]);
      expect(await query(OF_RELEASE_BEFORE.orphans, [[odd]])).toMatchObject([{ request_id: odd, tokens: '3' }]);
      expect(await query(OF_RELEASE_BEFORE.otherProviders, ['openai'])).toEqual([{ used: false }]);
      expect((await migrate(server.url, before).then(() => query('SELECT 1 AS n')))[0]).toEqual({ n: 1 });
    });

    it('lets a look-up by id read one partition', async () => {
      const plan = async (sql: string, parameters: unknown[]) =>
        (await query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, parameters))
          .map((row) => row['QUERY PLAN'])
          .join('\n');
      const partitions = (text: string) => new Set(text.match(/usage_event_(\d{4}_\d\d|default)\b/g));
      const one = `SELECT * FROM billing.usage_event WHERE request_id = $1::uuid`;
      expect(partitions(await plan(one, [idAt(now)])).size).toBe(1);
      expect(partitions(await plan(OF_RELEASE_BEFORE.booked, [[idAt(now), idAt(now)]])).size).toBe(1);
      expect(partitions(await plan(OF_RELEASE_BEFORE.orphans, [[idAt(month(-1)), randomUUID()]])).size).toBe(2);
    });
  });

  describe('the months', () => {
    beforeAll(async () => {
      await migrate(server.url, usageBillingSchema);
      await open();
    });
    afterAll(() => database?.close());
    beforeEach(async () => {
      await months().make();
    });

    it('that are missing are made, once', async () => {
      await drop(month(2));
      await drop(month(3));
      expect((await months().state()).monthsAhead).toBe(1);
      const made = (await Promise.all([months().make(), months().make()])).flat().sort();
      expect(made).toEqual([month(2), month(3)].map((first) => first.toISOString().slice(0, 10)));
      expect(await months().make()).toEqual([]);
      expect((await months().state()).monthsAhead).toBe(3);
    });

    it('take their events out of the default partition when they are made late', async () => {
      await drop(month(3));
      const mine = [idAt(month(3)), idAt(endOf(month(3)))];
      const others = [randomUUID(), idAt(new Date('2999-01-01T00:00:00Z'))];
      await add(...mine, ...others);
      const rows = () => query('SELECT * FROM billing.usage_event ORDER BY request_id');
      const rowsBefore = await rows();
      for (const id of [...mine, ...others]) expect(await where(id)).toBe(DEFAULT);
      expect(await months().make()).toHaveLength(1);
      expect(await rows()).toEqual(rowsBefore);
      for (const id of mine) expect(await where(id)).toBe(tableOf(month(3)));
      for (const id of others) expect(await where(id)).toBe(DEFAULT);
      for (const id of mine) await expect(add(id)).rejects.toThrow(/duplicate key/);
      for (const table of [DEFAULT, tableOf(month(3))])
        await expect(query(`DELETE FROM ${table}`)).rejects.toThrow(/append-only/);
    });

    it('of the past are made too, where events of them came late', async () => {
      await add(idAt(month(-7)), idAt(month(-30)));
      expect(await months().make()).toEqual([month(-7).toISOString().slice(0, 10)]);
    });

    it('that are no longer kept are taken away with their events, once by whoever comes first, and no sum with them', async () => {
      await Promise.all([-5, -6, -7].map((n) => add(idAt(month(n)))));
      await months().make();
      const sums = () =>
        query('SELECT api_key_id, requests, charge_nano_usd FROM billing.key_usage_day ORDER BY api_key_id, day');
      const before = await sums();
      expect(await months().dropPast()).toEqual([]);
      const keeping = () => new UsageEventMonths(billing(database), { usageEventMonths: 5 }, logger);
      const gone = (await Promise.all([keeping().dropPast(), keeping().dropPast()])).flat().sort();
      expect(gone).toContain(month(-6).toISOString().slice(0, 10));
      expect(gone).not.toContain(month(-5).toISOString().slice(0, 10));
      expect(new Set(gone).size).toBe(gone.length);
      expect(await keeping().dropPast()).toEqual([]);
      expect(await months().make()).toEqual([]);
      expect(await sums()).toEqual(before);
      await expect(query('DELETE FROM billing.usage_event')).rejects.toThrow(/append-only/);
      for (const wrong of [month(0), month(-1), month(3)])
        await expect(query('SELECT billing.drop_usage_event_month($1::date)', [wrong])).rejects.toThrow(/no month to/);
    });

    it('far from now are not made, nor what is no month', async () => {
      for (const wrong of ['1970-01-01', '2999-01-01', month(-25).toISOString(), month(13).toISOString(), endOf(month(0)).toISOString(), null])
        await expect(query('SELECT billing.make_usage_event_month($1::date)', [wrong])).rejects.toThrow(/no month to make/); // prettier-ignore
    });
  });
});

describe('usage events by month, while events are booked', () => {
  let database: Database;
  beforeAll(async () => {
    const url = await infraFromEnvironment().createDatabase();
    await migrate(url, usageBillingSchema);
    database = await openDatabase({ url, poolSize: 12, applicationName: 'contract' });
  });
  afterAll(() => database?.close());
  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    database.dataSource.query(sql, parameters);
  const book = () => {
    const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
    const admission = new RecordingAdmission();
    return new BookUsage(
      billing(database),
      admission,
      new SettleHolds(admission, logger),
      screening(billing(database)),
      logger,
      meter,
    );
  };

  it('making a month loses none of its events, books none twice and quarantines none', async () => {
    let going = true;
    const booked: string[] = [];
    const booking = Array.from({ length: 4 }, async (_, partition) => {
      const books = book();
      for (let n = 0; going; n++) {
        const organizationId = `organisation ${partition}`;
        const events = Array.from({ length: 5 }, () =>
          usageEvent({ organizationId, requestId: idAt(now), journalNumber: n + 1, holdNanoUsd: null, costNanoUsd: '1', chargeNanoUsd: '1', accounts: [{ accountId: organizationId, capNanoUsd: null }] })); // prettier-ignore
        // The bus may deliver twice, so each batch is booked twice.
        for (let time = 0; time < 2; time++) await books.book(usageBatch(events, partition, BigInt(n * 10)));
        booked.push(...events.map(({ requestId }) => requestId));
      }
    });
    const months = new UsageEventMonths(billing(database), {}, logger);
    /** It gives up behind bookings that take long, as on a busy machine, and the service tries it again. */
    const madeAtLast = () =>
      waitUntil(
        () =>
          months.make().catch((err: unknown) => {
            expect(String(err)).toMatch(/lock timeout/);
            return null;
          }),
        { what: 'the month to be made', timeoutMs: 60_000 },
      );
    const name = tableOf(month(0));
    try {
      for (let time = 0; time < 10; time++) {
        // Restores the state before the month was made: its events are in the default partition.
        await database.dataSource.transaction(async (manager) => {
          await manager.query('LOCK TABLE billing.usage_event IN ACCESS EXCLUSIVE MODE');
          await manager.query(`ALTER TABLE billing.usage_event DETACH PARTITION ${name}`);
          await manager.query(`INSERT INTO billing.usage_event SELECT * FROM ${name}`);
          await manager.query(`DROP TABLE ${name}`);
        });
        const enough = booked.length + 20;
        while (booked.length < enough) await new Promise((resolve) => setTimeout(resolve, 5));
        expect(await madeAtLast()).toHaveLength(1);
      }
    } finally {
      going = false;
      await Promise.all(booking);
    }
    const ids = await query<{ id: string; at: string }>(
      'SELECT request_id AS id, tableoid::regclass::text AS at FROM billing.usage_event ORDER BY 1',
    );
    expect(ids.map(({ id }) => id)).toEqual([...booked].sort());
    expect(new Set(ids.map(({ at }) => at))).toEqual(new Set([name]));
    expect(await query('SELECT * FROM billing.quarantine')).toEqual([]);
    const [sum] = await query<{ n: string }>('SELECT sum(posted_nano_usd) AS n FROM billing.account');
    expect(Number(sum!.n)).toBe(booked.length);
  });

  it('making a month gives up behind a long transaction, and bookings go on', async () => {
    await query(`DROP TABLE ${tableOf(month(3))}`);
    const runner = database.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT count(*) FROM billing.usage_event');
    const making = new UsageEventMonths(billing(database), {}, logger).make();
    await expect(making).rejects.toThrow(/lock timeout/);
    await book().book(usageBatch([usageEvent({ organizationId: 'late', requestId: idAt(now) })], 9, 0n));
    await runner.rollbackTransaction();
    await runner.release();
    expect(await new UsageEventMonths(billing(database), {}, logger).make()).toHaveLength(1);
  });

  it('a role that may only read and write the table, and call the functions, makes months and finds its rights on them', async () => {
    const role = `booker_${randomBytes(6).toString('hex')}`;
    await query(`CREATE ROLE ${role}`);
    await query(`GRANT USAGE ON SCHEMA billing TO ${role}`);
    await query(`GRANT SELECT, INSERT ON billing.usage_event TO ${role}`);
    await query(
      `GRANT EXECUTE ON FUNCTION billing.usage_event_months_due(integer), billing.make_usage_event_month(date) TO ${role}`,
    );
    await query(`DROP TABLE ${tableOf(month(3))}`);
    const runner = database.dataSource.createQueryRunner();
    await runner.query(`SET ROLE ${role}`);
    try {
      const due = await runner.query('SELECT month::text FROM billing.usage_event_months_due(3) AS month');
      expect(due).toHaveLength(1);
      expect(await runner.query('SELECT billing.make_usage_event_month($1) AS made', [due[0].month])).toEqual([
        { made: true },
      ]);
      expect(await runner.query(`SELECT count(*) AS n FROM ${tableOf(month(3))}`)).toEqual([{ n: '0' }]);
      await expect(runner.query(`DELETE FROM ${tableOf(month(3))}`)).rejects.toThrow(/permission denied/);
    } finally {
      await runner.query('RESET ROLE');
      await runner.release();
      await query(`DROP OWNED BY ${role}`);
      await query(`DROP ROLE ${role}`);
    }
  });
});
