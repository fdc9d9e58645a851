import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { hashOfKey } from '@tollgate/api-key';
import { ADMIN_API_DEFAULT } from '@tollgate/auth';
import { parseConfig } from '@tollgate/config';
import { inProcessBus, type InProcessBus } from '@tollgate/bus';
import {
  USAGE_RECORDED_V1,
  USAGE_RECORDED_V2,
  type UsageBillingApi,
  type UsageRecordedV1,
  type UsageRecordedV2,
} from '@tollgate/contracts';
import { createNestServer, httpUsageBillingApi, publicRoutesOf } from '@tollgate/http';
import { waitUntil } from '@tollgate/infra';
import { readDocument, routesOf } from '@tollgate/openapi';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  Reconcile,
  ResolveOrphans,
  UsageBillingProcessModule,
  type GatewayInstances,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  RecordingAdmission,
  secondVersion,
  usageEvent,
  type OpenedDatabase,
} from './billing-fixture.js';
import { FakeIdentities } from './usage-permissions.js';
import { quarantineApi } from './quarantine-api.js';

const ADMIN = 'admin-secret-of-the-contract-suite';
const SERVICE = 'service-secret-of-the-contract-suite';
const GONE_AFTER_MS = 800;
const logger = createLogger({ service: 'contract', level: 'silent' });
const PRICES = parseConfig(
  `providers: [{name: ours, base_url: 'https://api.openai.com/v1'}]
routes: [{name: m, targets: [{provider: ours, model: gpt-4o-mini}, {provider: ours, model: nobody-knows}]}]
prices: [{provider: ours, model: mine, input_usd_per_million: 1, output_usd_per_million: 2, valid_from: 2027-01-01}]
`,
  { path: 'config.yaml', lookup: () => undefined },
);
/** A hold of 10 nano-USD on an account. */
const openHold = {
  apiKeyId: 'k',
  journalId: 'j',
  amountNanoUsd: 10n,
  accountIds: ['account'],
  parallel: false,
  tokens: 0,
};
const unlimited = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };

