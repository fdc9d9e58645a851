import { randomInt, randomUUID } from 'node:crypto';
import type { UsageRecordedV1, UsageRecordedV2 } from '@tollgate/contracts';
import { migrate, openDatabase } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  FindUsageEvent,
  QueryUsage,
  SettleHolds,
  usageBillingSchema,
  UsageRetention,
  type UsageQuestion,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  RecordingAdmission,
  schemaBefore,
  screening,
  secondVersion,
  usageBatch,
  usageEvent,
  type OpenedDatabase,
} from './billing-fixture.js';
import { randomBelow } from './random-below.js';
import { summedUp } from './summed-up.js';

type Row = Record<string, unknown>;
type Event = UsageRecordedV1 | UsageRecordedV2;
const logger = createLogger({ service: 'contract', level: 'silent' });
const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
const HOUR_MS = 3_600_000;

const OF_OWNERS: Partial<UsageRecordedV2> = {
  ...{ groupIds: ['g', 'h', 'i'], routeGroupId: 'g', otherRouteGroupIds: ['h'] },
  ...{ projectId: 'p', memberId: 'm' },
};
const heldOn = (...ids: string[]): Partial<UsageRecordedV2> => ({
  accounts: ['key:KEY', ...ids].map((accountId) => ({ accountId, capNanoUsd: '1000', kind: null, cycle: null })),
});

