import { randomUUID } from 'node:crypto';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import { cycleAccountId, cycleOf, type CreditReset } from '@tollgate/api-key';
import { startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  CompareBalances,
  GatewayInstances,
  OpenEpoch,
  SettleHolds,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  billing,
  type OpenedDatabase,
  postgresServer,
  ScreeningAt,
  usageBatch,
  usageEvent,
} from './billing-fixture.js';
import { clockKey, readClockOfTest } from './clock-of-test.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const HOLDS = 500;
const EACH = 10n;
const CAP = EACH * BigInt(HOLDS);
const NO_LIMITS = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
const gateway = { instanceId: 'an instance', journalId: 'a journal' };

let redis: RedisServer;
let connection: RedisConnection;
let opened: OpenedDatabase;
beforeAll(async () => {
  [redis, opened] = await Promise.all([startRedis(), postgresServer.open()]);
  connection = connectRedis({ url: redis.url, name: 'cycle-reset', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
  readClockOfTest(connection.client);
  await new GatewayInstances(billing(opened.database)).register(gateway);
});
afterAll(async () => {
  await opened?.close();
  await connection?.close();
  await redis?.stop();
});

/** The last moments before a cycle ends. */
const ends: readonly (readonly [CreditReset, string])[] = [
  ['daily', '2026-11-27T23:59:59.999Z'],
  ['weekly', '2026-11-29T23:59:59.999Z'],
  ['monthly', '2028-02-29T23:59:59.999Z'],
  ['monthly', '2026-12-31T23:59:59.999Z'],
];

describe('fault 22: a cycle ends while 500 requests hold credit', () => {
  it.each(ends)('each is charged to the %s cycle it was reserved in, which ends after %s', async (reset, last) => {
    const lastMs = Date.parse(last);
    const [organizationId, apiKeyId] = [randomUUID(), randomUUID()];
    const [books, admission] = [new RedisAdmissionBooks(connection), new RedisAdmission(connection)];
    const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
    const database = billing(opened.database);
    const setClock = (ms: number) => connection.client.set(clockKey(organizationId), String(ms * 1_000));
    const accountAt = (nowMs: number) => {
      const cycle = cycleOf(reset, nowMs);
      return { accountId: cycleAccountId(apiKeyId, cycle), capNanoUsd: CAP, cycle };
    };
    const reserve = async (requestId: string, nowMs: number) =>
      admission.reserve({
        requestId,
        organizationId,
        apiKeyId,
        ...gateway,
        amountNanoUsd: EACH,
        accounts: [accountAt(nowMs)],
        rateLimits: NO_LIMITS,
        tokens: 0,
      });
    const reserveAll = async (nowMs: number) => {
      const requestIds = Array.from({ length: HOLDS }, () => randomUUID());
      const decisions = await Promise.all(requestIds.map((requestId) => reserve(requestId, nowMs)));
      expect(decisions.filter(({ kind }) => kind !== 'admitted')).toEqual([]);
      expect(await reserve(randomUUID(), nowMs)).toMatchObject({ kind: 'credit_exhausted', availableNanoUsd: 0n });
      return requestIds;
    };
    /** Gateways whose clocks are five minutes ahead and behind. */
    const eventsOf = (requestIds: readonly string[], accountId: string, nowMs: number, firstNumber: number) =>
      requestIds.map((requestId, at) => {
        const startedAt = new Date(nowMs + (at % 2 === 0 ? 300_000 : -300_000)).toISOString();
        const charge = { costNanoUsd: '7', chargeNanoUsd: '7', accounts: [{ accountId, capNanoUsd: CAP.toString() }] };
        const call = {
          requestId,
          organizationId,
          apiKeyId,
          journalId: gateway.journalId,
          startedAt,
          endedAt: startedAt,
        };
        return usageEvent({ ...call, ...charge, journalNumber: firstNumber + at });
      });

    await setClock(lastMs);
    await admission.renewLease(gateway.instanceId);
    await new OpenEpoch(database, books, { drained: () => Promise.resolve() }, logger, meter).open(organizationId);
    await admission.announce({ organizationId, journalId: gateway.journalId, holds: [], finals: [] });
    const before = await reserveAll(lastMs);

    // The next cycle begins, and has all of its credit although nothing of the last one is settled.
    await setClock(lastMs + 1);
    expect(await reserve(randomUUID(), lastMs)).toEqual({ kind: 'unavailable', why: 'other_cycle', nowMs: lastMs + 1 });
    const after = await reserveAll(lastMs + 1);

    const [ended, present] = [accountAt(lastMs).accountId, accountAt(lastMs + 1).accountId];
    const events = [...eventsOf(before, ended, lastMs, 1), ...eventsOf(after, present, lastMs + 1, HOLDS + 1)];
    // The gateway settles half of them, usage-billing the others, and all of them when it books.
    for (const { requestId } of events.filter((_, at) => at % 3 === 0))
      admission.settle({ requestId, organizationId, chargeNanoUsd: 7n, tokens: null });
    const book = new BookUsage(
      database,
      books,
      new SettleHolds(books, logger),
      new ScreeningAt(database, () => lastMs),
      logger,
      meter,
    );
    for (const part of [events.slice(0, 700), events.slice(700)]) {
      await book.book(usageBatch(part));
      await book.book(usageBatch(part));
    }
    await admission.drain();
    const charged = 7n * BigInt(HOLDS);
    const balance = {
      ledgerPostedNanoUsd: charged,
      transfersNanoUsd: charged,
      eventsNanoUsd: charged,
      admissionPostedNanoUsd: charged,
      heldNanoUsd: 0n,
    };
    const expected = [ended, present].sort().map((accountId) => ({ accountId, ...balance }));
    await waitUntil(async () => (await books.openHolds(organizationId)).length === 0, { what: 'no hold to be open' });
    expect(await new CompareBalances(database, books).of(organizationId)).toEqual(expected);
  });
});
