import { randomInt, randomUUID } from 'node:crypto';
import { CALLS_REFUSED_V1, type UsageRecordedV1, type UsageRecordedV2 } from '@tollgate/contracts';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  bucketBounds,
  QueryUsage,
  SettleHolds,
  StoreRefusedCalls,
  UsageNames,
  UsageNameStore,
  UsageRetention,
  type RefusedByCode,
  type UsageBucket,
  type UsageQuestion,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
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
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Los_Angeles',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
];
const HOUR_MS = 3_600_000;
const QUARTER_MS = 900_000;

type Event = UsageRecordedV1 | UsageRecordedV2;

/** Of which groups a call is, and on whose budgets it was held. */
interface GroupCase {
  readonly groupIds: readonly string[] | null;
  readonly routeGroupId?: string;
  readonly held?: readonly string[];
}

describe.each(databaseShapes)('usage as it is summed up, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let query: QueryUsage;
  let retention: UsageRetention;
  let offset = 0n;
  beforeAll(async () => {
    opened = await open();
    retention = new UsageRetention(billing(opened.database), logger, {});
    query = new QueryUsage(billing(opened.database), retention);
  });
  afterAll(async () => {
    await opened?.close();
  });

  const book = async (events: readonly Event[]): Promise<void> => {
    const admission = new RecordingAdmission();
    const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
    const settles = new SettleHolds(admission, logger);
    const books = new BookUsage(
      billing(opened.database),
      admission,
      settles,
      screening(billing(opened.database)),
      logger,
      meter,
    );
    await books.book(usageBatch(events, 0, (offset += 1n)));
  };
  const ask = (organizationId: string, more: Partial<UsageQuestion> = {}) =>
    query.answer({
      organizationId,
      filters: {},
      groupBy: [],
      bounds: [-Infinity, Infinity],
      isSeries: false,
      order: 'cost_usd',
      limit: 1_000,
      ...more,
    });
  /** All lines of an export, by their buckets, with the number of statements that read them. */
  const exported = async (asked: UsageQuestion, pageSize: number) => {
    const database = billing(opened.database);
    const transactions = vi.spyOn(database, 'inOrganization');
    const buckets = new Map<number, { -readonly [Field in keyof UsageBucket]: UsageBucket[Field] }>();
    for await (const page of new QueryUsage(database, retention).rows(asked, pageSize)) {
      const lines = page.reduce((sum, { groups }) => sum + groups.length, 0);
      expect(lines).toBeLessThanOrEqual(pageSize);
      for (const bucket of page) {
        const known = buckets.get(bucket.fromMs);
        if (known === undefined) buckets.set(bucket.fromMs, { ...bucket });
        else known.groups = [...known.groups, ...bucket.groups];
      }
    }
    return { buckets: [...buckets.values()], statements: transactions.mock.calls.length };
  };
  const questionOf = (organizationId: string, more: Partial<UsageQuestion>): UsageQuestion => ({
    ...{ organizationId, filters: {}, groupBy: [], bounds: [], isSeries: true, order: 'cost_usd', limit: 1_000 },
    ...more,
  });
  /** Holds the lines of an export against the answer to the same question. */
  const expectSame = async (asked: UsageQuestion, pageSize: number, what: string) => {
    const [{ series, groups: ofPeriod }, { buckets, statements }] = [
      await query.answer(asked),
      await exported(asked, pageSize),
    ];
    const lines = buckets.flatMap(({ fromMs, groups }) => groups.map((group) => ({ fromMs, ...group })));
    if (asked.groupBy.length === 0) {
      const told = ({ fromMs, toMs, sums }: UsageBucket) => ({ fromMs, toMs, sums });
      expect(buckets.map(told), what).toEqual(series.map((bucket) => told({ ...bucket, groups: [] })));
      return { statements, lines: lines.length };
    }
    // A reply of many buckets shows the first groups in each.
    const shown = new Set(series.flatMap(({ groups }) => groups.map(({ values }) => values.join())));
    const cells = lines
      .filter(({ values }) => shown.has(values.join()))
      .map(({ fromMs, values, sums: { requests, inputTokens, outputTokens, chargeNanoUsd, refused } }) => ({
        ...{ fromMs, values, requests, inputTokens, outputTokens, chargeNanoUsd, refused },
      }));
    expect(cells, what).toEqual(series.flatMap(({ fromMs, groups }) => groups.map((cell) => ({ fromMs, ...cell }))));
    for (const { values, sums } of ofPeriod) {
      const ofGroup = lines.filter((line) => line.values.join() === values.join());
      const added = (of: (line: (typeof lines)[number]) => number): number =>
        ofGroup.reduce((sum, line) => sum + of(line), 0);
      expect(
        added((line) => line.sums.requests),
        what,
      ).toBe(sums.requests);
      expect(
        added((line) => Number(line.sums.chargeNanoUsd)),
        what,
      ).toBe(Number(sums.chargeNanoUsd));
    }
    expect(new Set(lines.map(({ values }) => values.join())).size, what).toBe(ofPeriod.length);
    return { statements, lines: lines.length };
  };
  const uncapped = (organizationId: string, fields: Partial<UsageRecordedV1>) =>
    usageEvent({
      organizationId,
      holdNanoUsd: null,
      accounts: [{ accountId: `key:${fields.apiKeyId ?? `key of ${organizationId}`}`, capNanoUsd: null }],
      ...fields,
    });

  it('E2, F1, F2, F5: adds up to the events in every zone, by every interval and group, at any bounds', async () => {
    const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
    const below = randomBelow(seed, 0);
    const organizationId = randomUUID();
    const begin = Date.now() - 100 * 24 * HOUR_MS;
    const events = Array.from({ length: 300 }, (): Event => {
      const startedMs = begin + below(99 * 24 * HOUR_MS);
      const charge = String(1 + below(1_000_000));
      const event = uncapped(organizationId, {
        apiKeyId: `key ${below(5)}`,
        model: `model ${below(3)}`,
        route: `route ${below(2)}`,
        outcome: below(5) === 0 ? 'provider_interrupted' : 'completed',
        costNanoUsd: charge,
        chargeNanoUsd: charge,
        inputTokens: 3,
        startedAt: new Date(startedMs).toISOString(),
        endedAt: new Date(startedMs + 1_500).toISOString(),
      });
      const groupIds = [[], ['g1'], ['g1', 'g2']][below(3)]!;
      return below(2) === 0 ? event : { ...secondVersion(event), groupIds, projectId: 'p', durationMs: 900 };
    });
    await book(events);
    // Whatever is delivered again adds nothing: roll-ups have what the insert returned.
    await book(events.slice(0, 100));

    for (let round = 0; round < 20; round++) {
      const [one, other] = [begin + below(99 * 24 * HOUR_MS), begin + below(99 * 24 * HOUR_MS)];
      const step = [1, 60_000, 900_000, HOUR_MS][below(4)]!;
      const [from, to] = [Math.min(one, other), Math.max(one, other)].map((at) => Math.floor(at / step) * step) as [
        number,
        number,
      ];
      const zone = ZONES[below(ZONES.length)]!;
      const interval = (['hour', 'day', 'month'] as const)[below(3)]!;
      const within = events.filter(({ startedAt }) => Date.parse(startedAt) >= from && Date.parse(startedAt) < to);
      const sum = (of: readonly Event[]) => of.reduce((all, { chargeNanoUsd }) => all + BigInt(chargeNanoUsd), 0n);
      const bounds = bucketBounds(from, to, interval, zone)!;
      if (bounds.length < 2) continue;
      const groupBy = ([[], ['model'], ['api_key_id'], ['api_key_id', 'model'], ['status'], ['group_id']] as const)[
        below(6)
      ]!;
      const answer = await ask(organizationId, { bounds, isSeries: true, groupBy });
      const what = `seed ${seed}, round ${round}: ${interval} ${zone} ${groupBy.join()}`;
      await expectSame(questionOf(organizationId, { bounds, groupBy }), [3, 50, 1_000][below(3)]!, what);
      expect(answer.totals, what).toMatchObject({ requests: within.length, chargeNanoUsd: sum(within) });
      for (const bucket of answer.series) {
        const inBucket = within.filter(
          ({ startedAt }) => Date.parse(startedAt) >= bucket.fromMs && Date.parse(startedAt) < bucket.toMs,
        );
        expect(bucket.sums, what).toMatchObject({ requests: inBucket.length, chargeNanoUsd: sum(inBucket) });
      }
      if (groupBy.length === 0 || groupBy[0] === 'group_id') continue;
      const ofGroups = answer.groups.reduce((all, { sums }) => all + sums.chargeNanoUsd, 0n);
      expect(ofGroups, what).toBe(sum(within));
      for (const { sums, groups } of answer.series)
        expect(
          groups.reduce((all, { chargeNanoUsd }) => all + chargeNanoUsd, 0n),
          what,
        ).toBe(sums.chargeNanoUsd);
      const ofCells = answer.series.flatMap(({ groups }) => groups).reduce((all, { requests }) => all + requests, 0);
      expect(ofCells, what).toBe(within.length);
    }
  });

  it('reads a week by minute in few statements, each of some lines alone, and the lines are those of the reply', async () => {
    const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
    const below = randomBelow(seed, 0);
    const organizationId = randomUUID();
    const end = Math.floor(Date.now() / 60_000) * 60_000;
    const begin = end - 10_080 * 60_000;
    // Most calls are in two hours, in which each minute has many groups; the others are far apart.
    const busy = begin + below(9_000) * 60_000;
    await book(
      Array.from({ length: 600 }, (_, n) => {
        const startedAt = new Date(n < 400 ? busy + below(7_200_000) : begin + below(end - begin)).toISOString();
        return uncapped(organizationId, {
          apiKeyId: `key ${below(60)}`,
          model: `model ${below(3)}`,
          startedAt,
          endedAt: startedAt,
        });
      }),
    );
    const bounds = bucketBounds(begin, end, 'minute', ZONES[below(ZONES.length)]!)!;
    expect(bounds).toHaveLength(10_081);
    const plain = await expectSame(questionOf(organizationId, { bounds }), 1_000, `seed ${seed}`);
    expect(plain.statements).toBe(11);
    for (const pageSize of [100, 1_000])
      for (const groupBy of [['model'], ['api_key_id'], ['api_key_id', 'status']] as const) {
        const what = `seed ${seed}, by ${groupBy.join()} in pages of ${pageSize}`;
        const { statements, lines } = await expectSame(questionOf(organizationId, { bounds, groupBy }), pageSize, what);
        // A full page may make the next ones shorter, until they have doubled again.
        const doublings = Math.ceil(Math.log2(pageSize)) + 1;
        expect(statements, what).toBeLessThanOrEqual(
          10_080 / pageSize + doublings * (1 + Math.floor(lines / pageSize)) + 1,
        );
      }
  });

  it('B4: a call of a key in two groups is in both, and once in the totals', async () => {
    const organizationId = randomUUID();
    const event = secondVersion(uncapped(organizationId, {}));
    await book([{ ...event, groupIds: ['one', 'two'] }]);
    const { totals, groups } = await ask(organizationId, { groupBy: ['group_id'] });
    expect(totals).toMatchObject({ requests: 1, chargeNanoUsd: 10n });
    expect(groups.map(({ values, sums }) => [...values, sums.requests])).toEqual([
      ['one', 1],
      ['two', 1],
    ]);
    expect((await ask(organizationId, { filters: { group_id: 'two' } })).totals.requests).toBe(1);
    expect((await ask(organizationId, { filters: { group_id: 'three' } })).totals.requests).toBe(0);
  });

  it.each([
    ['open to everyone', { groupIds: ['a', 'b', 'c'] }, ['a', 'b', 'c']],
    ['that one group opens', { groupIds: ['a', 'b', 'c'], routeGroupId: 'b' }, ['b']],
    [
      'that two groups open, both with a budget',
      { groupIds: ['c', 'b', 'a'], routeGroupId: 'b', held: ['b', 'a'] },
      ['a', 'b'],
    ],
    ['open to everyone, with a budget of one group', { groupIds: ['b', 'a'], held: ['a'] }, ['a', 'b']],
    ['that a group opens which the key has left since', { groupIds: null, routeGroupId: 'b', held: ['b'] }, ['b']],
    ['of a key in no group', { groupIds: null }, [null]],
  ] as const)(
    'F22: usage by group is what counts in the budgets of groups, to the last nano: on a route %s',
    async (_route, { groupIds, held = [], ...more }: GroupCase, counted) => {
      const organizationId = randomUUID();
      const event = secondVersion(uncapped(organizationId, { costNanoUsd: '1234567', chargeNanoUsd: '1234567' }));
      const accounts = held.map((id) => ({
        accountId: `group:${id}:monthly:2026-11-01`,
        capNanoUsd: '9000000000',
        kind: null,
        cycle: null,
      }));
      const told = {
        ...event,
        groupIds: groupIds === null ? null : [...groupIds],
        ...more,
        accounts: [...event.accounts, ...accounts],
      };
      await book([told]);
      // It comes again, and says nothing else than is booked.
      await book([told]);
      const { groups } = await ask(organizationId, { groupBy: ['group_id'] });
      expect(groups.map(({ values }) => values[0]).sort()).toEqual(counted);
      for (const { sums } of groups) expect(sums.chargeNanoUsd).toBe(1_234_567n);
      const budgets = await opened.database.dataSource.query<{ owner_id: string; charge_nano_usd: string }[]>(
        `SELECT owner_id, charge_nano_usd FROM billing.owner_usage_day WHERE organization_id = $1 AND owner_kind = 'group' ORDER BY 1`,
        [organizationId],
      );
      expect(budgets).toEqual(
        counted.flatMap((id) => (id === null ? [] : [{ owner_id: id, charge_nano_usd: '1234567' }])),
      );
      for (const id of ['a', 'b', 'c'])
        expect((await ask(organizationId, { filters: { group_id: id } })).totals.requests).toBe(
          (counted as readonly (string | null)[]).includes(id) ? 1 : 0,
        );
      // A period within a minute is read from the events, which say the same.
      const at = Date.parse(told.startedAt);
      const near = await ask(organizationId, { groupBy: ['group_id'], bounds: [at, at + 1] });
      expect(near.groups.map(({ values }) => values[0]).sort()).toEqual(counted);
      const [quarantined] = await opened.database.dataSource.query<{ count: string }[]>(
        'SELECT count(*) FROM billing.quarantine WHERE value LIKE $1',
        [`%${told.requestId}%`],
      );
      expect(quarantined?.count).toBe('0');
    },
  );

  it('counts a call in the cycle that its credit was held in, whatever the clock of its gateway', async () => {
    const organizationId = randomUUID();
    const startedAt = '2026-11-20T00:00:00.300Z';
    await book([
      uncapped(organizationId, {
        startedAt,
        endedAt: startedAt,
        holdNanoUsd: '10',
        accounts: [{ accountId: `key:key of ${organizationId}:daily:2026-11-19`, capNanoUsd: '1000' }],
      }),
    ]);
    const day = (date: string): number[] => [Date.parse(`${date}T00:00:00Z`), Date.parse(`${date}T24:00:00Z`)];
    expect((await ask(organizationId, { bounds: day('2026-11-19') })).totals.requests).toBe(1);
    expect((await ask(organizationId, { bounds: day('2026-11-20') })).totals.requests).toBe(0);
  });

  it('F4: tells latencies apart by their histograms, and none where nothing was measured', async () => {
    const organizationId = randomUUID();
    const event = secondVersion(uncapped(organizationId, {}));
    const measured = [100, 110, 120, 5_000].map((firstByteMs) => ({ ...event, requestId: randomUUID(), firstByteMs }));
    await book(measured);
    const { totals } = await ask(organizationId);
    expect(totals.firstByte).toMatch(/^10{2,}30+$|^1\d+$/);
    expect((await ask(randomUUID())).totals).toMatchObject({ firstByte: null, duration: null });
  });

  it('shows the greatest groups and says that there are more', async () => {
    const organizationId = randomUUID();
    await book(
      Array.from({ length: 6 }, (_, n) =>
        uncapped(organizationId, { apiKeyId: `key ${n}`, costNanoUsd: String(10 + n), chargeNanoUsd: String(10 + n) }),
      ),
    );
    const { groups, isCut, totals } = await ask(organizationId, { groupBy: ['api_key_id'], limit: 2 });
    expect([groups.map(({ values }) => values[0]), isCut, totals.requests]).toEqual([['key 5', 'key 4'], true, 6]);
    expect((await ask(organizationId, { groupBy: ['api_key_id'], limit: 6 })).isCut).toBe(false);
    const lines: (string | null)[] = [];
    const question = { organizationId, filters: {}, groupBy: ['api_key_id'] as const, bounds: [0, Date.now()] };
    for await (const page of query.rows({ ...question, isSeries: false, order: 'cost_usd', limit: 1 }, 2))
      lines.push(...page.flatMap(({ groups: all }) => all.map(({ values }) => values[0] ?? null)));
    expect(lines).toEqual(['key 0', 'key 1', 'key 2', 'key 3', 'key 4', 'key 5']);
  });

  it('counts refused calls once, by key and code, however often a sum is told', async () => {
    const organizationId = randomUUID();
    const store = new StoreRefusedCalls(billing(opened.database), logger);
    const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000).toISOString();
    const tell = (instanceId: string, calls: number, apiKeyId = 'k') =>
      store.store({
        topic: CALLS_REFUSED_V1,
        partition: 0,
        messages: [
          {
            offset: (offset += 1n),
            part: 0,
            key: organizationId,
            value: JSON.stringify({
              eventVersion: 1,
              organizationId,
              instanceId,
              minute,
              refusals: [{ apiKeyId, code: 'quota_exceeded', calls }],
            }),
          },
        ],
      });
    for (const [instance, calls] of [
      ['a', 2],
      ['a', 5],
      ['a', 3],
      ['b', 1],
    ] as const)
      await tell(instance, calls);
    await tell('a', 7, 'other');
    await store.store({
      topic: CALLS_REFUSED_V1,
      partition: 0,
      messages: [{ offset: (offset += 1n), part: 0, key: 'k', value: 'nonsense' }],
    });
    const now = Date.now() + 60_000;
    for (const from of [now - 10 * 60_000, now - 400 * 24 * HOUR_MS])
      expect((await ask(organizationId, { bounds: [from, now] })).totals.refused).toEqual({ quota_exceeded: 13 });
    expect((await ask(organizationId, { filters: { api_key_id: 'k' } })).totals.refused).toEqual({ quota_exceeded: 6 });
    expect((await ask(organizationId, { filters: { model: 'm' } })).totals.refused).toBeNull();
  });

  it('F28: adds refused calls up in groups, series, totals and lines, also of keys of which every call was refused', async () => {
    const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
    const below = randomBelow(seed, 0);
    const organizationId = randomUUID();
    const days = 40;
    const begin = Math.floor(Date.now() / 60_000) * 60_000 - days * 24 * HOUR_MS;
    const moment = (): number => begin + below(days * 24 * 60) * 60_000;
    await book(
      Array.from({ length: 60 }, () => {
        const startedAt = new Date(moment() + below(60_000)).toISOString();
        const charge = String(below(3));
        return uncapped(organizationId, {
          apiKeyId: `key ${below(4)}`,
          model: `model ${below(2)}`,
          startedAt,
          endedAt: startedAt,
          costNanoUsd: charge,
          chargeNanoUsd: charge,
        });
      }),
    );
    const refusals = Array.from({ length: 120 }, () => ({
      at: moment(),
      apiKeyId: `key ${below(8)}`,
      code: ['quota_exceeded', 'invalid_request', 'rate_limit_exceeded'][below(3)]!,
      calls: 1 + below(5),
    }));
    await new StoreRefusedCalls(billing(opened.database), logger).store({
      topic: CALLS_REFUSED_V1,
      partition: 0,
      messages: refusals.map(({ at, ...refusal }, n) => ({
        offset: (offset += 1n),
        part: 0,
        key: organizationId,
        value: JSON.stringify({
          eventVersion: 1,
          organizationId,
          instanceId: `instance ${n}`,
          minute: new Date(at).toISOString(),
          refusals: [refusal],
        }),
      })),
    });
    const added = (all: readonly (RefusedByCode | null)[]): RefusedByCode => {
      const sum: Record<string, number> = {};
      for (const each of all)
        for (const [code, calls] of Object.entries(each ?? {})) sum[code] = (sum[code] ?? 0) + calls;
      return sum;
    };
    const linesOf = async (question: Partial<UsageQuestion>) => {
      const asked = { organizationId, filters: {}, groupBy: [], bounds: [], isSeries: false, limit: 1, ...question };
      const lines: { fromMs: number; values: readonly (string | null)[]; refused: RefusedByCode | null }[] = [];
      for await (const page of query.rows({ ...asked, order: 'cost_usd' }, 3))
        for (const { fromMs, groups } of page)
          lines.push(...groups.map(({ values, sums: { refused } }) => ({ fromMs, values, refused })));
      return lines;
    };
    const order = (values: readonly (string | null)[]): string =>
      values.map((value) => (value === null ? '' : ` ${value}`)).join('\u0000');

    for (let round = 0; round < 6; round++) {
      // Minutes are kept for two weeks: what is older is counted by the quarter-hour.
      const [one, other] = [moment(), moment()].map((at) => Math.floor(at / QUARTER_MS) * QUARTER_MS) as [
        number,
        number,
      ];
      const [from, to] = [Math.min(one, other), Math.max(one, other) + QUARTER_MS];
      const interval = (['hour', 'day', 'month'] as const)[below(3)]!;
      const middle = from + Math.floor((to - from) / 2 / QUARTER_MS) * QUARTER_MS;
      const halves = middle === from ? [from, to] : [from, middle, to];
      const bounds = bucketBounds(from, to, interval, ZONES[below(ZONES.length)]!)!;
      const apiKeyId = below(3) === 0 ? `key ${below(8)}` : null;
      const filters = apiKeyId === null ? {} : { api_key_id: apiKeyId };
      const counted = refusals.filter(
        ({ at, apiKeyId: key }) => at >= from && at < to && (apiKeyId === null || key === apiKeyId),
      );
      const expected = added(counted.map(({ code, calls }) => ({ [code]: calls })));
      for (const groupBy of [
        ['api_key_id'],
        ['model'],
        ['status'],
        ['api_key_id', 'model'],
        ['route', 'api_key_id'],
      ] as const) {
        const what = `seed ${seed}, round ${round}, by ${groupBy.join()}`;
        const answer = await ask(organizationId, { bounds, isSeries: true, groupBy, filters });
        expect(answer.totals.refused, what).toEqual(expected);
        expect(added(answer.series.map(({ sums }) => sums.refused)), what).toEqual(expected);
        expect(added(answer.groups.map(({ sums }) => sums.refused)), what).toEqual(expected);
        for (const { sums, groups } of answer.series)
          expect(added(groups.map(({ refused }) => refused)), what).toEqual(sums.refused);
        if (groupBy.join() === 'api_key_id')
          for (const { values, sums } of answer.groups) {
            const ofKey = counted.filter((each) => each.apiKeyId === values[0]);
            expect(sums.refused, what).toEqual(added(ofKey.map(({ code, calls }) => ({ [code]: calls }))));
          }
        const cut = await ask(organizationId, { bounds, groupBy, filters, limit: 2 });
        expect(cut.groups, what).toEqual(answer.groups.slice(0, 2));
        expect(cut.isCut, what).toBe(answer.groups.length > 2);
        expect(cut.totals.refused, what).toEqual(expected);
        const lines = await linesOf({ bounds: halves, groupBy, filters });
        expect(added(lines.map(({ refused }) => refused)), what).toEqual(expected);
        const places = lines.map(({ fromMs, values }) => [fromMs, order(values)] as const);
        expect(places, what).toEqual(
          [...new Map(places.map((place) => [place.join(), place])).values()].sort(
            (a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1),
          ),
        );
      }
      const ungrouped: (RefusedByCode | null)[] = [];
      const asked = {
        organizationId,
        filters,
        groupBy: [],
        bounds: halves,
        isSeries: false,
        order: 'cost_usd',
        limit: 1,
      } as const;
      for await (const page of query.rows(asked, 3)) ungrouped.push(...page.map(({ sums }) => sums.refused));
      expect(added(ungrouped)).toEqual(expected);
    }
    // Whose keys they are, beyond the key, is not counted: the totals have them, and no group says a number.
    const whole = { bounds: [-Infinity, Infinity], groupBy: ['api_key_id', 'project_id'] as const };
    const { totals, groups } = await ask(organizationId, whole);
    expect(Object.keys(totals.refused ?? {})).toHaveLength(3);
    expect(groups.map(({ sums }) => sums.refused)).toEqual(groups.map(() => null));
    expect((await ask(organizationId, { ...whole, filters: { route: 'r' } })).totals.refused).toBeNull();
  });

  it('E6: keeps the names of what is gone', async () => {
    const organizationId = randomUUID();
    const event = secondVersion(uncapped(organizationId, { apiKeyId: 'k1' }));
    await book([{ ...event, groupIds: ['g1'], projectId: 'p1', memberId: 'm1' }]);
    let isGone = false;
    const knownOwners = (asked: { apiKeyIds?: readonly string[]; groupIds?: readonly string[] }) => {
      const named = (ids: readonly string[] = []) => (isGone ? [] : ids.map((id) => ({ id, name: `the ${id}` })));
      const { apiKeyIds, groupIds } = asked;
      return Promise.resolve({
        organization: true,
        organizationName: null,
        apiKeys: named(apiKeyIds),
        groups: named(groupIds),
        projects: [],
        members: [],
      });
    };
    const names = new UsageNames(
      billing(opened.database),
      new UsageNameStore(billing(opened.database)),
      { knownOwners },
      logger,
    );
    while ((await names.nameNew()) > 0);
    isGone = true;
    const nameOf = await names.of(organizationId, ['api_key_id', 'group_id'], [['k1', 'g1']]);
    expect([nameOf('api_key_id', 'k1'), nameOf('group_id', 'g1'), nameOf('project_id', 'p1')]).toEqual([
      'the k1',
      'the g1',
      null,
    ]);
  });

  it('deletes minutes and hours when they are old, and sums stay', async () => {
    const organizationId = randomUUID();
    const startedAt = new Date(Date.now() - 500 * 24 * HOUR_MS).toISOString();
    await book([uncapped(organizationId, { startedAt, endedAt: startedAt })]);
    const rows = () =>
      opened.database.dataSource.query<{ minutes: string; hours: string; series: string; days: string }[]>(
        `SELECT (SELECT count(*) FROM billing.usage_minute WHERE organization_id = $1) AS minutes,
           (SELECT count(*) FROM billing.usage_hour WHERE organization_id = $1) AS hours,
           (SELECT count(*) FROM billing.usage_series WHERE organization_id = $1) AS series,
           (SELECT count(*) FROM billing.usage_day WHERE organization_id = $1) AS days`,
        [organizationId],
      );
    expect(await rows()).toEqual([{ minutes: '2', hours: '2', series: '8', days: '3' }]);
    await Promise.all([retention.delete(Date.now()), retention.delete(Date.now())]);
    expect(await rows()).toEqual([{ minutes: '0', hours: '0', series: '2', days: '3' }]);
    const near = Date.parse(startedAt);
    for (const bounds of [
      [near - 1, near + 1],
      [near - 7 * HOUR_MS, near + 5 * HOUR_MS],
    ])
      expect((await ask(organizationId, { bounds })).totals).toMatchObject({ requests: 1, chargeNanoUsd: 10n });
  });

  it('keeps them as long as the operator says, and what is deleted is not there again when that is longer', async () => {
    const organizationId = randomUUID();
    const now = Date.now();
    const startedAt = new Date(Math.floor((now - 5 * 24 * HOUR_MS) / 3_600_000) * 3_600_000 + 1_860_000).toISOString();
    await book([uncapped(organizationId, { startedAt, endedAt: startedAt })]);
    const keeping = (usageMinuteDays: number, usageHourDays = 400) =>
      new UsageRetention(billing(opened.database), logger, { usageMinuteDays, usageHourDays });
    const minutes = () =>
      opened.database.dataSource.query<object[]>('SELECT 1 FROM billing.usage_minute WHERE organization_id = $1', [
        organizationId,
      ]);
    const [day, near] = [24 * HOUR_MS, Date.parse(startedAt)];
    await keeping(6).delete(now);
    expect(await minutes()).toHaveLength(2);
    const short = keeping(4);
    await short.delete(now);
    expect(await minutes()).toEqual([]);
    expect(short.keptSince(now).minute).toBe(now - 4 * day + HOUR_MS);
    const longer = keeping(30);
    expect(longer.keptSince(now).minute).toBe(now - 30 * day + HOUR_MS);
    await longer.onModuleInit();
    expect(longer.keptSince(now).minute).toBe(now - 4 * day + HOUR_MS);
    expect(longer.keptSince(now).hour).toBe(now - 400 * day + HOUR_MS);
    // The minutes are gone, and the sums are read from what is there.
    const { totals } = await new QueryUsage(billing(opened.database), longer).answer({
      ...{ organizationId, filters: {}, groupBy: [], isSeries: false, order: 'cost_usd', limit: 10 },
      bounds: [near - 60_000, near + 60_000],
    });
    expect(totals).toMatchObject({ requests: 1, chargeNanoUsd: 10n });
  });
});
