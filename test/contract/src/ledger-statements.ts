import { randomUUID } from 'node:crypto';
import { cycleAccountId, cycleOf } from '@tollgate/api-key';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { KeyUseStore } from '@tollgate/key-management';
import {
  AccountBalances,
  BillingMeter,
  BookUsage,
  CarriedHolds,
  CheckOrganization,
  CompareUsage,
  KnownAccounts,
  LedgerAccounts,
  LoadAccount,
  mendUsage,
  OpenEpoch,
  rebuild,
  ReconciliationStore,
  SettleHolds,
  UsageCheckStore,
  UsedKeys,
} from '@tollgate/usage-billing';
import { expect } from 'vitest';
import { RecordingAdmission, screening, secondVersion, usageBatch, usageEvent } from './billing-fixture.js';

/** Many days of keys, so that the statements about cycles are planned as in production. */
export const ledgerSeeds = (organizationId: string): string[] => [
  `INSERT INTO billing.key_usage_day (api_key_id, day, organization_id, requests, charge_nano_usd)
   SELECT 'key ' || n / 100, '2026-01-01'::date + n % 100, 'default', 1, 1 FROM generate_series(1, 5000) AS n`,
  // An organisation with many keys and many ended cycles: what is asked of one key, or of the cycles in force, must not
  // read the accounts of all.
  `INSERT INTO billing.account (account_id, organization_id, api_key_id, posted_nano_usd, ceiling_nano_usd, credit_reset, cycle_starts_at, cycle_ends_at)
   SELECT 'key:many ' || n || ':daily:2026-01-' || to_char(day, 'FM00'), '${organizationId}', 'many ' || n, 0, 1, 'daily',
     '2026-01-01Z'::timestamptz + (day - 1) * interval '1 day', '2026-01-01Z'::timestamptz + day * interval '1 day'
   FROM generate_series(1, 500) AS n, generate_series(1, 20) AS day`,
  `INSERT INTO billing.account (account_id, organization_id, posted_nano_usd)
   SELECT 'key:other ' || n, 'organization ' || n % 500, 0 FROM generate_series(1, 30000) AS n`,
  `INSERT INTO billing.owner_usage_day
   SELECT '${organizationId}', 'group', 'group ' || n / 100, '2026-01-01'::date + n % 100, 1 FROM generate_series(1, 5000) AS n`,
  `INSERT INTO billing.account (account_id, organization_id, posted_nano_usd, ceiling_nano_usd)
   SELECT 'group:group ' || n, '${organizationId}', 0, 1 FROM generate_series(1, 500) AS n`,
  // Events that cost nothing: books agree as before.
  `INSERT INTO billing.usage_event (request_id, organization_id, api_key_id, journal_id, journal_number, outcome, route, provider, model,
     stream, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, usage_source, cost_nano_usd, charge_nano_usd, accounts,
     price_version, started_at, ended_at, client_address)
   SELECT gen_random_uuid(), '${organizationId}', 'a key of events', 'a journal of events', n, 'completed', 'r', 'p', 'm', false, 0, 0, 0, 0,
     'provider', 0, 0, '[]', 'v1', '2025-01-01Z', '2025-01-01Z', '' FROM generate_series(1, 3000) AS n`,
  // Keys that are booked while nobody can be asked are ever few; here they are many.
  `INSERT INTO billing.unasked_key (api_key_id, organization_id)
   SELECT 'unasked ' || n, '${organizationId}' FROM generate_series(1, 3000) AS n`,
  // Calls that are carried are ever few; here they are many, beside those of other organisations.
  `INSERT INTO billing.carried_hold (organization_id, request_id, account_id, api_key_id, amount_nano_usd)
   SELECT CASE WHEN n % 10 = 0 THEN '${organizationId}' ELSE 'organization ' || n % 500 END, gen_random_uuid(), 'key:carried ' || n % 500, 'a key', 1
   FROM generate_series(1, 3000) AS n`,
  `INSERT INTO keys.api_key_use
   SELECT 'default', id, 1, 1, 1, 1, 1, '2026-01-01', 0, 0, 0, now(), NULL FROM keys.api_key WHERE organization_id = 'default'`,
];

