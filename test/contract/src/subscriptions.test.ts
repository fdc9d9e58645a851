import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { paygAccountId, subscriptionAccountId, subscriptionCycleAt, subscriptionCycleStart } from '@tollgate/api-key';
import { ADMIN_API_DEFAULT, csrfTokenOf, NOBODY, sessionCookieName } from '@tollgate/auth';
import { inProcessBus } from '@tollgate/bus';
import {
  SUBSCRIPTIONS_CHANGED_V1,
  type ApiKeyStatus,
  type CreateSubscriptionKeyRequest,
  type SubscriptionsChangedV1,
} from '@tollgate/contracts';
import { createNestServer, httpUsageBillingApi, InternalCallError } from '@tollgate/http';
import { waitUntil } from '@tollgate/infra';
import { ServiceDatabase } from '@tollgate/postgres';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  PlanStore,
  RenewSubscriptions,
  statementCycle,
  StatementFacts,
  Subscribe,
  TakeConfiguredPlans,
  UsageBillingProcessModule,
  usageBillingSchema,
  WEBHOOK_EVENTS,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databaseShapes, RecordingAdmission, type OpenedDatabase } from './billing-fixture.js';
import { FakeIdentities } from './usage-permissions.js';

const ADMIN = 'admin-secret-of-the-contract-suite';
const SERVICE = 'service-secret-of-the-contract-suite';
const COOKIE = sessionCookieName(ADMIN_API_DEFAULT.publicUrl);
const MEMBER: string = randomUUID();
const PERSON: string = randomUUID();
const DAY_MS = 86_400_000;
const logger = createLogger({ service: 'contract', level: 'silent' });

interface Shown {
  readonly id: string;
  readonly code?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly anchor: string;
  readonly current_period: { readonly number: number; readonly starts_at: string; readonly ends_at: string };
  readonly api_key: { readonly id: string; readonly secret?: string | null };
  readonly periods: readonly { readonly number: number; readonly fee_usd: string; readonly included_usd: string }[];
  readonly [field: string]: unknown;
}
interface Asked {
  readonly as?: Record<string, string>;
  readonly organization?: string;
  readonly headers?: Record<string, string>;
}

