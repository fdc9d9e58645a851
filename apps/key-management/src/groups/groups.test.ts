import { randomUUID } from 'node:crypto';
import { digestSecret, type ActiveSnapshot } from '@tollgate/api-key';
import type { Route } from '@tollgate/config';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { GROUP_ROUTES_BYTES_MAX, GROUPS_MAX, GROUPS_OF_KEY_MAX, ROUTES_OF_GROUP_MAX } from './group.js';

const route = (name: string, access: Route['access']): Route => ({
  name,
  access,
  targets: [{ provider: 'p', model: 'm', weight: 1 }],
});
/** As long as a name of a route may be. */
const LONG = `${'é'.repeat(199)}*`;
const ROUTES = [
  route('open', 'everyone'),
  route('vip', 'groups'),
  route('openai/gpt-*', 'groups'),
  route(LONG, 'groups'),
  ...Array.from({ length: ROUTES_OF_GROUP_MAX + 1 }, (_, n) => route(`r${n}`, 'groups')),
  ...Array.from({ length: 400 }, (_, n) => route(`${'long'.repeat(45)}${n}`, 'groups')),
];

const snapshots = new MemoryKeySnapshots();
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement(
    {
      snapshots,
      bus: { publish: () => Promise.resolve() },
      usageBilling: { spendingByKey: () => Promise.resolve([]) },
      registry: createMetricsRegistry('test', { processMetrics: false }),
    },
    {},
    { config: { routes: ROUTES, prices: [], reachableProviders: null } },
  );
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
interface Options {
  readonly body?: object;
  readonly organization?: string;
  readonly secret?: string;
  readonly headers?: Record<string, string>;
}
async function call(method: Method, url: string, { body, organization, secret = ADMIN, headers }: Options = {}) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(organization !== undefined && { 'x-organization-id': organization }),
      ...headers,
    },
    ...(body !== undefined && { payload: body }),
  });
  return { status: reply.statusCode, tag: reply.headers.etag, body: reply.json() };
}
const newOrganization = async (): Promise<string> =>
  (await call('POST', '/v1/organizations', { body: { name: 'a tenant' } })).body.id;
const newKey = async (organization: string, more: object = {}): Promise<{ id: string; secret: string }> =>
  (await call('POST', '/v1/api-keys', { organization, body: { name: 'a key', ...more } })).body;
const newGroup = async (organization: string, name = 'a group'): Promise<string> =>
  (await call('POST', '/v1/groups', { organization, body: { name } })).body.id;
const inGroup = (group: string, key: string) => `/v1/groups/${group}/keys/${key}`;
const ofGroup = (group: string, name: string) => `/v1/groups/${group}/routes/${encodeURIComponent(name)}`;

async function keySnapshot(secret: string): Promise<ActiveSnapshot> {
  const read = await snapshots.read(digestSecret(secret, PEPPER));
  if (read.kind !== 'found' || read.snapshot.state === 'revoked') throw new Error('the key has ended');
  return read.snapshot;
}
async function organizationSnapshot(id: string) {
  const read = await snapshots.readOrganization(id);
  if (read.kind !== 'found') throw new Error('the organisation has no snapshot');
  return read.snapshot;
}
async function trail(targetId: string): Promise<{ action: string; changes: Record<string, unknown> }[]> {
  const rows = await stage.database.dataSource.query<{ action: string; entry: string }[]>(
    'SELECT action, entry FROM keys.audit_entry WHERE target_id = $1 ORDER BY seq',
    [targetId],
  );
  return rows.map(({ action, entry }) => ({ action, changes: JSON.parse(entry).changes }));
}

