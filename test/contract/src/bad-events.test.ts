import { randomUUID } from 'node:crypto';
import { DEFAULT_KEY_MARKER, generateSecret } from '@tollgate/api-key';
import { NO_LOG } from '@tollgate/bus';
import { USAGE_RECORDED_V1, type KeyManagementApi, type UsageRecordedV1 } from '@tollgate/contracts';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { BillingMeter, BookUsage, resumeOffsets, SettleHolds } from '@tollgate/usage-billing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  billing,
  databaseShapes,
  type OpenedDatabase,
  RecordingAdmission,
  screening,
  secondVersion,
  usageBatch,
  usageEvent,
} from './billing-fixture.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const DAY_MS = 86_400_000;
const at = (ms: number): string => new Date(ms).toISOString();
/** A UUIDv7 that was made at a moment. */
const idOf = (ms: number): string => {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`;
};

interface QuarantinedRow {
  readonly cause: string;
  readonly field: string | null;
  readonly reason: string;
  readonly request_id: string | null;
  readonly said_organization_id: string | null;
  readonly difference: unknown;
}

/** What others book, or fail over, is put aside here with the reason; everything else of the batch is booked. */
describe.each(databaseShapes)('events that are not booked, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let organizationId: string;
  let partition = 0;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.close();
  });
  beforeEach(async () => {
    organizationId = randomUUID();
    partition += 1;
    await query('INSERT INTO billing.gateway_instance (instance_id, journal_id) VALUES ($1, $2)', [
      `instance of ${organizationId}`,
      `journal of ${organizationId}`,
    ]);
  });

  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    opened.database.dataSource.query(sql, parameters);
  const bookUsage = (keys?: Pick<KeyManagementApi, 'knownKeys'>): BookUsage => {
    const admission = new RecordingAdmission();
    const service = billing(opened.database);
    const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
    const settles = new SettleHolds(admission, logger);
    return new BookUsage(service, admission, settles, screening(service, keys), logger, meter);
  };
  const booked = (records: Parameters<typeof usageBatch>[0], first = 0n) =>
    bookUsage().book(usageBatch(records, partition, first));
  const event = (fields: Partial<UsageRecordedV1> = {}) => usageEvent({ organizationId, ...fields });
  const sums = () =>
    query<Record<string, unknown>>(
      'SELECT requests, input_tokens, charge_nano_usd, last_used_at FROM billing.key_usage WHERE organization_id = $1',
      [organizationId],
    );
  const quarantined = (where = partition) =>
    query<QuarantinedRow>(
      `SELECT cause, field, reason, request_id, said_organization_id, difference FROM billing.quarantine
       WHERE partition = $1 ORDER BY log_offset, log_part, id`,
      [where],
    );
  const nextOffset = async () =>
    (await resumeOffsets(billing(opened.database))(USAGE_RECORDED_V1, [partition])).get(partition);

  describe('E1: uniqueness over months', () => {
    it("an orphan's record and its late final are one request, in whatever month each ended", async () => {
      const requestId = idOf(Date.parse('2026-10-31T23:59:59.000Z'));
      const orphan = event({ requestId, outcome: 'orphaned', endedAt: '2026-10-31T23:59:59.900Z', costNanoUsd: '4', chargeNanoUsd: '4' }); // prettier-ignore
      const final = event({ requestId, endedAt: '2026-11-01T00:00:05.000Z' });
      await booked([orphan]);
      await booked([final, orphan], 1n);
      expect(await sums()).toMatchObject([{ requests: '1', charge_nano_usd: '10' }]);
      expect(await quarantined()).toEqual([]);
    });

    it('an event of before the kept months is put aside, by its id and by its times', async () => {
      const old = Date.now() - 800 * DAY_MS;
      await booked([event({ requestId: idOf(old) }), event({ startedAt: at(old), endedAt: at(old + 1) }), event()]);
      expect(await quarantined()).toMatchObject([
        { cause: 'implausible', field: 'requestId' },
        { cause: 'implausible', field: 'startedAt' },
      ]);
      expect(await sums()).toMatchObject([{ requests: '1' }]);
      expect(await nextOffset()).toBe(3n);
    });
  });

  it('E2: sums add only what was new', async () => {
    const [one, other] = [event(), event({ journalNumber: 2 })];
    for (const records of [[one], [one, one], [one, other, one], [secondVersion(one), other]])
      await booked(records, nextOffsetOf());
    expect(await sums()).toMatchObject([{ requests: '2', charge_nano_usd: '20' }]);
    const byDay = 'SELECT requests, charge_nano_usd FROM billing.key_usage_day WHERE organization_id = $1';
    expect(await query(byDay, [organizationId])).toEqual([{ requests: '2', charge_nano_usd: '20' }]);
    expect(await quarantined()).toEqual([]);
  });
  let given = 0n;
  const nextOffsetOf = (): bigint => (given += 10n);

  describe('E3: another content of a request', () => {
    it.each(['in a later batch', 'in the same batch'])('%s is a conflict, with both contents, once', async (when) => {
      const one = event({ chargeNanoUsd: '5' });
      const other = { ...one, chargeNanoUsd: '7', model: 'another' };
      if (when === 'in a later batch') await booked([one]);
      for (const first of [1n, 5n, 9n]) await booked([one, other, event({ journalNumber: Number(first) + 1 })], first);
      expect(await quarantined()).toMatchObject([
        {
          cause: 'conflict',
          field: 'model',
          reason: 'the request is booked with another content: model, chargeNanoUsd',
          request_id: one.requestId,
          said_organization_id: organizationId,
          difference: [
            { field: 'model', first: 'gpt-4o-mini', second: 'another' },
            { field: 'chargeNanoUsd', first: '5', second: '7' },
          ],
        },
      ]);
      expect(await sums()).toMatchObject([{ requests: '4', charge_nano_usd: '35' }]);
    });

    it('is none where the ledger charged less than the event says', async () => {
      const accounts = [{ accountId: `account of ${organizationId}`, capNanoUsd: '15' }];
      const [one, other] = [event({ accounts }), event({ accounts, journalNumber: 2 })];
      await booked([one, other]);
      await booked([one, other], 2n);
      expect(await sums()).toMatchObject([{ charge_nano_usd: '15' }]);
      expect(await quarantined()).toEqual([]);
    });
  });

  describe('E4: one bad event among good', () => {
    it('of one record is put aside alone, also where the bus keeps no log', async () => {
      const record = [event(), '{"eventVersion":2}', event({ journalNumber: 2 })];
      for (let time = 0; time < 2; time++) {
        await booked([record]);
        await bookUsage().book(usageBatch([...record, event({ journalNumber: 3 })], NO_LOG));
      }
      expect(await quarantined()).toMatchObject([{ cause: 'invalid' }]);
      const unlogged = await query<{ n: string }>(
        `SELECT count(*) AS n FROM billing.quarantine WHERE log_offset IS NULL AND value = convert_to('{"eventVersion":2}', 'UTF8')`,
      );
      expect(unlogged).toEqual([{ n: '1' }]);
      expect(await sums()).toMatchObject([{ requests: '4' }]);
    });

    it.each(['startedAt', 'endedAt'] as const)('%s far ahead is nobody’s latest use', async (field) => {
      await booked([event(), event({ journalNumber: 2, [field]: at(Date.now() + 660_000) })]);
      expect(await quarantined()).toMatchObject([{ cause: 'implausible', field }]);
      expect(await sums()).toMatchObject([{ requests: '1', last_used_at: new Date('2026-11-20T10:00:01.000Z') }]);
    });
  });

  describe('a cycle that does not hold the call', () => {
    it.each(['monthly:0001-01-01', 'monthly:0001-01-02', 'daily:2099-01-01', 'weekly:2026-11-09', 'daily:2026-02-30'])(
      '%s is put aside, and its organisation has statements and usage as before',
      async (cycle) => {
        const accounts = [{ accountId: `key:key of ${organizationId}:${cycle}`, capNanoUsd: '1000' }];
        const right = [{ accountId: `key:key of ${organizationId}:daily:2026-11-20`, capNanoUsd: '1000' }];
        await booked([event({ accounts }), event({ journalNumber: 2, accounts: right })]);
        expect(await quarantined()).toMatchObject([{ cause: 'implausible', field: 'accounts[0].accountId' }]);
        const months = await query<{ at: Date }>(
          `SELECT DISTINCT u.at FROM billing.usage_dimension AS d JOIN billing.usage_month AS u USING (dimension_id)
           WHERE d.organization_id = $1`,
          [organizationId],
        );
        expect(months).toEqual([{ at: new Date('2026-11-01T00:00:00.000Z') }]);
      },
    );
  });

  describe('E5: what is no count and no cost', () => {
    it.each<[string, object]>([
      ['inputTokens', { inputTokens: -1 }],
      ['inputTokens', { inputTokens: 1.5 }],
      ['outputTokens', { outputTokens: 2 ** 53 }],
      ['outputTokens', { outputTokens: 1e300 }],
      ['inputTokens', { inputTokens: 1e15 }],
      ['outputTokens', { outputTokens: Number.MAX_SAFE_INTEGER }],
      ['reasoningTokens', { reasoningTokens: 5 }],
      ['textInputTokens', { textInputTokens: -3 }],
      ['textInputTokens', { textInputTokens: 999_999 }],
      ['priceLines', { costNanoUsd: '1000000000000000000' }],
      ['cachedInputTokens', { cachedInputTokens: '3' }],
      ['costNanoUsd', { costNanoUsd: '-1' }],
      ['costNanoUsd', { costNanoUsd: '1e9' }],
      ['chargeNanoUsd', { costNanoUsd: '9000000000000001', chargeNanoUsd: '9000000000000001', holdNanoUsd: null }],
      ['outcome', { outcome: 'unheard_of' }],
      ['priceLines', { costNanoUsd: '11' }],
      ['requestId', { requestId: 'none' }],
    ])('%s is named, and the rest is booked: %j', async (field, fields) => {
      const bad = { ...secondVersion(event({ journalNumber: 2 })), ...fields };
      await booked([[event(), bad, event({ journalNumber: 3 })]]);
      expect(await quarantined()).toMatchObject([
        { field, reason: expect.stringMatching(`^${field}: `) as string, said_organization_id: organizationId },
      ]);
      expect(await sums()).toMatchObject([{ requests: '2', input_tokens: '6', charge_nano_usd: '20' }]);
      expect(await nextOffset()).toBe(1n);
    });

    it('the highest counts that are booked never make a sum fail', async () => {
      const most = { inputTokens: 1_000_000_000, outputTokens: 1_000_000_000 };
      const free = { holdNanoUsd: null, accounts: [{ accountId: `u ${organizationId}`, capNanoUsd: null }] };
      for (let round = 0; round < 2; round++)
        await booked(
          Array.from({ length: 600 }, (_, n) => event({ ...most, journalNumber: n + 1, ...free })),
          BigInt(round * 600),
        );
      expect(await quarantined()).toEqual([]);
      expect(await sums()).toMatchObject([{ requests: '1200', input_tokens: '1200000000000' }]);
    });
  });

  describe('a key that nobody has', () => {
    it('is asked about once, and its events are put aside; of keys that were booked before nobody is asked', async () => {
      await booked([event()]);
      const asked: string[][] = [];
      const keys = {
        knownKeys: async (_organizationId: string, ids: readonly string[]) => {
          asked.push([...ids].sort());
          return ids.filter((id) => id === 'real');
        },
      };
      const book = bookUsage(keys);
      const records = [
        event({ journalNumber: 2 }),
        event({ journalNumber: 3, apiKeyId: 'real' }),
        event({ journalNumber: 4, apiKeyId: 'invented' }),
      ];
      await book.book(usageBatch(records, partition, 1n));
      await book.book(usageBatch([event({ journalNumber: 5, apiKeyId: 'real' })], partition, 4n));
      expect(asked).toEqual([['invented', 'real']]);
      expect(await quarantined()).toMatchObject([{ cause: 'unknown_key', field: 'apiKeyId' }]);
      expect((await sums()).map(({ requests }) => requests).sort()).toEqual(['2', '2']);
    });

    it('is booked while key-management cannot say so: its call was served; and asked about again', async () => {
      vi.useFakeTimers({ toFake: ['performance'] });
      try {
        const knownKeys = vi.fn().mockRejectedValueOnce(new Error('away')).mockResolvedValue([]);
        const book = bookUsage({ knownKeys });
        for (const [at, laterMs] of [0, 1, 60_000].entries()) {
          vi.advanceTimersByTime(laterMs);
          await book.book(usageBatch([event({ journalNumber: at + 1 })], partition, BigInt(at)));
        }
      } finally {
        vi.useRealTimers();
      }
      expect(await sums()).toMatchObject([{ requests: '2' }]);
      expect(await quarantined()).toMatchObject([{ cause: 'unknown_key' }]);
    });

    const away = () => ({ knownKeys: () => Promise.reject(new Error('away')) });
    /** key-management once it is back, and what it was asked. */
    const backWith = (...known: string[]) => {
      const asked: string[][] = [];
      const knownKeys = async (_organizationId: string, ids: readonly string[]) => {
        asked.push([...ids]);
        return ids.filter((id) => known.includes(id));
      };
      return { asked, knownKeys };
    };
    const unasked = () =>
      query('SELECT api_key_id FROM billing.unasked_key WHERE organization_id = $1', [organizationId]);
    const one = (apiKeyId: string, number: number) =>
      usageBatch([event({ apiKeyId, journalNumber: number })], partition, BigInt(number));

    it('is asked about by whichever process meets it next, and nothing more of it is booked', async () => {
      const apiKeyId = `invented ${organizationId}`;
      // Two processes book it unasked, the second in its next life too.
      for (const number of [1, 2, 3]) await bookUsage(away()).book(one(apiKeyId, number));
      expect(await unasked()).toEqual([{ api_key_id: apiKeyId }]);
      for (const number of [4, 5]) {
        const keys = backWith();
        const book = bookUsage(keys);
        await book.book(one(apiKeyId, number));
        await book.book(one(apiKeyId, number + 2));
        expect(keys.asked).toEqual([[apiKeyId], [apiKeyId]]);
      }
      expect(await sums()).toMatchObject([{ requests: '3' }]);
      expect((await quarantined()).map(({ cause }) => cause)).toEqual(Array(4).fill('unknown_key'));
    });

    it('is told apart from one that exists: that is asked about once more, and by nobody again', async () => {
      const apiKeyId = `real ${organizationId}`;
      const book = bookUsage(away());
      for (const number of [1, 2]) await book.book(one(apiKeyId, number));
      const keys = backWith(apiKeyId);
      const back = bookUsage(keys);
      for (const number of [3, 4]) await back.book(one(apiKeyId, number));
      for (const number of [5, 6]) await bookUsage(keys).book(one(apiKeyId, number));
      expect(keys.asked).toEqual([[apiKeyId]]);
      expect(await unasked()).toEqual([]);
      expect(await sums()).toMatchObject([{ requests: '6' }]);
      expect(await quarantined()).toEqual([]);
      // It was booked before: nobody is asked, and so it counts as known while key-management is away.
      await bookUsage(away()).book(one(apiKeyId, 7));
      expect(await unasked()).toEqual([]);
    });

    it('of another organisation than the one that has it is nobody’s there', async () => {
      const apiKeyId = `real ${organizationId}`;
      const other = randomUUID();
      const foreign = usageEvent({ organizationId: other, apiKeyId });
      await bookUsage(away()).book(usageBatch([foreign], partition, 1n));
      const keys = backWith();
      await bookUsage(keys).book(usageBatch([{ ...foreign, requestId: randomUUID() }], partition, 2n));
      expect(keys.asked).toEqual([[apiKeyId]]);
      expect(await quarantined()).toMatchObject([{ cause: 'unknown_key', said_organization_id: other }]);
    });
  });

  describe('an account of somebody else', () => {
    const accounts = (...ids: string[]) =>
      [`key:key of ${organizationId}`, ...ids].map((accountId) => ({
        accountId,
        capNanoUsd: '1000',
        kind: null,
        cycle: null,
      }));
    const charged = () =>
      query('SELECT account_id FROM billing.account WHERE organization_id = $1 ORDER BY 1', [organizationId]);

    it.each([
      ['key', 'key:of another'],
      ['key in a day', 'key:of another:daily:2026-11-20'],
      ['organisation', 'organization:another'],
      ['project', 'project:another'],
      ['group in a month', 'group:another:monthly:2026-11-01'],
    ])('is named, and nobody is charged: of another %s', async (_whose, accountId) => {
      const [group, project] = [`g of ${organizationId}`, `p of ${organizationId}`];
      const told = { ...secondVersion(event()), groupIds: [group], projectId: project };
      const own = accounts(`organization:${organizationId}`, `project:${project}`, `group:${group}:monthly:2026-11-01`);
      const foreign = [...own, ...accounts(accountId).slice(1)];
      const other = { ...told, requestId: randomUUID(), journalNumber: 2, accounts: foreign };
      await booked([[{ ...told, accounts: own }, other]]);
      expect(await quarantined()).toMatchObject([{ cause: 'implausible', field: 'accounts[4].accountId' }]);
      expect(await sums()).toMatchObject([{ requests: '1', charge_nano_usd: '10' }]);
      expect((await charged()).length).toBe(4);
    });

    it('is none of a grant, a subscription, or where the event does not say whose it is', async () => {
      const told = secondVersion(event());
      const held = { ...accounts(`grant:${randomUUID()}`)[1]!, heldNanoUsd: '10' };
      const quota = accounts(`subscription:${randomUUID()}:20261101T000000Z-20261201T000000Z`).slice(1);
      await booked([
        { ...told, accounts: [...accounts(`group:${randomUUID()}`, `project:${randomUUID()}`), ...quota, held] },
      ]);
      expect(await quarantined()).toEqual([]);
      expect((await charged()).length).toBe(5);
    });
  });

  it('a secret that somebody sends is masked', async () => {
    const secret = generateSecret(DEFAULT_KEY_MARKER).reveal();
    await booked([`{"note": "${secret}"`, { ...event(), outcome: secret as never }]);
    const rows = await query<{ text: string; reason: string }>(
      `SELECT convert_from(value, 'UTF8') AS text, reason FROM billing.quarantine WHERE partition = $1`,
      [partition],
    );
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(rows[0]!.text).toMatch(/^\{"note": "sk-.{3}…/);
  });
});
