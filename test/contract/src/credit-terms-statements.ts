import { randomUUID } from 'node:crypto';
import { KnownOwnersStore, OrganizationStates, TakeBillingTerms } from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import {
  AccountBalances,
  BillingRelay,
  BudgetStore,
  EndGrants,
  GrantStore,
  OrganizationTerms,
  ReadCredits,
} from '@tollgate/usage-billing';
import { RecordingAdmission } from './billing-fixture.js';
import { createLogger } from '@tollgate/telemetry';

/** An organisation with many budgets and grants, among many others. */
const AGREED = randomUUID();

/** Rows from which the planner chooses by statistics. */
export const CREDIT_TERMS_SEEDS = [
  `INSERT INTO keys.organization (id, name) VALUES ('${AGREED}', 'one with budgets')`,
  `INSERT INTO billing.organization_terms (organization_id, version) SELECT gen_random_uuid(), 1 FROM generate_series(1, 2000)`,
  `INSERT INTO billing.budget (organization_id, id, kind, owner_id, cap_nano_usd, credit_reset, generation, created_at, version)
   SELECT CASE WHEN n <= 200 THEN '${AGREED}' ELSE 'other ' || n / 100 END, gen_random_uuid(), 'group', gen_random_uuid(), 1, 'daily', 1, now(), 1
   FROM generate_series(1, 5000) AS n`,
  `INSERT INTO billing.grant (organization_id, id, amount_nano_usd, created_at, live, closed_at)
   SELECT CASE WHEN n <= 2000 THEN '${AGREED}' ELSE 'other ' || n / 100 END, gen_random_uuid(), 1, now() - n * interval '1 minute',
     n % 50 = 0, CASE WHEN n % 50 = 0 THEN NULL ELSE now() END FROM generate_series(1, 5000) AS n`,
  `INSERT INTO billing.account (account_id, organization_id, posted_nano_usd, ceiling_nano_usd, cap_nano_usd)
   SELECT 'organization:agreed ' || n, '${AGREED}', 0, 1, 1 FROM generate_series(1, 3000) AS n`,
  `INSERT INTO keys.member (organization_id, email, role) SELECT '${AGREED}', n || '@example.com', 'viewer' FROM generate_series(1, 500) AS n`,
  `INSERT INTO keys.key_group (organization_id, id, name, created_at, version)
   SELECT '${AGREED}', gen_random_uuid(), 'group ' || n, now(), 1 FROM generate_series(1, 400) AS n`,
  `INSERT INTO keys.project (organization_id, id, name, created_at, version)
   SELECT '${AGREED}', gen_random_uuid(), 'project ' || n, now(), 1 FROM generate_series(1, 500) AS n`,
];

/** Calls every method about what is agreed with organisations that queries the database. */
export async function useCreditTerms({ dataSource }: Database): Promise<void> {
  const keys = new ServiceDatabase(dataSource, 'keys');
  const ids = [randomUUID()];
  const owners = new KnownOwnersStore(keys);
  await owners.known({ organizationId: AGREED, groupIds: ids, projectIds: ids, memberIds: ids });
  // It has many keys.
  await owners.known({ organizationId: 'default', apiKeyIds: ids });
  const common = { ownerId: randomUUID(), capNanoUsd: '1', reset: 'never', generation: 1 } as const;
  const budgets = [
    { kind: 'group', ...common },
    { kind: 'project', ...common },
  ] as const;
  const told = { organizationId: AGREED, version: 1, terms: { markupMillionths: 1, budgets } };
  const relay = { wake: () => undefined, organizationWritten: () => Promise.resolve(true) };
  await new TakeBillingTerms(keys, relay).execute(told);
  await new OrganizationStates(keys).unwrittenSnapshots(AGREED);

  const billing = new ServiceDatabase(dataSource, 'billing');
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const terms = new OrganizationTerms(new BillingRelay(billing, { publish: () => Promise.resolve() }, logger));
  await billing.inOrganization(AGREED, async (manager) => {
    await terms.read(manager, AGREED);
    await terms.told(manager, AGREED);
    await terms.save(manager, AGREED, { ...(await terms.lock(manager, AGREED)), balance: 'prepaid' });
  });
  await useBudgets(billing);
  await useGrants(billing, terms);
}

async function useBudgets(billing: ServiceDatabase): Promise<void> {
  const store = new BudgetStore(billing);
  const budget = {
    organizationId: AGREED,
    id: randomUUID(),
    kind: 'group',
    ownerId: randomUUID(),
    capNanoUsd: 1n,
    reset: 'daily',
    generation: 1,
    raise: null,
    createdAt: new Date(),
    version: 1,
  } as const;
  await billing.inOrganization(AGREED, async (manager) => {
    await store.count(manager, budget);
    await store.insert(manager, budget);
    await store.findIn(manager, AGREED, budget.id);
    await store.save(manager, budget);
    await store.hasBudget(manager, budget);
    await store.delete(manager, budget);
    await store.deleteOf(manager, budget);
  });
  await store.list(AGREED, 10, null);
  await store.list(AGREED, 10, ['2026-11-28T09:30:00.123456Z', budget.id]);
  await store.ofOwners(AGREED, [budget.ownerId]);
  await store.charged(budget, Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 2));
}

async function useGrants(billing: ServiceDatabase, terms: OrganizationTerms): Promise<void> {
  const store = new GrantStore(billing);
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const grant = {
    organizationId: AGREED,
    id: randomUUID(),
    amountNanoUsd: 10n,
    expiresAt: new Date(Date.now() - 86_400_000),
    description: null,
    createdAt: new Date(),
    expiredNanoUsd: 0n,
    endedByHand: false,
    live: true,
    closedAt: null,
  };
  await billing.inOrganization(AGREED, async (manager) => {
    await store.countLive(manager, AGREED);
    await store.hasAny(manager, AGREED);
    const request = { scope: Buffer.alloc(32), fingerprint: Buffer.alloc(32) };
    await store.insert(manager, grant, request);
    await store.givenBy(manager, AGREED, request.scope, new Date(0));
    await store.lock(manager, AGREED, grant.id);
    await store.lockOpen(manager, AGREED);
    await store.save(manager, grant);
  });
  await store.find(AGREED, grant.id);
  await store.several(AGREED, [grant.id]);
  await store.organizationOf(grant.id);
  await store.list(AGREED, 10, null);
  await store.list(AGREED, 10, ['2026-11-28T09:30:00.123456Z', grant.id]);
  await store.open(AGREED);
  await store.closedSums(AGREED);
  const admission = new RecordingAdmission();
  const balances = new AccountBalances(billing, admission, logger);
  await balances.of(AGREED, [`grant:${grant.id}`]);
  await new ReadCredits(billing, store, terms, balances).of(AGREED);
  const bus = { drained: () => Promise.resolve() };
  await admission.openEpoch({ organizationId: AGREED, epochId: randomUUID(), posted: [], booked: [], waitingFor: [] });
  await new EndGrants(billing, store, terms, admission, bus, logger).end(new Date());
}
