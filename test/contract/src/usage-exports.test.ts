import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { get, request, type IncomingMessage } from 'node:http';
import { ADMIN_API_DEFAULT } from '@tollgate/auth';
import { inProcessBus } from '@tollgate/bus';
import { createNestServer } from '@tollgate/http';
import { waitUntil } from '@tollgate/infra';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { QueryUsage, UsageBillingProcessModule } from '@tollgate/usage-billing';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { databaseShapes, RecordingAdmission, type OpenedDatabase } from './billing-fixture.js';

const ADMIN = 'admin-secret-of-the-exports-suite';
const logger = createLogger({ service: 'contract', level: 'silent' });
/** Many pages of a thousand lines, each of some megabytes; sockets and streams hold as much as a few pages. */
const KEYS = 12_000;
const ROUTE_LENGTH = 3_000;
const PAGES = KEYS / 1_000;

describe.each(databaseShapes)('exports of usage, $shape', ({ open }) => {
  const organizationId = randomUUID();
  let opened: OpenedDatabase;
  let app: Awaited<ReturnType<typeof createNestServer>>;
  let url: string;

  beforeAll(async () => {
    opened = await open();
    const bus = inProcessBus();
    const module = UsageBillingProcessModule.with({
      database: opened.database,
      admission: new RecordingAdmission(),
      adminSecrets: [ADMIN],
      serviceSecrets: ['service-secret-of-the-exports-suite'],
      adminApi: ADMIN_API_DEFAULT,
      settings: {},
      logger,
      bus: bus.publisher,
      mail: { send: () => Promise.resolve() },
      sealing: sealingFrom({ pepper: 'a pepper of the exports suite' }),
      busProgress: bus.server,
      registry: createMetricsRegistry('contract', { processMetrics: false }),
    });
    app = await createNestServer(module, { logger });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    await opened.database.dataSource.query(
      `INSERT INTO billing.usage_dimension (dimension_id, organization_id, grain, outcome, model, provider, route, api_key_id)
       SELECT md5($1 || grain || n)::uuid, $1, grain, 'completed', 'm', 'p', repeat('r', ${ROUTE_LENGTH}), 'key ' || lpad(n::text, 6, '0')
       FROM generate_series(1, ${KEYS}) AS n CROSS JOIN unnest('{full,owners}'::text[]) AS grain`,
      [organizationId],
    );
    await opened.database.dataSource.query(
      `INSERT INTO billing.usage_day (dimension_id, at, organization_id, requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd)
       SELECT dimension_id, '2026-10-05Z', organization_id, 1, 2, 3, 4, 5 FROM billing.usage_dimension WHERE organization_id = $1`,
      [organizationId],
    );
    await opened.database.dataSource.query(
      `INSERT INTO billing.usage_month (dimension_id, at, organization_id, requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd)
       SELECT dimension_id, '2026-10-01Z', organization_id, 1, 2, 3, 4, 5 FROM billing.usage_dimension WHERE organization_id = $1`,
      [organizationId],
    );
    await opened.database.dataSource.query('ANALYZE billing.usage_dimension, billing.usage_day, billing.usage_month');
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(async () => {
    await app?.close();
    await opened?.close();
  });

  /** Counts the pages that the service has read. */
  function countPages(): { readonly read: () => number; readonly ended: () => boolean } {
    let [pages, ended] = [0, false];
    const rows = QueryUsage.prototype.rows;
    vi.spyOn(QueryUsage.prototype, 'rows').mockImplementation(async function* (this: QueryUsage, ...asked) {
      try {
        for await (const page of rows.apply(this, asked)) {
          pages += 1;
          yield page;
        }
      } finally {
        ended = true;
      }
    });
    return { read: () => pages, ended: () => ended };
  }
  const headersOf = (organization: string) => ({
    authorization: `Bearer ${ADMIN}`,
    'x-organization-id': organization,
  });
  const ask = (path: string, organization = organizationId): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      get(`${url}${path}`, { headers: headersOf(organization), agent: false }, resolve).on('error', reject);
    });
  const textOf = async (reply: IncomingMessage): Promise<string> => {
    reply.setEncoding('utf8');
    let text = '';
    for await (const chunk of reply) text += String(chunk);
    return text;
  };
  /** Others are served meanwhile: each takes a connection of the database, of which the embedded one has one. */
  const others = async (): Promise<void> => {
    for (let n = 0; n < 5; n++)
      expect(JSON.parse(await textOf(await ask('/v1/usage?limit=1')))).toMatchObject({ object: 'usage' });
  };
  /** Nothing more is read while others are served. */
  const untilStalled = async (pages: { read: () => number }): Promise<void> => {
    await waitUntil(
      async () => {
        const before = pages.read();
        await others();
        return before > 0 && pages.read() === before;
      },
      { what: 'the export to wait for its reader', timeoutMs: 60_000 },
    );
  };
  const lines = (format: string): string => `/v1/usage?format=${format}&group_by=key,route`;

  it.each(['csv', 'ndjson'])(
    'wait for a slow reader with a few pages, and are whole at last (%s)',
    { timeout: 120_000 },
    async (format) => {
      const pages = countPages();
      const reply = await ask(lines(format));
      reply.pause();
      await untilStalled(pages);
      expect(pages.read()).toBeLessThan(PAGES / 2);
      expect(pages.ended()).toBe(false);
      const all = (await textOf(reply)).trimEnd().split('\n');
      expect(reply.complete).toBe(true);
      expect(all).toHaveLength(KEYS + (format === 'csv' ? 1 : 0));
      expect(new Set(all).size).toBe(all.length);
      expect(pages.ended()).toBe(true);
    },
  );

  it(
    'end at once with a reader that goes away, and nothing of the database is kept',
    { timeout: 120_000 },
    async () => {
      const pages = countPages();
      const reply = await ask(lines('ndjson'));
      reply.pause();
      await untilStalled(pages);
      reply.destroy();
      await waitUntil(() => pages.ended(), { what: 'the export to end' });
      const [{ goneAt }] = (await opened.database.dataSource.query('SELECT now() AS "goneAt"')) as [{ goneAt: Date }];
      const read = pages.read();
      await others();
      expect(pages.read()).toBe(read);
      // Other transactions of the service come and go; one of the export would stay.
      const begunBefore = () =>
        opened.database.dataSource.query<object[]>(
          `SELECT state, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND state LIKE '%in transaction%' AND xact_start <= $1`,
          [goneAt],
        );
      await expect.poll(begunBefore).toEqual([]);
    },
  );

  /** So many exports of the organisation that are not read, once there is room for all of them. */
  const beginAll = async (count: number): Promise<IncomingMessage[]> => {
    const begun: IncomingMessage[] = [];
    await waitUntil(
      async () => {
        const reply = await ask(lines('ndjson'));
        if (reply.statusCode === 200) begun.push(reply.pause());
        else reply.resume();
        return begun.length === count;
      },
      { what: `room for ${count} exports`, timeoutMs: 60_000 },
    );
    return begun;
  };

  it(
    'are refused beyond four of an organisation, until one has ended, however it ends',
    { timeout: 120_000 },
    async () => {
      const begun = await beginAll(4);
      for (const format of ['csv', 'ndjson']) {
        const refused = await ask(lines(format));
        expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '5']);
        expect(JSON.parse(await textOf(refused))).toMatchObject({ code: 'rate_limit_exceeded' });
      }
      // Nobody else is refused, and nothing but exports.
      await others();
      const ofAnother = await ask(lines('csv'), randomUUID());
      expect([ofAnother.statusCode, (await textOf(ofAnother)).trimEnd().split('\n')]).toEqual([
        200,
        [expect.any(String)],
      ]);
      begun.pop()!.destroy();
      begun.push(...(await beginAll(1)));
      await textOf(begun.pop()!);
      begun.push(...(await beginAll(1)));
      for (const reply of begun) reply.destroy();
    },
  );

  it('give their place back where the reader has gone before the first line', { timeout: 120_000 }, async () => {
    for (let n = 0; n < 20; n++) {
      const asked = request(`${url}${lines('ndjson')}`, { headers: headersOf(organizationId), agent: false });
      asked.on('error', () => undefined);
      await new Promise<void>((resolve) => asked.end(resolve));
      asked.destroy();
    }
    for (const reply of await beginAll(4)) reply.destroy();
  });

  it('end also where all that follows is empty', { timeout: 120_000 }, async () => {
    const pages = countPages();
    const reply = await ask(
      `/v1/usage?format=ndjson&group_by=key&interval=hour&from=2026-01-01T00:00:00Z&to=2026-02-10T00:00:00Z`,
      randomUUID(),
    );
    expect(await textOf(reply)).toBe('');
    expect(pages.ended()).toBe(true);
    expect(pages.read()).toBeLessThan(12);
  });
});
