import { randomInt, randomUUID } from 'node:crypto';
import type { AdmissionBooks, BookedSettle } from '@tollgate/admission';
import type { BusBatch } from '@tollgate/bus';
import type { UsageRecordedV1 } from '@tollgate/contracts';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  CompareBalances,
  GatewayInstances,
  OpenEpoch,
  QueryUsage,
  SettleHolds,
  UsageRetention,
} from '@tollgate/usage-billing';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  RecordingAdmission,
  screening,
  usageBatch,
  usageEvent,
  type OpenedDatabase,
} from './billing-fixture.js';
import { randomBelow } from './random-below.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));

/** What a process does with a batch, in this order: it is killed before each of these. */
const STEPS = [
  'lock the organisations',
  'read usage_event_facts',
  'read account',
  'read gateway_instance',
  'insert usage_event',
  'insert transfer',
  'insert account',
  'insert key_usage',
  'insert journal_progress',
  'insert quarantine',
  'insert consumer_offset',
  'commit',
  'what follows the commit',
  'settle the holds',
  'what follows the settling',
  'tell the bus',
];

/** The same for a batch with the final of a call that is booked as an orphan's. */
const REPLACING = STEPS.toSpliced(
  STEPS.indexOf('insert usage_event'),
  2,
  'insert transfer',
  'take out the orphans',
  'insert usage_event',
  'insert transfer (2)',
)
  .toSpliced(2, 0, 'read usage_event')
  .flatMap((step) => (step === 'insert key_usage' ? [step, 'update key_usage'] : [step]));

/** The end of a process: nothing that it does afterwards happens. */
class Killed extends Error {}

/** The steps of one process, which is killed before one of them. */
class Life {
  readonly steps: string[] = [];
  #isOver = false;

  constructor(private readonly killedBefore: (step: string, number: number) => boolean = () => false) {}

  step(name: string): void {
    const before = this.steps.filter((each) => each === name || each.startsWith(`${name} (`)).length;
    const step = before === 0 ? name : `${name} (${before + 1})`;
    this.#isOver ||= this.killedBefore(step, this.steps.length);
    if (this.#isOver) throw new Killed(step);
    this.steps.push(step);
  }
}

/** The database as a process sees it that may be killed within a transaction: the server then takes all of it back. */
class MortalDatabase extends ServiceDatabase {
  constructor(
    { dataSource }: Database,
    private readonly life: Life,
  ) {
    super(dataSource, 'billing');
  }

  override async acrossOrganizations<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const done = await super.acrossOrganizations(async (manager) => {
      const query = async (sql: string, parameters?: unknown[]): Promise<unknown> => {
        this.life.step(stepOf(sql));
        return manager.query(sql, parameters);
      };
      const result = await work(Object.create(manager, { query: { value: query } }) as EntityManager);
      this.life.step('commit');
      return result;
    });
    this.life.step('what follows the commit');
    return done;
  }
}

function stepOf(sql: string): string {
  if (sql.includes('pg_advisory_xact_lock')) return 'lock the organisations';
  if (sql.includes('take_out_orphans')) return 'take out the orphans';
  const [, what = '', table = ''] = /(INSERT INTO|UPDATE|DELETE FROM|FROM)\s+billing\.(\w+)/.exec(sql) ?? [];
  return `${{ 'INSERT INTO': 'insert', UPDATE: 'update', 'DELETE FROM': 'delete', FROM: 'read' }[what] ?? 'ask'} ${table}`;
}