describe('a group', () => {
  it('is made, shown, renamed in the version that is named, and found by its name', async () => {
    const organization = await newOrganization();
    const made = await call('POST', '/v1/groups', { organization, body: { name: ' Support ', description: 'bots' } });
    expect(made).toMatchObject({
      status: 201,
      tag: '"1"',
      body: { object: 'group', name: 'Support', description: 'bots', routes: [] },
    });
    const url = `/v1/groups/${made.body.id}`;
    expect(await call('GET', url, { organization })).toEqual({ ...made, status: 200 });
    const rename = (name: string, tag: string) =>
      call('PATCH', url, { organization, body: { name }, headers: { 'if-match': tag } });
    expect(await rename('Other', '"2"')).toMatchObject({ status: 412 });
    expect(await rename('100%_sure', '"1"')).toMatchObject({ status: 200, tag: '"2"', body: { description: 'bots' } });
    expect(await rename('100%_sure', '"2"')).toMatchObject({ status: 200, tag: '"2"' });
    await newGroup(organization, 'research');
    const found = async (q: string) =>
      (await call('GET', `/v1/groups?q=${encodeURIComponent(q)}`, { organization })).body.data.map(
        (each: { name: string }) => each.name,
      );
    for (const q of ['100%', '_SURE', 'BOTS', '%_']) expect(await found(q), q).toEqual(['100%_sure']);
    expect(await found('e')).toEqual(['research', '100%_sure']);
    for (const q of ['_', '%', '\\']) expect((await found(q)).length, q).toBe(q === '\\' ? 0 : 1);
    const [first] = await trail(made.body.id);
    expect(first).toMatchObject({ action: 'group.created', changes: { name: { to: 'Support' } } });
  });

  it('has a name of its own in its organisation, which is free again after its end', async () => {
    const [one, other] = [await newOrganization(), await newOrganization()];
    const id = await newGroup(one, 'same');
    const again = { organization: one, body: { name: 'same' } };
    expect(await call('POST', '/v1/groups', again)).toMatchObject({ status: 409, body: { code: 'name_taken' } });
    const third = await newGroup(one, 'third');
    expect(await call('PATCH', `/v1/groups/${third}`, again)).toMatchObject({
      status: 409,
      body: { code: 'name_taken' },
    });
    expect((await call('POST', '/v1/groups', { ...again, organization: other })).status).toBe(201);
    expect((await call('DELETE', `/v1/groups/${id}`, { organization: one })).status).toBe(200);
    expect((await call('POST', '/v1/groups', again)).status).toBe(201);
  });

  it('is listed newest first, page by page, with a cursor of this list alone', async () => {
    const organization = await newOrganization();
    const ids = [];
    for (const name of ['a', 'b', 'c']) ids.unshift(await newGroup(organization, name));
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await call('GET', `/v1/groups?limit=1${cursor && `&cursor=${cursor}`}`, { organization });
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      if (!body.has_more) break;
      cursor = body.next_cursor;
      expect((await call('GET', `/v1/groups?q=a&cursor=${cursor}`, { organization })).status).toBe(400);
      expect((await call('GET', `/v1/projects?cursor=${cursor}`, { organization })).status).toBe(400);
    }
    expect(seen).toEqual(ids);
  });

  it.each<[string, object, string]>([
    ['no name', {}, 'name'],
    ['a name of nothing', { name: ' ' }, 'name'],
    ['a name over two lines', { name: 'a\nb' }, 'name'],
    ['a name that is too long', { name: 'n'.repeat(101) }, 'name'],
    ['a description that is too long', { name: 'n', description: 'd'.repeat(501) }, 'description'],
    ['routes', { name: 'n', routes: ['vip'] }, 'routes'],
    ['another organisation', { name: 'n', organization_id: 'default' }, 'organization_id'],
  ])('is not made of %s', async (_, body, path) => {
    expect(await call('POST', '/v1/groups', { body })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ path }] },
    });
  });

  it('is none of another organisation, with its keys and routes, and takes none of its keys', async () => {
    const [one, other] = [await newOrganization(), await newOrganization()];
    const [group, foreign] = [await newGroup(one), await newGroup(other)];
    const [key, stranger] = [await newKey(one), await newKey(other)];
    const missing = { status: 404, body: { code: 'group_not_found' } };
    for (const [method, url] of [
      ['GET', `/v1/groups/${foreign}`],
      ['PATCH', `/v1/groups/${foreign}`],
      ['DELETE', `/v1/groups/${foreign}`],
      ['GET', `/v1/groups/${foreign}/keys`],
      ['PUT', inGroup(foreign, key.id)],
      ['DELETE', inGroup(foreign, key.id)],
      ['PUT', ofGroup(foreign, 'vip')],
      ['DELETE', ofGroup(foreign, 'vip')],
      ['PUT', inGroup(randomUUID(), key.id)],
      ['PUT', inGroup('no-id', key.id)],
    ] as const)
      expect(
        await call(method, url, { organization: one, ...(method === 'PATCH' && { body: { name: 'x' } }) }),
        `${method} ${url}`,
      ).toMatchObject(missing);
    for (const method of ['PUT', 'DELETE'] as const)
      for (const id of [stranger.id, randomUUID()])
        expect(await call(method, inGroup(group, id), { organization: one })).toMatchObject({
          status: 404,
          body: { code: 'api_key_not_found' },
        });
    expect((await keySnapshot(stranger.secret)).groups).toEqual([]);
  });

  it('is one of a bounded number', async () => {
    const organization = await newOrganization();
    await stage.database.dataSource.query(
      `INSERT INTO keys.key_group (organization_id, id, name, created_at, version)
       SELECT $1, gen_random_uuid(), 'group ' || n, now(), 1 FROM generate_series(1, ${GROUPS_MAX}) AS n`,
      [organization],
    );
    expect(await call('POST', '/v1/groups', { organization, body: { name: 'one more' } })).toMatchObject({
      status: 409,
      body: { code: 'group_limit_reached', detail: expect.stringContaining(`${GROUPS_MAX}`) },
    });
  });
});