/** A limit of a key resets in another way while a call is under way. */
async function carryHolds(service: ServiceDatabase, organizationId: string, meter: BillingMeter): Promise<void> {
  const admission = new RecordingAdmission();
  await admission.openEpoch({ organizationId, epochId: randomUUID(), posted: [], booked: [], waitingFor: [] });
  const now = Date.now();
  const apiKeyId = 'key 4';
  const requestId = randomUUID();
  await admission.reserve({
    ...{ requestId, organizationId, apiKeyId, instanceId: 'i', journalId: 'j', tokens: 0, amountNanoUsd: 1n },
    accounts: [{ accountId: cycleAccountId(apiKeyId, cycleOf('daily', now)), capNanoUsd: 9n }],
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  });
  const weekly = cycleOf('weekly', now);
  const request = { organizationId, apiKeyId, generation: 2, accountId: cycleAccountId(apiKeyId, weekly) };
  await new LoadAccount(service, admission, { drained: () => Promise.resolve() }, meter).load({
    ...request,
    reset: 'weekly',
    startMs: weekly.startMs,
  });
  const kept = new CarriedHolds(service);
  const of = [{ requestId, accountId: request.accountId, amountNanoUsd: 1n }];
  await kept.all();
  await kept.gone(organizationId, of, new Date(now));
  await kept.forget(organizationId, of);
}

/** Calls every method about periods of accounts and the use of keys. The organisation has the keys `key 1` and on. */
export async function useLedger({ dataSource }: Database, organizationId: string): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'billing');
  const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  const load = new LoadAccount(service, new RecordingAdmission(), { drained: () => Promise.resolve() }, meter);
  const whole = { organizationId, accountId: `organization:${organizationId}`, apiKeyId: null, generation: 2 };
  await load.load({ ...whole, reset: 'never', startMs: null });
  // Of statements that both run, the plan for a key is the one that is looked at.
  const request = { organizationId, apiKeyId: 'key 3', generation: 2 };
  await load.load({ ...request, accountId: 'key:key 3', reset: 'never', startMs: null });
  const startMs = Date.UTC(2026, 0, 1);
  await load.load({ ...request, accountId: 'key:key 3:monthly:2026-01-01', reset: 'monthly', startMs });

  await load.load({ ...whole, accountId: 'group:group 3:monthly:2026-01-01', reset: 'monthly', startMs });
  await carryHolds(service, organizationId, meter);
  await bookUnasked(service, organizationId);
  await bookAfterOrphan(service, organizationId);
  await replaceOrphan(service, organizationId);
  await compareAndShow(service, organizationId);
  await compareUsage(dataSource, organizationId);

  const used = new UsedKeys(service);
  await used.waiting(10);
  const changed = await used.changed(null, 10, new Date());
  await used.told(changed.map(({ key }) => key));

  const use = new KeyUseStore(new ServiceDatabase(dataSource, 'keys'));
  const [key] = await dataSource.query<{ id: string }[]>(
    `SELECT id FROM keys.api_key WHERE organization_id = 'default' LIMIT 1`,
  );
  const { key: sums } = changed[0]!;
  const secrets = [{ ...sums, secretId: key!.id, addresses: [{ address: '::1', lastUsedAt: sums.lastUsedAt }] }];
  await use.store([{ ...sums, organizationId: 'default', apiKeyId: key!.id, secrets }]);
  await use.of('default', [key!.id], new Date());
  await use.ofSecrets('default', key!.id);
}

/** Books calls of a key that key-management knows, while it is away and when it is back. */
async function bookUnasked(service: ServiceDatabase, organizationId: string): Promise<void> {
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  const admission = new RecordingAdmission();
  const away = () => Promise.reject(new Error('away'));
  for (const [at, knownKeys] of [away, (_of: string, ids: readonly string[]) => Promise.resolve(ids)].entries()) {
    const screened = screening(service, { knownKeys });
    const book = new BookUsage(service, admission, new SettleHolds(admission, logger), screened, logger, meter);
    await book.book(usageBatch([usageEvent({ organizationId, apiKeyId: 'a new key' })], 4, BigInt(at)));
  }
}

/** Books an event of prepaid credit whose hold was released as an orphan's. */
async function bookAfterOrphan(service: ServiceDatabase, organizationId: string): Promise<void> {
  const event = secondVersion(usageEvent({ organizationId }));
  const grant = { accountId: 'grant:one', capNanoUsd: '10', kind: null, cycle: null, heldNanoUsd: '10' };
  await service.acrossOrganizations((manager) =>
    manager.query(
      `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd) VALUES ($1, $2, $3, 'void', 10)`,
      [organizationId, event.requestId, grant.accountId],
    ),
  );
  const admission = new RecordingAdmission();
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  await new BookUsage(service, admission, new SettleHolds(admission, logger), screening(service), logger, meter).book(
    usageBatch(
      [{ ...event, accounts: [...event.accounts, grant, { ...grant, accountId: `grant:${randomUUID()}` }] }],
      2,
      1n,
    ),
  );
}

