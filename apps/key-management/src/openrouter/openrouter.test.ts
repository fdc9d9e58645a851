import { randomUUID } from 'node:crypto';
import { generateSecret, hashOfKey } from '@tollgate/api-key';
import type { KeySpending, KeySubscriptionCycle } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';

let stage: KeyManagementStage;
/** What usage-billing says of keys; a key that is not here has spent nothing. */
const charged = new Map<string, Partial<KeySpending>>();
let away = false;
/** The subscription of any key that is asked about. */
let cycle: KeySubscriptionCycle | 'away' | null = null;
const organization = randomUUID();
let admin: string;

beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: {
      spendingByKey: (_organization, ids) =>
        away
          ? Promise.reject(new Error('away'))
          : Promise.resolve(
              ids.map((apiKeyId) => ({
                apiKeyId,
                requests: 0,
                inputTokens: 0,
                outputTokens: 0,
                chargedNanoUsd: '0',
                chargedTodayNanoUsd: '0',
                chargedThisWeekNanoUsd: '0',
                chargedThisMonthNanoUsd: '0',
                lastUsedAt: null,
                lastUsedFrom: null,
                ...charged.get(apiKeyId),
              })),
            ),
      loadAccount: () => Promise.resolve({ postedNanoUsd: '0' }),
      subscriptionOfKey: () => (cycle === 'away' ? Promise.reject(new Error('away')) : Promise.resolve(cycle)),
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
  await stage.database.dataSource.query(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme')`, [organization]);
  admin = (await make({ name: 'manager', scopes: ['admin'] })).secret;
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

interface Sent {
  readonly body?: unknown;
  readonly bearer?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

let addresses = 0;
async function send(method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT', url: string, { body, bearer = admin, headers = {} }: Sent = {}) {
  const reply = await stage.app.inject({
    method,
    url,
    remoteAddress: `198.51.${(addresses += 1) >> 8}.${addresses & 255}`,
    headers: {
      ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads any field, and compares it
  return { status: reply.statusCode, headers: reply.headers, text: reply.body, body: reply.json<any>() };
} // prettier-ignore

/** A key by the admin API of ours. */
async function make(fields: object): Promise<{ id: string; secret: string }> {
  const reply = await send('POST', '/v1/api-keys', {
    body: fields,
    bearer: ADMIN,
    headers: { 'x-organization-id': organization },
  });
  expect(reply.status, reply.text).toBe(201);
  return reply.body as { id: string; secret: string };
}

const refusal = (status: number) => ({
  error: {
    code: status,
    message: expect.stringMatching(/\S/) as string,
    metadata: { error_type: expect.stringMatching(/\S/) as string, code: expect.stringMatching(/\S/) as string },
  },
});

describe('keys in the shape of OpenRouter', () => {
  it('are made, shown, changed, switched, and end', async () => {
    const made = await send('POST', '/api/v1/keys', {
      body: { name: 'a bot', limit: 12.5, limit_reset: 'daily', expires_at: '2030-01-01T00:00:00Z' },
    });
    expect(made.status, made.text).toBe(201);
    expect(made.headers['cache-control']).toContain('no-store');
    const { data, key } = made.body;
    expect(key).toMatch(/^sk-[0-9A-Za-z]{32,}$/);
    expect(data).toEqual({
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      name: 'a bot',
      label: expect.stringMatching(/^sk-/) as string,
      disabled: false,
      limit: 12.5,
      limit_remaining: 12.5,
      limit_reset: 'daily',
      include_byok_in_limit: false,
      usage: 0,
      usage_daily: 0,
      usage_weekly: 0,
      usage_monthly: 0,
      byok_usage: 0,
      byok_usage_daily: 0,
      byok_usage_weekly: 0,
      byok_usage_monthly: 0,
      created_at: expect.any(String) as string,
      updated_at: null,
      expires_at: '2030-01-01T00:00:00.000Z',
      creator_user_id: null,
      external_user: null,
      workspace_id: organization,
    });
    const path = `/api/v1/keys/${data.hash}`;
    const one = await send('GET', path);
    expect([one.status, one.body]).toEqual([200, { data }]);
    expect(one.text).not.toContain(key);

    const changed = await send('PATCH', path, { body: { name: 'another', limit: 3, limit_reset: 'weekly' } });
    expect(changed.status, changed.text).toBe(200);
    expect(changed.body.data).toMatchObject({ name: 'another', limit: 3, limit_reset: 'weekly' });
    const unlimited = await send('PATCH', path, { body: { limit: null } });
    expect(unlimited.body.data).toMatchObject({ limit: null, limit_remaining: null, limit_reset: null });
    expect((await send('PATCH', path, { body: {} })).body.data).toMatchObject({ name: 'another' });

    const off = await send('PATCH', path, { body: { disabled: true } });
    expect(off.body.data).toMatchObject({ disabled: true, name: 'another' });
    expect((await send('GET', '/api/v1/key', { bearer: key })).status).toBe(401);
    const listed = async (query = '') =>
      ((await send('GET', `/api/v1/keys${query}`)).body.data as { hash: string }[]).map(({ hash }) => hash);
    expect(await listed()).not.toContain(data.hash);
    expect(await listed('?include_disabled=true')).toContain(data.hash);
    expect((await send('PATCH', path, { body: { disabled: false } })).body.data.disabled).toBe(false);
    expect((await send('GET', '/api/v1/key', { bearer: key })).status).toBe(200);

    const ended = await send('DELETE', path);
    expect([ended.status, ended.body]).toEqual([200, { deleted: true }]);
    expect((await send('GET', '/api/v1/key', { bearer: key })).status).toBe(401);
    for (const method of ['GET', 'DELETE'] as const) {
      const gone = await send(method, path);
      expect([gone.status, gone.body]).toEqual([404, refusal(404)]);
    }
    expect(await listed('?include_disabled=true')).not.toContain(data.hash);
  });

  it('have a limit of 0, and none', async () => {
    const zero = await send('POST', '/api/v1/keys', { body: { name: 'spends nothing', limit: 0 } });
    expect(zero.body.data).toMatchObject({ limit: 0, limit_remaining: 0, limit_reset: null });
    for (const body of [{ name: 'n' }, { name: 'n', limit: null, limit_reset: null, expires_at: null }])
      expect((await send('POST', '/api/v1/keys', { body })).body.data).toMatchObject({ limit: null, expires_at: null });
  });

  it.each(['daily', 'weekly', 'monthly'] as const)(
    'show what is left of a limit that begins anew %s',
    async (reset) => {
      const { body } = await send('POST', '/api/v1/keys', { body: { name: 'counted', limit: 10, limit_reset: reset } });
      const id = (await stage.database.dataSource.query<{ id: string }[]>('SELECT id FROM keys.api_key')).find(
        (row) => hashOfKey(row.id) === body.data.hash,
      )!.id;
      charged.set(id, {
        chargedNanoUsd: '99000000001',
        chargedTodayNanoUsd: '1000000000',
        chargedThisWeekNanoUsd: '2500000000',
        chargedThisMonthNanoUsd: '11000000000',
      });
      const shown = (await send('GET', `/api/v1/keys/${body.data.hash}`)).body.data;
      expect(shown).toMatchObject({ usage: 99.000000001, usage_daily: 1, usage_weekly: 2.5, usage_monthly: 11 });
      // Never below 0, also where more was charged than a limit that was lowered.
      expect(shown.limit_remaining).toBe({ daily: 9, weekly: 7.5, monthly: 0 }[reset]);
      const own = await send('GET', '/api/v1/key', { bearer: body.key });
      expect(own.body.data).toMatchObject({ limit: 10, limit_remaining: shown.limit_remaining, limit_reset: reset });
      const raise = 'UPDATE keys.api_key SET credit_raise_nano_usd = 3000000000, credit_raise_until = $2 WHERE id = $1';
      await stage.database.dataSource.query(raise, [id, new Date(Date.now() + 60_000)]);
      const raised = { limit: 13, limit_remaining: { daily: 12, weekly: 10.5, monthly: 2 }[reset] };
      expect((await send('GET', '/api/v1/key', { bearer: body.key })).body.data).toMatchObject(raised);
      expect((await send('GET', `/api/v1/keys/${body.data.hash}`)).body.data).toMatchObject(raised);
      await stage.database.dataSource.query(raise, [id, new Date()]);
      expect((await send('GET', '/api/v1/key', { bearer: body.key })).body.data).toMatchObject({
        limit: 10,
        limit_remaining: shown.limit_remaining,
      });
    },
  );

  it('are listed by pages of a hundred', async () => {
    const many = randomUUID();
    await stage.database.dataSource.query(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Many')`, [many]);
    const headers = { 'x-organization-id': many };
    const names: string[] = [];
    for (let n = 0; n < 103; n += 1) {
      names.unshift(`key ${n}`);
      await send('POST', '/api/v1/keys', { body: { name: `key ${n}` }, bearer: ADMIN, headers });
    }
    const page = async (query: string) =>
      ((await send('GET', `/api/v1/keys${query}`, { bearer: ADMIN, headers })).body.data as { name: string }[]).map(
        ({ name }) => name,
      );
    expect(await page('')).toEqual(names.slice(0, 100));
    expect(await page('?offset=100')).toEqual(names.slice(100));
    expect(await page('?offset=1000')).toEqual([]);
  });

  it.each<[string, 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT', string, Sent, number]>([
    ['no name', 'POST', '', { body: {} }, 400],
    ['a field that is not known', 'POST', '', { body: { name: 'n', scopes: ['admin'] } }, 400],
    ['somebody else as its maker', 'POST', '', { body: { name: 'n', creator_user_id: randomUUID() } }, 400],
    ['a limit below 0', 'POST', '', { body: { name: 'n', limit: -1 } }, 400],
    ['a limit as text', 'POST', '', { body: { name: 'n', limit: '1' } }, 400],
    ['a limit too high', 'POST', '', { body: { name: 'n', limit: 9_000_001 } }, 400],
    ['a limit too fine', 'POST', '', { body: { name: 'n', limit: 1e-10 } }, 400],
    ['a cycle that is none', 'POST', '', { body: { name: 'n', limit: 1, limit_reset: 'yearly' } }, 400],
    ['a cycle without a limit', 'POST', '', { body: { name: 'n', limit_reset: 'daily' } }, 400],
    ['an expiry in the past', 'POST', '', { body: { name: 'n', expires_at: '2020-01-01T00:00:00Z' } }, 400],
    ['broken JSON', 'POST', '', { body: '{' }, 400],
    ['another media type', 'POST', '', { body: 'a', headers: { 'content-type': 'text/plain' } }, 415],
    ['an offset below 0', 'GET', '?offset=-1', {}, 400],
    ['a filter that is not known', 'GET', '?disabled=true', {}, 400],
    ['no hash', 'GET', `/${randomUUID()}`, {}, 404],
    ['a hash of no key', 'GET', `/${hashOfKey(randomUUID())}`, {}, 404],
    ['a change of no key', 'PATCH', `/${hashOfKey(randomUUID())}`, { body: { name: 'n' } }, 404],
    ['a path that is none', 'GET', '/a/b', {}, 404],
    ['another method', 'PUT', '', { body: {} }, 405],
    ['no credential', 'GET', '', { bearer: null }, 401],
    ['a wrong credential', 'GET', '', { bearer: 'wrong' }, 401],
    ['an unknown key', 'GET', '', { bearer: `sk-${'0'.repeat(44)}000000` }, 401],
    ['two organisations', 'GET', '', { headers: { 'x-organization-id': 'default, default' } }, 400],
    ['another organisation', 'GET', '', { headers: { 'x-organization-id': randomUUID() } }, 404],
  ])('answer %s in the shape of their clients', async (_, method, path, sent, status) => {
    const reply = await send(method, `/api/v1/keys${path}`, sent);
    expect([reply.status, reply.body]).toEqual([status, refusal(status)]);
    expect(reply.headers['content-type']).toContain('application/json');
    expect(reply.headers['x-request-id']).toBeDefined();
  });

  it('say what is wrong under the names of their clients', async () => {
    const reply = await send('POST', '/api/v1/keys', { body: { name: 'n', limit_reset: 'daily' } });
    expect(reply.body.error.message).toContain('limit_reset');
    expect(reply.body.error.message).not.toContain('credit');
  });

  it('are open to keys with the scope admin, and to nobody with less', async () => {
    const { secret } = await make({ name: 'inference alone' });
    const usage = await make({ name: 'usage alone', scopes: ['analytics:read'] });
    for (const bearer of [secret, usage.secret]) {
      const reply = await send('GET', '/api/v1/keys', { bearer });
      expect([reply.status, reply.body]).toEqual([403, refusal(403)]);
    }
  });

  it('are 503 while it is not known what they have spent: an unknown sum is not 0', async () => {
    const { secret } = await make({ name: 'unknown spend' });
    away = true;
    try {
      for (const path of ['/api/v1/keys', '/api/v1/key']) {
        const reply = await send('GET', path, { bearer: path.endsWith('s') ? admin : secret });
        expect([reply.status, reply.body, reply.headers['retry-after']]).toEqual([503, refusal(503), '1']);
      }
    } finally {
      away = false;
    }
  });
});

describe('the key that asks, in the shape of OpenRouter', () => {
  it('is any key that lives, whatever its scopes', async () => {
    for (const scopes of [['inference:read'], ['inference:write'], ['analytics:read'], ['admin']]) {
      const { id, secret } = await make({ name: 'asks', scopes, rate_limits: { requests_per_minute: 60 } });
      charged.set(id, { chargedNanoUsd: '123456789' });
      const reply = await send('GET', '/api/v1/key', { bearer: secret });
      expect(reply.status, reply.text).toBe(200);
      expect(reply.body.data).toEqual({
        label: expect.stringMatching(/^sk-/) as string,
        limit: null,
        limit_remaining: null,
        limit_reset: null,
        include_byok_in_limit: false,
        usage: 0.123456789,
        usage_daily: 0,
        usage_weekly: 0,
        usage_monthly: 0,
        byok_usage: 0,
        byok_usage_daily: 0,
        byok_usage_weekly: 0,
        byok_usage_monthly: 0,
        is_free_tier: false,
        is_management_key: scopes[0] === 'admin',
        is_provisioning_key: scopes[0] === 'admin',
        creator_user_id: null,
        expires_at: null,
        organization_id: organization,
        workspace_id: organization,
        allowed_data_regions: ['global'],
        free_model_daily_requests: { limit: 0, remaining: 0, used: 0 },
        rate_limit: { requests: 60, interval: '60s', note: expect.any(String) as string },
      });
      expect(reply.text).not.toContain(secret);
    }
  });

  it.each<[string, () => Promise<string | null> | string | null, number]>([
    ['nobody', () => null, 401],
    ['the admin secret', () => ADMIN, 403],
    ['a wrong secret', () => 'wrong', 401],
    ['an unknown key', () => generateSecret('TestMark').reveal(), 401],
    ['a key elsewhere', async () => (await make({ name: 'n', allowed_ips: ['192.0.2.1'] })).secret, 403],
  ])('is not %s', async (_, bearerOf, status) => {
    const reply = await send('GET', '/api/v1/key', { bearer: await bearerOf() });
    expect([reply.status, reply.body]).toEqual([status, refusal(status)]);
  });

  it.each([
    ['in its cycle', {}, 30, 26.5],
    ['without pay-as-you-go', { paygCapNanoUsd: null, paygUsedNanoUsd: '0' }, 20, 19.5],
    ['with its quota spent', { quotaUsedNanoUsd: '20000000000' }, 30, 7],
    ['with less than is used', { paygCapNanoUsd: '1000000000' }, 21, 19.5],
    ['with calls in flight', { quotaHeldNanoUsd: '1500000000', paygHeldNanoUsd: '1000000000' }, 30, 24],
    ['that was cancelled for its end', { status: 'ending' as const }, 30, 26.5],
    ['that has ended', { status: 'ended' as const }, 0, 0],
  ])('has the limit of its subscription %s', async (_, more, limit, remaining) => {
    const { secret } = await stage.api.createSubscriptionKey({
      apiKeyId: randomUUID(),
      organizationId: organization,
      name: 'pro',
      expiresAt: null,
      creditLimitNanoUsd: null,
      creditReset: 'never',
      models: null,
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    });
    cycle = {
      plan: 'pro',
      status: 'active',
      startsAt: '2026-11-16T10:02:35.000Z',
      endsAt: '2026-12-16T10:02:35.000Z',
      quotaNanoUsd: '20000000000',
      quotaUsedNanoUsd: '500000000',
      paygCapNanoUsd: '10000000000',
      paygUsedNanoUsd: '3000000000',
      ...more,
    };
    const { body } = await send('GET', '/api/v1/key', { bearer: secret });
    expect(body.data).toMatchObject({ limit, limit_remaining: remaining, limit_reset: null });

    cycle = 'away';
    expect((await send('GET', '/api/v1/key', { bearer: secret })).status).toBe(503);
  });

  it('is not one that has ended', async () => {
    const { id, secret } = await make({ name: 'ends' });
    await send('POST', `/v1/api-keys/${id}/revoke`, { bearer: ADMIN, headers: { 'x-organization-id': organization } });
    expect((await send('GET', '/api/v1/key', { bearer: secret })).body).toEqual(refusal(401));
  });
});