describe('a key that joins or leaves a group', () => {
  it('has a new version with its own snapshot and its audit entry, once however often it is asked for', async () => {
    const organization = await newOrganization();
    const [group, key] = [await newGroup(organization), await newKey(organization)];
    const membership = { object: 'group_membership', group_id: group, api_key_id: key.id };
    const before = await organizationSnapshot(organization);
    for (let time = 0; time < 2; time++) {
      const reply = await call('PUT', inGroup(group, key.id.toUpperCase()), { organization });
      expect(reply).toMatchObject({ status: 200, body: { ...membership, member: true, groups: [group] } });
      expect(await keySnapshot(key.secret)).toMatchObject({ version: 2, groups: [group] });
    }
    const shown = await call('GET', `/v1/api-keys/${key.id}`, { organization });
    expect(shown).toMatchObject({ tag: '"2"', body: { groups: [group] } });
    for (let time = 0; time < 2; time++) {
      const reply = await call('DELETE', inGroup(group, key.id), { organization });
      expect(reply).toMatchObject({ status: 200, body: { ...membership, member: false, groups: [] } });
      expect(await keySnapshot(key.secret)).toMatchObject({ version: 3, groups: [] });
    }
    expect(await trail(key.id)).toMatchObject([
      { action: 'api_key.created' },
      { action: 'api_key.updated', changes: { groups: { from: [], to: [group] } } },
      { action: 'api_key.updated', changes: { groups: { from: [group], to: [] } } },
    ]);
    // A group's keys are no business of the organisation's record, and not of the group's version.
    expect(await organizationSnapshot(organization)).toEqual(before);
    expect(await call('GET', `/v1/groups/${group}`, { organization })).toMatchObject({ tag: '"1"' });
  });

  it('is shown among the keys of the group, page by page, until it is deleted', async () => {
    const organization = await newOrganization();
    const group = await newGroup(organization);
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      const { id } = await newKey(organization, { name: `key ${n}` });
      await call('PUT', inGroup(group, id), { organization });
      ids.push(id);
    }
    await newKey(organization);
    const url = `/v1/groups/${group}/keys`;
    const first = (await call('GET', `${url}?limit=2`, { organization })).body;
    expect(first.data[0]).toMatchObject({ object: 'group_key', group_id: group, name: expect.stringMatching(/^key /) });
    const second = (await call('GET', `${url}?limit=2&cursor=${first.next_cursor}`, { organization })).body;
    const listed = [...first.data, ...second.data].map(({ id }: { id: string }) => id);
    expect([listed, second.has_more]).toEqual([ids.sort(), false]);
    await call('DELETE', `/v1/api-keys/${ids[0]}`, { organization });
    const left = (await call('GET', url, { organization })).body;
    expect(left.data.map(({ id }: { id: string }) => id)).toEqual(ids.slice(1));
    const rows = await stage.database.dataSource.query('SELECT 1 FROM keys.group_key WHERE api_key_id = $1', [ids[0]]);
    expect(rows).toEqual([]);
  });

  it('leaves though it has ended, and joins nothing once it is revoked or deleted', async () => {
    const organization = await newOrganization();
    const [group, other, key] = [
      await newGroup(organization, 'a'),
      await newGroup(organization, 'b'),
      await newKey(organization),
    ];
    await call('PUT', inGroup(group, key.id), { organization });
    await call('POST', `/v1/api-keys/${key.id}/revoke`, { organization });
    expect(await call('PUT', inGroup(other, key.id), { organization })).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining('new key') },
    });
    expect(await call('PUT', inGroup(group, key.id), { organization })).toMatchObject({ status: 200 });
    expect(await call('DELETE', inGroup(group, key.id), { organization })).toMatchObject({
      status: 200,
      body: { groups: [] },
    });
    await call('DELETE', `/v1/api-keys/${key.id}`, { organization });
    for (const method of ['PUT', 'DELETE'] as const)
      expect(await call(method, inGroup(group, key.id), { organization })).toMatchObject({ status: 404 });
  });

  it('is in a bounded number of groups', async () => {
    const organization = await newOrganization();
    const [group, key] = [await newGroup(organization), await newKey(organization)];
    await stage.database.dataSource.query(
      `WITH made AS (INSERT INTO keys.key_group (organization_id, id, name, created_at, version)
         SELECT $1, gen_random_uuid(), 'group ' || n, now(), 1 FROM generate_series(1, ${GROUPS_OF_KEY_MAX}) AS n RETURNING id)
       INSERT INTO keys.group_key (organization_id, group_id, api_key_id) SELECT $1, id, $2 FROM made`,
      [organization, key.id],
    );
    expect(await call('PUT', inGroup(group, key.id), { organization })).toMatchObject({
      status: 409,
      body: { code: 'group_limit_reached' },
    });
  });
});