/** Books an orphan's event, which a limit counts that is loaded afterwards, and then the final. */
async function replaceOrphan(service: ServiceDatabase, organizationId: string): Promise<void> {
  const admission = new RecordingAdmission();
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  const book = new BookUsage(service, admission, new SettleHolds(admission, logger), screening(service), logger, meter);
  const grant = { accountId: `grant:${randomUUID()}`, capNanoUsd: '10', kind: null, cycle: null, heldNanoUsd: '10' };
  const final = secondVersion(usageEvent({ organizationId, apiKeyId: 'key 5', costNanoUsd: '4', chargeNanoUsd: '4' }));
  const call = { ...final, accounts: [{ ...final.accounts[0]!, accountId: 'key:key 5', capNanoUsd: null }, grant] };
  const orphan = { ...call, outcome: 'orphaned' as const, costNanoUsd: '9', chargeNanoUsd: '9', priceLines: [] };
  await book.book(usageBatch([orphan], 3, 1n));
  await new LoadAccount(service, admission, { drained: () => Promise.resolve() }, meter).load({
    ...{
      organizationId,
      apiKeyId: 'key 5',
      generation: 2,
      accountId: 'key:key 5:monthly:2026-11-01',
      reset: 'monthly',
    },
    startMs: Date.UTC(2026, 10, 1),
  });
  await book.book(usageBatch([call], 3, 2n));
}

/** Compares all books, and lists accounts and transfers. */
async function compareAndShow(service: ServiceDatabase, organizationId: string): Promise<void> {
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const admission = new RecordingAdmission();
  const bus = { drained: () => Promise.resolve() };
  const store = new ReconciliationStore(service);
  const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  await new OpenEpoch(service, admission, bus, logger, meter).open(organizationId);
  await store.claim(1_000);
  await store.activity();
  await store.differing();
  await store.nextOfPass();
  const check = new CheckOrganization(service, admission, bus, new SettleHolds(admission, logger));
  const { differences } = await check.of(organizationId, new Set(['grant:one', 'group:group 3']));
  const one = { transfersNanoUsd: null, eventsNanoUsd: null, admissionNanoUsd: null, heldNanoUsd: null };
  const made = { accountId: 'grant:one', place: 'holds', ledgerNanoUsd: 1n, differenceNanoUsd: 1n, ...one } as const;
  await store.note(organizationId, ['grant:one'], [...differences.slice(0, 1), made]);
  await store.lasting();
  await store.state();
  await store.release(1, null);
  await service.acrossOrganizations((manager) =>
    manager.query(`UPDATE billing.account SET posted_nano_usd = 1 WHERE account_id = 'grant:one'`),
  );
  await rebuild(service, () => Promise.resolve());
  const known = new KnownAccounts(service, { ofOrganization: () => Promise.reject(new Error('nobody is asked')) });
  for (const kind of ['grant', 'payg']) await known.has(organizationId, `${kind}:${randomUUID()}`);
  const balances = new AccountBalances(service, admission, logger);
  const accounts = new LedgerAccounts(service, balances, { of: () => Promise.resolve(new Map()) });
  await accounts.list(organizationId, { kind: null, ownerId: null, withEnded: true }, 10, null, new Date());
  await accounts.transfers(organizationId, 'grant:one', { kind: null, from: null, to: null }, 10, null);
}

/** Compares usage, which differs: the roll-ups of the seeds are none of events. What is of events is mended. */
async function compareUsage(dataSource: Database['dataSource'], organizationId: string): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'billing');
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const store = new UsageCheckStore(service);
  const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  const usage = new CompareUsage(store, meter, logger);
  const under = { renew: () => Promise.resolve(), isStopped: () => false };
  for (let check = 0; check < 3; check++) await usage.run([organizationId], under);
  await store.quarters({ organizationId, fromMs: Date.UTC(2025, 0, 2), toMs: Date.UTC(2025, 0, 3) });
  await store.lasting();
  for (const unit of ['hour', 'month'])
    await dataSource.query(
      `UPDATE billing.usage_${unit} SET charge_nano_usd = charge_nano_usd + 1 WHERE organization_id = $1 AND at >= '2026-11-01Z'`,
      [organizationId],
    );
  const found = await mendUsage(service, true);
  expect(found.filter(({ isMendable }) => isMendable).map(({ book }) => book.split('.')[0])).toEqual(
    expect.arrayContaining(['usage_hour', 'usage_month']),
  );
}
