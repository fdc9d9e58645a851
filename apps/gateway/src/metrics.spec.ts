import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryAdmission } from '@tollgate/admission';
import type { KeySnapshot } from '@tollgate/api-key';
import { BodyBudget } from '@tollgate/http';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createLogger, createMetricsRegistry, type Registry } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from './journal/journal.js';
import { JournaledRequest } from './journal/journaled-request.js';
import { registerJournalMetrics } from './journal/journal-metrics.js';
import { Shipper } from './journal/shipper.js';
import { OpenRequests } from './request-path/open-requests/open-requests.js';
import { registerAdmissionMetrics } from './request-path/admit/admission-metrics.js';
import { AccountLoads } from './request-path/admit/account-loads.js';
import { CreditEpochs } from './request-path/admit/credit-epochs.js';
import { reserveOnceReady } from './request-path/admit/reserve-once-ready.js';
import type { Received, Routed } from './request-path/exchange/exchange.js';
import type { CachedKey } from './request-path/identify-key/cached-key.js';
import { KeyCache } from './request-path/identify-key/key-cache.js';
import { KeyChangeMeter, registerKeyMetrics } from './request-path/identify-key/key-metrics.js';
import { InFlight } from './request-path/exchange/in-flight.js';
import { registerRequestMetrics, RequestMeter } from './request-path/request-metrics.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const TOMBSTONE: KeySnapshot = {
  apiKeyId: 'k',
  organizationId: 'default',
  version: 2,
  digests: ['ab'.repeat(32)],
  state: 'revoked',
  reason: 'revoked',
};
let registry: Registry;
beforeEach(() => {
  registry = createMetricsRegistry('test', { processMetrics: false });
});
/** The samples of one scrape, by the text before the value. */
const scrape = async (): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await registry.metrics())
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(
        (line) =>
          line.replace('service="test"', '').replace(',}', '}').replace('{}', '').split(' ') as [string, string],
      ),
  );

describe('the meter of requests', () => {
  // The clock stands still: what a busy machine takes is not to be measured.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());
  const exchange = ({ stream = false, ...fields }: Partial<Received> & { stream?: boolean }) =>
    ({
      ask: { stream },
      arrivedAt: performance.now() - 50,
      calledAt: performance.now() - 49,
      firstByteAt: performance.now() - 20,
      answeredAt: performance.now(),
      ...fields,
    }) as Received;

  it('counts refusals by their code, and what was served by its outcome, with the time outside the provider', async () => {
    const meter = new RequestMeter(registry);
    meter.refused('invalid_api_key');
    meter.refused('invalid_api_key');
    meter.served(exchange({}), 'completed');
    meter.served(exchange({ stream: true }), 'client_left');
    const samples = await scrape();
    expect(samples['tollgate_gateway_requests_total{outcome="invalid_api_key"}']).toBe('2');
    expect(samples['tollgate_gateway_requests_total{outcome="completed"}']).toBe('1');
    expect(samples['tollgate_gateway_overhead_seconds_count']).toBe('2');
    expect(samples['tollgate_gateway_overhead_seconds_bucket{le="0.0005"}']).toBe('0');
    expect(samples['tollgate_gateway_overhead_seconds_bucket{le="0.025"}']).toBe('2');
    expect(samples['tollgate_gateway_time_to_first_byte_seconds_bucket{stream="true",le="0.025"}']).toBe('0');
    expect(samples['tollgate_gateway_time_to_first_byte_seconds_bucket{stream="true",le="0.1"}']).toBe('1');
    expect((await scrape())['tollgate_gateway_requests_total{outcome="invalid_api_key"}']).toBe('2');
  });

  it('has no first byte of a provider that failed', async () => {
    const meter = new RequestMeter(registry);
    meter.served(exchange({}), 'provider_failed');
    meter.served(exchange({ firstByteAt: 0 }), 'revoked');
    expect(await scrape()).toMatchObject({
      tollgate_gateway_overhead_seconds_count: '2',
      'tollgate_gateway_time_to_first_byte_seconds_count{stream="false"}': '0',
    });
  });
});

