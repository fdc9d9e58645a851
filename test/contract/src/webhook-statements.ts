import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { sealingFrom } from '@tollgate/sealing';
import {
  addDeliveries,
  DeliveryStore,
  WebhookStore,
  type Webhook,
  resealBilling,
  tellOfUnreadableBillingTexts,
} from '@tollgate/usage-billing';
import { auditRecords } from './billing-fixture.js';

/** An organisation with webhooks that were sent much. */
const TOLD = randomUUID();
const WEBHOOK = randomUUID();

/** Rows from which the planner chooses by statistics. */
export const WEBHOOK_SEEDS = [
  `INSERT INTO billing.webhook (organization_id, id, url, events, secret, created_at, version)
   SELECT CASE WHEN n <= 20 THEN '${TOLD}' ELSE gen_random_uuid()::text END, CASE WHEN n = 1 THEN '${WEBHOOK}' ELSE gen_random_uuid() END::uuid,
     'https://hooks.example.com/', '{api_key.leaked}', 'sealed', now(), 1 FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.webhook_delivery (organization_id, id, webhook_id, message_id, type, body, state, retried_since, created_at)
   SELECT organization_id, gen_random_uuid(), id, 'msg_' || n, 'api_key.leaked', '{}', CASE n % 50 WHEN 0 THEN 'pending' ELSE 'delivered' END,
     now(), now() - n * interval '1 minute'
   FROM (SELECT * FROM billing.webhook WHERE organization_id = '${TOLD}' ORDER BY id = '${WEBHOOK}' DESC LIMIT 5) AS w, generate_series(1, 4000) AS n`,
];

/** Calls every method of webhooks that queries the database. */
export async function useWebhooks({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'billing');
  const [webhooks, deliveries] = [
    new WebhookStore(database, auditRecords(database)),
    new DeliveryStore(database, auditRecords(database)),
  ];
  const webhook: Webhook = {
    organizationId: randomUUID(),
    id: randomUUID(),
    url: 'https://hooks.example.com/',
    events: ['api_key.leaked'],
    description: null,
    secret: 'sealed',
    formerSecret: null,
    disabled: null,
    createdAt: new Date(),
    version: 1,
  };
  const { organizationId, id } = webhook;
  const at = [new Date().toISOString().replace('Z', '456Z'), randomUUID()] as const;
  await database.inOrganization(organizationId, (manager) => webhooks.insert(manager, webhook, NOBODY));
  await webhooks.find(organizationId, id);
  await webhooks.list(TOLD, 10, null);
  await webhooks.list(TOLD, 10, at);
  const notice = { noticeId: randomUUID(), organizationId, type: 'api_key.leaked', occurredAt: '', data: {} };
  await database.acrossOrganizations((manager) => addDeliveries(manager, [notice], new Date()));
  const tested = { webhook, id: randomUUID() };
  await deliveries.addTaken(tested, { ...notice, noticeId: randomUUID() }, NOBODY, new Date(), 1_000);
  const due = await deliveries.take(1_000);
  const attempt = { status: 500, durationMs: 1, error: 'http_status' } as const;
  await deliveries.attempted(due!, { attempt, state: 'pending', retryInMs: 1_000 });
  await deliveries.find(TOLD, WEBHOOK, due!.id);
  await deliveries.list(TOLD, WEBHOOK, 10, null, null);
  await deliveries.list(TOLD, WEBHOOK, 10, at, 'delivered');
  await deliveries.replay(
    { webhook: { ...webhook, organizationId: TOLD, id: WEBHOOK }, id: due!.id },
    NOBODY,
    new Date(),
  );
  await deliveries.waiting();
  await deliveries.forgetBefore(new Date(Date.now() - 30 * 86_400_000));
  await webhooks.disableGone(organizationId, id, new Date());
  const sealing = sealingFrom({ pepper: 'a pepper of the contract suite' });
  await resealBilling(database, sealing);
  await tellOfUnreadableBillingTexts(database, sealing, () => undefined);
  await webhooks.delete(organizationId, id, NOBODY, () => undefined);
}