describe('the routes of a group', () => {
  it('are given and taken in one record of the organisation, once however often it is asked for', async () => {
    const organization = await newOrganization();
    const [group, key] = [await newGroup(organization), await newKey(organization)];
    await call('PUT', inGroup(group, key.id), { organization });
    const versionOf = async () => (await organizationSnapshot(organization)).version;
    const begin = await versionOf();
    for (const [name, access] of [
      ['vip', 'groups'],
      ['vip', 'groups'],
      ['openai/gpt-*', 'groups'],
      [LONG, 'groups'],
      ['open', 'everyone'],
    ] as const)
      expect(await call('PUT', ofGroup(group, name), { organization })).toMatchObject({
        status: 200,
        body: { object: 'group_route', group_id: group, route: name, granted: true, access },
      });
    const routes = ['open', 'openai/gpt-*', 'vip', LONG];
    expect(await organizationSnapshot(organization)).toMatchObject({
      version: begin + 4,
      groupRoutes: { [group]: routes },
    });
    expect(await call('GET', `/v1/groups/${group}`, { organization })).toMatchObject({ tag: '"5"', body: { routes } });
    expect(await keySnapshot(key.secret)).toMatchObject({ version: 2 });
    for (let time = 0; time < 2; time++)
      expect(await call('DELETE', ofGroup(group, 'vip'), { organization })).toMatchObject({ body: { granted: false } });
    expect(await organizationSnapshot(organization)).toMatchObject({ version: begin + 5 });
    const entries = await trail(group);
    expect(entries.at(1)).toMatchObject({ action: 'group.updated', changes: { routes: { from: [], to: ['vip'] } } });
    expect(entries).toHaveLength(6);
  });

  it('are routes of the configuration, and what it no longer has can be taken away', async () => {
    const organization = await newOrganization();
    const group = await newGroup(organization);
    for (const name of ['nothing', 'VIP', 'openai/gpt-', 'openai/gpt-4o', 'vip ', '*', '__proto__']) {
      const refused = await call('PUT', ofGroup(group, name), { organization });
      expect(refused, name).toMatchObject({ status: 409, body: { code: 'route_not_configured' } });
      expect(refused.body.detail).toContain('/v1/routes');
    }
    expect(await call('PUT', ofGroup(group, 'x'.repeat(201)), { organization })).toMatchObject({ status: 404 });
    await stage.database.dataSource.query(`UPDATE keys.key_group SET routes = '{gone}' WHERE id = $1`, [group]);
    expect(await call('DELETE', ofGroup(group, 'gone'), { organization })).toMatchObject({
      status: 200,
      body: { granted: false, access: null },
    });
  });

  it('are bounded for a group, and for the record of the organisation', async () => {
    const organization = await newOrganization();
    const group = await newGroup(organization);
    await stage.database.dataSource.query(`UPDATE keys.key_group SET routes = $2 WHERE id = $1`, [
      group,
      Array.from({ length: ROUTES_OF_GROUP_MAX }, (_, n) => `r${n}`),
    ]);
    const limit = { status: 409, body: { code: 'group_limit_reached' } };
    expect(await call('PUT', ofGroup(group, `r${ROUTES_OF_GROUP_MAX}`), { organization })).toMatchObject(limit);
    const others = ROUTES.slice(-400, -1).map(({ name }) => name);
    let text = '';
    while (Buffer.byteLength((text = JSON.stringify({ [randomUUID()]: others }))) > GROUP_ROUTES_BYTES_MAX)
      others.pop();
    await stage.database.dataSource.query('UPDATE keys.organization SET group_routes = $2 WHERE id = $1', [
      organization,
      text,
    ]);
    const full = await newGroup(organization, 'another');
    expect(await call('PUT', ofGroup(full, ROUTES.at(-1)!.name), { organization })).toMatchObject(limit);
  });

  it('end with the group, for all its keys at once, and no key is written', async () => {
    const organization = await newOrganization();
    const [group, stays, key] = [
      await newGroup(organization, 'a'),
      await newGroup(organization, 'b'),
      await newKey(organization),
    ];
    for (const each of [group, stays]) {
      await call('PUT', inGroup(each, key.id), { organization });
      await call('PUT', ofGroup(each, 'vip'), { organization });
    }
    const before = await organizationSnapshot(organization);
    expect(await call('DELETE', `/v1/groups/${group}`, { organization, headers: { 'if-match': '"1"' } })).toMatchObject(
      { status: 412 },
    );
    expect(await call('DELETE', `/v1/groups/${group}`, { organization })).toMatchObject({
      status: 200,
      body: { deleted: true },
    });
    expect(await organizationSnapshot(organization)).toMatchObject({
      version: before.version + 1,
      groupRoutes: { [stays]: ['vip'] },
    });
    expect(await keySnapshot(key.secret)).toMatchObject({ version: 3 });
    expect(await call('GET', `/v1/api-keys/${key.id}`, { organization })).toMatchObject({ body: { groups: [stays] } });
    for (const url of [`/v1/groups/${group}`, `/v1/groups/${group}/keys`])
      expect(await call('GET', url, { organization })).toMatchObject({ status: 404 });
    expect((await call('GET', '/v1/groups', { organization })).body.data).toHaveLength(1);
    expect((await trail(group)).at(-1)).toMatchObject({
      action: 'group.deleted',
      changes: { routes: { from: ['vip'] } },
    });
  });

  it('stay in the organisation’s record when something else of it changes, and come back from Postgres', async () => {
    const organization = await newOrganization();
    const [group, key] = [await newGroup(organization), await newKey(organization)];
    await call('PUT', ofGroup(group, 'vip'), { organization });
    await call('PUT', inGroup(group, key.id), { organization });
    await call('PATCH', `/v1/organizations/${organization}`, { body: { name: 'renamed' }, organization });
    const told = await organizationSnapshot(organization);
    expect(told).toMatchObject({ groupRoutes: { [group]: ['vip'] } });
    expect(await stage.api.verifyKey(digestSecret(key.secret, PEPPER))).toMatchObject({
      snapshot: { groups: [group] },
      organization: told,
    });
    await call('DELETE', ofGroup(group, 'vip'), { organization });
    expect((await organizationSnapshot(organization)).groupRoutes).toBeUndefined();
  });

  it('are all there after changes at once, none lost', async () => {
    const organization = await newOrganization();
    const groups = await Promise.all(['a', 'b', 'c'].map((name) => newGroup(organization, name)));
    await Promise.all([
      ...groups.flatMap((group) =>
        ['r1', 'r2', 'r3'].map((name) => call('PUT', ofGroup(group, name), { organization })),
      ),
      call('PATCH', `/v1/organizations/${organization}`, { body: { name: 'meanwhile' }, organization }),
    ]);
    const { groupRoutes } = await organizationSnapshot(organization);
    expect(groupRoutes).toEqual(Object.fromEntries(groups.map((group) => [group, ['r1', 'r2', 'r3']])));
  });
});