describe.each(databaseShapes)('plans and subscriptions, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let app: Awaited<ReturnType<typeof createNestServer>>;
  let url: string;
  const identities = new FakeIdentities();
  const told: SubscriptionsChangedV1[] = [];
  const keysMade: CreateSubscriptionKeyRequest[] = [];
  /** What key-management says of keys that are not active, and of which it says nothing. */
  const ofKey = new Map<string, ApiKeyStatus>();
  const unasked = new Set<string>();
  /** Who further members are: somebody who comes back is another member, and the same person. */
  const people = new Map<string, string>();
  /** What key-management does instead of making a key; null if it makes it. */
  let trouble: Error | null = null;
  /** What key-management was told by calls, and whether gateways know of it then. */
  const taken: SubscriptionsChangedV1[] = [];
  let everywhere = true;
  /** What becomes of the reply of key-management once it has made a key; null if it arrives. */
  let lost: Error | null = null;
  /** What happens while a key is being made. */
  let beforeKey = (): Promise<void> => Promise.resolve();

  beforeAll(async () => {
    opened = await open();
    const bus = inProcessBus();
    const module = UsageBillingProcessModule.with({
      keyManagement: {
        identifyPrincipal: identities.identifyPrincipal,
        knownKeys: () => Promise.resolve([]),
        contacts: () => Promise.resolve({ organizationName: null, apiKeys: [], keyName: null, ownerEmails: [] }),
        knownOwners: ({ organizationId, apiKeyIds = [], memberIds = [] }) =>
          Promise.resolve({
            organization: organizationId !== 'default',
            organizationName: null,
            apiKeys: apiKeyIds.flatMap((id) => {
              const status = unasked.has(id) ? undefined : (ofKey.get(id) ?? 'active');
              return [{ id, name: id, status }];
            }),
            groups: [],
            projects: [],
            members: memberIds.flatMap((id) => {
              const personId = id === MEMBER ? PERSON : people.get(id);
              return personId === undefined ? [] : [{ id, name: 'a@example.com', personId }];
            }),
          }),
        takeSubscriptionTerms: async (terms) => {
          taken.push(terms);
          return Promise.resolve({ everywhere });
        },
        createSubscriptionKey: async (request) => {
          await beforeKey();
          if (trouble !== null) throw trouble;
          const isNew = keysMade.every(({ apiKeyId }) => apiKeyId !== request.apiKeyId);
          if (isNew) keysMade.push(request);
          if (lost !== null) throw lost;
          return {
            apiKeyId: request.apiKeyId,
            maskedKey: 'sk-sub…1234',
            secret: isNew ? `sk-sub-${request.apiKeyId}` : null,
          };
        },
      },
      mail: { send: () => Promise.resolve() },
      sealing: sealingFrom({ pepper: 'a pepper of the contract suite' }),
      database: opened.database,
      admission: new RecordingAdmission(),
      adminSecrets: [ADMIN],
      serviceSecrets: [SERVICE],
      adminApi: ADMIN_API_DEFAULT,
      settings: {},
      logger,
      bus: {
        publish: async (topic, messages) => {
          if (topic === SUBSCRIPTIONS_CHANGED_V1)
            told.push(...messages.map(({ value }) => JSON.parse(value.toString()) as SubscriptionsChangedV1));
        },
      },
      busProgress: bus.server,
      registry: createMetricsRegistry('contract', { processMetrics: false }),
    });
    app = await createNestServer(module, { logger, bodyLimitBytes: 100_000 });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    await app?.close();
    await opened?.close();
  });

  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
  const owner = (organization: string) => ({ as: cookie(identities.session('owner', organization)), organization });
  const cookie = (token: string) => ({
    cookie: `${COOKIE}=${token}`,
    origin: new URL(ADMIN_API_DEFAULT.publicUrl).origin,
    'x-csrf-token': csrfTokenOf(token),
  });

  async function ask(method: string, path: string, body?: object | string, asked: Asked = {}) {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(asked.as ?? bearer(ADMIN)),
        ...(asked.organization !== undefined && { 'x-organization-id': asked.organization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...asked.headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: reply.status, headers: reply.headers, body: (await reply.json()) as Shown };
  }
  async function made(path: string, body: object, asked?: Asked): Promise<Shown> {
    const reply = await ask('POST', path, body, asked);
    if (reply.status !== 201) throw new Error(JSON.stringify(reply.body));
    return reply.body;
  }
  const plan = (fields: object = {}): Promise<Shown> =>
    made('/v1/plans', { name: `plan ${randomUUID()}x`, quota_usd: '20', price_usd: '10', ...fields });
  const subscribed = (planName: unknown, organization = randomUUID(), fields: object = {}): Promise<Shown> =>
    made('/v1/subscriptions', { plan: planName, organization_id: organization, ...fields });
  const shown = async (id: string): Promise<Shown> => (await ask('GET', `/v1/subscriptions/${id}`)).body;
  /** What the organisation's webhook is to be sent, oldest first. */
  const notices = (organization: string): Promise<{ type: string; timestamp: string; data: Shown }[]> =>
    opened.database.dataSource.transaction(async (manager) => {
      await manager.query(`SELECT set_config('role', 'tollgate_billing_all_tenants', true)`);
      const rows: { body: string }[] = await manager.query(
        `SELECT body FROM billing.webhook_delivery WHERE organization_id = $1 ORDER BY created_at, body::jsonb ->> 'timestamp', type`,
        [organization],
      );
      return rows.map(({ body }) => JSON.parse(body) as { type: string; timestamp: string; data: Shown });
    });
  const renew = (ms: number): Promise<void> => app.get(RenewSubscriptions).execute(new Date(ms));
  const fees = (organization: string): Promise<{ request_id: string; amount_nano_usd: string; note: string }[]> =>
    opened.database.dataSource.transaction(async (manager) => {
      await manager.query(`SELECT set_config('role', 'tollgate_billing_all_tenants', true)`);
      return manager.query(
        `SELECT request_id, amount_nano_usd, note FROM billing.transfer
         WHERE account_id = $1 AND kind = 'fee' ORDER BY created_at, note`,
        [`fees:${organization}`],
      );
    });
  const lastTold = (apiKeyId: string) => told.findLast((each) => each.apiKeyId === apiKeyId)?.terms;

  describe('a plan', () => {
    it('is made, listed, shown, changed and archived, by the operator', async () => {
      const name = `Pro ${randomUUID()}x`;
      const fields = {
        name,
        cycle: 'month',
        quota_usd: '20.000000001',
        price_usd: 15,
        models: ['gpt-4o*'],
        rate_limits: { requests_per_minute: 60 },
        self_service: true,
        markup_percent: '2.5',
      };
      const { id } = await made('/v1/plans', fields);
      const is = {
        object: 'plan',
        name,
        quota_usd: '20.000000001',
        price_usd: '15',
        models: ['gpt-4o*'],
        rate_limits: { requests_per_minute: 60, tokens_per_minute: null, parallel_requests: null },
        self_service: true,
        payg_allowed: true,
        markup_percent: 2.5,
        source: 'api',
        archived_at: null,
      };
      expect(await ask('GET', `/v1/plans/${id}`)).toMatchObject({ status: 200, body: is });
      const viewer = { as: cookie(identities.session('viewer', randomUUID())) };
      const listed = await ask('GET', '/v1/plans?limit=100', undefined, viewer);
      expect((listed.body as unknown as { data: Shown[] }).data.find((each) => each.id === id)).toMatchObject(is);
      expect((await ask('PATCH', `/v1/plans/${id}`, { price_usd: 1 }, viewer)).status).toBe(403);
      const changed = await ask('PATCH', `/v1/plans/${id}`, { price_usd: '18', models: null });
      expect(changed.body).toMatchObject({ ...is, price_usd: '18', models: null });
      expect(changed.headers.get('etag')).toBe('"2"');
      expect((await ask('PATCH', `/v1/plans/${id}`, { price_usd: 18 })).headers.get('etag')).toBe('"2"');
      expect((await ask('DELETE', `/v1/plans/${id}`)).body).toMatchObject({ deleted: true });
      expect((await ask('GET', `/v1/plans/${id}`)).body.archived_at).toEqual(expect.any(String));
      for (const method of ['PATCH', 'DELETE'])
        expect((await ask(method, `/v1/plans/${id}`, {})).body.code).toBe('plan_not_found');
      expect((await made('/v1/plans', fields)).id, 'its name is free').not.toBe(id);
    });

    it('is not made where another has its name, in any case, nor renamed to it', async () => {
      const { name, id } = await plan();
      const again = await ask('POST', '/v1/plans', {
        name: ` ${String(name).toUpperCase()} `,
        quota_usd: 1,
        price_usd: 1,
      });
      expect(again).toMatchObject({ status: 409, body: { code: 'name_taken', errors: [{ path: 'name' }] } });
      const other = await plan();
      expect((await ask('PATCH', `/v1/plans/${other.id}`, { name })).body.code).toBe('name_taken');
      expect((await ask('PATCH', `/v1/plans/${id}`, { name: String(name).toUpperCase() })).status).toBe(200);
    });

    const usd = /from 0 to 9000000 with at most 9 decimals/;
    it.each<[string, unknown, string, RegExp]>([
      ['quota_usd', '9000000.000000001', 'quota_usd', usd],
      ['quota_usd', 9_000_001, 'quota_usd', usd],
      ['quota_usd', -1, 'quota_usd', usd],
      ['quota_usd', 'NaN', 'quota_usd', usd],
      ['quota_usd', '1e3', 'quota_usd', usd],
      ['quota_usd', '0.0000000001', 'quota_usd', usd],
      ['price_usd', '-0.1', 'price_usd', usd],
      ['price_usd', null, 'price_usd', /./],
      ['cycle', 'week', 'cycle', /month/],
      ['name', '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab', 'name', /must not look like an id/],
      ['name', 'a\u202eb', 'name', /without invisible characters/],
      ['name', '--', 'name', /must have a letter or a digit/],
      ['models', [], 'models', /./],
      ['rate_limits', { requests_per_minute: 0 }, 'rate_limits.requests_per_minute', /1/],
      ['markup_percent', 1_000.5, 'markup_percent', /from 0 to 1000/],
      ['colour', 'red', 'colour', /unknown field/],
    ])('is refused with %s of %j', async (field, value, path, message) => {
      const body = { name: `plan ${randomUUID()}x`, quota_usd: 1, price_usd: 1, [field]: value };
      const refused = await ask('POST', '/v1/plans', body);
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ path }] } });
      expect(refused.body.errors?.[0]?.message).toMatch(message);
    });

    it('of config.yaml is taken over at each start, changed there alone, and archived when it is gone', async () => {
      const take = app.get(TakeConfiguredPlans);
      const name = `configured ${randomUUID()}x`;
      const entry = {
        name,
        quotaNanoUsd: 5n,
        priceNanoUsd: 1n,
        models: null,
        rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
        selfService: false,
        paygAllowed: true,
        markupMillionths: null,
      };
      await Promise.all([take.execute([entry], new Date()), take.execute([entry], new Date())]);
      const find = async () =>
        ((await ask('GET', '/v1/plans?limit=100')).body as unknown as { data: Shown[] }).data.filter(
          (each) => each.name === name,
        );
      const [shownOnce, ...twice] = await find();
      expect(shownOnce).toMatchObject({ source: 'config', quota_usd: '0.000000005' });
      expect(twice).toEqual([]);
      expect((await ask('PATCH', `/v1/plans/${shownOnce!.id}`, { price_usd: 9 })).body.code).toBe('conflict');
      await take.execute([{ ...entry, priceNanoUsd: 2n }], new Date());
      expect(await find()).toMatchObject([{ id: shownOnce!.id, price_usd: '0.000000002' }]);
      await take.execute([], new Date());
      expect(await find()).toEqual([]);
      await made('/v1/plans', { name, quota_usd: 1, price_usd: 1 });
      await expect(take.execute([entry], new Date())).rejects.toThrow(
        /TOLLGATE_CONFIG: the plan configured .* archive/,
      );
    });
  });

  describe('the webhooks of an organisation', () => {
    const watched = async () => {
      const organization = randomUUID();
      const reply = await ask(
        'POST',
        '/v1/webhooks',
        { url: 'https://hooks.invalid/x', events: WEBHOOK_EVENTS.filter((type) => type.startsWith('subscription.')) },
        { organization },
      );
      expect(reply.status, JSON.stringify(reply.body)).toBe(201);
      return organization;
    };

    it('are told once of each thing that happens to a subscription, by however many processes', async () => {
      const organization = await watched();
      const [small, large] = [await plan(), await plan({ quota_usd: '50', price_usd: '30' })];
      const { id, anchor } = await subscribed(small.name, organization);
      const path = `/v1/subscriptions/${id}`;
      await ask('PATCH', path, { payg: { enabled: true, limit_usd: 3 } });
      await ask('PATCH', path, { payg: { enabled: true, limit_usd: 3 } });
      await ask('PATCH', path, { plan: large.name });
      await ask('PATCH', path, { plan: small.name });
      expect((await notices(organization)).map(({ type }) => type)).toEqual([
        'subscription.created',
        'subscription.changed',
        'subscription.changed',
        'subscription.changed',
      ]);
      const start = (number: number) => subscriptionCycleStart(Date.parse(anchor), number);
      // Two cycles late, and at two processes: each cycle is told of once, the plan that was chosen before not again.
      await Promise.all([renew(start(2)), renew(start(2) + 1), renew(start(2) + 2)]);
      const renewed = (await notices(organization)).slice(4);
      expect(renewed).toMatchObject([
        {
          type: 'subscription.renewed',
          timestamp: new Date(start(1)).toISOString(),
          data: { subscription_id: id, plan: small.name, period: { number: 1 }, included_usd: '20', status: 'active' },
        },
        { type: 'subscription.renewed', data: { period: { number: 2, ends_at: new Date(start(3)).toISOString() } } },
      ]);
    });

    it('are told of the end when it comes, also of one that is cancelled at once', async () => {
      const organization = await watched();
      const { name } = await plan();
      const [later, resumed, now] = [
        await subscribed(name, organization),
        await subscribed(name, organization),
        await subscribed(name, organization),
      ];
      const cancel = (id: string, at: string) => ask('POST', `/v1/subscriptions/${id}/cancel`, { at });
      await cancel(now.id, 'now');
      await cancel(now.id, 'now');
      await cancel(resumed.id, 'cycle_end');
      await ask('POST', `/v1/subscriptions/${resumed.id}/resume`);
      await cancel(later.id, 'cycle_end');
      const of = async (id: string) =>
        (await notices(organization)).filter(({ data }) => data['subscription_id'] === id).map(({ type }) => type);
      expect((await of(now.id)).sort()).toEqual([
        'subscription.canceled',
        'subscription.created',
        'subscription.expired',
      ]);
      expect(await of(resumed.id)).toEqual(['subscription.created', 'subscription.canceled', 'subscription.changed']);
      expect(await of(later.id)).toEqual(['subscription.created', 'subscription.canceled']);
      const endsMs = Date.parse(later.current_period.ends_at);
      await renew(endsMs - 1);
      expect(await of(later.id)).toHaveLength(2);
      await Promise.all([renew(endsMs), renew(endsMs + 5)]);
      await renew(endsMs + 10);
      expect((await of(later.id)).slice(2)).toEqual(['subscription.expired']);
      expect(
        (await notices(organization)).find(
          ({ type, data }) => type.endsWith('expired') && data['subscription_id'] === later.id,
        ),
      ).toMatchObject({
        timestamp: later.current_period.ends_at,
        data: { status: 'ended', ends_at: later.current_period.ends_at, api_key_id: later.api_key.id },
      });
    });
  });

  describe('a subscription', () => {
    it('is made with a key, which the reply alone shows, and its first cycle is charged', async () => {
      const organization = randomUUID();
      const { name, id: planId } = await plan({ models: ['gpt-4o*'], rate_limits: { parallel_requests: 3 } });
      const reply = await ask('POST', '/v1/subscriptions', {
        plan: String(name).toUpperCase(),
        organization_id: organization,
        member_id: MEMBER,
        payg: { enabled: true, limit_usd: '5' },
      });
      expect(reply).toMatchObject({
        status: 201,
        body: {
          object: 'subscription',
          plan: name,
          plan_id: planId,
          next_plan: null,
          status: 'active',
          ends_at: null,
          organization_id: organization,
          member_id: MEMBER,
          quota: { included_usd: '20', used_usd: '0', remaining_usd: '20' },
          payg: { enabled: true, limit_usd: '5', used_usd: '0', remaining_usd: '5' },
          current_period: { number: 0 },
          periods: [{ number: 0, fee_usd: '10', included_usd: '20' }],
        },
      });
      expect(reply.headers.get('cache-control')).toContain('no-store');
      const { id, anchor, api_key: key, current_period: period } = reply.body;
      expect(key.secret).toBe(`sk-sub-${key.id}`);
      expect(period.starts_at).toBe(anchor);
      expect(anchor).toMatch(/\.000Z$/);
      expect(period.ends_at).toBe(new Date(subscriptionCycleStart(Date.parse(anchor), 1)).toISOString());
      expect(keysMade.at(-1)).toMatchObject({
        apiKeyId: key.id,
        organizationId: organization,
        name,
        creditLimitNanoUsd: null,
        memberId: MEMBER,
        terms: {
          subscriptionId: id,
          version: 1,
          quotas: [{ fromMs: Date.parse(anchor), quotaNanoUsd: '20000000000' }],
          payg: { capNanoUsd: '5000000000' },
          models: ['gpt-4o*'],
          rateLimits: { parallelRequests: 3 },
        },
      });
      expect(await fees(organization)).toMatchObject([
        { amount_nano_usd: '10000000000', note: `subscription ${id}, cycle 0` },
      ]);
      const { api_key: later, ...rest } = await shown(id);
      expect(later).toEqual({ id: key.id, masked_key: 'sk-sub…1234', status: 'active' });
      expect(rest).toMatchObject({ id, plan: name });
      const listed = await ask('GET', '/v1/subscriptions', undefined, { organization });
      expect(listed.body).toMatchObject({ data: [{ id }], has_more: false });
    });

    it('is what its key has left, as key-management is told', async () => {
      const organization = randomUUID();
      const {
        id,
        api_key: key,
        current_period: period,
      } = await subscribed((await plan()).id, organization, {
        payg: { enabled: true, limit_usd: '5' },
      });
      const { startMs, endMs } = subscriptionCycleAt(Date.parse(period.starts_at), Date.parse(period.starts_at));
      await opened.database.dataSource.query(
        `INSERT INTO billing.account (account_id, organization_id, posted_nano_usd, ceiling_nano_usd, cap_nano_usd)
         VALUES ($1, $3, 20000000000, 20000000000, 20000000000), ($2, $3, 1500000000, 5000000000, 5000000000)`,
        [subscriptionAccountId(id, { startMs, endMs }), paygAccountId(id, { startMs, endMs }), organization],
      );
      const api = httpUsageBillingApi({ url, serviceSecrets: [SERVICE], timeoutMs: 60_000 });
      const told = {
        plan: (await shown(id))['plan'],
        status: 'active',
        startsAt: period.starts_at,
        endsAt: period.ends_at,
        quotaNanoUsd: '20000000000',
        quotaUsedNanoUsd: '20000000000',
        paygCapNanoUsd: '5000000000',
        quotaHeldNanoUsd: '0',
        paygUsedNanoUsd: '1500000000',
        paygHeldNanoUsd: '0',
      };
      try {
        expect(await api.subscriptionOfKey(organization, key.id)).toEqual(told);
        expect(await api.subscriptionOfKey(randomUUID(), key.id), 'in another organisation').toBeNull();
        expect(await api.subscriptionOfKey(organization, randomUUID())).toBeNull();
        await ask('PATCH', `/v1/subscriptions/${id}`, { payg: { enabled: false } });
        await ask('POST', `/v1/subscriptions/${id}/cancel`, { at: 'now' });
        expect(await api.subscriptionOfKey(organization, key.id)).toEqual({
          ...told,
          status: 'ended',
          paygCapNanoUsd: null,
        });
      } finally {
        await api.close();
      }
    });

    it('is made once for an Idempotency-Key, however often and by how many it is asked for', async () => {
      const organization = randomUUID();
      const { id: planId } = await plan();
      const body = { plan: planId, organization_id: organization };
      const asked = { headers: { 'idempotency-key': randomUUID() } };
      const first = await made('/v1/subscriptions', body, asked);
      const again = await ask('POST', '/v1/subscriptions', body, asked);
      expect(again).toMatchObject({ status: 201, body: { id: first.id, api_key: first.api_key } });
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      const other = await ask('POST', '/v1/subscriptions', { ...body, payg: { enabled: false } }, asked);
      expect(other.body.code).toBe('idempotency_key_reused');
      const together = { headers: { 'idempotency-key': randomUUID() } };
      const replies = await Promise.all([1, 2, 3].map(() => ask('POST', '/v1/subscriptions', body, together)));
      const ids = new Set(replies.filter(({ status }) => status === 201).map(({ body: { id } }) => id));
      expect(ids.size).toBe(1);
      expect(replies.every(({ status, body: { code } }) => status === 201 || code === 'idempotency_conflict')).toBe(
        true,
      );
      expect(await fees(organization)).toHaveLength(2);
    });

    it('is not there, and nothing is charged, where its key was not made', async () => {
      const organization = randomUUID();
      const { id: planId } = await plan();
      const body = { plan: planId, organization_id: organization };
      trouble = new InternalCallError('/internal/subscription-keys', 'timeout');
      try {
        const refused = await ask('POST', '/v1/subscriptions', body);
        expect(refused).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
      } finally {
        trouble = null;
      }
      const listed = () => ask('GET', '/v1/subscriptions', undefined, { organization });
      expect((await listed()).body.data).toEqual([]);
      const before = told.length;
      await renew(Date.now() + 16 * 60_000);
      await waitUntil(() => told.length > before, { what: 'its key to be told that it ended, should it be there' });
      expect(told.at(-1)!.terms.endsAtMs).toBe(told.at(-1)!.terms.anchorMs);
      expect((await listed()).body.data).toEqual([]);
      expect(await fees(organization)).toEqual([]);
    });

    it('can be asked for again at once where its key was not made in time, and shows a secret', async () => {
      const organization = randomUUID();
      const { id: free } = await plan({ price_usd: 0, self_service: true });
      const asked = owner(organization);
      const named = { headers: { 'idempotency-key': randomUUID() } };
      const ofOperator = { plan: free, organization_id: organization };
      trouble = new InternalCallError('/internal/subscription-keys', 'timeout');
      try {
        expect((await ask('POST', '/v1/subscriptions', { plan: free }, asked)).status).toBe(503);
        expect((await ask('POST', '/v1/subscriptions', ofOperator, named)).status).toBe(503);
      } finally {
        trouble = null;
      }
      const byOwner = await made('/v1/subscriptions', { plan: free }, asked);
      const byOperator = await made('/v1/subscriptions', ofOperator, named);
      expect([byOwner, byOperator].map(({ api_key: { secret } }) => secret)).toEqual([
        expect.stringContaining('sk-sub-'),
        expect.stringContaining('sk-sub-'),
      ]);
      expect((await ask('POST', '/v1/subscriptions', ofOperator, named)).body.api_key).toEqual(byOperator.api_key);
    });

    it('has a key with a secret also where the process ended when it had made one', async () => {
      const organization = randomUUID();
      const { id: planId } = await plan();
      const body = { plan: planId, organization_id: organization };
      const named = { headers: { 'idempotency-key': randomUUID() } };
      trouble = new InternalCallError('/internal/subscription-keys', 'timeout');
      try {
        await ask('POST', '/v1/subscriptions', body, named);
      } finally {
        trouble = null;
      }
      const [begun] = await opened.database.dataSource.query<{ api_key_id: string }[]>(
        'SELECT api_key_id FROM billing.subscription WHERE organization_id = $1',
        [organization],
      );
      await opened.database.dataSource.query(
        `UPDATE billing.subscription SET abandoned_at = NULL, created_at = now() - interval '11 seconds'
         WHERE organization_id = $1`,
        [organization],
      );
      keysMade.push({ ...keysMade[0]!, apiKeyId: begun!.api_key_id });
      const subscription = await made('/v1/subscriptions', body, named);
      expect(subscription.api_key.secret).toBe(`sk-sub-${subscription.api_key.id}`);
      expect(subscription.api_key.id).not.toBe(begun!.api_key_id);
      const before = told.length;
      await renew(Date.now() + 2 * 60_000);
      // Others are due by then, too.
      await waitUntil(() => told.slice(before).some(({ apiKeyId }) => apiKeyId === begun!.api_key_id), {
        what: 'the first key to be told that it has ended',
      });
    });

    it.each<[string, object, string]>([
      ['of no plan', { plan: 'nobody has this plan' }, 'plan'],
      ['of a member of others', { member_id: randomUUID() }, 'member_id'],
      ['with pay-as-you-go without a limit', { payg: { enabled: true } }, 'payg.limit_usd'],
      ['with a limit beyond an account', { payg: { enabled: true, limit_usd: 9_000_001 } }, 'payg.limit_usd'],
    ])('is not made %s', async (_what, fields, path) => {
      const { id } = await plan();
      const refused = await ask('POST', '/v1/subscriptions', { plan: id, organization_id: randomUUID(), ...fields });
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ path }] } });
    });

    it('is not made of an archived plan, nor in an organisation that is not there', async () => {
      const { id } = await plan();
      expect((await ask('POST', '/v1/subscriptions', { plan: id, organization_id: 'default' })).body.code).toBe(
        'organization_not_found',
      );
      await ask('DELETE', `/v1/plans/${id}`);
      const refused = await ask('POST', '/v1/subscriptions', { plan: id, organization_id: randomUUID() });
      expect(refused.body.errors).toMatchObject([{ path: 'plan' }]);
    });

    it('is one at a time where owners make it by themselves: for the organisation, and for each member', async () => {
      const organization = randomUUID();
      const asked = owner(organization);
      const { id: free } = await plan({ price_usd: 0, self_service: true });
      const { id: other } = await plan({ price_usd: 0, self_service: true });
      const replies = await Promise.all(
        Array.from({ length: 10 }, () => ask('POST', '/v1/subscriptions', { plan: free }, asked)),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
      const { body: first } = replies.find(({ status }) => status === 201)!;
      for (const again of [free, other])
        expect(await ask('POST', '/v1/subscriptions', { plan: again }, asked)).toMatchObject({
          status: 409,
          body: { code: 'subscription_exists' },
        });
      const ofMember = { plan: free, member_id: MEMBER };
      const { id: memberOne } = await made('/v1/subscriptions', ofMember, asked);
      expect((await ask('POST', '/v1/subscriptions', ofMember, asked)).body.code).toBe('subscription_exists');
      // What was cancelled at once has had its quota until the end of the cycle.
      for (const id of [first.id, memberOne]) await ask('POST', `/v1/subscriptions/${id}/cancel`, { at: 'now' }, asked);
      for (const again of [{ plan: free }, { plan: other }, ofMember]) {
        const refused = await ask('POST', '/v1/subscriptions', again, asked);
        expect(refused).toMatchObject({ status: 409, body: { code: 'subscription_exists' } });
        expect(refused.body.detail).toContain(first.current_period.ends_at.slice(0, 10));
      }
      await made('/v1/subscriptions', { plan: free, organization_id: organization });
      await made('/v1/subscriptions', { plan: other, organization_id: organization });
    });

    it.each([
      ['cancelled', (id: string, asked: Asked) => ask('POST', `/v1/subscriptions/${id}/cancel`, { at: 'now' }, asked)],
      [
        'ended by the removal',
        async (_id: string, { organization = '' }: Asked) => {
          const billing = httpUsageBillingApi({ url, serviceSecrets: [SERVICE], timeoutMs: 30_000 });
          await billing
            .endSubscriptions({ organizationId: organization, memberId: MEMBER, endedAt: new Date().toISOString() })
            .finally(() => billing.close());
        },
      ],
      ['going on, as its end is heard of late', () => Promise.resolve()],
    ] as const)('gives a member who comes back no quota twice in a cycle: the first one %s', async (_how, end) => {
      const organization = randomUUID();
      const asked = owner(organization);
      const { id: free } = await plan({ price_usd: 0, self_service: true });
      const first = await made('/v1/subscriptions', { plan: free, member_id: MEMBER }, asked);
      await end(first.id, asked);
      const [back, another] = [randomUUID(), randomUUID()];
      people.set(back, PERSON).set(another, randomUUID());
      expect(await ask('POST', '/v1/subscriptions', { plan: free, member_id: back }, asked)).toMatchObject({
        status: 409,
        body: { code: 'subscription_exists' },
      });
      const replies = await Promise.all(
        [another, another].map((member_id) => ask('POST', '/v1/subscriptions', { plan: free, member_id }, asked)),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([201, 409]);
      // The operator decides otherwise.
      await made('/v1/subscriptions', { plan: free, member_id: back, organization_id: organization });
    });

    it('may be made by an owner again once the cycle of the last one is over', async () => {
      const organization = randomUUID();
      const { id: free } = await plan({ price_usd: 0, self_service: true });
      const first = await made('/v1/subscriptions', { plan: free }, owner(organization));
      await ask('POST', `/v1/subscriptions/${first.id}/cancel`, {}, owner(organization));
      const again = async (at: number): Promise<unknown> =>
        app.get(Subscribe).prepare(
          {
            organizationId: organization,
            memberId: null,
            personId: null,
            plan: (await app.get(PlanStore).find(free))!,
            payg: { enabled: false, limitNanoUsd: null, raise: null },
            onceACycle: true,
            asker: 'an owner',
            actor: NOBODY,
          },
          { key: null, method: 'POST', path: '/v1/subscriptions', fingerprint: Buffer.alloc(0), serialize: () => null },
          new Date(at),
        );
      const end = Date.parse(first.current_period.ends_at);
      await expect(again(end - 1)).rejects.toMatchObject({ code: 'subscription_exists' });
      await expect(again(end)).resolves.toMatchObject({ made: { key: { secret: expect.any(String) as string } } });
    });

    it('is an owner’s to make and to change where the plan is for self-service, and nobody else’s', async () => {
      const organization = randomUUID();
      const [closed, open_] = [await plan(), await plan({ self_service: true })];
      const asked = owner(organization);
      expect(await ask('POST', '/v1/subscriptions', { plan: closed.id }, asked)).toMatchObject({
        status: 403,
        body: { code: 'access_denied' },
      });
      const { id } = await made('/v1/subscriptions', { plan: open_.id }, asked);
      const path = `/v1/subscriptions/${id}`;
      expect((await ask('PATCH', path, { plan: closed.id }, asked)).status).toBe(403);
      expect((await ask('POST', `${path}/cancel`, {}, asked)).body.status).toBe('ending');
      expect((await ask('POST', `${path}/resume`, undefined, asked)).body.status).toBe('active');
      await ask('PATCH', path, { plan: closed.id });
      const smaller = { quota_usd: 1, price_usd: 1, self_service: true };
      expect((await ask('PATCH', path, { plan: (await plan(smaller)).id }, asked)).status).toBe(403);
      expect(
        (await ask('POST', '/v1/subscriptions', { plan: open_.id, organization_id: randomUUID() }, asked)).body.code,
      ).toBe('organization_not_found');
      expect((await ask('GET', path, undefined, owner(randomUUID()))).body.code).toBe('subscription_not_found');
      const admin = { as: cookie(identities.session('admin', organization)), organization };
      expect((await ask('POST', `${path}/cancel`, {}, admin)).status).toBe(403);
      expect((await ask('GET', path, undefined, admin)).status).toBe(200);
    });
  });

  describe('the cycles of a subscription', () => {
    it('are charged once each, by two processes at once and three cycles late', async () => {
      const organization = randomUUID();
      const { id, anchor, api_key: key } = await subscribed((await plan()).id, organization);
      const anchorMs = Date.parse(anchor);
      const third = subscriptionCycleStart(anchorMs, 3);
      await Promise.all([renew(third), renew(third), renew(third + 1)]);
      expect((await fees(organization)).map(({ note }) => note)).toEqual(
        [0, 1, 2, 3].map((number) => `subscription ${id}, cycle ${number}`),
      );
      const { periods } = await shown(id);
      expect(periods.map(({ number, fee_usd: fee }) => [number, fee])).toEqual([
        [3, '10'],
        [2, '10'],
        [1, '10'],
        [0, '10'],
      ]);
      await renew(third + DAY_MS);
      expect(await fees(organization)).toHaveLength(4);
      expect(lastTold(key.id), 'a key whose terms stay the same hears nothing').toBeUndefined();
    });

    it('have the terms of the plan as it was at their beginning; a change counts from the next on', async () => {
      const organization = randomUUID();
      const { id: planId } = await plan();
      const { id, anchor, api_key: key } = await subscribed(planId, organization);
      await ask('PATCH', `/v1/plans/${planId}`, {
        quota_usd: '50',
        price_usd: '30',
        rate_limits: { parallel_requests: 9 },
      });
      expect(await shown(id)).toMatchObject({ quota: { included_usd: '20' }, periods: [{ fee_usd: '10' }] });
      expect((await subscribed(planId)).quota, 'those who subscribe now').toMatchObject({ included_usd: '50' });
      const next = subscriptionCycleStart(Date.parse(anchor), 1);
      await renew(Date.now());
      await waitUntil(() => lastTold(key.id), { what: 'the key to hear of the next quota' });
      expect(lastTold(key.id)).toMatchObject({
        quotas: [
          { fromMs: Date.parse(anchor), quotaNanoUsd: '20000000000' },
          { fromMs: next, quotaNanoUsd: '50000000000' },
        ],
        rateLimits: { parallelRequests: null },
      });
      await renew(next);
      expect((await fees(organization)).map(({ amount_nano_usd: amount }) => amount)).toEqual([
        '10000000000',
        '30000000000',
      ]);
      await waitUntil(() => lastTold(key.id)?.rateLimits.parallelRequests === 9, {
        what: 'its limits of the new cycle',
      });
    });

    it('end with the cycle in which it is cancelled, unless that is taken back', async () => {
      const organization = randomUUID();
      const { id, anchor, api_key: key } = await subscribed((await plan()).id, organization);
      const next = subscriptionCycleStart(Date.parse(anchor), 1);
      const cancel = (at: string) => ask('POST', `/v1/subscriptions/${id}/cancel`, { at });
      const ending = await cancel('cycle_end');
      expect(ending.body).toMatchObject({ status: 'ending', ends_at: new Date(next).toISOString() });
      expect((await cancel('cycle_end')).headers.get('etag')).toBe(ending.headers.get('etag'));
      await waitUntil(() => lastTold(key.id)?.endsAtMs === next, { what: 'the key to hear of its end' });
      expect((await ask('POST', `/v1/subscriptions/${id}/resume`)).body).toMatchObject({
        status: 'active',
        ends_at: null,
      });
      await waitUntil(() => lastTold(key.id)?.endsAtMs === null, { what: 'the key to hear that it goes on' });
      await cancel('cycle_end');
      await renew(next + DAY_MS);
      expect(await fees(organization)).toHaveLength(1);
    });

    it('end at once when it is cancelled now, for good', async () => {
      const { id, api_key: key } = await subscribed((await plan()).id);
      const from = Math.floor(Date.now() / 1_000) * 1_000;
      const cancelledNow = await ask('POST', `/v1/subscriptions/${id}/cancel`, { at: 'now' });
      expect(cancelledNow.body.status).toBe('ended');
      const endsAt = Date.parse(String(cancelledNow.body.ends_at));
      expect(endsAt).toBeGreaterThanOrEqual(from);
      expect(endsAt).toBeLessThanOrEqual(Date.now());
      await waitUntil(() => lastTold(key.id)?.endsAtMs === endsAt, {
        what: 'the key to hear of its end',
      });
      for (const [method, path, body] of [
        ['POST', '/resume', undefined],
        ['PATCH', '', { payg: { enabled: true, limit_usd: 1 } }],
      ] as const)
        expect((await ask(method, `/v1/subscriptions/${id}${path}`, body)).body.code).toBe('subscription_ended');
      expect((await ask('POST', `/v1/subscriptions/${id}/cancel`, { at: 'now' })).body.ends_at).toBe(
        cancelledNow.body.ends_at,
      );
    });
  });

  describe('subscriptions of an organisation that was deleted', () => {
    const api = () => httpUsageBillingApi({ url, serviceSecrets: [SERVICE], timeoutMs: 30_000 });

    it('end with it, and so do its grants: nothing is charged after it, and keys and webhooks are told', async () => {
      const [organization, other] = [randomUUID(), randomUUID()];
      const { id: planId } = await plan();
      const { id, anchor, api_key: key } = await subscribed(planId, organization);
      const later = await subscribed(planId, organization);
      const theirs = await subscribed(planId, other);
      await ask('POST', `/v1/subscriptions/${later.id}/cancel`, { at: 'cycle_end' });
      await ask(
        'POST',
        '/v1/webhooks',
        { url: 'https://hooks.invalid/x', events: ['subscription.canceled', 'subscription.expired'] },
        { organization },
      );
      const grant = await made('/v1/credit-grants', { organization_id: organization, amount_usd: 5 });
      const billing = api();
      try {
        await Promise.all([1, 2].map(() => billing.endOrganization({ organizationId: organization })));
        await billing.endOrganization({ organizationId: organization });
      } finally {
        await billing.close();
      }
      for (const each of [id, later.id]) expect(await shown(each)).toMatchObject({ status: 'ended' });
      expect((await shown(theirs.id))['status']).toBe('active');
      await waitUntil(() => lastTold(key.id)?.endsAtMs, { what: 'the key to hear of its end' });
      expect((await notices(organization)).map(({ type }) => type).sort()).toEqual([
        'subscription.canceled',
        'subscription.canceled',
        'subscription.expired',
        'subscription.expired',
      ]);
      expect((await ask('GET', `/v1/credit-grants/${grant.id}`)).body).toMatchObject({
        state: 'expired',
        left_usd: '0',
      });
      await renew(subscriptionCycleStart(Date.parse(anchor), 3));
      expect(await fees(organization)).toHaveLength(2);
      expect((await ask('POST', `/v1/subscriptions/${id}/resume`)).body.code).toBe('subscription_ended');
    });

    it('of a removed member end with the membership, those of nobody else, however late that is told', async () => {
      const organization = randomUUID();
      const { id: planId } = await plan();
      const theirs = await subscribed(planId, organization, { member_id: MEMBER });
      const other = await subscribed(planId, organization);
      const request = {
        organizationId: organization,
        memberId: MEMBER,
        endedAt: new Date(Date.parse(theirs.anchor) + 1_500).toISOString(),
      };
      const billing = api();
      try {
        await Promise.all([billing.endSubscriptions(request), billing.endSubscriptions(request)]);
      } finally {
        await billing.close();
      }
      const endsAt = new Date(Date.parse(theirs.anchor) + 1_000).toISOString();
      // It may have begun a second after theirs.
      await renew(subscriptionCycleStart(Date.parse(other.anchor), 1));
      expect(await shown(theirs.id)).toMatchObject({ ends_at: endsAt });
      expect((await shown(other.id))['status']).toBe('active');
      expect(await fees(organization)).toHaveLength(3);
      await waitUntil(() => lastTold(theirs.api_key.id)?.endsAtMs === Date.parse(endsAt), { what: 'the key to hear' });
    });

    it('have no cycle that begins after its end, also where nobody has ended them yet', async () => {
      const organization = randomUUID();
      const { id, anchor } = await subscribed((await plan()).id, organization);
      await opened.database.dataSource.transaction(async (manager) => {
        await manager.query(`SELECT set_config('role', 'tollgate_billing_all_tenants', true)`);
        await manager.query('INSERT INTO billing.organization_end (organization_id) VALUES ($1)', [organization]);
      });
      await Promise.all([2, 3].map((number) => renew(subscriptionCycleStart(Date.parse(anchor), number))));
      expect(await fees(organization)).toHaveLength(1);
      expect(await shown(id)).toMatchObject({ status: 'ended', current_period: { number: 0 } });
    });

    /** When, by the anchor of a subscription, somebody was deleted or removed, and how many cycles stand. */
    const late: [what: string, endOf: (anchorMs: number) => number, standing: number][] = [
      ['in the first second of the second cycle', (anchor) => subscriptionCycleStart(anchor, 1) + 999, 1],
      ['at the moment in which the second cycle begins', (anchor) => subscriptionCycleStart(anchor, 1), 1],
      ['a millisecond before it', (anchor) => subscriptionCycleStart(anchor, 1) - 1, 1],
      ['some seconds after it has begun', (anchor) => subscriptionCycleStart(anchor, 1) + 3_000, 2],
      ['in the first cycle, five renewals ago', (anchor) => anchor + 5_000, 1],
      ['before the first cycle', (anchor) => anchor - 86_400_000, 1],
    ];
    const transfersOfFees = (organization: string) =>
      opened.database.dataSource.transaction(async (manager) => {
        await manager.query(`SELECT set_config('role', 'tollgate_billing_all_tenants', true)`);
        return manager.query<{ request_id: string; kind: string; amount: string }[]>(
          `SELECT request_id, kind, amount_nano_usd AS amount FROM billing.transfer WHERE account_id = $1`,
          [`fees:${organization}`],
        );
      });
    it.each(late.flatMap((each) => (['organization', 'member'] as const).map((who) => [...each, who] as const)))(
      'that are renewed before it is heard of get back what is not owed: %s',
      async (_what, endOf, standing, who) => {
        const organization = randomUUID();
        const free = await plan({ price_usd: '0' });
        const owner = who === 'member' ? { member_id: MEMBER } : {};
        const { id, anchor, api_key: key } = await subscribed((await plan()).id, organization, owner);
        const ofNoPrice = await subscribed(free.id, organization, owner);
        const anchorMs = Date.parse(anchor);
        await renew(subscriptionCycleStart(anchorMs, 5) + 2_000);
        expect(await fees(organization)).toHaveLength(6);
        const endedAt = new Date(endOf(anchorMs)).toISOString();
        const billing = api();
        const end = () =>
          who === 'member'
            ? billing.endSubscriptions({ organizationId: organization, memberId: MEMBER, endedAt })
            : billing.endOrganization({ organizationId: organization, endedAt });
        try {
          await Promise.all([end(), end()]);
          await end();
        } finally {
          await billing.close();
        }
        await Promise.all([6, 7].map((number) => renew(subscriptionCycleStart(anchorMs, number))));
        const transfers = await transfersOfFees(organization);
        expect(transfers.filter(({ kind }) => kind === 'fee')).toHaveLength(6);
        expect(transfers.filter(({ kind }) => kind === 'refund')).toHaveLength(6 - standing);
        const sums = new Map<string, bigint>();
        for (const { request_id: fee, amount } of transfers) sums.set(fee, (sums.get(fee) ?? 0n) + BigInt(amount));
        expect(
          [...sums.values()].filter((sum) => sum !== 0n),
          'each refund is of one fee',
        ).toEqual(Array.from({ length: standing }, () => 10_000_000_000n));
        const endsAt = new Date(Math.max(anchorMs, Math.floor(endOf(anchorMs) / 1_000) * 1_000)).toISOString();
        expect(await shown(id)).toMatchObject({ ends_at: endsAt, periods: { length: standing } });
        expect(await shown(ofNoPrice.id)).toMatchObject({ periods: { length: standing } });
        await waitUntil(() => lastTold(key.id)?.endsAtMs === Date.parse(endsAt), {
          what: 'the key to hear of its end',
        });
        // The books of the month in which a cycle begins say both: its price, and that it was given back.
        const database = new ServiceDatabase(opened.database.dataSource, 'billing');
        const facts = new StatementFacts(database, {
          of: () => Promise.resolve(() => ({ postedNanoUsd: 0n, heldNanoUsd: 0n, generation: 0 })),
        });
        for (let number = 0; number < 6; number++) {
          const begun = new Date(subscriptionCycleStart(anchorMs, number));
          const { fees: lines } = await facts.read(
            organization,
            statementCycle(begun.toISOString().slice(0, 7))!,
            begun,
          );
          const amounts = number < standing ? [10_000_000_000n] : [10_000_000_000n, -10_000_000_000n];
          expect(lines.map(({ amountNanoUsd }) => amountNanoUsd)).toEqual(amounts);
          expect(lines[1]?.description ?? 'Refund of ').toMatch(/^Refund of /);
        }
        const listed = await ask('GET', `/v1/ledger/accounts?kind=fees`, undefined, { organization });
        expect((listed.body as unknown as { data: Shown[] }).data).toMatchObject([
          { posted_usd: String(10 * standing) },
        ]);
      },
    );

    it('get back the difference of an upgrade that was made after it', async () => {
      const organization = randomUUID();
      const [small, large] = [await plan(), await plan({ quota_usd: '50', price_usd: '30' })];
      const { id, anchor } = await subscribed(small.id, organization);
      await ask('PATCH', `/v1/subscriptions/${id}`, { plan: large.name });
      const billing = api();
      try {
        await billing.endOrganization({
          organizationId: organization,
          endedAt: new Date(Date.parse(anchor)).toISOString(),
        });
      } finally {
        await billing.close();
      }
      const transfers = await transfersOfFees(organization);
      expect(transfers.map(({ kind }) => kind).sort()).toEqual(['fee', 'fee', 'refund']);
      expect(transfers.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(10_000_000_000n);
      expect(await shown(id)).toMatchObject({ plan: small.name, status: 'ended' });
    });

    it('are given up while their key is being made, so that nobody has made them afterwards', async () => {
      const organization = randomUUID();
      const { id: planId } = await plan();
      const billing = api();
      const endedMeanwhile = async () => {
        await billing.endOrganization({ organizationId: organization });
      };
      beforeKey = endedMeanwhile;
      try {
        const reply = await ask('POST', '/v1/subscriptions', { plan: planId, organization_id: organization });
        expect(reply.status).toBe(503);
      } finally {
        beforeKey = () => Promise.resolve();
        await billing.close();
      }
      expect(await fees(organization)).toEqual([]);
    });
  });

  describe('another plan', () => {
    it('that is larger counts at once: by the rest of the cycle, price and quota alike', async () => {
      const organization = randomUUID();
      const [small, large] = [await plan(), await plan({ quota_usd: 60, price_usd: 20 })];
      const { id, api_key: key } = await subscribed(small.id, organization);
      const upgraded = await ask('PATCH', `/v1/subscriptions/${id}`, { plan: large.name });
      const [charged] = upgraded.body.periods;
      const fee = Number(charged!.fee_usd) - 10;
      const added = Number(charged!.included_usd) - 20;
      expect(fee).toBeGreaterThan(9.99);
      expect(fee).toBeLessThanOrEqual(10);
      expect(added).toBeCloseTo(4 * fee, 6);
      expect(upgraded.body).toMatchObject({ plan: large.name, next_plan: null });
      expect(await fees(organization)).toHaveLength(2);
      await waitUntil(() => lastTold(key.id), { what: 'the key to hear of its quota' });
      expect(lastTold(key.id)!.quotas.at(-1)).toMatchObject({ quotaNanoUsd: '60000000000' });
    });

    it('that is smaller counts from the next cycle, and asking for the present one takes that back', async () => {
      const organization = randomUUID();
      const [large, small] = [await plan({ quota_usd: 60, price_usd: 20 }), await plan()];
      const { id, anchor } = await subscribed(large.id, organization);
      const path = `/v1/subscriptions/${id}`;
      expect((await ask('PATCH', path, { plan: small.id })).body).toMatchObject({
        plan: large.name,
        next_plan: small.name,
        quota: { included_usd: '60' },
      });
      expect((await ask('PATCH', path, { plan: large.id })).body).toMatchObject({ next_plan: null });
      await ask('PATCH', path, { plan: small.id });
      await renew(subscriptionCycleStart(Date.parse(anchor), 1));
      expect((await fees(organization)).map(({ amount_nano_usd: amount }) => amount)).toEqual([
        '20000000000',
        '10000000000',
      ]);
      expect(await shown(id)).toMatchObject({ plan: small.name, next_plan: null });
    });

    describe('tells the key ahead what is charged from the next cycle on, so that no job is waited for:', () => {
      const smaller = { quota_usd: 10, price_usd: 5 };
      const paid = { capNanoUsd: '5000000000' };
      it.each<[string, object, object, 'asked for' | 'changed', object, object]>([
        [
          'a mark-up',
          {},
          { ...smaller, markup_percent: 100 },
          'asked for',
          { payg: paid, markupMillionths: null },
          { payg: paid, markupMillionths: 1_000_000 },
        ],
        [
          'no pay-as-you-go any more',
          { markup_percent: 0 },
          { ...smaller, payg_allowed: false },
          'asked for',
          { payg: paid, markupMillionths: 0 },
          { payg: null, markupMillionths: null },
        ],
        [
          'both, where the operator has changed the plan',
          {},
          { payg_allowed: false, markup_percent: 7 },
          'changed',
          { payg: paid, markupMillionths: null },
          { payg: null, markupMillionths: 70_000 },
        ],
      ])('%s', async (_, present, following, how, now, then) => {
        const first = await plan(present);
        const {
          id,
          anchor,
          api_key: key,
        } = await subscribed(first.id, randomUUID(), { payg: { enabled: true, limit_usd: 5 } });
        const [start, next] = [0, 1].map((number) => subscriptionCycleStart(Date.parse(anchor), number));
        if (how === 'changed') {
          await ask('PATCH', `/v1/plans/${first.id}`, following);
          await renew(Date.now());
        } else {
          await ask('PATCH', `/v1/subscriptions/${id}`, { plan: (await plan(following)).id });
        }
        const cycleTerms = [
          { fromMs: start, ...now },
          { fromMs: next, ...then },
        ];
        await waitUntil(() => lastTold(key.id), { what: 'the key to hear of the next cycle' });
        expect(lastTold(key.id)).toMatchObject({ ...now, cycleTerms });
        await renew(next!);
        await waitUntil(
          () => lastTold(key.id)?.markupMillionths === (then as { markupMillionths: number }).markupMillionths,
          {
            what: 'releases before to hear of it',
          },
        );
        expect(lastTold(key.id)).toMatchObject({ ...then, cycleTerms });
      });
    });

    it('that follows is told again some minutes after an upgrade, where a release before told of its quota alone', async () => {
      const { id, api_key: key } = await subscribed((await plan()).id);
      await ask('PATCH', `/v1/subscriptions/${id}`, {
        plan: (await plan({ quota_usd: 1, price_usd: 1, markup_percent: 9 })).id,
      });
      await waitUntil(() => lastTold(key.id)?.cycleTerms, { what: 'the key to hear of the next cycle' });
      const { cycleTerms, ...known } = lastTold(key.id)!;
      const migration = usageBillingSchema.migrations.find(({ name }) => name.startsWith('TermsToldAhead'));
      await opened.database.dataSource.transaction(async (manager) => {
        await manager.query(`SELECT set_config('tollgate.as_owner', 'on', true)`);
        await manager.query('UPDATE billing.subscription SET told = $2 WHERE id = $1', [id, JSON.stringify(known)]);
        await new migration!().up(manager.queryRunner!);
      });
      told.length = 0;
      await renew(Date.now() + 360_000);
      await waitUntil(() => lastTold(key.id), { what: 'the key to hear of the rest' });
      expect(lastTold(key.id)).toEqual({ ...known, cycleTerms, version: known.version + 1 });
    });

    describe('is taken back although the present one is archived, by', () => {
      const downgraded = async (organization = randomUUID()) => {
        const [large, small] = [await plan({ quota_usd: 60, price_usd: 20, self_service: true }), await plan()];
        const { id, anchor } = await subscribed(large.id, organization);
        const path = `/v1/subscriptions/${id}`;
        expect((await ask('PATCH', path, { plan: small.id })).body.next_plan).toBe(small.name);
        await ask('DELETE', `/v1/plans/${large.id}`);
        return { large, small, path, anchorMs: Date.parse(anchor) };
      };
      const NO_PLAN = { status: 400, body: { errors: [{ path: 'plan' }] } };

      it.each(['id', 'name'] as const)('its %s', async (field) => {
        const { large, path, anchorMs } = await downgraded();
        const back = await ask('PATCH', path, { plan: field === 'name' ? String(large.name).toUpperCase() : large.id });
        expect(back).toMatchObject({ status: 200, body: { plan: large.name, next_plan: null } });
        await renew(subscriptionCycleStart(anchorMs, 1));
        expect((await ask('GET', path)).body).toMatchObject({ plan: large.name, quota: { included_usd: '60' } });
      });

      it('an owner, too, where the plan is for self-service', async () => {
        const organization = randomUUID();
        const { large, path } = await downgraded(organization);
        expect(await ask('PATCH', path, { plan: large.id }, owner(organization))).toMatchObject({
          status: 200,
          body: { next_plan: null },
        });
      });

      it('nobody once another plan has begun, or who has another plan', async () => {
        const { large, path, anchorMs } = await downgraded();
        const other = await subscribed((await plan()).id);
        for (const named of [large.id, large.name])
          expect(await ask('PATCH', `/v1/subscriptions/${other.id}`, { plan: named })).toMatchObject(NO_PLAN);
        await renew(subscriptionCycleStart(anchorMs, 1));
        for (const named of [large.id, large.name])
          expect(await ask('PATCH', path, { plan: named })).toMatchObject(NO_PLAN);
      });

      it('its name where no other plan has it: the name of another is that one’s', async () => {
        const { large, path } = await downgraded();
        const another = await plan({ name: large.name, quota_usd: 1, price_usd: 1 });
        expect((await ask('PATCH', path, { plan: large.name })).body).toMatchObject({ next_plan: large.name });
        await ask('DELETE', `/v1/plans/${another.id}`);
        expect((await ask('PATCH', path, { plan: large.name })).body).toMatchObject({ next_plan: null });
      });

      it('no name of a plan that was never there, of a subscription that is not there', async () => {
        const { large, path } = await downgraded();
        expect(await ask('PATCH', path, { plan: 'never' })).toMatchObject(NO_PLAN);
        const stranger = `/v1/subscriptions/${randomUUID()}`;
        expect(await ask('PATCH', stranger, { plan: large.name })).toMatchObject(NO_PLAN);
        expect((await ask('PATCH', stranger, { plan: large.id })).status).toBe(404);
      });
    });

    it('without pay-as-you-go switches it off, and a plan that forbids it refuses it', async () => {
      const [open_, closed] = [await plan(), await plan({ quota_usd: 60, price_usd: 20, payg_allowed: false })];
      const { id, api_key: key } = await subscribed(open_.id, randomUUID(), { payg: { enabled: true, limit_usd: 5 } });
      const path = `/v1/subscriptions/${id}`;
      const both = await ask('PATCH', path, { plan: closed.id, payg: { enabled: true } });
      expect(both).toMatchObject({ status: 400, body: { errors: [{ path: 'payg.enabled' }] } });
      expect((await ask('PATCH', path, { plan: closed.id })).body).toMatchObject({ payg: { enabled: false } });
      await waitUntil(() => lastTold(key.id)?.payg === null, { what: 'the key to hear of it' });
    });
  });

  describe('a new key in the place of one that leaked', () => {
    const replace = (id: string, asked: Asked = {}) => ask('POST', `/v1/subscriptions/${id}/keys`, undefined, asked);

    it('has what the subscription has, and is told what changes later; the former one is told nothing', async () => {
      const { id, api_key: former } = await subscribed((await plan()).id);
      expect((await shown(id)).api_key).toMatchObject({ status: 'active' });
      expect((await replace(id)).body).toMatchObject({ code: 'conflict', status: 409 });
      ofKey.set(former.id, 'leaked');
      expect((await shown(id)).api_key).toMatchObject({ status: 'leaked' });
      const { status, body: replaced } = await replace(id);
      expect(status, JSON.stringify(replaced)).toBe(201);
      const { api_key: key } = replaced;
      expect(key).toMatchObject({ status: 'active', secret: `sk-sub-${key.id}` });
      expect(key.id).not.toBe(former.id);
      const of = (apiKeyId: string) => keysMade.find((each) => each.apiKeyId === apiKeyId)!;
      const { version: _version, ...terms } = of(key.id).terms!;
      expect(of(former.id).terms).toMatchObject(terms);
      const before = told.filter(({ apiKeyId }) => apiKeyId === former.id).length;
      await ask('PATCH', `/v1/subscriptions/${id}`, { payg: { enabled: true, limit_usd: 3 } });
      await waitUntil(() => lastTold(key.id)?.payg?.capNanoUsd === '3000000000', { what: 'the new key to hear of it' });
      expect(lastTold(key.id)!.version).toBeGreaterThan(of(key.id).terms!.version);
      expect(told.filter(({ apiKeyId }) => apiKeyId === former.id)).toHaveLength(before);
      // Nothing is charged for it.
      expect(replaced.periods).toMatchObject([{ number: 0, fee_usd: '10' }]);
    });

    it('is made once, by requests at the same time too, and by one that goes on where another was broken off', async () => {
      const { id, api_key: former } = await subscribed((await plan()).id);
      ofKey.set(former.id, 'revoked');
      const count = keysMade.length;
      trouble = new InternalCallError('/internal/subscription-keys', 'unreachable');
      expect((await replace(id)).status).toBe(503);
      trouble = null;
      const all = await Promise.all([1, 2, 3].map(() => replace(id)));
      expect(all.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
      expect(keysMade).toHaveLength(count + 1);
      expect((await replace(id)).status).toBe(409);
    });

    const revoked = async () => {
      const subscription = await subscribed((await plan()).id);
      ofKey.set(subscription.api_key.id, 'revoked');
      return subscription;
    };
    const broken = async (id: string): Promise<string> => {
      lost = new InternalCallError('/internal/subscription-keys', 'unreachable');
      try {
        expect((await replace(id)).body.code).toBe('service_unavailable');
      } finally {
        lost = null;
      }
      return keysMade.at(-1)!.apiKeyId;
    };
    const toBeGivenUp = (apiKeyId: string) =>
      waitUntil(() => (lastTold(apiKeyId)?.endsAtMs ?? Infinity) <= Date.now(), { what: 'the key to hear of its end' });
    const ofAttempt = (id: string): Promise<object[]> =>
      opened.database.dataSource.query(
        'SELECT next_api_key_id, next_api_key_until FROM billing.subscription WHERE id = $1',
        [id],
      );

    it.each([
      ['once', 1],
      ['twice', 2],
    ])(
      'shows its secret where the reply of key-management was lost %s, and gives up each that nobody saw',
      async (_, times) => {
        const { id } = await revoked();
        const unseen: string[] = [];
        for (let n = 0; n < times; n += 1) unseen.push(await broken(id));
        const { status, body } = await replace(id);
        expect(status, JSON.stringify(body)).toBe(201);
        const { api_key: key } = body;
        expect(key.secret).toBe(`sk-sub-${key.id}`);
        expect((await shown(id)).api_key.id).toBe(key.id);
        for (const apiKeyId of new Set(unseen)) {
          expect(apiKeyId).not.toBe(key.id);
          await toBeGivenUp(apiKeyId);
          const made = keysMade.find((each) => each.apiKeyId === apiKeyId)!;
          expect(lastTold(apiKeyId)!.version).toBeGreaterThan(made.terms!.version);
        }
        expect(lastTold(key.id)?.endsAtMs ?? null).toBeNull();
        expect((await ofAttempt(id))[0]).toEqual({ next_api_key_id: null, next_api_key_until: null });
      },
    );

    it('is shown to one of many that ask at once, and the others are refused', async () => {
      const { id } = await revoked();
      let asked = 0;
      let all: ReturnType<typeof replace>[] = [];
      const others = (): Promise<unknown> => Promise.all(all.slice(1));
      beforeKey = async () => {
        asked += 1;
        all = [all[0]!, ...Array.from({ length: 4 }, () => replace(id))];
        await others();
      };
      try {
        all = [replace(id)];
        const first = await all[0]!;
        expect(first.status, JSON.stringify(first.body)).toBe(201);
        expect(first.body.api_key.secret).toBe(`sk-sub-${first.body.api_key.id}`);
        for (const other of await Promise.all(all.slice(1))) {
          expect(other.body).toMatchObject({ code: 'conflict', detail: 'Another request is making its new key.' });
          expect(other.headers.get('retry-after')).toBe('1');
        }
        expect(asked).toBe(1);
      } finally {
        beforeKey = () => Promise.resolve();
      }
    });

    it('is the one of who has its secret, where a request was slower than anybody waits for', async () => {
      const { id } = await revoked();
      let second: Awaited<ReturnType<typeof replace>> | undefined;
      beforeKey = async () => {
        beforeKey = () => Promise.resolve();
        await opened.database.dataSource.query(
          'UPDATE billing.subscription SET next_api_key_until = now() WHERE id = $1',
          [id],
        );
        second = await replace(id);
      };
      expect((await replace(id)).body.code).toBe('conflict');
      expect(second!.status, JSON.stringify(second!.body)).toBe(201);
      const { api_key: key } = second!.body;
      expect(key.secret).toBe(`sk-sub-${key.id}`);
      expect((await shown(id)).api_key.id).toBe(key.id);
      expect(lastTold(key.id)?.endsAtMs ?? null).toBeNull();
    });

    it('is given up after a while if its request was broken off and nobody repeats it', async () => {
      const { id } = await revoked();
      const apiKeyId = await broken(id);
      await renew(Date.now() + 14 * 60_000);
      await ask('PATCH', `/v1/subscriptions/${id}`, { payg: { enabled: true, limit_usd: 3 } });
      expect((await ofAttempt(id))[0]).toMatchObject({ next_api_key_id: apiKeyId });
      await renew(Date.now() + 16 * 60_000);
      await toBeGivenUp(apiKeyId);
      expect((await ofAttempt(id))[0]).toEqual({ next_api_key_id: null, next_api_key_until: null });
      await renew(Date.now() + 17 * 60_000);
      expect((await replace(id)).status).toBe(201);
    });

    it('is shown again to who has named the request, and other names are refused', async () => {
      const { id } = await revoked();
      const named = { headers: { 'idempotency-key': randomUUID() } };
      const [first, second] = [await replace(id, named), await replace(id, named)];
      expect(first.status).toBe(201);
      expect(second).toMatchObject({ status: 201, body: first.body });
      expect(second.headers.get('idempotency-replayed')).toBe('true');
      expect((await replace(id, { headers: { 'idempotency-key': randomUUID() } })).body.code).toBe('conflict');
    });

    it('is for owners where the plan says so, and for nobody once the subscription has ended', async () => {
      const organization = randomUUID();
      const [open_, closed] = [await plan({ self_service: true }), await plan({ self_service: false })];
      for (const [planId, status] of [
        [open_.id, 201],
        [closed.id, 403],
      ] as const) {
        const { id, api_key: key } = await subscribed(planId, organization);
        ofKey.set(key.id, 'leaked');
        expect((await replace(id, owner(organization))).status).toBe(status);
        expect((await replace(id, owner(randomUUID()))).status).toBe(404);
        await ask('POST', `/v1/subscriptions/${id}/cancel`, { at: 'now' });
        expect((await replace(id)).body.code).toBe('subscription_ended');
      }
    });

    it('is not made while nobody can say what the present one is, which is shown as unknown', async () => {
      const { id, api_key: key } = await subscribed((await plan()).id);
      unasked.add(key.id);
      expect((await shown(id)).api_key).toMatchObject({ status: null });
      expect((await replace(id)).body.code).toBe('service_unavailable');
    });
  });

  it.each<[string, (id: string) => Promise<readonly [method: string, path: string, body?: object]>, object]>([
    [
      'pay-as-you-go',
      async (id) => ['PATCH', `/v1/subscriptions/${id}`, { payg: { enabled: true, limit_usd: '3' } }],
      { payg: { capNanoUsd: '3000000000' } },
    ],
    [
      'a larger plan',
      async (id) => ['PATCH', `/v1/subscriptions/${id}`, { plan: (await plan({ quota_usd: '40' })).id }],
      { quotas: [{ quotaNanoUsd: expect.stringMatching(/^(39|40)\d{9}$/) }, { quotaNanoUsd: '40000000000' }] },
    ],
    [
      'its end',
      async (id) => ['POST', `/v1/subscriptions/${id}/cancel`, { at: 'now' }],
      { endsAtMs: expect.any(Number) },
    ],
    [
      'its end that is taken back',
      async (id) => {
        await ask('POST', `/v1/subscriptions/${id}/cancel`, { at: 'cycle_end' });
        return ['POST', `/v1/subscriptions/${id}/resume`];
      },
      { endsAtMs: null },
    ],
  ])('is answered when gateways know of %s, and by 202 if that takes too long', async (_what, change, terms) => {
    const { id, api_key: key } = await subscribed((await plan()).name);
    const [method, path, body] = await change(id);
    everywhere = false;
    expect((await ask(method, path, body)).status).toBe(202);
    expect(taken.at(-1)).toMatchObject({ apiKeyId: key.id, terms });
    everywhere = true;
    // It changes nothing more, and waits for what was changed before.
    expect((await ask(method, path, body)).status).toBe(200);
    expect(taken.at(-1)).toEqual(taken.at(-2));
  });

  it('switches pay-as-you-go and its limit at once', async () => {
    const { id, api_key: key } = await subscribed((await plan()).id);
    const patch = (payg: object) => ask('PATCH', `/v1/subscriptions/${id}`, { payg });
    expect((await patch({ enabled: true })).body.errors).toMatchObject([{ path: 'payg.limit_usd' }]);
    expect((await patch({ enabled: true, limit_usd: '7' })).body).toMatchObject({
      payg: { enabled: true, limit_usd: '7' },
    });
    await waitUntil(() => lastTold(key.id)?.payg?.capNanoUsd === '7000000000', { what: 'the key to hear of it' });
    expect((await patch({ limit_usd: 9 })).body).toMatchObject({ payg: { enabled: true, limit_usd: '9' } });
    expect((await patch({ enabled: false })).body).toMatchObject({ payg: { enabled: false, limit_usd: '9' } });
    await waitUntil(() => lastTold(key.id)?.payg === null, { what: 'the key to hear that it is off' });
  });

  it('raises the limit of pay-as-you-go for a time, which ends by itself', async () => {
    const { id, api_key: key } = await subscribed((await plan()).id);
    const patch = (body: object) => ask('PATCH', `/v1/subscriptions/${id}`, body);
    const until = new Date(Date.now() + DAY_MS).toISOString();
    const raise = { amount_usd: '2.5', until };
    expect((await patch({ credit_limit_raise: raise })).body.errors).toMatchObject([{ path: 'credit_limit_raise' }]);
    expect((await patch({ payg: { enabled: true, limit_usd: 7 }, credit_limit_raise: raise })).body).toMatchObject({
      payg: { limit_usd: '7', remaining_usd: '9.5', credit_limit_raise: raise },
    });
    const paid = { capNanoUsd: '7000000000', raise: { amountNanoUsd: '2500000000', untilMs: Date.parse(until) } };
    await waitUntil(() => lastTold(key.id)?.payg?.raise !== undefined, { what: 'the key to hear of it' });
    expect(lastTold(key.id)?.payg).toEqual(paid);
    expect((await patch({ payg: { limit_usd: 8 } })).body).toMatchObject({
      payg: { remaining_usd: '10.5', credit_limit_raise: raise },
    });
    for (const [asked, path] of [
      [{ amount_usd: 1, until: new Date(0).toISOString() }, 'credit_limit_raise.until'],
      [{ amount_usd: 9_000_000, until }, 'credit_limit_raise.amount_usd'],
    ] as const)
      expect((await patch({ credit_limit_raise: asked })).body.errors).toMatchObject([{ path }]);
    expect((await patch({ credit_limit_raise: null })).body).toMatchObject({
      payg: { remaining_usd: '8', credit_limit_raise: null },
    });
    await waitUntil(() => lastTold(key.id)?.payg?.raise === undefined, { what: 'the key to hear that it is gone' });
  });
});
