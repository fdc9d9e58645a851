import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { digestSecret, hasSecretForm, type KeySnapshot } from '@tollgate/api-key';
import type { BusBatch } from '@tollgate/bus';
import type { LoadAccountRequest } from '@tollgate/contracts';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { SubscriptionsChangedController } from './take-subscription-terms/subscriptions-changed.controller.js';

const NOBODYS_ID = '00000000-0000-4000-8000-000000000000';
const snapshots = new MemoryKeySnapshots();
const published: { apiKeyId: string; change: string }[] = [];
const loads: LoadAccountRequest[] = [];
let loaded: () => Promise<{ postedNanoUsd: string }>;
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: {
      publish: async (_topic, messages) =>
        void published.push(...messages.map(({ value }) => JSON.parse(value.toString()) as (typeof published)[0])),
    },
    usageBilling: {
      spendingByKey: () => Promise.resolve([]),
      loadAccount: (request) => {
        loads.push(request);
        return loaded();
      },
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

interface Asked {
  readonly as?: string;
  readonly organization?: string;
  readonly headers?: Record<string, string>;
}
async function call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: object, asked: Asked = {}) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${asked.as ?? ADMIN}`,
      ...(asked.organization !== undefined && { 'x-organization-id': asked.organization }),
      ...asked.headers,
    },
    ...(body !== undefined && { payload: body }),
  });
  return { status: reply.statusCode, tag: reply.headers.etag, headers: reply.headers, body: reply.json() };
}
const keyUrl = (id: string, action = '') => `/v1/api-keys/${id}${action}`;
async function create(fields: object = {}, asked?: Asked) {
  const made = await call('POST', '/v1/api-keys', { name: 'a key', ...fields }, asked);
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  return made.body as { id: string; secret: string };
}
const project = async (organization?: string): Promise<string> =>
  (
    await call(
      'POST',
      '/v1/projects',
      { name: `p ${Math.random()}` },
      organization === undefined ? {} : { organization },
    )
  ).body.id;
const otherOrganization = async (): Promise<string> => (await call('POST', '/v1/organizations', { name: 'o' })).body.id;
async function group(organizationId = 'default'): Promise<string> {
  const rows: { id: string }[] = await stage.database.dataSource.query(
    `INSERT INTO keys.key_group (organization_id, id, name, created_at, version)
     VALUES ($1, gen_random_uuid(), gen_random_uuid()::text, now(), 1) RETURNING id`,
    [organizationId],
  );
  return rows[0]!.id;
}
async function snapshotOf(secret: string): Promise<KeySnapshot> {
  const found = await snapshots.read(digestSecret(secret, PEPPER));
  if (found.kind !== 'found') throw new Error(found.kind);
  return found.snapshot;
}
const actions = async (id: string): Promise<string[]> =>
  (
    await stage.database.dataSource.query<{ action: string }[]>(
      'SELECT action FROM keys.audit_entry WHERE target_id = $1 ORDER BY seq',
      [id],
    )
  ).map(({ action }) => action);

describe('a key that is made', () => {
  it('has every setting that was asked for, and gateways decide by it', async () => {
    const [projectId, one, two] = [await project(), await group(), await group()];
    const groups = [one, two].sort();
    const fields = {
      description: 'what for',
      scopes: ['inference:write', 'analytics:read'],
      credit_limit_usd: '12.5',
      credit_reset: 'weekly',
      rate_limits: { requests_per_minute: 60, tokens_per_minute: 1_000, parallel_requests: 4 },
      models: ['gpt-4o*'],
      allowed_ips: ['10.0.0.0/8'],
      project_id: projectId,
      browser_use: 'refused',
      rotate_every_days: 90,
      groups,
    };
    const made = await create(fields);
    const { secret, ...shown } = made;
    expect(shown).toMatchObject({ ...fields, type: 'router', credit_used_usd: '0', credit_remaining_usd: '12.5' });
    expect((await call('GET', keyUrl(made.id))).body).toMatchObject(fields);
    expect(await snapshotOf(secret)).toMatchObject({
      state: 'extended',
      creditReset: 'weekly',
      creditGeneration: 0,
      projectId,
      browserUse: 'refused',
      groups,
    });
  });

  it.each<[string, () => Promise<object>, string]>([
    [
      'a project of another organisation',
      async () => ({ project_id: await project(await otherOrganization()) }),
      'project_id',
    ],
    ['a project that nobody has', async () => ({ project_id: NOBODYS_ID }), 'project_id'],
    ['a group that nobody has', async () => ({ groups: [await group(), NOBODYS_ID] }), 'groups[1]'],
    [
      'a group of another organisation',
      async () => ({ groups: [await group(await otherOrganization())] }),
      'groups[0]',
    ],
    ['a cycle of no limit', async () => ({ credit_reset: 'daily' }), 'credit_reset'],
    ['a type of its own', async () => ({ type: 'subscription' }), 'type'],
  ])('is not made of %s, nor changed to it', async (_what, body, path) => {
    const refused = { status: 400, body: { code: 'invalid_request', errors: [{ path }] } };
    expect(await call('POST', '/v1/api-keys', { name: 'n', ...(await body()) })).toMatchObject(refused);
    const { id } = await create();
    expect(await call('PATCH', keyUrl(id), await body())).toMatchObject(refused);
    expect(await call('GET', keyUrl(id))).toMatchObject({ tag: '"1"' });
  });
});

describe('a project key', () => {
  it('is a pair, once however often it is asked for, and opens no inference', async () => {
    const projectId = await project();
    const url = `/v1/projects/${projectId}/api-keys`;
    const asked = { headers: { 'idempotency-key': `pair-of-${projectId}` } };
    const made = await call('POST', url, { name: 'tracing', expires_in_days: 30, allowed_ips: ['::1'] }, asked);
    expect(made).toMatchObject({
      status: 201,
      tag: '"1"',
      body: { type: 'project', project_id: projectId, scopes: [], name: 'tracing', allowed_ips: ['::1'] },
    });
    const { public_key: publicKey, secret } = made.body as { public_key: string; secret: string };
    expect(publicKey).toMatch(/^pk-[0-9A-Za-z]{36}$/);
    expect(secret).toMatch(/^sk-[0-9A-Za-z]{50}$/);
    expect(hasSecretForm(secret)).toBe(true);
    expect(
      (await call('POST', url, { name: 'tracing', expires_in_days: 30, allowed_ips: ['::1'] }, asked)).body,
    ).toEqual(made.body);
    expect(await snapshotOf(secret)).toMatchObject({
      state: 'extended',
      kind: 'project',
      projectId,
      publicKey,
      scopes: [],
    });
    const listed = await call('GET', '/v1/api-keys?limit=100');
    const ofProject = listed.body.data.filter((key: { project_id: string }) => key.project_id === projectId);
    expect(ofProject).toMatchObject([{ public_key: publicKey, type: 'project' }]);
    expect(ofProject[0].secret).toBeUndefined();
  });

  it.each([
    ['scopes', ['inference:write']],
    ['credit_limit_usd', 1],
    ['models', ['a']],
    ['project_id', NOBODYS_ID],
    ['public_key', 'pk-mine'],
    ['type', 'router'],
  ])('takes no %s', async (field, value) => {
    const url = `/v1/projects/${await project()}/api-keys`;
    expect(await call('POST', url, { name: 'n', [field]: value })).toMatchObject({
      status: 400,
      body: { errors: [{ path: field, message: 'unknown field' }] },
    });
  });

  it('is made of no project of others, of none, and not without a name', async () => {
    const url = (id: string) => `/v1/projects/${id}/api-keys`;
    const missing = { status: 404, body: { code: 'project_not_found' } };
    for (const id of [await project(await otherOrganization()), NOBODYS_ID, 'nonsense'])
      expect(await call('POST', url(id), { name: 'n' })).toMatchObject(missing);
    expect(await call('POST', url(await project()), {})).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'name' }] },
    });
  });

  it('keeps its project from being deleted until it is deleted itself; its history stays', async () => {
    const projectId = await project();
    const { body: key } = await call('POST', `/v1/projects/${projectId}/api-keys`, { name: 'n' });
    const router = await create({ project_id: projectId });
    const inUse = { status: 409, body: { code: 'project_in_use' } };
    expect(await call('DELETE', `/v1/projects/${projectId}`)).toMatchObject(inUse);
    await call('DELETE', keyUrl(key.id));
    await call('POST', keyUrl(router.id, '/revoke'));
    expect(await call('DELETE', `/v1/projects/${projectId}`)).toMatchObject(inUse);
    await call('DELETE', keyUrl(router.id));
    expect((await call('DELETE', `/v1/projects/${projectId}`)).status).toBe(200);
    expect(await actions(key.id)).toEqual(['api_key.created', 'api_key.deleted']);
  });
});

describe('a subscription key', () => {
  const plan = (apiKeyId: string) => ({
    apiKeyId,
    organizationId: 'default',
    name: 'Pro, monthly',
    expiresAt: null,
    creditLimitNanoUsd: '20000000000',
    creditReset: 'monthly' as const,
    models: null,
    rateLimits: { requestsPerMinute: 60, tokensPerMinute: null, parallelRequests: null },
  });

  it('is made by the internal call of a plan, once, with a secret of its own form', async () => {
    const id = crypto.randomUUID();
    const made = await stage.api.createSubscriptionKey(plan(id));
    expect(made).toMatchObject({ apiKeyId: id, maskedKey: expect.stringMatching(/^sk-sub…/) as string });
    expect(made.secret).toMatch(/^sk-sub-[0-9A-Za-z]{50}$/);
    expect(await stage.api.createSubscriptionKey(plan(id))).toEqual({ ...made, secret: null });
    expect((await call('GET', keyUrl(id))).body).toMatchObject({
      type: 'subscription',
      scopes: ['inference:read', 'inference:write'],
      credit_limit_usd: '20',
      credit_reset: 'monthly',
    });
    expect(await snapshotOf(made.secret!)).toMatchObject({ state: 'extended', kind: 'subscription' });
    expect(await actions(id)).toEqual(['api_key.created']);
  });

  it('does what its subscription says: by the call that makes it, and by later messages', async () => {
    const id = crypto.randomUUID();
    const [joined] = await stage.database.dataSource.query<{ id: string }[]>(
      `WITH someone AS (INSERT INTO keys.person (email) VALUES ($1) RETURNING id, email)
       INSERT INTO keys.member (organization_id, person_id, email, role) SELECT 'default', id, email, 'member' FROM someone
       RETURNING id`,
      [`${crypto.randomUUID()}@example.org`],
    );
    const member = joined!.id;
    const terms = {
      subscriptionId: crypto.randomUUID(),
      version: 1,
      anchorMs: 1_796_000_000_000,
      quotas: [{ fromMs: 1_796_000_000_000, quotaNanoUsd: '20000000000' }],
      endsAtMs: null,
      payg: null,
      markupMillionths: 50_000,
      models: ['gpt-4o*'],
      rateLimits: { requestsPerMinute: 5, tokensPerMinute: null, parallelRequests: null },
    };
    const made = await stage.api.createSubscriptionKey({
      ...plan(id),
      creditLimitNanoUsd: null,
      creditReset: 'never',
      memberId: member,
      terms,
    });
    const { models: _models, rateLimits: _rateLimits, version: _version, ...told } = terms;
    expect(await snapshotOf(made.secret!)).toMatchObject({
      state: 'subscribed',
      version: 1,
      memberId: member,
      models: ['gpt-4o*'],
      rateLimits: { requestsPerMinute: 5 },
      accounts: [{ capNanoUsd: null }],
      subscription: told,
    });
    expect((await call('GET', keyUrl(id))).body).toMatchObject({ credit_limit_usd: null, models: ['gpt-4o*'] });
    const tell = (changed: object) =>
      stage.app.get(SubscriptionsChangedController).onSubscriptionsChanged({
        topic: 'subscriptions.changed.v1',
        messages: [
          { value: 'nonsense' },
          { value: JSON.stringify({ eventVersion: 1, organizationId: 'default', apiKeyId: id, terms: changed }) },
        ],
      } as unknown as BusBatch);
    const payg = { capNanoUsd: '7', raise: { amountNanoUsd: '2', untilMs: 1_796_500_000_000 } };
    const later = { ...terms, version: 3, payg, models: null, endsAtMs: 1_797_000_000_000 };
    await tell(later);
    await tell(later);
    await tell({ ...terms, version: 2 });
    await vi.waitFor(async () => expect((await snapshotOf(made.secret!)).version).toBe(2), 20_000);
    expect(await snapshotOf(made.secret!)).toMatchObject({
      models: null,
      subscription: { payg, endsAtMs: 1_797_000_000_000 },
    });
    expect(await actions(id)).toEqual(['api_key.created', 'api_key.updated']);
    const { secret } = (await call('POST', keyUrl(id, '/rotate'), {})).body as { secret: string };
    expect(secret).toMatch(/^sk-sub-/);
    expect(await snapshotOf(secret)).toMatchObject({ state: 'subscribed', version: 3, memberId: member });
  });

  it('is not changed by hand in what its plan decides about', async () => {
    const { apiKeyId: id } = await stage.api.createSubscriptionKey(plan(crypto.randomUUID()));
    for (const [field, value] of Object.entries({ scopes: ['admin'], credit_limit_usd: '99', expires_in_days: 1 }))
      expect(await call('PATCH', keyUrl(id), { [field]: value })).toMatchObject({
        status: 400,
        body: { errors: [{ path: field }] },
      });
    expect(await call('PATCH', keyUrl(id), { name: 'mine' })).toMatchObject({ status: 200, body: { name: 'mine' } });
  });

  it('is made of no name of nothing, and in no organisation that is not there', async () => {
    await expect(stage.api.createSubscriptionKey({ ...plan(crypto.randomUUID()), name: ' ' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(
      stage.api.createSubscriptionKey({ ...plan(crypto.randomUUID()), organizationId: NOBODYS_ID }),
    ).rejects.toMatchObject({ code: 'organization_not_found' });
  });
});

describe('a limit that a key gets later', () => {
  it('counts what was charged before in its cycle, and the reply says what is left of it', async () => {
    const { id, secret } = await create();
    loaded = async () => ({ postedNanoUsd: '3500000000' });
    loads.length = 0;
    const changed = await call('PATCH', keyUrl(id), { credit_limit_usd: '5', credit_reset: 'monthly' });
    expect(changed.body).toMatchObject({
      credit_used_usd: '3.5',
      credit_remaining_usd: '1.5',
      credit_reset: 'monthly',
    });
    const startMs = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth(), 1);
    const accountId = `key:${id}:monthly:${new Date(startMs).toISOString().slice(0, 10)}`;
    expect(loads).toEqual([
      { organizationId: 'default', accountId, apiKeyId: id, reset: 'monthly', startMs, generation: 2 },
    ]);
    expect(await snapshotOf(secret)).toMatchObject({ creditReset: 'monthly', creditGeneration: 2, version: 2 });
  });

  it('that is below what is used leaves nothing, and counts again when its cycle changes', async () => {
    const { id } = await create();
    loaded = async () => ({ postedNanoUsd: '3500000000' });
    const used = { credit_used_usd: '3.5', credit_remaining_usd: '0' };
    expect((await call('PATCH', keyUrl(id), { credit_limit_usd: 1 })).body).toMatchObject(used);
    loads.length = 0;
    expect((await call('PATCH', keyUrl(id), { credit_reset: 'daily' })).body).toMatchObject(used);
    expect(loads).toMatchObject([{ reset: 'daily', generation: 3 }]);
    await call('PATCH', keyUrl(id), { credit_limit_usd: 2 });
    await call('PATCH', keyUrl(id), { credit_limit_usd: null });
    expect(loads).toHaveLength(1);
    expect((await call('PATCH', keyUrl(id), { credit_limit_usd: 2 })).body).toMatchObject(used);
    expect(loads[1]).toMatchObject({ accountId: `key:${id}`, reset: 'never', startMs: null, generation: 6 });
  });

  it('is set also where usage-billing is away: what is used is unknown then, not 0', async () => {
    const { id } = await create();
    loaded = () => Promise.reject(new Error('away'));
    expect(await call('PATCH', keyUrl(id), { credit_limit_usd: 1 })).toMatchObject({
      status: 200,
      body: { credit_limit_usd: '1', credit_used_usd: null, credit_remaining_usd: null },
    });
  });
});

describe('an organisation that keeps the names of its keys', () => {
  it('renames none, and lets everything else be changed', async () => {
    const organization = await otherOrganization();
    const { id } = await create({}, { organization });
    const settings = (value: boolean) =>
      call('PATCH', `/v1/organizations/${organization}`, { key_names_immutable: value });
    expect(await settings(true)).toMatchObject({ status: 200, tag: '"2"', body: { key_names_immutable: true } });
    expect(await settings(true)).toMatchObject({ tag: '"2"' });
    expect(await call('PATCH', keyUrl(id), { name: 'b' }, { organization })).toMatchObject({
      status: 409,
      body: { code: 'key_names_immutable', errors: [{ path: 'name' }] },
    });
    const rest = { name: 'a key', description: 'd' };
    expect(await call('PATCH', keyUrl(id), rest, { organization })).toMatchObject({ status: 200, body: rest });
    await settings(false);
    expect((await call('PATCH', keyUrl(id), { name: 'b' }, { organization })).status).toBe(200);
    expect(await call('PATCH', `/v1/organizations/${organization}`, { key_names_immutable: null })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'key_names_immutable' }] },
    });
  });
});

describe('a key that is switched off', () => {
  it('is refused, keeps all it has, and works again when it is switched on, in new versions', async () => {
    const { id, secret } = await create({ models: ['a'] });
    expect(await call('POST', keyUrl(id, '/disable'))).toMatchObject({
      status: 200,
      tag: '"2"',
      body: { state: 'disabled', disabled_at: expect.any(String) as string, models: ['a'] },
    });
    expect(await snapshotOf(secret)).toMatchObject({ state: 'revoked', reason: 'disabled', version: 2 });
    expect(await call('POST', keyUrl(id, '/disable'))).toMatchObject({ status: 200, tag: '"2"' });
    await call('PATCH', keyUrl(id), { models: ['b'] });
    expect(await snapshotOf(secret)).toMatchObject({ reason: 'disabled', version: 3 });
    expect(await call('POST', keyUrl(id, '/enable'))).toMatchObject({
      status: 200,
      tag: '"4"',
      body: { state: 'active', disabled_at: null, models: ['b'] },
    });
    expect(await snapshotOf(secret)).toMatchObject({ state: 'active', models: ['b'], version: 4 });
    expect(await call('POST', keyUrl(id, '/enable'))).toMatchObject({ status: 200, tag: '"4"' });
    expect(await actions(id)).toEqual(['api_key.created', 'api_key.disabled', 'api_key.updated', 'api_key.enabled']);
  });

  it('is no event for other services', async () => {
    const { id } = await create();
    await call('POST', keyUrl(id, '/disable'));
    await call('POST', keyUrl(id, '/enable'));
    await call('DELETE', keyUrl(id));
    await expect
      .poll(() => published.filter(({ apiKeyId }) => apiKeyId === id).map(({ change }) => change))
      .toEqual(['created', 'deleted']);
  });

  it('is leaked for good when it is reported, and is then neither enabled nor disabled', async () => {
    const { id, secret } = await create();
    await call('POST', keyUrl(id, '/disable'));
    const [outcome] = await stage.api.revokeLeakedKeys({ origin: 'test', digests: [digestSecret(secret, PEPPER)] });
    expect(outcome).toMatchObject({ outcome: 'revoked', key: { apiKeyId: id } });
    expect(await snapshotOf(secret)).toMatchObject({ state: 'revoked', reason: 'leaked' });
    for (const action of ['/enable', '/disable'])
      expect(await call('POST', keyUrl(id, action))).toMatchObject({
        status: 409,
        body: { code: 'api_key_ended', detail: expect.stringMatching(/Make a new key/) as string },
      });
  });

  it('is not enabled once it has expired, unless it is given a later end', async () => {
    const { id } = await create();
    await call('POST', keyUrl(id, '/disable'));
    await stage.database.dataSource.query('UPDATE keys.api_key SET expires_at = now() WHERE id = $1', [id]);
    expect(await call('POST', keyUrl(id, '/enable'))).toMatchObject({
      status: 409,
      body: { code: 'api_key_ended', detail: expect.stringMatching(/later expires_at/) as string },
    });
    expect((await call('PATCH', keyUrl(id), { expires_in_days: 1 })).body).toMatchObject({ state: 'disabled' });
    expect((await call('POST', keyUrl(id, '/enable'))).body).toMatchObject({ state: 'active' });
  });

  it.each(['/disable', '/enable'])('is not found by %s where it is deleted, of others, or nobody’s', async (action) => {
    const missing = { status: 404, body: { code: 'api_key_not_found' } };
    const { id } = await create();
    expect(
      await call('POST', keyUrl(id, action), undefined, { organization: await otherOrganization() }),
    ).toMatchObject(missing);
    await call('DELETE', keyUrl(id));
    for (const gone of [id, NOBODYS_ID, 'nonsense'])
      expect(await call('POST', keyUrl(gone, action))).toMatchObject(missing);
  });

  it.each([
    ['/disable', 1],
    ['/enable', 2],
  ] as const)('by %s is 412 where the request knows another version', async (action, version) => {
    const { id } = await create();
    if (action === '/enable') await call('POST', keyUrl(id, '/disable'));
    const switched = (tag: string) => call('POST', keyUrl(id, action), undefined, { headers: { 'if-match': tag } });
    expect(await switched('"9"')).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    expect(await switched(`"${version}"`)).toMatchObject({ status: 200, tag: `"${version + 1}"` });
  });
});

describe('two changes of one key at once', () => {
  const both = async (id: string, one: Promise<{ status: number }>, other: Promise<{ status: number }>) => {
    const statuses = (await Promise.all([one, other])).map(({ status }) => status);
    return { statuses, key: (await call('GET', keyUrl(id))).body };
  };

  it('of different settings both hold', async () => {
    const { id } = await create();
    const { statuses, key } = await both(
      id,
      call('PATCH', keyUrl(id), { models: ['a'] }),
      call('PATCH', keyUrl(id), { allowed_ips: ['::1'] }),
    );
    expect(statuses).toEqual([200, 200]);
    expect(key).toMatchObject({ models: ['a'], allowed_ips: ['::1'] });
  });

  it.each<[string, () => { method: 'PATCH' | 'POST'; action: string; body: object | undefined }]>([
    ['a change', () => ({ method: 'PATCH', action: '', body: { models: ['a'] } })],
    ['an enable', () => ({ method: 'POST', action: '/enable', body: undefined })],
    ['a disable', () => ({ method: 'POST', action: '/disable', body: undefined })],
  ])('of which one is a revoke end it, whatever %s does', async (_what, other) => {
    const { method, action, body } = other();
    const { id, secret } = await create();
    const first = call(method, keyUrl(id, action), body);
    const { statuses, key } = await both(id, first, call('POST', keyUrl(id, '/revoke')));
    expect([200, 409]).toContain(statuses[0]);
    expect(statuses[1]).toBe(200);
    expect(key).toMatchObject({ state: 'revoked' });
    expect(await snapshotOf(secret)).toMatchObject({ state: 'revoked', reason: 'revoked' });
    expect(await call('POST', keyUrl(id, '/enable'))).toMatchObject({ status: 409 });
    expect(await call('PATCH', keyUrl(id), { models: ['c'] })).toMatchObject({
      status: 409,
      body: { code: 'api_key_ended' },
    });
    expect(await call('PATCH', keyUrl(id), { name: 'c' })).toMatchObject({ status: 200, body: { state: 'revoked' } });
  });

  it('that switch it off and on leave it as the later one says', async () => {
    const { id, secret } = await create();
    const { statuses, key } = await both(id, call('POST', keyUrl(id, '/disable')), call('POST', keyUrl(id, '/enable')));
    expect(statuses).toEqual([200, 200]);
    expect((await snapshotOf(secret)).state).toBe(key.state === 'disabled' ? 'revoked' : 'active');
    const rows: { n: number }[] = await stage.database.dataSource.query(
      'SELECT version AS n FROM keys.api_key WHERE id = $1',
      [id],
    );
    expect((await snapshotOf(secret)).version).toBe(rows[0]!.n);
  });
});

describe('a deleted key', () => {
  it('is out of its groups; its entries of the trail stay', async () => {
    const groups = [await group()];
    const { id, secret } = await create({ groups });
    const members = (): Promise<object[]> =>
      stage.database.dataSource.query('SELECT 1 FROM keys.group_key WHERE api_key_id = $1', [id]);
    expect(await members()).toHaveLength(1);
    expect((await call('DELETE', keyUrl(id))).body).toMatchObject({ state: 'revoked', deleted: true, groups: [] });
    expect(await members()).toEqual([]);
    expect(await snapshotOf(secret)).toMatchObject({ state: 'revoked', reason: 'deleted' });
    expect(await actions(id)).toEqual(['api_key.created', 'api_key.deleted']);
  });
});

describe('an admin key that is limited itself', () => {
  it.each<[string, object, object, object]>([
    [
      'expires_at',
      { expires_in_days: 1 },
      { expires_in_days: 2 },
      { expires_at: new Date(Date.now() + 3_600_000).toISOString() },
    ],
    ['expires_at', { expires_in_days: 1 }, {}, { expires_at: new Date(Date.now() + 3_600_000).toISOString() }],
    ['credit_limit_usd', { credit_limit_usd: 5 }, { credit_limit_usd: 6 }, { credit_limit_usd: 5 }],
    ['credit_reset', { credit_limit_usd: 5 }, { credit_limit_usd: 5, credit_reset: 'daily' }, { credit_limit_usd: 5 }],
    ['models', { models: ['gpt-*'] }, { models: ['gpt-4o', 'claude'] }, { models: ['gpt-4o*'] }],
    [
      'rate_limits.requests_per_minute',
      { rate_limits: { requests_per_minute: 5 } },
      {},
      { rate_limits: { requests_per_minute: 5 } },
    ],
    ['browser_use', { browser_use: 'refused' }, {}, { browser_use: 'refused' }],
    ['allowed_ips', { allowed_ips: ['127.0.0.0/8'] }, { allowed_ips: ['::/0'] }, { allowed_ips: ['127.0.0.1'] }],
  ])('gives no more of %s than it has: to a new key, by a change, or to itself', async (path, own, above, within) => {
    const { id, secret } = await create({ scopes: ['admin'], ...own });
    const denied = { status: 403, body: { code: 'access_denied', errors: [{ path }] } };
    expect(await call('POST', '/v1/api-keys', { name: 'n', ...above }, { as: secret })).toMatchObject(denied);
    const made = await create(within, { as: secret });
    const wide = Object.keys(above).length > 0 ? above : { [path.split('.')[0]!]: null };
    expect(await call('PATCH', keyUrl(made.id), wide, { as: secret })).toMatchObject(denied);
    expect(await call('PATCH', keyUrl(id), wide, { as: secret })).toMatchObject(denied);
    expect((await call('PATCH', keyUrl(made.id), { description: 'd' }, { as: secret })).status).toBe(200);
    expect((await call('PATCH', keyUrl(id), wide)).status).toBe(200);
  });

  it('puts keys into no group that it is not in', async () => {
    const [mine, other] = [await group(), await group()];
    const { secret } = await create({ scopes: ['admin'], groups: [mine] });
    expect(await call('POST', '/v1/api-keys', { name: 'n', groups: [other] }, { as: secret })).toMatchObject({
      status: 403,
      body: { errors: [{ path: 'groups' }] },
    });
    await create({ groups: [mine] }, { as: secret });
  });

  it('enables no key that has more than it, one by one or many, and still disables it', async () => {
    const { secret } = await create({ scopes: ['admin'], credit_limit_usd: 1 });
    const [larger, smaller] = [await create({ credit_limit_usd: 2 }), await create({ credit_limit_usd: 1 })];
    for (const { id } of [larger, smaller])
      expect((await call('POST', keyUrl(id, '/disable'), undefined, { as: secret })).status).toBe(200);
    expect(await call('POST', keyUrl(larger.id, '/enable'), undefined, { as: secret })).toMatchObject({
      status: 403,
      body: { code: 'access_denied', errors: [{ path: 'credit_limit_usd' }] },
    });
    const both = { ids: [larger.id, smaller.id], action: 'enable' };
    expect((await call('POST', '/v1/api-keys/bulk', both, { as: secret })).body).toMatchObject({
      results: [
        { status: 403, state: 'disabled' },
        { status: 200, state: 'active' },
      ],
    });
    expect((await call('POST', keyUrl(larger.id, '/enable'))).body).toMatchObject({ state: 'active' });
  });

  it('makes project keys that last no longer, whatever it may spend', async () => {
    const { secret } = await create({ scopes: ['admin'], credit_limit_usd: 1, models: ['a'], expires_in_days: 1 });
    const url = `/v1/projects/${await project()}/api-keys`;
    expect(await call('POST', url, { name: 'n' }, { as: secret })).toMatchObject({ status: 403 });
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    expect(await call('POST', url, { name: 'n', expires_at: soon }, { as: secret })).toMatchObject({ status: 201 });
  });
});