describe('an API key that manages groups', () => {
  it('gives no group that it is not in and no route that it may not use itself', async () => {
    const organization = await newOrganization();
    const [own, other] = [await newGroup(organization, 'own'), await newGroup(organization, 'other')];
    const admin = await newKey(organization, { scopes: ['admin', 'inference:write'] });
    const key = await newKey(organization);
    for (const [group, name] of [
      [own, 'vip'],
      [other, 'r1'],
    ] as const)
      await call('PUT', ofGroup(group, name), { organization });
    await call('PUT', inGroup(own, admin.id), { organization });
    const { secret } = admin;
    const denied = { status: 403, body: { code: 'access_denied' } };
    expect(await call('PUT', inGroup(other, admin.id), { secret })).toMatchObject(denied);
    expect(await call('PUT', inGroup(other, key.id), { secret })).toMatchObject(denied);
    expect(await call('PUT', inGroup(own, key.id), { secret })).toMatchObject({ status: 200 });
    expect(await call('PUT', ofGroup(own, 'r1'), { secret })).toMatchObject(denied);
    expect(await call('PUT', ofGroup(other, 'vip'), { secret })).toMatchObject({ status: 200 });
    expect(await call('PUT', ofGroup(own, 'open'), { secret })).toMatchObject({ status: 200 });
    // Less is given by whoever may manage keys.
    await call('PUT', inGroup(other, key.id), { organization });
    expect(await call('DELETE', inGroup(other, key.id), { secret })).toMatchObject({ status: 200 });
    expect(await call('DELETE', ofGroup(other, 'r1'), { secret })).toMatchObject({ status: 200 });
    expect(await call('DELETE', `/v1/groups/${other}`, { secret })).toMatchObject({ status: 200 });
  });
  it('with a list of models gives no route outside of it', async () => {
    const organization = await newOrganization();
    const group = await newGroup(organization);
    const { secret } = await newKey(organization, { scopes: ['admin'], models: ['r1'] });
    expect(await call('PUT', ofGroup(group, 'open'), { secret })).toMatchObject({ status: 403 });
  });
});
