import { randomUUID } from 'node:crypto';
import { KnownOwnersStore, TakeBillingTerms } from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { BillingRelay, OrganizationTerms } from '@tollgate/usage-billing';
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
  await new KnownOwnersStore(keys).known({ organizationId: AGREED, groupIds: ids, projectIds: ids, memberIds: ids });
  const told = { organizationId: AGREED, version: 1, terms: { markupMillionths: 1 } };
  await new TakeBillingTerms(keys, { wake: () => undefined }).execute(told);

  const billing = new ServiceDatabase(dataSource, 'billing');
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const terms = new OrganizationTerms(new BillingRelay(billing, { publish: () => Promise.resolve() }, logger));
  await billing.inOrganization(AGREED, async (manager) => {
    await terms.read(manager, AGREED);
    await terms.save(manager, AGREED, { ...(await terms.lock(manager, AGREED)), balance: 'prepaid' });
  });
}