describe.each(databaseShapes)('what version 2 tells of a call that version 1 brought, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let usage: QueryUsage;
  beforeAll(async () => {
    opened = await open();
    usage = new QueryUsage(billing(opened.database), new UsageRetention(billing(opened.database), logger, {}));
  });
  afterAll(() => opened?.close());

  const query = (sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    opened.database.dataSource.query(sql, parameters);
  let offset = 0n;
  const book = async (events: readonly Event[], at: OpenedDatabase = opened): Promise<void> => {
    const service = billing(at.database);
    const admission = new RecordingAdmission();
    const settles = new SettleHolds(admission, logger);
    const books = new BookUsage(service, admission, settles, screening(service), logger, meter);
    await books.book(usageBatch(events, 0, (offset += 1_000n)));
  };
  /** The same call of an organisation and a key. */
  const callOf = (organizationId: string, fields: Partial<UsageRecordedV2> = {}): UsageRecordedV2 => {
    const apiKeyId = `key of ${organizationId}`;
    const accounts = [{ accountId: 'key:KEY', capNanoUsd: '1000' }];
    const event = secondVersion(usageEvent({ organizationId, apiKeyId, accounts }));
    const told = { ...event, ...fields };
    return {
      ...told,
      accounts: told.accounts.map((each) => ({ ...each, accountId: each.accountId.replace('KEY', apiKeyId) })),
    };
  };
  const firstOf = (event: UsageRecordedV2): UsageRecordedV1 => {
    const known = Object.keys(usageEvent({ organizationId: '' }));
    const { accounts, ...fields } = Object.fromEntries(
      Object.entries(event).filter(([name]) => known.includes(name)),
    ) as unknown as UsageRecordedV1;
    const named = accounts.map(({ accountId, capNanoUsd }) => ({ accountId, capNanoUsd }));
    return { ...fields, accounts: named, eventVersion: 1 };
  };
  /** All that is counted, without the rows of the events themselves. */
  const countedOf = async (organizationId: string, at: OpenedDatabase = opened): Promise<Row> => {
    const {
      usage_event: _,
      usage_event_facts: _facts,
      ...sums
    } = await summedUp((sql, parameters) => at.database.dataSource.query(sql, parameters), organizationId);
    return JSON.parse(JSON.stringify(sums).replaceAll(organizationId, 'ORG')) as Row;
  };
  const answersOf = async (organizationId: string): Promise<unknown> => {
    const answers: unknown[] = [];
    const at = Date.parse('2026-11-20T10:00:00.000Z');
    for (const bounds of [
      [-Infinity, Infinity],
      [at, at + 1],
      [at - 1, at + 86_400_000 - 7],
      [at - HOUR_MS - 1_234, at + HOUR_MS + 56_789],
    ])
      for (const groupBy of [[], ['group_id'], ['project_id'], ['member_id'], ['model'], ['api_key_id', 'group_id']])
        answers.push(
          await usage.answer({
            ...{ organizationId, filters: {}, groupBy: groupBy as UsageQuestion['groupBy'], bounds },
            ...{ isSeries: true, order: 'cost_usd', limit: 1_000 },
          }),
        );
    return JSON.parse(
      JSON.stringify(answers, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)) //
        .replaceAll(organizationId, 'ORG'),
    );
  };

  it.each<[string, Partial<UsageRecordedV2>]>([
    ['nothing but the classes of its tokens', {}],
    ['whose it is', OF_OWNERS],
    ['whose it is, on a route that is open to everyone', { groupIds: ['g', 'h'], projectId: 'p' }],
    [
      'whose it is, held on the budgets of a group and its project',
      { ...OF_OWNERS, ...heldOn('group:h', 'project:p') },
    ],
    ['what group opened its route, held on the budget of another', { routeGroupId: 'g', ...heldOn('group:h') }],
    ['how long it took', { firstByteMs: 120, durationMs: 5_000 }],
    ['that a part of it has no price', { unpriced: true }],
    ['what it is worth with the mark-up', { billableNanoUsd: '12' }],
    ['whose it is, in the cycle of a day that had ended', { ...OF_OWNERS, accounts: heldOn('project:p').accounts!.map((each) => ({ ...each, accountId: `${each.accountId}:daily:2026-11-19` })), startedAt: '2026-11-20T00:01:00.000Z' }], // prettier-ignore
  ])('is counted as if version 2 alone had been booked: %s', async (_what, fields) => {
    const [organizationId, other, third] = [randomUUID(), randomUUID(), randomUUID()];
    const call = callOf(organizationId, fields);
    const another = callOf(organizationId, OF_OWNERS);
    await book([firstOf(call), another]);
    await book([call, call, firstOf(call), another]);
    await book([callOf(other, fields), callOf(other, OF_OWNERS)]);
    expect(await countedOf(organizationId)).toEqual(await countedOf(other));
    expect(await answersOf(organizationId)).toEqual(await answersOf(other));
    const events = new FindUsageEvent(billing(opened.database));
    const found = await events.byRequestId(organizationId, call.requestId);
    expect(found).toMatchObject({ unpriced: call.unpriced === true, priceLines: call.priceLines });
    expect(found?.billableNanoUsd?.toString()).toBe(call.billableNanoUsd);

    // Of an orphan it is taken out again with the orphan: nothing is left of either.
    const final = callOf(third, fields);
    const orphan: UsageRecordedV2 = { ...final, outcome: 'orphaned', firstByteMs: 77, projectId: 'another', accounts: [final.accounts[0]!] }; // prettier-ignore
    await book([firstOf(orphan), callOf(third, OF_OWNERS)]);
    await book([orphan]);
    expect(JSON.stringify(await countedOf(third))).toContain('orphaned');
    await book([final]);
    expect(await countedOf(third)).toEqual(await countedOf(other));
    expect(await answersOf(third)).toEqual(await answersOf(other));
  });

  it('is counted once in random orders and company, orphans and other contents among them', async () => {
    const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
    const below = randomBelow(seed, 0);
    const [organizationId, plain] = [randomUUID(), randomUUID()];
    const pick = <T>(...values: T[]): T => values[below(values.length)]!;
    const begin = Date.now() - 20 * 24 * HOUR_MS;
    const calls = Array.from({ length: 40 }, (_, n) => {
      const startedAt = new Date(begin + below(40) * 9 * HOUR_MS + below(HOUR_MS)).toISOString();
      const cost = String(2 + below(9));
      const fields = {
        ...{ startedAt, endedAt: startedAt, journalNumber: n + 1, costNanoUsd: cost, chargeNanoUsd: cost },
        ...{ model: `model ${below(2)}`, groupIds: pick(null, [], ['g'], ['g', 'h']), projectId: pick(null, 'p', 'q') },
        ...{ memberId: pick(null, 'm'), firstByteMs: pick(null, below(900)), durationMs: below(9_000), priceLines: [] },
        ...(below(4) === 0 ? { unpriced: true } : {}),
      };
      return [callOf(organizationId, fields), callOf(plain, fields)] as const;
    });
    const deliveries = calls.flatMap(([call]): Event[] => {
      const orphan = { ...call, outcome: 'orphaned' as const, costNanoUsd: '2', chargeNanoUsd: '2', memberId: 'o' };
      const all: Event[] = [firstOf(call), firstOf(call), call, firstOf(orphan), orphan];
      const some = all.filter(() => below(3) > 0);
      // A final of the second version is among them.
      return some.includes(call) ? some : [...some, call];
    });
    for (let n = deliveries.length - 1; n > 0; n--) {
      const other = below(n + 1);
      [deliveries[n], deliveries[other]] = [deliveries[other]!, deliveries[n]!];
    }
    for (let at = 0; at < deliveries.length;) {
      const size = 1 + below(12);
      await book(deliveries.slice(at, (at += size)));
    }
    for (const [call] of calls.slice(0, 5))
      await book([{ ...call, costNanoUsd: '99', chargeNanoUsd: '99', projectId: 'foreign' }]);
    await book(calls.map(([, call]) => call));
    expect(await countedOf(organizationId), `seed ${seed}`).toEqual(await countedOf(plain));
    const conflicts = await query(
      `SELECT count(*) AS n FROM billing.quarantine WHERE said_organization_id = $1 AND cause = 'conflict'`,
      [organizationId],
    );
    expect(conflicts, `seed ${seed}`).toEqual([{ n: '5' }]);
  });

  it('is counted on the first start, where it was told before', async () => {
    const former = await open(schemaBefore('FactsRolledUp'));
    const [organizationId, other] = [randomUUID(), randomUUID()];
    const calls = [callOf(organizationId, OF_OWNERS), callOf(organizationId, { firstByteMs: 120, unpriced: true })];
    const others = [callOf(other, OF_OWNERS), callOf(other, { firstByteMs: 120, unpriced: true })];
    try {
      await book(calls.map(firstOf), former);
      await book(calls, former);
      await book(others, former);
      expect(await countedOf(organizationId, former)).not.toEqual(await countedOf(other, former));
      await former.database.close();
      await migrate(former.url, usageBillingSchema);
      const database = await openDatabase({ url: former.url, poolSize: 1, applicationName: 'contract' });
      try {
        const latter = { ...former, database };
        expect(await countedOf(organizationId, latter)).toEqual(await countedOf(other, latter));
      } finally {
        await database.close();
      }
    } finally {
      await former.close();
    }
  });

  it('leaves no trace where it says something else of the call', async () => {
    const organizationId = randomUUID();
    const call = callOf(organizationId, OF_OWNERS);
    await book([firstOf(call)]);
    const before = await summedUp(query, organizationId);
    await book([{ ...call, costNanoUsd: '12', chargeNanoUsd: '12', priceLines: [] }]);
    expect(await summedUp(query, organizationId)).toEqual(before);
  });
});
