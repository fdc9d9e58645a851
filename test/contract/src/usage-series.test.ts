import { randomInt, randomUUID } from 'node:crypto';
import { infraFromEnvironment, tempFolder } from '@tollgate/infra';
import { migrate, openDatabase, startEmbeddedPostgres, type Database } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { BillingMeter, BookUsage, SettleHolds, usageBillingSchema } from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  billing,
  RecordingAdmission,
  schemaBefore,
  screening,
  secondVersion,
  usageBatch,
  usageEvent,
} from './billing-fixture.js';
import { randomBelow } from './random-below.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const DAY_MS = 86_400_000;
const BATCHES = 12;

const before = schemaBefore('UsageSeries');

const shapes = [
  {
    shape: 'embedded Postgres',
    isShared: false,
    start: async () => {
      const embedded = await startEmbeddedPostgres(tempFolder('series'));
      return { url: embedded.url, stop: embedded.close };
    },
  },
  {
    shape: 'Postgres server',
    isShared: true,
    start: async () => ({ url: await infraFromEnvironment().createDatabase(), stop: async () => undefined }),
  },
];

/** The columns of sums, as a list for a SELECT. */
const sumsOf = (columns: readonly string[], wrap: (column: string) => string): string =>
  columns.map((column) => `${wrap(column)} AS ${column}`).join(', ');

/** What rows of each length are sums of. */
const SUMMED = [
  [15, 'quarter'],
  [60, 'hour'],
  [360, 'hour'],
  [1_440, 'day'],
] as const;

describe.each(shapes)('series of usage, $shape', ({ start, isShared }) => {
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
  const below = randomBelow(seed, 0);
  const organizations = [randomUUID(), randomUUID(), randomUUID()];
  let server: { url: string; stop(): Promise<void> };
  let database: Database;
  let offset = 0n;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  const open = async (): Promise<void> => {
    database = await openDatabase({ url: server.url, poolSize: 6, applicationName: 'contract' });
  };
  const randomEvent = () => {
    const startedAt = new Date(Date.now() - below(40 * DAY_MS)).toISOString();
    const apiKeyId = `key ${below(5)}`;
    const event = usageEvent({
      organizationId: organizations[below(3)]!,
      apiKeyId,
      model: `model ${below(3)}`,
      outcome: (['completed', 'completed', 'provider_failed', 'orphaned'] as const)[below(4)]!,
      holdNanoUsd: null,
      accounts: [{ accountId: `key:${apiKeyId}`, capNanoUsd: null }],
      costNanoUsd: String(below(1_000_000)),
      startedAt,
      endedAt: startedAt,
    });
    const charged = { ...event, chargeNanoUsd: event.costNanoUsd };
    return below(2) === 0 ? charged : { ...secondVersion(charged), durationMs: below(9_000), firstByteMs: below(900) };
  };
  const book = async (): Promise<void> => {
    const admission = new RecordingAdmission();
    const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
    const service = billing(database);
    const books = new BookUsage(
      service,
      admission,
      new SettleHolds(admission, logger),
      screening(service),
      logger,
      meter,
    );
    const events = Array.from({ length: 1 + below(30) }, randomEvent);
    await books.book(usageBatch([...events, ...events.slice(0, 3)], 0, (offset += 100n)));
  };

  /** Rows that are not what they should be. */
  const wrong = async (): Promise<unknown[]> => {
    const columns = await database.dataSource.query<{ column_name: string }[]>(
      `SELECT column_name FROM information_schema.columns
       WHERE table_schema = 'billing' AND table_name = 'usage_day' AND data_type IN ('bigint', 'numeric')`,
    );
    const names = columns.map((row) => row.column_name);
    const queries = SUMMED.flatMap(([minutes, from]) =>
      [
        ['models', 'd.dimension_id::text'],
        ['total', 'd.outcome'],
      ].map(([grain, key]) => {
        const should = `SELECT d.organization_id, ${key} AS key, date_bin('${minutes} minutes', u.at, '2000-01-01Z') AS at, ${sumsOf(names, (name) => `sum(u.${name})::numeric`)}
          FROM billing.usage_dimension AS d JOIN billing.usage_${from} AS u USING (dimension_id) WHERE d.grain = 'models' GROUP BY 1, 2, 3`;
        const is = `SELECT u.organization_id, ${key} AS key, u.at, ${sumsOf(names, (name) => `u.${name}::numeric`)}
          FROM billing.usage_series AS u LEFT JOIN billing.usage_dimension AS d USING (dimension_id) WHERE u.grain = '${grain}' AND u.minutes = ${minutes}`;
        return `(SELECT '${minutes} ${grain}: missing', * FROM (${should} EXCEPT ALL ${is}) AS missing)
          UNION ALL (SELECT '${minutes} ${grain}: wrong', * FROM (${is} EXCEPT ALL ${should}) AS wrong)`;
      }),
    );
    return database.dataSource.query(queries.join(' UNION ALL '));
  };
  const count = async (): Promise<number> => {
    const [row] = await database.dataSource.query<{ rows: string }[]>(
      'SELECT count(*) AS rows FROM billing.usage_series',
    );
    return Number(row?.rows);
  };

  it('are what quarter-hours, hours and days by model add up to, of what was booked before the migration, meanwhile and afterwards', async () => {
    await migrate(server.url, before);
    await open();
    for (let batch = 0; batch < BATCHES; batch++) await book();
    if (!isShared) await database.close();

    const migration = { isOver: false };
    const migrating = migrate(server.url, usageBillingSchema).finally(() => Object.assign(migration, { isOver: true }));
    while (isShared && !migration.isOver) await book();
    await migrating;
    if (!isShared) await open();

    expect(await wrong(), `seed ${seed}`).toEqual([]);
    const filled = await count();
    expect(filled).toBeGreaterThan(0);
    for (let batch = 0; batch < BATCHES; batch++) await book();
    expect(await wrong(), `seed ${seed}`).toEqual([]);
    expect(await count()).toBeGreaterThan(filled);
  });
});
