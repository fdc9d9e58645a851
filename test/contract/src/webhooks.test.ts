import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { NOTICES_V1, type NoticesV1 } from '@tollgate/contracts';
import { waitUntil } from '@tollgate/infra';
import { ServiceDatabase } from '@tollgate/postgres';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger } from '@tollgate/telemetry';
import {
  DeliverNoticesController,
  DeliverWebhooks,
  DeliveryStore,
  newWebhookSecret,
  sealedForWebhook,
  WebhookHttp,
  WebhookStore,
  type Webhook,
} from '@tollgate/usage-billing';
import { Webhook as Verifier } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditRecords, databaseShapes, type OpenedDatabase } from './billing-fixture.js';
import { WebhookReceiver } from './webhook-receiver.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const UPDATED = { actor: NOBODY, act: 'updated' } as const;
const sealing = sealingFrom({ pepper: 'a pepper of the contract suite' });

describe.each(databaseShapes)('webhooks, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let database: ServiceDatabase;
  let webhooks: WebhookStore;
  let deliveries: DeliveryStore;
  let receiver: WebhookReceiver;
  let processes: DeliverWebhooks[];
  let notices: DeliverNoticesController;
  let offset = 0n;

  beforeAll(async () => {
    opened = await open();
    database = new ServiceDatabase(opened.database.dataSource, 'billing');
    webhooks = new WebhookStore(database, auditRecords(database));
    deliveries = new DeliveryStore(database, auditRecords(database));
    receiver = await WebhookReceiver.start();
    processes = [1, 2].map(
      () =>
        new DeliverWebhooks(
          deliveries,
          webhooks,
          new WebhookHttp({ allowPrivateNetwork: true, timeoutMs: 2_000 }),
          sealing,
          logger,
        ),
    );
    for (const each of processes) each.onApplicationBootstrap();
    notices = new DeliverNoticesController(database, processes[0]!, logger);
  });
  afterAll(async () => {
    for (const each of processes ?? []) await each.onApplicationShutdown();
    await receiver?.stop();
    await opened?.close();
  });

  const insert = (webhook: Webhook): Promise<boolean> =>
    database.inOrganization(webhook.organizationId, (manager) => webhooks.insert(manager, webhook, NOBODY));
  const made = async (path: string, more: Partial<Webhook> = {}): Promise<{ webhook: Webhook; secret: string }> => {
    const [organizationId, id, secret] = [randomUUID(), randomUUID(), newWebhookSecret()];
    const webhook: Webhook = {
      organizationId,
      id,
      url: `${receiver.url}${path}`,
      events: ['api_key.leaked'],
      description: null,
      secret: sealing.seal(secret, sealedForWebhook(organizationId, id)),
      formerSecret: null,
      disabled: null,
      createdAt: new Date(),
      version: 1,
      ...more,
    };
    expect(await insert(webhook)).toBe(true);
    return { webhook, secret };
  };
  const noticeOf = ({ organizationId }: Webhook, more: Partial<NoticesV1> = {}): NoticesV1 => ({
    eventVersion: 1,
    noticeId: randomUUID(),
    organizationId,
    type: 'api_key.leaked',
    occurredAt: '2026-11-29T12:00:00.000Z',
    data: { api_key_id: 'k' },
    ...more,
  });
  const tell = async (...values: (NoticesV1 | string)[]): Promise<void> => {
    const messages = values.map((value) => ({
      offset: offset++,
      part: 0,
      key: 'o',
      value: typeof value === 'string' ? value : JSON.stringify(value),
    }));
    await notices.onNotices({ topic: NOTICES_V1, partition: 0, messages });
  };
  const only = async ({ organizationId, id }: Webhook) => {
    const listed = await deliveries.list(organizationId, id, 10, null, null);
    expect(listed.length).toBe(1);
    return listed[0]!.delivery;
  };
  const untilOnly = async (webhook: Webhook, state: 'delivered' | 'failed') => {
    await waitUntil(async () => (await only(webhook)).state === state, { what: `the message is ${state}` });
    return only(webhook);
  };

  it('send each notice once to each that asks for it, however often it comes and however many processes send', async () => {
    const { webhook, secret } = await made('/once');
    const others = await made('/not-asked', { organizationId: webhook.organizationId, events: ['api_key.rotated'] });
    const notice = noticeOf(webhook);
    await Promise.all([tell(notice, notice), tell(notice)]);
    await tell(notice);
    const delivery = await untilOnly(webhook, 'delivered');
    expect(delivery).toMatchObject({ attempts: 1, lastStatus: 200, lastError: null, type: 'api_key.leaked' });
    for (let time = 0; time < 3; time++) for (const each of processes) each.wake();
    const marker = noticeOf(webhook);
    await tell(marker);
    await waitUntil(() => receiver.to('/once').length >= 2, { what: 'the next notice came' });
    const [first, second] = receiver.to('/once');
    expect(receiver.to('/once').length).toBe(2);
    expect(receiver.to('/not-asked')).toEqual([]);
    expect(others.webhook.id).not.toBe(webhook.id);
    expect(first!.headers['webhook-id']).toBe(`msg_${notice.noticeId.replaceAll('-', '')}`);
    expect(new Verifier(secret).verify(first!.body, first!.headers)).toEqual({
      type: 'api_key.leaked',
      timestamp: notice.occurredAt,
      data: notice.data,
    });
    expect(second!.headers['webhook-id']).not.toBe(first!.headers['webhook-id']);
  });

  it('are told a hundred notices at once, each once, by two processes', async () => {
    const { webhook } = await made('/many');
    await tell(...Array.from({ length: 100 }, () => noticeOf(webhook)));
    for (const each of processes) each.wake();
    const ids = () => receiver.to('/many').map(({ headers }) => headers['webhook-id']);
    await waitUntil(() => new Set(ids()).size === 100, { what: 'all came', timeoutMs: 30_000 });
    await waitUntil(async () => (await deliveries.waiting()).deliveries === 0, { what: 'all are marked' });
    expect(ids().length).toBe(100);
  });

  it('pass over what is no notice, and what belongs to nobody', async () => {
    const { webhook } = await made('/after-odd-ones');
    await tell('nonsense', '{}', JSON.stringify({ ...noticeOf(webhook), type: 'a\u0000b' }), noticeOf(webhook));
    await untilOnly(webhook, 'delivered');
    await tell(noticeOf({ ...webhook, organizationId: 'nobody' }));
  });

  it('are tried again, with the same id and another time, and say why', async () => {
    const { webhook, secret } = await made('/503');
    await tell(noticeOf(webhook));
    await waitUntil(async () => (await only(webhook)).attempts === 1 && (await only(webhook)).lastStatus !== null, {
      what: 'the first attempt',
    });
    expect(await only(webhook)).toMatchObject({ state: 'pending', lastStatus: 503, lastError: 'http_status' });
    expect((await only(webhook)).nextAttemptAt!.getTime()).toBeGreaterThan(Date.now());
    await webhooks.change(webhook.organizationId, webhook.id, UPDATED, (before) => ({
      ...before,
      url: `${receiver.url}/mended`,
      version: 2,
    }));
    await deliveries.replay({ webhook, id: (await only(webhook)).id }, NOBODY, new Date());
    processes[1]!.wake();
    expect(await untilOnly(webhook, 'delivered')).toMatchObject({ attempts: 2, lastStatus: 200 });
    const [before, after] = [receiver.to('/503')[0]!, receiver.to('/mended')[0]!];
    expect(after.headers['webhook-id']).toBe(before.headers['webhook-id']);
    expect(after.body).toBe(before.body);
    expect(new Verifier(secret).verify(after.body, after.headers)).toBeTruthy();
  });

  it('G3: are signed with both secrets while one is replaced', async () => {
    const { webhook, secret: former } = await made('/rotating');
    const present = newWebhookSecret();
    const until = new Date(Date.now() + 60_000);
    await webhooks.change(webhook.organizationId, webhook.id, UPDATED, (before) => ({
      ...before,
      secret: sealing.seal(present, sealedForWebhook(before.organizationId, before.id)),
      formerSecret: { sealed: before.secret, until },
    }));
    await tell(noticeOf(webhook));
    await untilOnly(webhook, 'delivered');
    const { headers, body } = receiver.to('/rotating')[0]!;
    for (const secret of [present, former]) expect(new Verifier(secret).verify(body, headers)).toBeTruthy();
  });

  it('G3: are switched off by 410, and what waits for them is given up', async () => {
    const { webhook } = await made('/410');
    await tell(noticeOf(webhook));
    expect(await untilOnly(webhook, 'failed')).toMatchObject({ attempts: 1, lastStatus: 410 });
    await waitUntil(
      async () => (await webhooks.find(webhook.organizationId, webhook.id))!.disabled?.reason === 'gone',
      { what: 'the webhook is switched off' },
    );
    await tell(noticeOf(webhook));
    expect(receiver.to('/410').length).toBe(1);
    await only(webhook);
  });

  it('G4: never connect to an address inside, where that is not allowed', async () => {
    const { webhook } = await made('/inside');
    const strict = new DeliverWebhooks(
      deliveries,
      webhooks,
      new WebhookHttp({ allowPrivateNetwork: false }),
      sealing,
      logger,
    );
    const id = randomUUID();
    const { organizationId } = webhook;
    const notice = {
      noticeId: id,
      organizationId,
      type: 'webhook.test',
      occurredAt: new Date().toISOString(),
      data: {},
    };
    const due = await deliveries.addTaken({ webhook, id }, notice, NOBODY, new Date(), 30_000);
    await strict.attempt(due!);
    await strict.onApplicationShutdown();
    expect(await only(webhook)).toMatchObject({ state: 'failed', lastStatus: null, lastError: 'private_address' });
    expect(receiver.to('/inside')).toEqual([]);
  });

  it('are twenty at most for an organisation, and take what they were sent with them when they are deleted', async () => {
    const { webhook } = await made('/limit');
    const { organizationId } = webhook;
    for (let n = 1; n < 20; n++) await made('/limit', { organizationId });
    expect(await insert({ ...webhook, id: randomUUID() })).toBe(false);
    await tell(noticeOf(webhook));
    await webhooks.delete(organizationId, webhook.id, NOBODY, () => undefined);
    expect(await deliveries.list(organizationId, webhook.id, 10, null, null)).toEqual([]);
    expect((await webhooks.list(organizationId, 50, null)).length).toBe(19);
  });
});