describe.each(databaseShapes)('usage-billing, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let bus: InProcessBus;
  let admission: RecordingAdmission;
  let api: UsageBillingApi & { close(): Promise<void> };
  let app: Awaited<ReturnType<typeof createNestServer>>;
  let url: string;
  const identities = new FakeIdentities();
  const drains: string[] = [];
  /** The keys that the fake key-management knows; null while it cannot be asked. */
  let known: Set<string> | null = new Set();
  const named = (ids: readonly string[]): { id: string; name: string }[] => {
    if (known === null) throw new Error('away');
    return ids.flatMap((id) => (known!.has(id) ? [{ id, name: 'n' }] : []));
  };

  beforeAll(async () => {
    opened = await open();
    bus = inProcessBus();
    admission = new RecordingAdmission();
    const module = UsageBillingProcessModule.with({
      keyManagement: {
        identifyPrincipal: identities.identifyPrincipal,
        createSubscriptionKey: ({ apiKeyId }) => Promise.resolve({ apiKeyId, maskedKey: 'sk-sub…1234', secret: null }),
        knownOwners: async ({ groupIds = [], projectIds = [], memberIds = [] }) => ({
          organization: true,
          organizationName: null,
          apiKeys: [],
          groups: named(groupIds),
          projects: named(projectIds),
          members: named(memberIds),
        }),
        contacts: () =>
          Promise.resolve({ organizationName: 'Acme', keyName: null, ownerEmails: ['owner@example.com'] }),
        takeOrganizationTerms: () => Promise.resolve({ everywhere: true }),
        knownKeys: async (_organizationId, ids) => {
          if (known === null) throw new Error('away');
          return ids.filter((each) => known!.has(each));
        },
      },
      database: opened.database,
      admission,
      adminSecrets: [ADMIN],
      serviceSecrets: [SERVICE],
      adminApi: ADMIN_API_DEFAULT,
      settings: { goneAfterMs: GONE_AFTER_MS, prices: PRICES },
      logger,
      bus: bus.publisher,
      mail: { send: () => Promise.resolve() },
      sealing: sealingFrom({ pepper: 'a pepper of the contract suite' }),
      busProgress: {
        drained: async (topic) => {
          drains.push(topic);
          await bus.server.drained(topic);
        },
        lag: (topic) => bus.server.lag(topic),
        oldestUnhandledMs: (topic) => bus.server.oldestUnhandledMs(topic),
        retentionUsed: (topic) => bus.server.retentionUsed(topic),
      },
      registry: createMetricsRegistry('contract', { processMetrics: false }),
    });
    app = await createNestServer(module, {
      logger,
      bodyLimitBytes: 100_000,
    });
    app.connectMicroservice({ strategy: bus.server });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    api = httpUsageBillingApi({ url, serviceSecrets: [SERVICE], timeoutMs: 60_000 });
  });
  afterAll(async () => {
    await api?.close();
    await app?.close();
    await opened?.close();
  });

  it('has the public routes that its document has', () => {
    expect(publicRoutesOf(app)).toEqual(routesOf(readDocument('usage-billing')));
  });

  const get = async (path: string, secret: string | null = ADMIN, organizationId?: string) => {
    const reply = await fetch(`${url}${path}`, {
      headers: {
        ...(secret !== null && { authorization: `Bearer ${secret}` }),
        ...(organizationId !== undefined && { 'x-organization-id': organizationId }),
      },
    });
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
  };
  it('lists the whole price book in pages, with what each target is priced by', async () => {
    const { status, body } = await get('/v1/prices?limit=2');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      object: 'list',
      has_more: true,
      price_version: PRICES.priceVersion,
      data: [
        { object: 'price', origin: 'config', model: 'mine', valid_from: '2027-01-01T00:00:00.000Z' },
        { origin: 'known' },
      ],
      targets: [
        {
          route: 'm',
          model: 'gpt-4o-mini',
          price: { origin: 'known', source: 'openai', input_usd_per_million: '0.15' },
        },
        { route: 'm', model: 'nobody-knows', price: null },
      ],
    });
    const next = await get(`/v1/prices?limit=2&cursor=${String(body['next_cursor'])}`);
    expect(next.body).toMatchObject({ data: [{ origin: 'known' }, { origin: 'known' }], targets: [] });
    const one = await get('/v1/prices?source=openai&model=gpt-4o');
    expect(one.body).toMatchObject({ has_more: false, data: [{ model: 'gpt-4o', output_usd_per_million: '10' }] });
    const [none, wrong] = await Promise.all([get('/v1/prices?source=nobody'), get('/v1/prices?sauce=x')]);
    expect([none.body['data'], wrong.status]).toEqual([[], 400]);
  });
  it('keeps the version of its prices, as usage events name it', async () => {
    const kept = await get(`/v1/prices/versions/${PRICES.priceVersion}`);
    expect(kept.body).toMatchObject({ object: 'price_version', version: PRICES.priceVersion });
    expect(kept.body['prices']).toContainEqual(
      expect.objectContaining({ origin: 'known', source: 'openai', model: 'gpt-4o-mini' }),
    );
    for (const version of ['000000000000', 'nonsense'])
      expect(await get(`/v1/prices/versions/${version}`)).toMatchObject({
        status: 404,
        body: { code: 'price_version_not_found' },
      });
  });
  describe('the own prices of an organisation', () => {
    const put = async (organizationId: string, prices: unknown, secret = ADMIN) => {
      const reply = await fetch(`${url}/v1/organizations/${organizationId}/prices`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ prices }),
      });
      return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
    };
    const cheap = {
      provider: 'ours',
      model: 'gpt-4o-mini',
      input_usd_per_million: 0.1,
      output_usd_per_million: '0.3',
    };
    const exact = { ...cheap, input_usd_per_million: '0.1' };

    it('are set by the operator, stand before all others in its book, and each version is kept', async () => {
      const [mine, other] = [randomUUID(), randomUUID()];
      const reader = identities.key(['analytics:read'], mine);
      const owner = identities.key(['admin'], mine);
      const path = `/v1/organizations/${mine}/prices`;
      const common = PRICES.priceVersion;
      expect((await get(path)).body).toMatchObject({
        object: 'organization_prices',
        price_version: common,
        prices: [],
      });
      const set = await put(mine, [cheap]);
      expect(set).toMatchObject({ status: 200, body: { organization_id: mine, prices: [exact] } });
      const first = String(set.body['price_version']);
      expect(first).toMatch(new RegExp(`^${common}-[0-9a-f]{12}$`));
      expect((await get(path, owner)).body).toEqual(set.body);
      expect((await put(mine, [exact])).body, 'the same prices are the same version').toEqual(set.body);
      expect((await put(mine, [exact], owner)).body['code']).toBe('access_denied');
      expect((await get(path, identities.key(['admin'], other))).body['code']).toBe('organization_not_found');

      const book = await get('/v1/prices?limit=2', reader);
      expect(book.body).toMatchObject({
        price_version: first,
        data: [
          { origin: 'organization', provider: 'ours', model: 'gpt-4o-mini', input_usd_per_million: '0.1' },
          { origin: 'config', model: 'mine' },
        ],
        targets: [{ model: 'gpt-4o-mini', price: { origin: 'organization', output_usd_per_million: '0.3' } }, {}],
      });
      const next = await get(`/v1/prices?limit=2&cursor=${String(book.body['next_cursor'])}`, reader);
      expect(next.body).toMatchObject({ data: [{ origin: 'known' }, { origin: 'known' }] });
      expect((await get(`/v1/prices?limit=1&organization_id=${mine}`)).body, 'for the operator').toMatchObject({
        price_version: first,
        data: [{ origin: 'organization' }],
      });
      for (const asked of [get('/v1/prices?limit=1'), get('/v1/prices?limit=1', identities.key(['admin'], other))])
        expect((await asked).body).toMatchObject({ price_version: common, data: [{ origin: 'config' }] });
      expect((await get(`/v1/prices?organization_id=${mine}`, identities.key(['admin'], other))).body['code']).toBe(
        'organization_not_found',
      );

      await put(mine, []);
      expect((await get(path)).body).toMatchObject({ price_version: common, prices: [] });
      const kept = await get(`/v1/prices/versions/${first}`, reader);
      expect(kept.body).toMatchObject({ object: 'price_version', version: first });
      const [own, ...all] = kept.body['prices'] as { origin: string; input_usd_per_million: string }[];
      expect(own).toMatchObject({ origin: 'organization', input_usd_per_million: '0.1' });
      expect(all.map(({ origin }) => origin)).toEqual(expect.arrayContaining(['config', 'known']));
      expect((await get(`/v1/prices/versions/${first}`, ADMIN, mine)).status).toBe(200);
      for (const refused of [
        get(`/v1/prices/versions/${first}`, identities.key(['admin'], other)),
        get(`/v1/prices/versions/${common}-${'0'.repeat(12)}`, reader),
        get(`/v1/prices/versions/${'0'.repeat(12)}-${first.slice(13)}`, reader),
      ])
        expect((await refused).body['code']).toBe('price_version_not_found');
    });

    it.each<[string, unknown, string, RegExp]>([
      ['no list', { a: 1 }, 'prices', /must be a list/],
      ['a hundred and one', Array.from({ length: 101 }, (_, n) => ({ ...cheap, model: `m${n}` })), 'prices', /100/],
      ['a provider that there is not', [{ ...cheap, provider: 'nobody' }], 'prices[0].provider', /no provider/],
      ['one model twice', [cheap, cheap], 'prices[1]', /has a price already/],
      ['a negative amount', [{ ...cheap, input_usd_per_million: -1 }], 'prices[0].input_usd_per_million', /./],
      ['ten decimals', [{ ...cheap, input_usd_per_million: 1e-10 }], 'prices[0].input_usd_per_million', /9 decimals/],
      ['an exponent', [{ ...cheap, input_usd_per_million: '1e3' }], 'prices[0].input_usd_per_million', /9 decimals/],
      [
        'no output price',
        [{ ...cheap, output_usd_per_million: undefined }],
        'prices[0].output_usd_per_million',
        /required/,
      ],
      ['an unknown field', [{ ...cheap, moonlight: 1 }], 'prices[0].moonlight', /unknown field/],
      [
        'a known model that is none',
        [{ provider: 'ours', model: 'a', like: 'openai/nobody' }],
        'prices[0].like',
        /known/,
      ],
      [
        'more than 32 KiB',
        Array.from({ length: 100 }, (_, n) => ({
          ...cheap,
          model: `${n}${'m'.repeat(190)}`,
          like: undefined,
          requests_usd: 1,
          image_input_usd_per_million: 1,
          cached_input_usd_per_million: 1,
          cache_write_usd_per_million: 1,
        })),
        'prices',
        /at most 32768 bytes/,
      ],
    ])('are refused with %s, and nothing is stored', async (_, prices, path, message) => {
      const organizationId = randomUUID();
      const { status, body } = await put(organizationId, prices);
      expect(status, JSON.stringify(body)).toBe(400);
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ path }] });
      expect((body['errors'] as { message: string }[])[0]?.message).toMatch(message);
      expect((await get(`/v1/organizations/${organizationId}/prices`)).body['prices']).toEqual([]);
    });
  });
  const publish = (...events: UsageRecordedV1[]) => {
    for (const event of events) known?.add(event.apiKeyId);
    return bus.publisher.publish(
      USAGE_RECORDED_V1,
      events.map((event) => ({ key: event.organizationId, value: JSON.stringify(event) })),
    );
  };
  const publishSecond = (...events: UsageRecordedV2[]) => {
    for (const event of events) known?.add(event.apiKeyId);
    return bus.publisher.publish(
      USAGE_RECORDED_V2,
      events.map((event) => ({ key: event.organizationId, value: JSON.stringify(event) })),
    );
  };
  const balance = async (organizationId: string) => [...(await admission.accounts(organizationId)).values()];
  /** A gateway process that renews its lease until it is stopped. */
  const gateway = async (journalId = randomUUID()) => {
    const instanceId = randomUUID();
    admission.renewing.add(instanceId);
    await api.registerGateway({ instanceId, journalId });
    await admission.renewLease(instanceId);
    return {
      instanceId,
      journalId,
      stop: () => void admission.renewing.delete(instanceId),
      resume: () => void admission.renewing.add(instanceId),
    };
  };
  const goneAt = async ({ instanceId }: { instanceId: string }): Promise<Date | null> =>
    (
      await opened.database.dataSource.query<{ gone_at: Date | null }[]>(
        'SELECT gone_at FROM billing.gateway_instance WHERE instance_id = $1',
        [instanceId],
      )
    )[0]!.gone_at;
  const hold = async (
    organizationId: string,
    from: { instanceId: string; journalId: string },
    event: UsageRecordedV1,
  ) =>
    admission.reserve({
      requestId: event.requestId,
      organizationId,
      apiKeyId: event.apiKeyId,
      ...from,
      amountNanoUsd: BigInt(event.holdNanoUsd ?? 0),
      accounts: event.accounts.map(({ accountId, capNanoUsd }) => ({ accountId, capNanoUsd: BigInt(capNanoUsd!) })),
      rateLimits: unlimited,
      tokens: 0,
    });
  const announceNothing = (organizationId: string, { journalId }: { journalId: string }) =>
    admission.announce({ organizationId, journalId, holds: [], finals: [] });
  const voids = (requestId: string) =>
    opened.database.dataSource.query(
      'SELECT kind, amount_nano_usd AS amount, note FROM billing.transfer WHERE request_id = $1 ORDER BY kind',
      [requestId],
    );

  describe('/v1/quarantine', () =>
    quarantineApi({
      url: () => url,
      adminSecret: ADMIN,
      publish: async (...events) => {
        for (const event of events) {
          if (typeof event !== 'string') known?.add(event.apiKeyId);
          const value = typeof event === 'string' ? event : JSON.stringify(event);
          await bus.publisher.publish(USAGE_RECORDED_V1, [{ key: 'org', value }]);
        }
      },
      know: (apiKeyId) => void known?.add(apiKeyId),
    }));

  describe('GET /v1/usage', () => {
    it('shows what a key has used and was charged', async () => {
      const apiKeyId = randomUUID();
      const organizationId = randomUUID();
      await publish(
        usageEvent({
          organizationId,
          apiKeyId,
          costNanoUsd: '123000',
          chargeNanoUsd: '123000',
          holdNanoUsd: null,
          accounts: [{ accountId: apiKeyId, capNanoUsd: null }],
        }),
        usageEvent({
          organizationId,
          apiKeyId,
          outcome: 'provider_failed',
          journalNumber: 2,
          inputTokens: 0,
          outputTokens: 0,
          costNanoUsd: '0',
          chargeNanoUsd: '0',
          startedAt: '2026-11-21T10:00:00.000Z',
          endedAt: '2026-11-21T10:00:00.500Z',
        }),
      );
      const totals = { requests: 2, input_tokens: 3, output_tokens: 4, cost_usd: '0.000123' };
      expect(await get(`/v1/usage?api_key_id=${apiKeyId}`, ADMIN, organizationId)).toMatchObject({
        status: 200,
        body: { object: 'usage', api_key_id: apiKeyId, totals, series: [], groups: [] },
      });
      expect(
        (await get(`/v1/usage?api_key_id=${apiKeyId}&from=2026-11-21T00:00:00Z`, ADMIN, organizationId)).body.totals,
      ).toMatchObject({
        requests: 1,
        input_tokens: 0,
        output_tokens: 0,
        cost_usd: '0',
      });
      expect(
        (await get(`/v1/usage?api_key_id=${apiKeyId}&to=2026-11-21T00:00:00%2B00:00`, ADMIN, organizationId)).body
          .totals,
      ).toMatchObject({
        ...totals,
        requests: 1,
      });
      await publish(usageEvent({ organizationId, holdNanoUsd: null }), usageEvent({ organizationId: randomUUID() }));
      for (const period of ['', '?from=2020-01-01T00:00:00Z'])
        expect((await get(`/v1/usage${period}`, ADMIN, organizationId)).body).toMatchObject({
          api_key_id: null,
          totals: { requests: 3 },
        });
    });

    it('shows an organisation nothing of another one, by whatever id', async () => {
      const [organizationId, stranger] = [randomUUID(), randomUUID()];
      const event = usageEvent({ organizationId, apiKeyId: randomUUID(), holdNanoUsd: null });
      await publish(event);
      known = null;
      for (const period of ['', '&from=2020-01-01T00:00:00Z'])
        expect((await get(`/v1/usage?api_key_id=${event.apiKeyId}${period}`, ADMIN, stranger)).body).toMatchObject({
          totals: { requests: 0, input_tokens: 0, output_tokens: 0, cost_usd: '0' },
        });
      expect((await get('/v1/usage', ADMIN, stranger)).body).toMatchObject({ totals: { requests: 0 } });
      expect((await get(`/v1/usage/events?request_id=${event.requestId}`, ADMIN, stranger)).body).toMatchObject({
        data: [],
      });
      expect((await get(`/v1/usage/events?request_id=${event.requestId}`, ADMIN, organizationId)).body).toMatchObject({
        data: [{ request_id: event.requestId }],
      });
      expect(await api.spendingByKey(stranger, [event.apiKeyId])).toMatchObject([{ requests: 0, chargedNanoUsd: '0' }]);
      expect(await get('/v1/usage', ADMIN, 'nonsense')).toMatchObject({
        status: 400,
        body: { code: 'invalid_request', errors: [{ path: 'x-organization-id' }] },
      });
      known = new Set();
    });

    it('shows the same of an id in any case', async () => {
      const apiKeyId = randomUUID();
      const organizationId = randomUUID();
      await publish(
        usageEvent({
          organizationId,
          apiKeyId,
          chargeNanoUsd: '60000',
          costNanoUsd: '60000',
          holdNanoUsd: null,
          accounts: [{ accountId: apiKeyId, capNanoUsd: null }],
        }),
      );
      const lower = await get(`/v1/usage?api_key_id=${apiKeyId}`, ADMIN, organizationId);
      expect(lower.body.totals).toMatchObject({ requests: 1, cost_usd: '0.00006' });
      for (const period of ['', '&from=2026-11-01T00:00:00Z'])
        expect(
          (await get(`/v1/usage?api_key_id=${apiKeyId.toUpperCase()}${period}`, ADMIN, organizationId)).body.totals,
        ).toEqual(lower.body.totals);
    });

    it.each(['api_key', 'group', 'project', 'member'])(
      'tells a %s that was not used from an id that is nobody’s, and from one that was deleted and had been used',
      async (kind) => {
        const [organizationId, apiKeyId] = [randomUUID(), randomUUID()];
        const [idle, nobodys, deleted] = [randomUUID(), randomUUID(), kind === 'api_key' ? apiKeyId : randomUUID()];
        const nothing = { requests: 0, input_tokens: 0, output_tokens: 0, cost_usd: '0' };
        known = new Set([idle, apiKeyId]);
        const accounts = [{ accountId: `key:${apiKeyId}`, capNanoUsd: null }];
        const call = secondVersion(usageEvent({ organizationId, apiKeyId, holdNanoUsd: null, accounts }));
        await publishSecond({ ...call, groupIds: [deleted], projectId: deleted, memberId: deleted });
        known = new Set([idle]);
        const of = (id: string) => get(`/v1/usage?${kind}_id=${id}`, ADMIN, organizationId);
        expect((await of(idle)).body.totals).toMatchObject(nothing);
        const ids = [nobodys, nobodys.toUpperCase(), `${nobodys}&format=csv`, `${nobodys}&format=ndjson`];
        for (const written of [...ids, `${nobodys}&from=2026-11-01T00:00:00Z`])
          expect(await of(written)).toMatchObject({ status: 404, body: { code: `${kind}_not_found` } });
        expect((await of(deleted)).body.totals).toMatchObject({ requests: 1 });
        // Nor is it nobody's where it was not used in the period that is asked about.
        for (const period of ['&to=2026-01-01T00:00:00Z', '&model=another'])
          expect((await of(`${deleted}${period}`)).body.totals).toMatchObject(nothing);
        known = null;
        for (const id of [idle, nobodys])
          expect((await of(id)).body.totals, 'while nobody can say').toMatchObject(nothing);
        known = new Set();
      },
    );

    it('wants the admin secret, a key id that is one, and nothing else', async () => {
      expect((await get('/v1/usage', null)).status).toBe(401);
      expect((await get('/v1/usage', 'wrong')).status).toBe(401);
      for (const query of [
        'from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z',
        'api_key_id=',
        'api_key_id=nonsense',
        'from=yesterday',
        'page=2',
        'tz=UTC%2B3',
        'tz=%2B03:00',
        'interval=week',
        'group_by=model,route,status',
        'group_by=model,model',
        'group_by=colour',
        'limit=0',
        'limit=1001',
        'status=lost',
        'format=xml',
        'from=0001-01-01T00:00:00Z',
        'interval=minute&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z',
        `api_key_id=${randomUUID()}&api_key_id=${randomUUID()}`,
      ]) {
        const { status, body } = await get(`/v1/usage?${query}`);
        expect([query, status, body.code]).toEqual([query, 400, 'invalid_request']);
      }
    });
  });

  describe('GET /api/v1/activity', () => {
    const DAY_MS = 86_400_000;
    const todayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

    it('has a line for each completed day, model and provider, as at OpenRouter', async () => {
      const organizationId = randomUUID();
      const reader = identities.key(['analytics:read'], organizationId);
      const [apiKeyId, other] = [randomUUID(), randomUUID()];
      const event = (fields: Partial<UsageRecordedV1>, startedMs: number) =>
        usageEvent({
          organizationId,
          apiKeyId,
          holdNanoUsd: null,
          accounts: [{ accountId: `key:${fields.apiKeyId ?? apiKeyId}`, capNanoUsd: null }],
          model: 'gpt-4o',
          provider: 'ours',
          inputTokens: 10,
          outputTokens: 4,
          costNanoUsd: '1500000000',
          chargeNanoUsd: '1500000000',
          startedAt: new Date(startedMs).toISOString(),
          endedAt: new Date(startedMs + 1_000).toISOString(),
          ...fields,
        });
      await publish(
        event({}, todayMs - 1),
        event({}, todayMs - DAY_MS),
        event({ provider: 'theirs', apiKeyId: other }, todayMs - 1),
        event({ model: 'o3' }, todayMs - 30 * DAY_MS),
        event({}, todayMs - 30 * DAY_MS - 1),
        event({}, todayMs),
      );
      const item = (ms: number, fields: object = {}) => ({
        date: dateOf(ms),
        model: 'gpt-4o',
        model_permaslug: 'gpt-4o',
        endpoint_id: 'ours/gpt-4o',
        provider_name: 'ours',
        usage: 1.5,
        byok_usage_inference: 0,
        requests: 1,
        prompt_tokens: 10,
        completion_tokens: 4,
        reasoning_tokens: 0,
        ...fields,
      });
      const twice = { usage: 3, requests: 2, prompt_tokens: 20, completion_tokens: 8 };
      const theirs = item(todayMs - 1, { provider_name: 'theirs', endpoint_id: 'theirs/gpt-4o' });
      const first = item(todayMs - 30 * DAY_MS, { model: 'o3', model_permaslug: 'o3', endpoint_id: 'ours/o3' });
      const activity = async (query = '', secret = reader) =>
        (await get(`/api/v1/activity${query}`, secret)).body['data'];
      expect(await activity()).toEqual([item(todayMs - 1, twice), theirs, first]);
      expect(await activity(`?date=${dateOf(todayMs - 30 * DAY_MS)}`)).toEqual([first]);
      expect(await activity(`?date=${dateOf(todayMs - 2 * DAY_MS)}`)).toEqual([]);
      expect(await activity(`?api_key_hash=${hashOfKey(other)}`)).toEqual([theirs]);
      expect(await activity(`?user_id=${randomUUID()}`)).toEqual([]);
      expect(await activity('', identities.key(['admin'], randomUUID())), 'of another organisation').toEqual([]);
    });

    it.each([
      [`?date=${dateOf(todayMs)}`, 'date must be a date'],
      [`?date=${dateOf(todayMs - 31 * DAY_MS)}`, 'within the last 30 completed UTC days'],
      ['?date=2026-02-30', 'date must be'],
      ['?date=', 'date must be'],
      [`?api_key_hash=${'0'.repeat(64)}`, 'api_key_hash must be the hash of a key'],
      ['?user_id=me', 'user_id'],
      ['?model=o3', 'model'],
    ])('refuses %s with 400 in the shape of their clients', async (query, words) => {
      const { status, body } = await get(`/api/v1/activity${query}`);
      expect([status, body]).toEqual([
        400,
        {
          error: {
            code: 400,
            message: expect.stringContaining(words) as string,
            metadata: { error_type: 'invalid_request', code: 'invalid_request' },
          },
        },
      ]);
    });
  });

  describe('GET /v1/usage/events', () => {
    const LINE = {
      class: 'cache_write_5m',
      model: null,
      tool: null,
      quantity: 2,
      usd_per_million: '0.001',
      cost_usd: '0.000000002',
    };
    const find = async (requestId: string) =>
      (await get(`/v1/usage/events?request_id=${requestId}`)).body as { data: Record<string, unknown>[] };

    it('shows the event of a request by its id in any case, with what was charged and why', async () => {
      const apiKeyId = randomUUID();
      const event = usageEvent({
        organizationId: 'default',
        apiKeyId,
        requestId: '0197a000-0000-7abc-8def-0123456789ab',
        stream: true,
        cachedInputTokens: 1,
        reasoningTokens: 2,
        costNanoUsd: '123000',
        chargeNanoUsd: '60000',
        holdNanoUsd: '60000',
        accounts: [
          { accountId: `key:${apiKeyId}`, capNanoUsd: '1500000000' },
          { accountId: `o ${apiKeyId}`, capNanoUsd: null },
        ],
      });
      await publish(event);
      const shown = await find(event.requestId);
      expect(shown).toEqual({
        object: 'list',
        has_more: false,
        next_cursor: null,
        data: [
          {
            object: 'usage_event',
            request_id: event.requestId,
            api_key_id: apiKeyId,
            outcome: 'completed',
            route: 'support-bot',
            provider: 'openai',
            model: 'gpt-4o-mini',
            stream: true,
            input_tokens: 3,
            output_tokens: 4,
            cached_input_tokens: 1,
            reasoning_tokens: 2,
            usage_source: 'provider',
            cost_usd: '0.000123',
            charge_usd: '0.00006',
            hold_usd: '0.00006',
            platform_loss_usd: '0.000063',
            billable_usd: null,
            unpriced: false,
            price_version: 'v1',
            charge_reason: 'capped_by_hold',
            charge_explanation: expect.stringContaining('hold'),
            accounts: [
              { account_id: `key:${apiKeyId}`, cap_usd: '1.5' },
              { account_id: `o ${apiKeyId}`, cap_usd: null },
            ],
            started_at: event.startedAt,
            ended_at: event.endedAt,
            booked_at: expect.stringMatching(/Z$/),
            client_address: '192.0.2.1',
            price_lines: null,
          },
        ],
      });
      expect(await find(event.requestId.toUpperCase())).toEqual(shown);
      // The second version comes on a topic of its own. It charges nothing more, and adds what the cost is made of.
      const second = secondVersion(event);
      await publishSecond(second, second);
      expect(await find(event.requestId)).toEqual({
        ...shown,
        data: [{ ...shown.data[0], price_lines: expect.arrayContaining([LINE]) }],
      });
    });

    it('shows what the cost of an event in its second version is made of', async () => {
      const event = secondVersion(usageEvent({ organizationId: 'default', apiKeyId: randomUUID() }));
      await publishSecond(event);
      const { data } = await find(event.requestId);
      expect(data).toMatchObject([{ request_id: event.requestId, charge_usd: '0.00000001' }]);
      expect(data[0]!['price_lines']).toContainEqual(LINE);
    });

    it('says that a call has no known price, or what it costs with a mark-up, and the roll-ups count the former', async () => {
      const organizationId = randomUUID();
      const free = { costNanoUsd: '0', chargeNanoUsd: '0', holdNanoUsd: null };
      const unpriced = { ...secondVersion(usageEvent({ organizationId, ...free })), priceLines: [], unpriced: true };
      const markedUp = {
        ...secondVersion(usageEvent({ organizationId })),
        billableNanoUsd: '11',
        chargeNanoUsd: '11',
        holdNanoUsd: '20',
      };
      await publishSecond(unpriced, markedUp);
      const eventOf = async (requestId: string) =>
        (await get(`/v1/usage/events?request_id=${requestId}`, ADMIN, organizationId)).body['data'];
      expect(await eventOf(unpriced.requestId)).toMatchObject([{ unpriced: true, cost_usd: null, billable_usd: null }]);
      expect(await eventOf(markedUp.requestId)).toMatchObject([
        {
          unpriced: false,
          cost_usd: '0.00000001',
          billable_usd: '0.000000011',
          charge_usd: '0.000000011',
          platform_loss_usd: '0',
        },
      ]);
      const [counted] = await opened.database.dataSource.query<{ requests: string; unpriced: string }[]>(
        `SELECT sum(requests) AS requests, sum(unpriced_requests) AS unpriced FROM billing.usage_minute AS m
         JOIN billing.usage_dimension AS d ON d.dimension_id = m.dimension_id AND d.grain = 'full'
         WHERE m.organization_id = $1`,
        [organizationId],
      );
      expect(counted).toEqual({ requests: '2', unpriced: '1' });
    });

    it('shows why nothing was charged', async () => {
      const event = usageEvent({
        organizationId: 'default',
        outcome: 'provider_failed',
        usageSource: 'none',
        inputTokens: 0,
        outputTokens: 0,
        costNanoUsd: '0',
        chargeNanoUsd: '0',
        clientAddress: '',
      });
      await publish(event);
      expect((await find(event.requestId)).data).toMatchObject([
        {
          outcome: 'provider_failed',
          charge_usd: '0',
          charge_reason: 'nothing_owed',
          hold_usd: '0.00000001',
          client_address: null,
        },
      ]);
    });

    it('is an empty list for a request that has none', async () => {
      expect(await find(randomUUID())).toEqual({ object: 'list', data: [], has_more: false, next_cursor: null });
    });

    it('wants the admin secret and one request id', async () => {
      expect((await get(`/v1/usage/events?request_id=${randomUUID()}`, null)).status).toBe(401);
      for (const query of ['', '?request_id=', '?request_id=nonsense', `?api_key_id=${randomUUID()}`]) {
        const { status, body } = await get(`/v1/usage/events${query}`);
        expect([query, status, body.code]).toEqual([query, 400, 'invalid_request']);
        expect(body.errors).toContainEqual({ path: 'request_id', message: expect.any(String) });
      }
    });
  });

  describe('internal API', () => {
    it('wants the service secret', async () => {
      expect((await get('/internal/reconciliation?organization_id=x')).status).toBe(401);
    });

    it('tells what keys have spent, in the order asked, zeros for keys never used', async () => {
      const organizationId = randomUUID();
      const used = usageEvent({ organizationId, holdNanoUsd: null });
      await publish(used);
      expect(await api.spendingByKey(organizationId, ['never', used.apiKeyId])).toEqual([
        {
          apiKeyId: 'never',
          requests: 0,
          inputTokens: 0,
          outputTokens: 0,
          chargedNanoUsd: '0',
          lastUsedAt: null,
          lastUsedFrom: null,
          chargedTodayNanoUsd: '0',
          chargedThisWeekNanoUsd: '0',
          chargedThisMonthNanoUsd: '0',
          limits: [],
        },
        {
          apiKeyId: used.apiKeyId,
          requests: 1,
          inputTokens: 3,
          outputTokens: 4,
          chargedNanoUsd: '10',
          lastUsedAt: used.endedAt,
          lastUsedFrom: '192.0.2.1',
          chargedTodayNanoUsd: expect.any(String),
          chargedThisWeekNanoUsd: expect.any(String),
          chargedThisMonthNanoUsd: expect.any(String),
          // Its call was charged to an account of another name.
          limits: [],
        },
      ]);
    });

    it('opens an epoch once, after the topic is drained, from what the ledger has', async () => {
      const organizationId = randomUUID();
      const here = await gateway(`journal of ${organizationId}`);
      await publish(
        usageEvent({ organizationId, journalNumber: 41 }),
        usageEvent({ organizationId, journalNumber: 42 }),
      );
      drains.length = 0;
      await Promise.all([1, 2, 3].map(() => api.openCreditEpoch({ organizationId })));
      expect(drains).toEqual([USAGE_RECORDED_V1, USAGE_RECORDED_V2]);
      const openings = admission.openings.filter((opening) => opening.organizationId === organizationId);
      expect(openings).toHaveLength(1);
      expect(openings[0]).toMatchObject({
        posted: [{ accountId: `account of ${organizationId}`, postedNanoUsd: 20n }],
        booked: [{ journalId: here.journalId, number: 42 }],
      });
      expect(openings[0]!.waitingFor).toContainEqual({ journalId: here.journalId, instanceId: here.instanceId });
      await api.openCreditEpoch({ organizationId });
      expect(admission.openings.filter((opening) => opening.organizationId === organizationId)).toHaveLength(1);
      here.stop();
    });

    it('holds the books of both sides together', async () => {
      const organizationId = randomUUID();
      const here = await gateway(`journal of ${organizationId}`);
      await api.openCreditEpoch({ organizationId });
      await announceNothing(organizationId, here);
      await Promise.all(admission.openings.at(-1)!.waitingFor.map((other) => announceNothing(organizationId, other)));
      const event = usageEvent({ organizationId, chargeNanoUsd: '6' });
      expect(await hold(organizationId, here, event)).toMatchObject({ kind: 'admitted' });
      const account = {
        accountId: `account of ${organizationId}`,
        ledgerPostedNanoUsd: '0',
        transfersNanoUsd: '0',
        eventsNanoUsd: '0',
        redisPostedNanoUsd: '0',
        heldNanoUsd: '10',
      };
      expect((await get(`/internal/reconciliation?organization_id=${organizationId}`, SERVICE)).body).toEqual({
        accounts: [account],
      });
      await publish(event);
      expect((await get(`/internal/reconciliation?organization_id=${organizationId}`, SERVICE)).body).toEqual({
        accounts: [
          {
            ...account,
            ledgerPostedNanoUsd: '6',
            transfersNanoUsd: '6',
            eventsNanoUsd: '6',
            redisPostedNanoUsd: '6',
            heldNanoUsd: '0',
          },
        ],
      });
      here.stop();
    });
  });

  it('shows the operator which usage is wrong, of which month and by how much, until it is right again', async () => {
    const organizationId = randomUUID();
    const change = (sql: string) =>
      opened.database.dataSource.transaction(async (manager) => {
        await manager.query('SET LOCAL session_replication_role = replica');
        await manager.query(sql, [organizationId]);
      });
    const shown = async () =>
      ((await get('/v1/reconciliation')).body['differences'] as Record<string, unknown>[]).filter(
        (each) => each['organization_id'] === organizationId && each['account_id'] === null,
      );
    /** What is shown after checks until some number of differences is. */
    const shownAfterChecks = async (count: number) => {
      await waitUntil(
        async () => {
          await opened.database.dataSource.query(
            `UPDATE billing.reconciliation SET due_at = now() - interval '1 second'`,
          );
          await app.get(Reconcile).runIfDue();
          return (await shown()).length === count;
        },
        { what: 'what differs in two checks' },
      );
      return shown();
    };
    const event = usageEvent({ organizationId, chargeNanoUsd: '6' });
    await publish(event, usageEvent({ organizationId }));
    await change(
      'UPDATE billing.usage_day SET charge_nano_usd = charge_nano_usd + 1000000 WHERE organization_id = $1 AND dimension_id IN ' +
        `(SELECT dimension_id FROM billing.usage_dimension WHERE grain = 'full')`,
    );
    const time = { month: '2026-11', from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' };
    const amounts = { ledger_usd: '0.000000016', transfers_usd: '0.000000016', admission_usd: null, held_usd: null };
    expect(await shownAfterChecks(1)).toMatchObject([
      {
        ...{ where: 'usage', ...time, ...amounts, roll_up: 'usage_day.full', sums: ['charge_usd'] },
        ...{ events_usd: '0.000000016', difference_usd: '-0.001', difference_requests: 0 },
      },
    ]);
    await change(
      'UPDATE billing.usage_day SET charge_nano_usd = charge_nano_usd - 1000000 WHERE organization_id = $1 AND dimension_id IN ' +
        `(SELECT dimension_id FROM billing.usage_dimension WHERE grain = 'full')`,
    );
    expect(await shownAfterChecks(0)).toEqual([]);
    await change(`DELETE FROM billing.usage_event WHERE organization_id = $1 AND charge_nano_usd = 6`);
    expect(await shownAfterChecks(1)).toMatchObject([
      {
        ...{ where: 'event', ...time, ...amounts, transfers_usd: '0.00000001', roll_up: null },
        ...{ events_usd: '0.00000001', difference_usd: '0.000000006', difference_requests: 1 },
      },
    ]);
    expect((await get('/v1/reconciliation')).body['usage_pass_ended_at']).toEqual(expect.any(String));
  });

  it('says 503, not 500, of what it cannot answer while admission is away', async () => {
    const organizationId = randomUUID();
    admission.unreachable = true;
    const comparison = await get(`/internal/reconciliation?organization_id=${organizationId}`, SERVICE);
    const opening = await api.openCreditEpoch({ organizationId }).catch((error: unknown) => error);
    admission.unreachable = false;
    expect(comparison).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
    expect(opening).toMatchObject({ refusal: { status: 503, code: 'service_unavailable' } });
  });

  describe('gateways', () => {
    const openedFor = async (organizationId: string) => {
      await api.openCreditEpoch({ organizationId });
      for (const waiting of admission.openings.at(-1)!.waitingFor) await announceNothing(organizationId, waiting);
    };

    it('the next process of a journal makes the one before gone, and its open holds are given back or charged by their event', async () => {
      const organizationId = randomUUID();
      const first = await gateway();
      await openedFor(organizationId);
      const [lost, charged] = [
        usageEvent({ organizationId }),
        usageEvent({ organizationId, chargeNanoUsd: '4', journalId: first.journalId }),
      ];
      for (const event of [lost, charged])
        expect(await hold(organizationId, first, event)).toMatchObject({ kind: 'admitted' });
      first.stop();
      admission.unreachable = true;
      await publish(charged);
      admission.unreachable = false;
      const second = await gateway(first.journalId);
      await waitUntil(async () => (await balance(organizationId))[0]!.heldNanoUsd === 0n, {
        what: 'the holds to be resolved',
      });
      expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 4n, heldNanoUsd: 0n }]);
      expect(await voids(lost.requestId)).toEqual([{ kind: 'void', amount: '10', note: 'orphaned' }]);
      expect(await voids(charged.requestId)).toMatchObject([
        { kind: 'platform_loss', amount: '6' },
        { kind: 'post', amount: '4' },
      ]);
      expect(await admission.hasEpoch(organizationId)).toBe(true);

      await publish({ ...lost, journalId: first.journalId });
      expect(await voids(lost.requestId)).toMatchObject([{ kind: 'adjust', amount: '10' }, { kind: 'void' }]);
      expect(await admission.hasEpoch(organizationId)).toBe(false);
      await openedFor(organizationId);
      expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 14n, heldNanoUsd: 0n }]);
      second.stop();
    });

    it('a gateway whose lease stands still is gone; one that renews it keeps its holds', async () => {
      const organizationId = randomUUID();
      const [still, living] = [await gateway(), await gateway()];
      await openedFor(organizationId);
      const [orphan, held] = [usageEvent({ organizationId }), usageEvent({ organizationId })];
      await hold(organizationId, still, orphan);
      await hold(organizationId, living, held);
      still.stop();
      await waitUntil(async () => (await admission.openHolds(organizationId)).length === 1, {
        what: 'the orphan to be resolved',
      });
      expect((await admission.openHolds(organizationId))[0]!.requestId).toBe(held.requestId);
      expect(await voids(orphan.requestId)).toHaveLength(1);
      living.stop();
    });

    it('a gateway that is gone gives the parallel requests of keys without a limit back, also where no epoch was ever opened', async () => {
      const organizationId = randomUUID();
      const first = await gateway();
      const [lost, booked] = [1, 2].map(() =>
        usageEvent({ organizationId, journalId: first.journalId, holdNanoUsd: null, accounts: [] }),
      );
      const parallel = (
        from: { instanceId: string; journalId: string },
        { requestId }: { requestId: string } = { requestId: randomUUID() },
      ) =>
        admission.reserve({
          requestId,
          organizationId,
          apiKeyId: 'two at a time',
          ...from,
          amountNanoUsd: 0n,
          accounts: [],
          rateLimits: { ...unlimited, parallelRequests: 2 },
          tokens: 0,
        });
      for (const event of [lost!, booked!]) expect(await parallel(first, event)).toMatchObject({ kind: 'admitted' });
      expect(await parallel(first)).toMatchObject({ kind: 'rate_limited', limit: 'parallel' });
      await publish(booked!);
      first.stop();
      const second = await gateway(first.journalId);
      await waitUntil(async () => (await admission.openHolds(organizationId)).length === 0, {
        what: 'the holds to be resolved',
      });
      for (let i = 0; i < 2; i++) expect(await parallel(second)).toMatchObject({ kind: 'admitted' });
      expect(await voids(lost!.requestId)).toEqual([]);
      second.stop();
    });

    it('an epoch stops waiting for a gateway that is gone', async () => {
      const organizationId = randomUUID();
      const silent = await gateway();
      await api.openCreditEpoch({ organizationId });
      for (const waiting of admission.openings.at(-1)!.waitingFor)
        if (waiting.instanceId !== silent.instanceId) await announceNothing(organizationId, waiting);
      const living = { instanceId: randomUUID(), journalId: randomUUID() };
      expect(await hold(organizationId, living, usageEvent({ organizationId }))).toMatchObject({
        kind: 'unavailable',
        why: 'announcing',
      });
      silent.stop();
      await waitUntil(
        async () => (await hold(organizationId, living, usageEvent({ organizationId }))).kind === 'admitted',
        { what: 'the epoch to go on' },
      );
    });

    it('so does one of which usage-billing never heard that it is open', async () => {
      const organizationId = randomUUID();
      const silent = await gateway();
      admission.afterOpening = () => Promise.reject(new Error('no answer'));
      await expect(api.openCreditEpoch({ organizationId })).rejects.toThrow('503');
      admission.afterOpening = () => Promise.resolve();
      await api.openCreditEpoch({ organizationId });
      for (const waiting of admission.openings.at(-1)!.waitingFor)
        if (waiting.instanceId !== silent.instanceId) await announceNothing(organizationId, waiting);
      const living = { instanceId: randomUUID(), journalId: randomUUID() };
      const again = () => hold(organizationId, living, usageEvent({ organizationId }));
      expect(await again()).toMatchObject({ kind: 'unavailable', why: 'announcing' });
      silent.stop();
      await waitUntil(async () => (await again()).kind === 'admitted', {
        what: 'the epoch to go on',
      });
    });

    it('a gateway that was taken for gone and renews its lease again is there; epochs are opened anew, with its holds', async () => {
      const organizationId = randomUUID();
      const asleep = await gateway();
      await openedFor(organizationId);
      const isGone = async () => (await goneAt(asleep)) !== null;
      asleep.stop();
      await waitUntil(isGone, { what: 'the gateway to be taken for gone' });
      asleep.resume();
      await waitUntil(async () => !(await isGone()) && !(await admission.hasEpoch(organizationId)), {
        what: 'the gateway to be back',
      });
      asleep.stop();
    });

    it('a gateway that comes back while an epoch is opened is waited for by the next one', async () => {
      const organizationId = randomUUID();
      const asleep = await gateway();
      await openedFor(organizationId);
      const isGone = async () => (await goneAt(asleep)) !== null;
      asleep.stop();
      await waitUntil(isGone, { what: 'the gateway to be taken for gone' });
      await admission.closeEpoch(organizationId);
      admission.beforeOpening = async () => {
        asleep.resume();
        await delay(1_500);
      };
      await api.openCreditEpoch({ organizationId }).finally(() => (admission.beforeOpening = () => Promise.resolve()));
      expect(admission.openings.at(-1)!.waitingFor.map(({ instanceId }) => instanceId)).not.toContain(
        asleep.instanceId,
      );
      await waitUntil(async () => !(await isGone()) && !(await admission.hasEpoch(organizationId)), {
        what: 'the gateway to be back, and the epoch without its holds to be closed',
      });
      asleep.stop();
    });

    it('a gateway that comes back while its holds are about to be resolved keeps them, and the epoch waits for it', async () => {
      const organizationId = randomUUID();
      const back = await gateway();
      await api.openCreditEpoch({ organizationId });
      const event = usageEvent({ organizationId });
      await announceNothing(organizationId, back);
      const before = admission.count('stopWaiting');
      // What a process of usage-billing has read before it waited for the bus.
      const instances = {
        unresolved: () => Promise.resolve([back]),
        organizationsWithEpoch: () => Promise.resolve([organizationId]),
        markResolved: () => Promise.resolve(),
      } as unknown as GatewayInstances;
      const holds = {
        openHolds: () => Promise.resolve([{ ...openHold, requestId: event.requestId, instanceId: back.instanceId }]),
        organizations: () => Promise.resolve([]),
        settleBooked: admission.settleBooked.bind(admission),
        stopWaiting: admission.stopWaiting.bind(admission),
      };
      const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
      const service = billing(opened.database);
      const drained = { drained: () => Promise.resolve() };
      await new ResolveOrphans(service, instances, holds, drained, logger, meter).resolveAll();
      expect(await voids(event.requestId)).toEqual([]);
      expect(admission.count('stopWaiting')).toBe(before);
      back.stop();
    });

    it('what is replayed out of quarantine counts in admission, and what is discarded does not, whatever epochs there were', async () => {
      const organizationId = randomUUID();
      const here = await gateway();
      const served = (fields: Partial<UsageRecordedV1> = {}) =>
        usageEvent({ organizationId, journalId: here.journalId, ...fields });
      await publish(served());
      await openedFor(organizationId);
      /** A call that its gateway settles, and whose event cannot be booked. Resolves with the id in quarantine. */
      const quarantined = async (journalNumber: number): Promise<string> => {
        const event = served({ journalNumber, outcome: 'unheard_of' as never });
        expect(await hold(organizationId, here, event)).toMatchObject({ kind: 'admitted' });
        admission.settle({ requestId: event.requestId, organizationId, chargeNanoUsd: 10n, tokens: null });
        await publish(event);
        const { data } = (await get(`/v1/quarantine?request_id=${event.requestId}`)).body as { data: { id: string }[] };
        return data[0]!.id;
      };
      const decide = (id: string, decision: string, body: object) =>
        fetch(`${url}/v1/quarantine/${id}/${decision}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      const replayed = await quarantined(2);
      expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 20n, heldNanoUsd: 0n }]);
      // The store loses everything: what is not booked is in no epoch from now on.
      await admission.closeEpoch(organizationId);
      await openedFor(organizationId);
      expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 10n, heldNanoUsd: 0n }]);
      admission.unreachable = true;
      const away = await decide(replayed, 'replay', { mend: { outcome: 'completed' } });
      admission.unreachable = false;
      expect([away.status, await away.json()]).toMatchObject([503, { code: 'service_unavailable' }]);
      expect((await decide(replayed, 'replay', { mend: { outcome: 'completed' } })).status).toBe(200);
      await openedFor(organizationId);
      expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 20n, heldNanoUsd: 0n }]);

      const discarded = await quarantined(3);
      expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 30n, heldNanoUsd: 0n }]);
      admission.unreachable = true;
      const refused = await decide(discarded, 'discard', { reason: 'a test' });
      admission.unreachable = false;
      expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'service_unavailable' }]);
      expect((await decide(discarded, 'discard', { reason: 'a test' })).status).toBe(200);
      await openedFor(organizationId);
      expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 20n, heldNanoUsd: 0n }]);
      here.stop();
    });

    describe('a journal that its process has left', () => {
      const owner = async (journalId: string) => (await api.claimJournal({ journalId })).owner;
      const untilGone = (journalId: string) =>
        waitUntil(async () => (await owner(journalId)) === 'gone', {
          what: 'the process to be gone',
        });
      /** What the ledger does once a second; a test waits for two of these. */
      const twoChecks = () => new Promise((resolve) => setTimeout(resolve, 2_500));

      it('belongs to a process that is running, is gone, or was never heard of', async () => {
        const first = await gateway();
        expect(await owner(first.journalId)).toBe('running');
        expect(await owner(randomUUID())).toBe('unknown');
        first.stop();
        await untilGone(first.journalId);
        const second = await gateway(first.journalId);
        expect(await owner(first.journalId)).toBe('running');
        second.stop();
      });

      it('keeps its holds while it is claimed, and once it is shipped they are charged by their finals or given back', async () => {
        const organizationId = randomUUID();
        const left = await gateway();
        await openedFor(organizationId);
        const [served, unserved] = [
          usageEvent({ organizationId, chargeNanoUsd: '4', journalId: left.journalId }),
          usageEvent({ organizationId, journalId: left.journalId }),
        ];
        for (const event of [served, unserved])
          expect(await hold(organizationId, left, event)).toMatchObject({ kind: 'admitted' });
        left.stop();
        await untilGone(left.journalId);
        await twoChecks();
        await owner(left.journalId);
        expect(await admission.openHolds(organizationId)).toHaveLength(2);
        expect(await voids(served.requestId)).toEqual([]);

        await publish(served);
        await waitUntil(async () => (await admission.openHolds(organizationId)).length === 1, { what: 'the final' });
        // Booking it needs no new epoch: its hold was there.
        expect(await admission.hasEpoch(organizationId)).toBe(true);
        await api.shippedJournal({ journalId: left.journalId });
        await waitUntil(async () => (await admission.openHolds(organizationId)).length === 0, { what: 'the other' });
        expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 4n, heldNanoUsd: 0n }]);
        expect(await voids(unserved.requestId)).toMatchObject([{ kind: 'void', note: 'orphaned' }]);
        expect(await voids(served.requestId)).toMatchObject([{ kind: 'platform_loss' }, { kind: 'post', amount: '4' }]);
        // A repetition changes nothing.
        await api.shippedJournal({ journalId: left.journalId });
        expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 4n, heldNanoUsd: 0n }]);
      });

      it('is waited for by an epoch that is opened meanwhile, which then has what the journal held', async () => {
        const organizationId = randomUUID();
        const left = await gateway();
        await openedFor(organizationId);
        const served = usageEvent({ organizationId, chargeNanoUsd: '4', journalId: left.journalId });
        await hold(organizationId, left, served);
        left.stop();
        await untilGone(left.journalId);
        // The store loses everything: the new epoch knows nothing of the hold.
        await admission.closeEpoch(organizationId);
        await owner(left.journalId);
        await api.openCreditEpoch({ organizationId });
        const { waitingFor } = admission.openings.at(-1)!;
        expect(waitingFor.filter(({ journalId }) => journalId === left.journalId)).toEqual([
          { instanceId: left.instanceId, journalId: left.journalId },
        ]);
        for (const waiting of waitingFor)
          if (waiting.journalId !== left.journalId) await announceNothing(organizationId, waiting);
        const living = { instanceId: randomUUID(), journalId: randomUUID() };
        const again = () => hold(organizationId, living, usageEvent({ organizationId, holdNanoUsd: '997' }));
        expect(await again()).toMatchObject({ kind: 'unavailable', why: 'announcing' });
        await publish(served);
        await api.shippedJournal({ journalId: left.journalId });
        await waitUntil(async () => (await again()).kind !== 'unavailable', { what: 'the epoch to go on' });
        // 4 of the 1,000 are charged: there is room for 996.
        expect(await again()).toMatchObject({ kind: 'credit_exhausted' });
        expect(await hold(organizationId, living, usageEvent({ organizationId, holdNanoUsd: '996' }))).toMatchObject({
          kind: 'admitted',
        });
      });

      it('that is claimed for the first time after an epoch was opened without it closes that epoch', async () => {
        const organizationId = randomUUID();
        const left = await gateway();
        await openedFor(organizationId);
        const served = usageEvent({ organizationId, chargeNanoUsd: '4', journalId: left.journalId });
        await hold(organizationId, left, served);
        left.stop();
        // Nothing can be resolved, as while the bus is away.
        admission.organizations = () => Promise.reject(new Error('admission is away'));
        try {
          await waitUntil(async () => (await goneAt(left)) !== null, {
            what: 'the process to be gone',
          });
          await admission.closeEpoch(organizationId);
          await openedFor(organizationId);
          expect(await owner(left.journalId)).toBe('gone');
          expect(await admission.hasEpoch(organizationId)).toBe(false);
          await api.openCreditEpoch({ organizationId });
          for (const waiting of admission.openings.at(-1)!.waitingFor)
            if (waiting.journalId !== left.journalId) await announceNothing(organizationId, waiting);
          expect(await owner(left.journalId)).toBe('gone');
          expect(await admission.hasEpoch(organizationId), 'that waits for it').toBe(true);
        } finally {
          admission.organizations = RecordingAdmission.prototype.organizations.bind(admission);
        }
        await publish(served);
        await api.shippedJournal({ journalId: left.journalId });
        expect(await admission.hasEpoch(organizationId)).toBe(true);
        expect(await balance(organizationId)).toEqual([{ postedNanoUsd: 4n, heldNanoUsd: 0n }]);
      });

      it('of which nobody claims any more is given up half a minute later', async () => {
        const organizationId = randomUUID();
        const left = await gateway();
        await openedFor(organizationId);
        await hold(organizationId, left, usageEvent({ organizationId }));
        left.stop();
        await untilGone(left.journalId);
        expect(await admission.openHolds(organizationId)).toHaveLength(1);
        await opened.database.dataSource.query(
          `UPDATE billing.gateway_instance SET claimed_at = claimed_at - interval '31 seconds' WHERE journal_id = $1`,
          [left.journalId],
        );
        await waitUntil(async () => (await admission.openHolds(organizationId)).length === 0, { what: 'the hold' });
      });

      it('is not kept from its own next process by a claim', async () => {
        const organizationId = randomUUID();
        const first = await gateway();
        await openedFor(organizationId);
        await hold(organizationId, first, usageEvent({ organizationId }));
        expect(await owner(first.journalId)).toBe('running');
        first.stop();
        const second = await gateway(first.journalId);
        await waitUntil(async () => (await admission.openHolds(organizationId)).length === 0, { what: 'the hold' });
        second.stop();
      });

      it('has a name that the ledger can store', async () => {
        for (const odd of ['', '\0', 'x'.repeat(10_000)]) {
          await expect(api.claimJournal({ journalId: odd }), odd).rejects.toThrow('400');
          await expect(api.shippedJournal({ journalId: odd }), odd).rejects.toThrow('400');
        }
      });
    });
  });
});
