import { randomUUID } from 'node:crypto';
import type { Route } from '@tollgate/config';
import type { KeySpending } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';

const route = (name: string, access: Route['access'], provider = 'p', model = 'm'): Route => ({
  name,
  access,
  targets: [{ provider, model, weight: 1 }],
});
const PRICE = {
  inputNanoUsdPerMillion: 1n,
  outputNanoUsdPerMillion: 1n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 1,
  contextTokens: 1,
};
const CONFIG = {
  routes: [
    route('open', 'everyone'),
    route('vip', 'groups', 'p', 'big'),
    route('*', 'everyone', 'p', '*'),
    route('away', 'everyone', 'q'),
  ],
  prices: ['p', 'q'].map((provider) => ({ provider, model: '*', price: PRICE })),
  reachableProviders: new Set(['p']),
};

/** What usage-billing says of each key. */
let spent: Partial<KeySpending> | null = {};
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement(
    {
      snapshots: new MemoryKeySnapshots(),
      bus: { publish: () => Promise.resolve() },
      usageBilling: {
        spendingByKey: async (_organizationId, ids) => {
          if (spent === null) throw new Error('usage-billing is away');
          const nothing = { requests: 0, inputTokens: 0, outputTokens: 0, lastUsedAt: null, lastUsedFrom: null };
          return ids.map((apiKeyId) => ({ apiKeyId, ...nothing, chargedNanoUsd: '0', ...spent }));
        },
      },
      registry: createMetricsRegistry('test', { processMetrics: false }),
    },
    {},
    { config: CONFIG },
  );
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function call(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  body?: object,
  organization = 'default',
) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${ADMIN}`, 'x-organization-id': organization },
    ...(body !== undefined && { payload: body }),
  });
  return { status: reply.statusCode, body: reply.json() };
}
const newKey = async (more: object = {}): Promise<string> =>
  (await call('POST', '/v1/api-keys', { name: 'a key', ...more })).body.id;
const explain = async (id: string, use: object = {}) => (await call('POST', `/v1/api-keys/${id}/explain`, use)).body;
const valuesOf = ({ checked }: { checked: { rule: string; passes: boolean | null; value: unknown }[] }) =>
  Object.fromEntries(checked.map(({ rule, passes, value }) => [rule, { passes, value }]));

describe('an explanation', () => {
  it('says that a key passes, and what each rule compares', async () => {
    const id = await newKey({ allowed_ips: ['192.0.2.0/24'], models: ['o*'], rate_limits: { requests_per_minute: 7 } });
    const explained = await explain(id, { model: 'open', ip: '192.0.2.7', endpoint: '/v1/embeddings' });
    expect(explained).toMatchObject({
      object: 'explanation',
      api_key_id: id,
      passes: true,
      rule: null,
      code: null,
      message: null,
      value: null,
      resets_at: null,
    });
    expect(valuesOf(explained)).toMatchObject({
      state: { passes: true, value: { state: 'active', expires_at: null } },
      allowed_ips: { passes: true, value: ['192.0.2.0/24'] },
      browser_use: { passes: true },
      scopes: { passes: true, value: ['inference:read', 'inference:write'] },
      route: { passes: true, value: 'open' },
      groups: { passes: true, value: [] },
      models: { passes: true, value: ['o*'] },
      provider: { passes: true },
      rate_limits: { passes: null, value: { requests_per_minute: 7, tokens_per_minute: null } },
      credit: { passes: true, value: null },
      organization_credit: { passes: true, value: null },
    });
  });

  it('looks at nothing that the request does not name', async () => {
    const id = await newKey({ allowed_ips: ['192.0.2.0/24'], models: ['nothing'] });
    for (const use of [undefined, {}]) {
      const { status, body } = await call('POST', `/v1/api-keys/${id}/explain`, use);
      expect([status, body.passes]).toEqual([200, true]);
      expect(valuesOf(body)).toMatchObject({
        allowed_ips: { passes: null, value: ['192.0.2.0/24'] },
        scopes: { passes: true },
        route: { passes: null },
        models: { passes: null, value: ['nothing'] },
      });
    }
  });

  it.each<[string, object, object, object]>([
    [
      'its networks',
      { allowed_ips: ['10.0.0.0/8'] },
      { ip: '::ffff:192.0.2.7' },
      { rule: 'allowed_ips', code: 'ip_not_allowed', value: ['10.0.0.0/8'] },
    ],
    [
      'its scopes',
      { scopes: ['analytics:read'] },
      {},
      { rule: 'scopes', code: 'access_denied', value: ['analytics:read'] },
    ],
    ['a model in no group of its', {}, { model: 'vip' }, { rule: 'groups', code: 'route_access_denied' }],
    [
      'a form of a name that leads there',
      {},
      { model: 'Big-2025-01-01' },
      { rule: 'groups', code: 'route_access_denied' },
    ],
    [
      'its list of models',
      { models: ['o*'] },
      { model: 'x' },
      { rule: 'models', code: 'model_access_denied', value: ['o*'] },
    ],
    ['a provider without a credential', {}, { model: 'away' }, { rule: 'provider', code: 'provider_not_configured' }],
    [
      'its expiry at that time',
      { expires_in_days: 2 },
      { at: '2199-01-01T00:00:00+02:00' },
      { rule: 'state', code: 'expired_api_key' },
    ],
    ['its limit', { credit_limit_usd: '0' }, {}, { rule: 'credit', code: 'quota_exceeded', resets_at: null }],
  ])('names what stops the key: %s', async (_, fields, use, wanted) => {
    spent = {};
    const explained = await explain(await newKey(fields), use);
    expect(explained).toMatchObject({ passes: false, ...wanted });
    expect(explained.message).toMatch(/^[A-Z].*\.$/);
  });

  it('names the groups that would open the route', async () => {
    const group = (await call('POST', '/v1/groups', { name: 'for vips' })).body.id;
    await call('PUT', `/v1/groups/${group}/routes/vip`);
    const id = await newKey();
    expect(await explain(id, { model: 'vip' })).toMatchObject({
      rule: 'groups',
      value: [{ id: group, name: 'for vips' }],
    });
    await call('PUT', `/v1/groups/${group}/keys/${id}`);
    expect(await explain(id, { model: 'vip' })).toMatchObject({ passes: true });
    expect(await explain(id, { model: 'BIG' })).toMatchObject({ passes: true });
    await call('DELETE', `/v1/groups/${group}`);
    expect(await explain(id, { model: 'vip' })).toMatchObject({ rule: 'groups', value: [] });
  });

  it('tells the limit, what is used and left of it, and when it begins anew', async () => {
    const id = await newKey({ credit_limit_usd: '5' });
    const credit = async (use: object = {}) => {
      const explained = await explain(id, use);
      return { passes: explained.passes, resets: explained.resets_at, ...valuesOf(explained)['credit'] };
    };
    spent = { chargedNanoUsd: '1500000000', chargedTodayNanoUsd: '5000000000' };
    expect(await credit()).toMatchObject({
      passes: true,
      value: {
        credit_limit_usd: '5',
        credit_used_usd: '1.5',
        credit_left_usd: '3.5',
        credit_reset: 'never',
        resets_at: null,
      },
    });
    spent = { chargedNanoUsd: '7000000000' };
    expect(await credit()).toMatchObject({ passes: false, resets: null, value: { credit_left_usd: '0' } });
    const until = new Date(Date.now() + 60_000).toISOString();
    await call('PATCH', `/v1/api-keys/${id}`, { credit_limit_raise: { amount_usd: '3', until } });
    expect(await credit()).toMatchObject({ passes: true, value: { credit_limit_usd: '8', credit_left_usd: '1' } });
    expect(await credit({ at: until })).toMatchObject({ passes: false, value: { credit_limit_usd: '5' } });
    await call('PATCH', `/v1/api-keys/${id}`, { credit_limit_raise: null });
    spent = null;
    expect(await credit()).toMatchObject({ passes: null, value: { credit_used_usd: null, credit_left_usd: null } });
    await stage.database.dataSource.query(`UPDATE keys.api_key SET credit_reset = 'daily' WHERE id = $1`, [id]);
    spent = { chargedNanoUsd: '7000000000', chargedTodayNanoUsd: '5000000000' };
    const today = new Date(new Date().toISOString().slice(0, 10));
    const tomorrow = new Date(today.getTime() + 86_400_000).toISOString();
    expect(await credit()).toMatchObject({ passes: false, resets: tomorrow, value: { resets_at: tomorrow } });
    expect(await credit({ at: tomorrow })).toMatchObject({ passes: true, value: { credit_used_usd: '0' } });
    expect(await credit({ at: '2020-01-01T00:00:00Z' })).toMatchObject({
      passes: null,
      value: { credit_used_usd: null },
    });
    spent = {};
  });

  it('tells the limit of the organisation too', async () => {
    const organization = (await call('POST', '/v1/organizations', { name: 'capped' })).body.id;
    await stage.database.dataSource.query('UPDATE keys.organization SET credit_limit_nano_usd = 0 WHERE id = $1', [
      organization,
    ]);
    const key = (await call('POST', '/v1/api-keys', { name: 'k' }, organization)).body.id;
    expect((await call('POST', `/v1/api-keys/${key}/explain`, {}, organization)).body).toMatchObject({
      passes: false,
      rule: 'organization_credit',
      code: 'insufficient_balance',
      value: { credit_limit_usd: '0', credit_used_usd: '0', credit_left_usd: '0' },
    });
  });

  it('is given of keys that have ended, which rule and what else would stop them', async () => {
    const revoked = await newKey({ models: ['o*'] });
    await call('POST', `/v1/api-keys/${revoked}/revoke`);
    const explained = await explain(revoked, { model: 'x' });
    expect(explained).toMatchObject({
      passes: false,
      rule: 'state',
      code: 'invalid_api_key',
      value: { state: 'revoked' },
    });
    expect(valuesOf(explained)).toMatchObject({ models: { passes: false, value: ['o*'] } });
    const disabled = await newKey();
    await stage.database.dataSource.query('UPDATE keys.api_key SET disabled_at = now() WHERE id = $1', [disabled]);
    expect(await explain(disabled)).toMatchObject({
      rule: 'state',
      value: { state: 'disabled' },
      message: expect.stringContaining('enabled'),
    });
  });

  it.each<[string, object, string]>([
    ['a model of nothing', { model: '' }, 'model'],
    ['a model that is too long', { model: 'm'.repeat(201) }, 'model'],
    ['a model with a control character', { model: 'a\u0000' }, 'model'],
    ['a model of half a character', { model: 'a\ud800' }, 'model'],
    ['no address', { ip: 'localhost' }, 'ip'],
    ['a subnet', { ip: '10.0.0.0/8' }, 'ip'],
    ['two addresses', { ip: '10.0.0.1, 10.0.0.2' }, 'ip'],
    ['another endpoint', { endpoint: '/v1/api-keys' }, 'endpoint'],
    ['a date without a time', { at: '2027-01-01' }, 'at'],
    ['a number', { at: 1 }, 'at'],
    ['a field that does not exist', { secret: 'x' }, 'secret'],
    ['null', { model: null }, 'model'],
  ])('is not given for %s', async (_, use, path) => {
    const { status, body } = await call('POST', `/v1/api-keys/${await newKey()}/explain`, use);
    expect([status, body.code, body.errors?.[0]?.path]).toEqual([400, 'invalid_request', path]);
  });

  it('is given of no key that is deleted, of another organisation or unknown', async () => {
    const organization = (await call('POST', '/v1/organizations', { name: 'another' })).body.id;
    const [gone, foreign] = [await newKey(), (await call('POST', '/v1/api-keys', { name: 'k' }, organization)).body.id];
    await call('DELETE', `/v1/api-keys/${gone}`);
    for (const id of [gone, foreign, randomUUID(), 'no-id'])
      expect(await call('POST', `/v1/api-keys/${id}/explain`, {})).toMatchObject({
        status: 404,
        body: { code: 'api_key_not_found' },
      });
  });
});