describe('the figures of a gateway', () => {
  let folder: string;
  let journal: Journal;
  let shipper: Shipper;
  let published: () => Promise<void>;
  let loaded: () => Promise<{ postedNanoUsd: string }>;
  const snapshots = new MemoryKeySnapshots();
  const admission = new MemoryAdmission();
  const usageBilling = {
    openCreditEpoch: () => Promise.resolve(),
    loadAccount: () => Promise.resolve({ postedNanoUsd: '0' }),
    registerGateway: () => Promise.resolve(),
    spendingByKey: () => Promise.resolve([]),
  };
  const openRequests = new OpenRequests(1, new BodyBudget(1_000));
  const loads = new AccountLoads({ loadAccount: () => loaded() }, logger);
  const epochs = new CreditEpochs(usageBilling, () => Promise.resolve(), logger);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-metrics-'));
    journal = Journal.open(folder);
    shipper = new Shipper(journal, { publish: () => published() }, logger);
    const keys = new KeyCache(
      snapshots,
      { verifyKey: () => Promise.resolve({ snapshot: null, organization: null }) },
      () => undefined,
    );
    registerRequestMetrics(registry, new InFlight(), openRequests);
    registerAdmissionMetrics(registry, admission, epochs, loads);
    registerJournalMetrics(registry, journal, shipper);
    registerKeyMetrics(registry, keys, snapshots);
    snapshots.follow(new KeyChangeMeter(registry));
  });
  afterEach(() => {
    shipper.close();
    journal.close(false);
    rmSync(folder, { recursive: true });
  });

  it('say what the bus has not acknowledged, and for how long', async () => {
    const waiting: (() => void)[] = [];
    published = () => new Promise((resolve) => waiting.push(resolve));
    await journal.append('F', new JournaledRequest('r1', 'o'), journal.takeNumber(), '{}');
    await journal.append('F', new JournaledRequest('r2', 'o'), journal.takeNumber(), '{}');
    expect(await scrape()).toMatchObject({ tollgate_gateway_journal_unshipped_records: '2' });
    shipper.start();
    const done = shipper.caughtUp();
    await expect.poll(() => waiting.length).toBe(1);
    expect(Number((await scrape())['tollgate_gateway_ship_lag_seconds'])).toBeGreaterThan(0);
    for (const acknowledge of waiting) acknowledge();
    await done;
    const samples = await scrape();
    expect(samples).toMatchObject({
      tollgate_gateway_journal_unshipped_records: '0',
      tollgate_gateway_ship_lag_seconds: '0',
      tollgate_gateway_settle_lag_seconds: '0',
    });
    expect(Number(samples['tollgate_gateway_journal_bytes'])).toBeGreaterThan(0);
    expect(Number(samples['tollgate_gateway_journal_age_seconds'])).toBeLessThan(60);
  });

  it('say how long a revoke took to be heard', async () => {
    await snapshots.write(TOMBSTONE);
    expect((await scrape())['tollgate_gateway_revoke_propagation_seconds_bucket{le="0.001"}']).toBe('1');
  });

  it('say which organisations find no epoch, until they find one', async () => {
    const item = {
      requestId: 'r',
      organizationId: 'o',
      apiKeyId: 'k',
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 1n,
      accounts: [{ accountId: 'key:k', capNanoUsd: 10n }],
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
      tokens: 0,
    };
    const decision = await admission.reserve(item);
    const parts = { admission, epochs, loads, keys: { inCycleAt: (key: CachedKey) => key } };
    const asked = reserveOnceReady({} as Routed, { item, decision }, parts, 60_000);
    expect((await scrape())['tollgate_gateway_organizations_without_epoch{state="none"}']).toBe('1');
    await admission.openEpoch({ organizationId: 'o', epochId: 'e', posted: [], booked: [], waitingFor: [] });
    expect((await asked).decision.kind).toBe('admitted');
    expect((await scrape())['tollgate_gateway_organizations_without_epoch{state="none"}']).toBe('0');
  });

  it('say how often an account was loaded, and how often it could not be', async () => {
    const account = { organizationId: 'o', accountId: 'key:k', apiKeyId: 'k', reset: 'never', startMs: null } as const;
    loaded = () => Promise.resolve({ postedNanoUsd: '0' });
    await Promise.all([loads.load({ ...account, generation: 1 }), loads.load({ ...account, generation: 1 })]);
    loaded = () => Promise.reject(new Error('away'));
    await loads.load({ ...account, generation: 2 });
    expect(await scrape()).toMatchObject({
      'tollgate_gateway_account_loads_total{outcome="loaded"}': '1',
      'tollgate_gateway_account_loads_total{outcome="failed"}': '1',
    });
  });
});
