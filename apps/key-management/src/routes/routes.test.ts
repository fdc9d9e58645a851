import { randomUUID } from 'node:crypto';
import type { Route } from '@tollgate/config';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { ConfiguredRoutes } from './configured-routes.js';

const route = (name: string, access: Route['access']): Route => ({
  name,
  access,
  targets: [{ provider: 'p', model: name.includes('*') ? '*' : 'm', weight: 1 }],
});
const ROUTES = [
  route('open', 'everyone'),
  route('gpt-*', 'everyone'),
  route('vip', 'groups'),
  route('openai/o1*', 'groups'),
  route('nobody', 'groups'),
];

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement(
    {
      snapshots: new MemoryKeySnapshots(),
      bus: { publish: () => Promise.resolve() },
      usageBilling: { spendingByKey: () => Promise.resolve([]) },
      registry: createMetricsRegistry('test', { processMetrics: false }),
    },
    {},
    { config: { routes: ROUTES, prices: [], reachableProviders: null } },
  );
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, organization: string, body?: object) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${ADMIN}`, 'x-organization-id': organization },
    ...(body !== undefined && { payload: body }),
  });
  return { status: reply.statusCode, body: reply.json() };
}
const newOrganization = async (): Promise<string> =>
  (await call('POST', '/v1/organizations', 'default', { name: 'a tenant' })).body.id;
const newKey = async (organization: string, more: object = {}): Promise<string> =>
  (await call('POST', '/v1/api-keys', organization, { name: 'a key', ...more })).body.id;
/** A group of this name with routes and keys. */
async function newGroup(organization: string, name: string, routes: readonly string[], ...keys: string[]) {
  const { id } = (await call('POST', '/v1/groups', organization, { name })).body;
  for (const each of routes)
    expect((await call('PUT', `/v1/groups/${id}/routes/${encodeURIComponent(each)}`, organization)).status).toBe(200);
  for (const key of keys) expect((await call('PUT', `/v1/groups/${id}/keys/${key}`, organization)).status).toBe(200);
  return { id, name };
}

describe('the routes of the configuration', () => {
  it('are shown with who may use them and with every group of the organisation that has them', async () => {
    const [organization, other] = [await newOrganization(), await newOrganization()];
    const one = await newGroup(organization, 'one', ['vip', 'openai/o1*', 'open']);
    const two = await newGroup(organization, 'two', ['vip']);
    const foreign = await newGroup(other, 'foreign', ['vip']);
    const everyone = { object: 'route', access: 'everyone', configured: true, groups: [] };
    const groups = { object: 'route', access: 'groups', configured: true, groups: [] };
    expect(await call('GET', '/v1/routes', organization)).toEqual({
      status: 200,
      body: {
        object: 'list',
        has_more: false,
        next_cursor: null,
        data: [
          { ...everyone, name: 'gpt-*' },
          { ...groups, name: 'nobody' },
          { ...everyone, name: 'open', groups: [one] },
          { ...groups, name: 'openai/o1*', groups: [one] },
          { ...groups, name: 'vip', groups: [one, two] },
        ],
      },
    });
    const seen = (await call('GET', '/v1/routes', other)).body.data.at(-1);
    expect(seen).toEqual({ ...groups, name: 'vip', groups: [foreign] });
    await call('DELETE', `/v1/groups/${one.id}`, organization);
    expect((await call('GET', '/v1/routes', organization)).body.data.at(-1)).toMatchObject({ groups: [two] });
  });

  it('come page by page, each once', async () => {
    const organization = await newOrganization();
    const names: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await call('GET', `/v1/routes?limit=2${cursor && `&cursor=${cursor}`}`, organization);
      names.push(...body.data.map(({ name }: { name: string }) => name));
      if (!body.has_more) break;
      cursor = body.next_cursor;
    }
    expect(names).toEqual(ROUTES.map(({ name }) => name).sort());
    expect((await call('GET', '/v1/routes?limit=0', organization)).status).toBe(400);
    expect((await call('GET', '/v1/routes?access=groups', organization)).status).toBe(400);
  });

  it('are followed by those that only groups still name, which serve nobody', async () => {
    const organization = await newOrganization();
    const group = await newGroup(organization, 'old', []);
    await stage.database.dataSource.query('UPDATE keys.organization SET group_routes = $2 WHERE id = $1', [
      organization,
      JSON.stringify({ [group.id]: ['zz gone'] }),
    ]);
    expect((await call('GET', '/v1/routes', organization)).body.data.at(-1)).toEqual({
      object: 'route',
      name: 'zz gone',
      access: null,
      configured: false,
      groups: [group],
    });
  });
});

describe('the routes that a key may use', () => {
  it('are those open to everyone, and those of its groups, each with every group by which it may', async () => {
    const organization = await newOrganization();
    const key = await newKey(organization);
    const url = `/v1/api-keys/${key}/routes`;
    const open = ['gpt-*', 'open'].map((name) => ({ object: 'key_route', name, access: 'everyone', groups: [] }));
    expect((await call('GET', url, organization)).body.data).toEqual(open);
    const one = await newGroup(organization, 'one', ['vip', 'openai/o1*'], key);
    const two = await newGroup(organization, 'two', ['vip', 'open'], key);
    await newGroup(organization, 'not of the key', ['vip', 'nobody']);
    expect((await call('GET', url, organization)).body.data).toEqual([
      open[0],
      { ...open[1], groups: [two] },
      { object: 'key_route', name: 'openai/o1*', access: 'groups', groups: [one] },
      { object: 'key_route', name: 'vip', access: 'groups', groups: [one, two] },
    ]);
    await call('DELETE', `/v1/groups/${one.id}/keys/${key}`, organization);
    expect((await call('GET', url, organization)).body.data.at(-1)).toMatchObject({ name: 'vip', groups: [two] });
    expect((await call('GET', `${url}?limit=1`, organization)).body).toMatchObject({ has_more: true, data: [open[0]] });
  });

  it('are no more than its list of models allows', async () => {
    const organization = await newOrganization();
    const names = async (models: readonly string[] | null): Promise<string[]> => {
      const key = await newKey(organization, { models });
      await newGroup(organization, randomUUID(), ['vip', 'openai/o1*'], key);
      const { data } = (await call('GET', `/v1/api-keys/${key}/routes`, organization)).body;
      return data.map(({ name }: { name: string }) => name);
    };
    expect(await names(null)).toEqual(['gpt-*', 'open', 'openai/o1*', 'vip']);
    expect(await names(['gpt-4o', 'vip', 'nobody'])).toEqual(['gpt-*', 'vip']);
    expect(await names(['*-mini'])).toEqual(['gpt-*', 'openai/o1*']);
    expect(await names(['openai/*'])).toEqual(['openai/o1*']);
    expect(await names(['nothing'])).toEqual([]);
  });

  it('are counted as they are listed', async () => {
    const routes = stage.app.get(ConfiguredRoutes);
    const groupRoutes = { g: ['vip', 'open'], h: ['nobody'] };
    for (const groupIds of [[], ['g'], ['h'], ['g', 'h'], ['gone']])
      for (const models of [null, ['vip'], ['*o*'], ['x']]) {
        const key = { groupIds, models };
        expect(routes.countAccessible(key, groupRoutes)).toBe(routes.accessibleTo(key, groupRoutes).length);
      }
  });

  it('are counted in the row of a list, beside the groups, and where the key is shown alone', async () => {
    const organization = await newOrganization();
    const [plain, member, narrow] = [
      await newKey(organization),
      await newKey(organization),
      await newKey(organization, { models: ['vip'] }),
    ];
    const one = await newGroup(organization, 'one', ['vip', 'openai/o1*'], member, narrow);
    const two = await newGroup(organization, 'two', ['vip', 'open'], member);
    const { data } = (await call('GET', '/v1/api-keys', organization)).body;
    type Row = { id: string; accessible_routes: number; groups: string[] };
    const rows = new Map((data as Row[]).map((row) => [row.id, [row.accessible_routes, row.groups.length]]));
    expect([plain, member, narrow].map((id) => rows.get(id))).toEqual([
      [2, 0],
      [4, 2],
      [1, 1],
    ]);
    const shown = (await call('GET', `/v1/api-keys/${member}`, organization)).body;
    expect(shown).toMatchObject({ accessible_routes: 4, groups: [one.id, two.id].sort() });
    await call('DELETE', `/v1/groups/${one.id}`, organization);
    expect((await call('GET', `/v1/api-keys/${member}`, organization)).body).toMatchObject({
      accessible_routes: 3,
      groups: [two.id],
    });
  });

  it('are shown of no key that is deleted, of another organisation or unknown', async () => {
    const [organization, other] = [await newOrganization(), await newOrganization()];
    const [key, foreign] = [await newKey(organization), await newKey(other)];
    await call('DELETE', `/v1/api-keys/${key}`, organization);
    for (const id of [key, foreign, randomUUID(), 'no-id'])
      expect(await call('GET', `/v1/api-keys/${id}/routes`, organization)).toMatchObject({
        status: 404,
        body: { code: 'api_key_not_found' },
      });
  });
});
