import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import type { CreatedSubscriptionKey, KnownOwners, KnownOwnersRequest } from '@tollgate/contracts';
import { Problem } from '@tollgate/http';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger } from '@tollgate/telemetry';
import {
  AccountBalances,
  BillingRelay,
  ChangeSubscription,
  PlanStore,
  RenewSubscriptions,
  ReplaceKey,
  ShowSubscriptions,
  Subscribe,
  SubscriptionKeys,
  SubscriptionStore,
  TakeConfiguredPlans,
} from '@tollgate/usage-billing';
import { auditRecords, RecordingAdmission } from './billing-fixture.js';

/** An organisation with many subscriptions, among many others. */
const SUBSCRIBED = randomUUID();
const PLAN = randomUUID();

/** Rows from which the planner chooses by statistics. */
export const SUBSCRIPTION_SEEDS = [
  `INSERT INTO billing.plan (id, name, folded_name, source, self_service, version, created_at, archived_at)
   SELECT CASE WHEN n = 1 THEN '${PLAN}' ELSE gen_random_uuid() END, 'plan ' || n, 'plan ' || n, 'api', false, 1,
     now() - n * interval '1 minute', CASE WHEN n % 2 = 0 THEN now() END FROM generate_series(1, 3000) AS n`,
  `INSERT INTO billing.plan_version (plan_id, version, from_at, quota_nano_usd, price_nano_usd, payg_allowed)
   SELECT id, 1, created_at, 5, 1, true FROM billing.plan`,
  `INSERT INTO billing.subscription (organization_id, id, api_key_id, plan_id, next_plan_id, anchor, payg_enabled, version, created_at, made_at,
     due_at, request_scope, sealed_secret)
   SELECT CASE WHEN n <= 200 THEN '${SUBSCRIBED}' ELSE 'other ' || n / 100 END, gen_random_uuid(), gen_random_uuid(), p.id,
     CASE WHEN n % 50 = 0 THEN p.id END, date_trunc('second', now()), false, 1, now() - n * interval '1 minute', now(),
     CASE WHEN n % 5 = 0 THEN NULL ELSE now() + n * interval '1 hour' END, CASE WHEN n % 3 = 0 THEN 'scope ' || n END,
     CASE WHEN n % 100 = 0 THEN 'sealed' END
   FROM (SELECT n, row_number() OVER () AS at FROM generate_series(1, 6000) AS n) AS s
   JOIN (SELECT id, row_number() OVER () AS at FROM billing.plan) AS p ON p.at = 1 + s.at % 3000`,
  `INSERT INTO billing.subscription_charge (organization_id, subscription_id, number, sequence, id, at, starts_at, ends_at, plan_id, plan_version,
     quota_nano_usd, amount_nano_usd)
   SELECT organization_id, id, number, 0, gen_random_uuid(), anchor, anchor, anchor + interval '1 month', plan_id, 1, 5, 1
   FROM billing.subscription, generate_series(0, 3) AS number`,
];

/** Calls every method about plans and subscriptions that queries the database. */
export async function useSubscriptions({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'billing');
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const sealing = sealingFrom({ pepper: 'a pepper of the contract suite' });
  const audit = auditRecords(database);
  const plans = new PlanStore(database, audit);
  const store = new SubscriptionStore(
    database,
    new BillingRelay(database, { publish: () => Promise.resolve() }, logger),
  );
  const change = new ChangeSubscription(database, plans, store, audit);
  const shown = new ShowSubscriptions(
    database,
    store,
    change,
    new AccountBalances(database, new RecordingAdmission(), logger),
  );
  const plan = (await plans.find(PLAN))!;
  await plans.findNamed(plan.name);
  await plans.list(10, [new Date().toISOString(), PLAN]);
  await plans.callUpSubscriptions(PLAN);
  await plans.changing((locked) => locked.find(PLAN));
  const entry = { ...plan.terms, name: 'a plan of the file', selfService: false };
  const take = new TakeConfiguredPlans(plans, {});
  await take.execute([entry], new Date());
  await take.execute([{ ...entry, priceNanoUsd: 7n }], new Date());
  await take.execute([], new Date());

  const key = { apiKeyId: randomUUID(), maskedKey: 'sk-sub…1234', secret: 'a secret' };
  const asked = {
    organizationId: SUBSCRIBED,
    memberId: randomUUID(),
    personId: randomUUID(),
    onceACycle: true,
    plan,
    payg: { enabled: false, limitNanoUsd: null, raise: null },
    asker: 'operator',
    actor: NOBODY,
  };
  const request = {
    key: 'a request',
    method: 'POST',
    path: '/v1/subscriptions',
    fingerprint: Buffer.from('a'),
    serialize: (body: object) => body,
  };
  const made = (outcome: () => Promise<typeof key>) =>
    new Subscribe(
      database,
      plans,
      store,
      new SubscriptionKeys({ createSubscriptionKey: outcome }, logger),
      audit,
      sealing,
    );
  const subscribe = made(() => Promise.resolve(key));
  const done = async () => {
    const prepared = await subscribe.prepare(asked, request, new Date());
    return database.inOrganization(SUBSCRIBED, async (manager) => {
      const subscribed = await subscribe.complete(manager, prepared, new Date());
      await shown.made(manager, subscribed.stored, new Date());
      return subscribed;
    });
  };
  const { stored } = await done();
  await done();
  const refused = new Problem('organization_not_found');
  await made(() => Promise.reject(refused))
    .prepare({ ...asked, onceACycle: false }, { ...request, key: null }, new Date())
    .catch(() => undefined);
  const { id } = stored.subscription;
  await store.organizationOf(id);
  await shown.detailed(SUBSCRIBED, stored, new SubscriptionKeys({}, logger), new Date());
  await shown.caps(SUBSCRIBED, [id], new Date());
  await shown.ofKey(SUBSCRIBED, stored.subscription.apiKeyId, new Date());
  await store.list(SUBSCRIBED, 10, [new Date().toISOString(), id]);
  const ofKeys = {
    knownOwners: ({ apiKeyIds = [] }: KnownOwnersRequest): Promise<KnownOwners> =>
      Promise.resolve({
        ...{ organization: true, organizationName: null, groups: [], projects: [], members: [] },
        apiKeys: apiKeyIds.map((apiKeyId) => ({ id: apiKeyId, name: 'k', status: 'leaked' as const })),
      }),
  };
  const replaced = async (outcome: () => Promise<CreatedSubscriptionKey>) => {
    const keys = new SubscriptionKeys({ ...ofKeys, createSubscriptionKey: outcome }, logger);
    const replace = new ReplaceKey(database, store, change, keys, audit);
    const prepared = await replace.prepare(SUBSCRIBED, id, request, new Date());
    await shown.used(prepared!.present);
    return database.inOrganization(SUBSCRIBED, (manager) => replace.complete(manager, prepared!, NOBODY, new Date()));
  };
  await replaced(() => Promise.resolve({ ...key, secret: null })).catch(() => undefined);
  await replaced(() => Promise.resolve(key));
  await change.execute(SUBSCRIBED, id, new Date(), { actor: NOBODY, action: 'subscription.cancelled' }, (each) => ({
    ...each,
    endsAtMs: each.anchorMs,
  }));
  await store.abandon(SUBSCRIBED, id, new Date());
  await store.goingOn(SUBSCRIBED, null);
  await store.goingOn(SUBSCRIBED, { memberId: randomUUID(), endedAt: new Date() });
  await change.end(SUBSCRIBED, id, new Date(), new Date());
  await new RenewSubscriptions(change, store, logger).execute(new Date(0));
}