describe.each(databaseShapes)('fault 17: a booking process is killed, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let offset = 0n;
  beforeAll(async () => {
    opened = await open();
    await new GatewayInstances(billing(opened.database)).register({ instanceId: 'i', journalId: 'j' });
  });
  afterAll(() => opened?.close());

  /** An organisation with an open epoch, and calls that held credit and are over. */
  const organizationWith = async (calls: number) => {
    const organizationId = randomUUID();
    const admission = new RecordingAdmission();
    admission.shippedJournals = () => Promise.resolve(new Set(['j']));
    const bus = { drained: () => Promise.resolve() };
    await new OpenEpoch(billing(opened.database), admission, bus, logger, meter).open(organizationId);
    for (const { journalId } of admission.openings.at(-1)?.waitingFor ?? [])
      await admission.stopWaiting(organizationId, journalId);
    const events = Array.from({ length: calls }, (_, n) =>
      usageEvent({ organizationId, journalId: 'j', journalNumber: n + 1, apiKeyId: organizationId }),
    );
    for (const { requestId, accounts } of events) {
      const decision = await admission.reserve({
        requestId,
        organizationId,
        apiKeyId: organizationId,
        instanceId: 'i',
        journalId: 'j',
        amountNanoUsd: 10n,
        tokens: 0,
        accounts: accounts.map(({ accountId }) => ({ accountId, capNanoUsd: 1_000n, generation: 0 })),
        rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
      });
      expect(decision.kind).toBe('admitted');
    }
    return { organizationId, admission, events };
  };
  type Organization = Awaited<ReturnType<typeof organizationWith>>;

  const processWith = (admission: RecordingAdmission, life: Life): BookUsage => {
    const database = new MortalDatabase(opened.database, life);
    const mortal: Pick<AdmissionBooks, 'settleBooked' | 'closeEpoch' | 'loadAccounts'> = {
      settleBooked: async (organizationId: string, items: readonly BookedSettle[]) => {
        life.step('settle the holds');
        await admission.settleBooked(organizationId, items);
        life.step('what follows the settling');
      },
      closeEpoch: (organizationId) => admission.closeEpoch(organizationId),
      loadAccounts: (organizationId, items) => admission.loadAccounts(organizationId, items),
    };
    return new BookUsage(database, mortal, new SettleHolds(mortal, logger), screening(database), logger, meter);
  };
  /** Resolves with whether the process lived to the end of the batch. */
  const survives = async (process: BookUsage, batch: BusBatch, life: Life): Promise<boolean> => {
    try {
      await process.book(batch);
      life.step('tell the bus');
      return true;
    } catch (error) {
      if (error instanceof Killed) return false;
      throw error;
    }
  };

  /** Each call is booked once, and all books agree: transfers, balances, events, roll-ups and admission. */
  const expectExact = async ({ organizationId, admission, events }: Organization, what: string): Promise<void> => {
    const charged = BigInt(events.length) * 10n;
    const books = await new CompareBalances(billing(opened.database), admission).of(organizationId);
    expect(books, what).toEqual([
      {
        accountId: `account of ${organizationId}`,
        ledgerPostedNanoUsd: charged,
        transfersNanoUsd: charged,
        eventsNanoUsd: charged,
        admissionPostedNanoUsd: charged,
        heldNanoUsd: 0n,
      },
    ]);
    const database = billing(opened.database);
    const { totals } = await new QueryUsage(database, new UsageRetention(database, logger, {})).answer({
      organizationId,
      filters: {},
      groupBy: [],
      bounds: [-Infinity, Infinity],
      isSeries: false,
      order: 'cost_usd',
      limit: 1,
    });
    expect([totals.requests, totals.chargeNanoUsd], what).toEqual([events.length, charged]);
  };
  /** What the gateway does at the end of each call, whether usage-billing has done it or not. */
  const settleAtGateway = ({ organizationId, admission, events }: Organization): void => {
    for (const { requestId } of events) admission.settle({ requestId, organizationId, chargeNanoUsd: 10n, tokens: 7 });
  };
  /** An epoch that a correction has closed is opened again, and nothing is left to announce. */
  const openAgain = async ({ organizationId, admission }: Organization): Promise<void> => {
    const bus = { drained: () => Promise.resolve() };
    await new OpenEpoch(billing(opened.database), admission, bus, logger, meter).open(organizationId);
    for (const { journalId } of admission.openings.at(-1)?.waitingFor ?? [])
      await admission.stopWaiting(organizationId, journalId);
  };
  const offsetOf = async (batch: BusBatch): Promise<string | undefined> => {
    const rows = await opened.database.dataSource.query<{ next_offset: string }[]>(
      'SELECT next_offset FROM billing.consumer_offset WHERE topic = $1 AND partition = $2',
      [batch.topic, batch.partition],
    );
    return rows[0]?.next_offset;
  };

  it('has a row below for each of its steps', async () => {
    const organization = await organizationWith(2);
    const life = new Life();
    const batch = usageBatch([...organization.events, 'poison'], 0, (offset += 10n));
    expect(await survives(processWith(organization.admission, life), batch, life)).toBe(true);
    expect(life.steps).toEqual(STEPS);
  });

  it.each(STEPS)('before it could %s: another process books each call once, and skips nothing', async (step) => {
    const organization = await organizationWith(3);
    const [one, two, three] = organization.events as [UsageRecordedV1, UsageRecordedV1, UsageRecordedV1];
    const batch = usageBatch([one, two, two, 'poison', three], 0, (offset += 10n));
    const before = await offsetOf(batch);
    const life = new Life((name) => name === step);
    expect(await survives(processWith(organization.admission, life), batch, life)).toBe(false);
    const next = life.steps.includes('commit') ? String(offset + 5n) : before;
    expect(await offsetOf(batch), 'where the next process goes on').toBe(next);
    // The other one is given it again, in whatever order it comes, and the killed one once it is back.
    for (const events of [batch.messages, [...batch.messages].reverse(), batch.messages]) {
      const other = new Life();
      const again = { ...batch, messages: events.map((message, n) => ({ ...message, offset: offset + BigInt(n) })) };
      expect(await survives(processWith(organization.admission, other), again, other)).toBe(true);
    }
    settleAtGateway(organization);
    await expectExact(organization, step);
    expect(await offsetOf(batch)).toBe(String(offset + 5n));
  });

  describe('while finals take the places of orphans', () => {
    /** Three calls, of which the first two are booked as orphans, for more and for less than their finals say. */
    const orphaned = async () => {
      const organization = await organizationWith(3);
      const [one, two] = organization.events as [UsageRecordedV1, UsageRecordedV1];
      const orphan = (event: UsageRecordedV1, costNanoUsd: string): UsageRecordedV1 => ({
        ...event,
        outcome: 'orphaned',
        costNanoUsd,
        chargeNanoUsd: costNanoUsd,
      });
      const orphans = [orphan(one, '3'), orphan({ ...two, costNanoUsd: '10' }, '10')];
      const life = new Life();
      const batch = usageBatch(orphans, 7, (offset += 10n));
      expect(await survives(processWith(organization.admission, life), batch, life)).toBe(true);
      return { organization, orphans };
    };

    it('has a row below for each of its steps', async () => {
      const { organization } = await orphaned();
      const life = new Life();
      const batch = usageBatch([...organization.events, 'poison'], 7, (offset += 10n));
      expect(await survives(processWith(organization.admission, life), batch, life)).toBe(true);
      expect(life.steps).toEqual(REPLACING);
    });

    it.each(REPLACING)('before it could %s: another process corrects each call once', async (step) => {
      const { organization, orphans } = await orphaned();
      const [one, two, three] = organization.events as [UsageRecordedV1, UsageRecordedV1, UsageRecordedV1];
      const batch = usageBatch([one, two, orphans[0]!, 'poison', three], 7, (offset += 10n));
      const life = new Life((name) => name === step);
      expect(await survives(processWith(organization.admission, life), batch, life)).toBe(false);
      for (const events of [batch.messages, [...batch.messages].reverse(), batch.messages]) {
        const other = new Life();
        const again = { ...batch, messages: events.map((message, n) => ({ ...message, offset: offset + BigInt(n) })) };
        expect(await survives(processWith(organization.admission, other), again, other)).toBe(true);
      }
      settleAtGateway(organization);
      await openAgain(organization);
      await expectExact(organization, step);
    });

    it('faults 16, 18 and 20: two at once, killed at random, agree however orphans and finals come', async () => {
      const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
      for (let round = 0; round < 12; round++) {
        const below = randomBelow(seed, round);
        const organization = await organizationWith(6);
        const orphans = organization.events
          .filter(() => below(3) > 0)
          .map((event): UsageRecordedV1 => {
            const cost = String(below(14));
            const chargeNanoUsd = Number(cost) > 10 ? '10' : cost;
            return { ...event, outcome: 'orphaned', costNanoUsd: cost, chargeNanoUsd };
          });
        const inAnyOrder = <T>(items: readonly T[]): T[] =>
          items
            .map((item) => ({ item, place: below(1_000) }))
            .sort((a, b) => a.place - b.place)
            .map(({ item }) => item);
        const consume = async (partition: number): Promise<void> => {
          const deliveries = inAnyOrder([...organization.events, ...orphans, ...orphans]);
          while (deliveries.length > 0) {
            const batch = usageBatch(deliveries.slice(0, 1 + below(5)), partition, (offset += 10n));
            const killedAt = below(3) === 0 ? Infinity : below(60);
            const life = new Life((_, number) => number === killedAt);
            if (await survives(processWith(organization.admission, life), batch, life))
              deliveries.splice(0, batch.messages.length);
          }
        };
        await Promise.all([consume(8), consume(9)]);
        settleAtGateway(organization);
        await openAgain(organization);
        await expectExact(organization, `seed ${seed}, round ${round}`);
      }
    });
  });

  it('faults 16, 18 and 20: two at once, killed at random, while deliveries come twice and in any order', async () => {
    const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
    for (let round = 0; round < 12; round++) {
      const below = randomBelow(seed, round);
      const organization = await organizationWith(8);
      const shuffled = <T>(items: readonly T[]): T[] =>
        items
          .map((item) => ({ item, place: below(1_000) }))
          .sort((a, b) => a.place - b.place)
          .map(({ item }) => item);
      let kills = 0;
      /** One process after the other is given what comes, until all of it is booked. */
      const consume = async (partition: number): Promise<void> => {
        const deliveries = [...shuffled(organization.events), ...shuffled(organization.events.slice(0, below(8)))];
        while (deliveries.length > 0) {
          const batch = usageBatch(deliveries.slice(0, 1 + below(5)), partition, (offset += 10n));
          const killedAt = below(3) === 0 ? Infinity : below(60);
          const life = new Life((_, number) => number === killedAt);
          if (await survives(processWith(organization.admission, life), batch, life))
            deliveries.splice(0, batch.messages.length);
          else kills += 1;
        }
      };
      await Promise.all([consume(1), consume(2)]);
      settleAtGateway(organization);
      await expectExact(organization, `seed ${seed}, round ${round}, ${kills} kills`);
    }
  });
});
