import { randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';

let stage: KeyManagementStage;
let one: string;
let other: string;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
  const organization = async (name: string): Promise<string> =>
    (await call('POST', '/v1/organizations', { body: { name } })).body.id;
  [one, other] = [await organization('one'), await organization('other')];
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

interface Asked {
  readonly body?: object;
  readonly organization?: string;
  readonly ifMatch?: string;
}
async function call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, asked: Asked = {}) {
  const { body, organization, ifMatch } = asked;
  const headers = {
    authorization: `Bearer ${ADMIN}`,
    ...(organization !== undefined && { 'x-organization-id': organization }),
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const reply = await stage.app.inject({ method, url, headers, ...(body && { payload: JSON.stringify(body) }) });
  return { status: reply.statusCode, etag: reply.headers['etag'], body: reply.json() };
}
const make = async (name: string, organization = one) =>
  (await call('POST', '/v1/projects', { body: { name }, organization })).body as { id: string; name: string };
const trail = async (id: string): Promise<string[]> =>
  (
    await stage.database.dataSource.query<{ action: string }[]>(
      'SELECT action FROM keys.audit_entry WHERE target_id = $1 ORDER BY seq',
      [id],
    )
  ).map(({ action }) => action);

describe('a project', () => {
  it('is made, shown, changed and deleted, and each stands in the audit trail', async () => {
    const made = await call('POST', '/v1/projects', { body: { name: ' search ', description: '' }, organization: one });
    expect(made).toMatchObject({
      status: 201,
      etag: '"1"',
      body: { object: 'project', name: 'search', description: null },
    });
    const url = `/v1/projects/${made.body.id}`;
    expect(await call('GET', url, { organization: one })).toMatchObject({ status: 200, body: made.body, etag: '"1"' });
    expect(await call('GET', url.toUpperCase().replace('/V1/PROJECTS', '/v1/projects'), { organization: one })).toEqual(
      await call('GET', url, { organization: one }),
    );
    const changed = await call('PATCH', url, { body: { description: 'finds' }, organization: one });
    expect(changed).toMatchObject({ status: 200, etag: '"2"', body: { name: 'search', description: 'finds' } });
    expect(await call('PATCH', url, { body: { name: 'search' }, organization: one })).toMatchObject({ etag: '"2"' });
    expect(await call('DELETE', url, { organization: one })).toMatchObject({
      status: 200,
      body: { id: made.body.id, deleted: true },
    });
    for (const method of ['GET', 'PATCH', 'DELETE'] as const)
      expect(
        await call(method, url, { organization: one, ...(method === 'PATCH' && { body: { name: 'x' } }) }),
      ).toMatchObject({ status: 404, body: { code: 'project_not_found' } });
    expect(await trail(made.body.id)).toEqual(['project.created', 'project.updated', 'project.deleted']);
  });

  it('is changed only in the version that is named', async () => {
    const { id } = await make('versioned');
    const url = `/v1/projects/${id}`;
    const stale = { organization: one, ifMatch: '"2"' };
    expect(await call('PATCH', url, { ...stale, body: { name: 'lost' } })).toMatchObject({ status: 412 });
    expect(await call('DELETE', url, stale)).toMatchObject({ status: 412 });
    expect(await call('PATCH', url, { organization: one, ifMatch: '"1"', body: { name: 'won' } })).toMatchObject({
      status: 200,
      etag: '"2"',
    });
    expect((await call('GET', url, { organization: one })).body.name).toBe('won');
  });

  it('has a name that no other one of the organisation has, and names of other organisations are not told', async () => {
    const [first, second] = [await make('taken'), await make('free')];
    const refused = { status: 409, body: { code: 'name_taken', errors: [{ path: 'name' }] } };
    for (const name of ['taken', ' taken '])
      expect(await call('POST', '/v1/projects', { body: { name }, organization: one })).toMatchObject(refused);
    expect(
      await call('PATCH', `/v1/projects/${second.id}`, { body: { name: 'taken' }, organization: one }),
    ).toMatchObject(refused);
    expect(await call('POST', '/v1/projects', { body: { name: 'taken' }, organization: other })).toMatchObject({
      status: 201,
    });
    await call('DELETE', `/v1/projects/${first.id}`, { organization: one });
    expect(await call('POST', '/v1/projects', { body: { name: 'taken' }, organization: one })).toMatchObject({
      status: 201,
    });
    expect(await trail(second.id)).toEqual(['project.created']);
  });

  it('is one of two that are made at once with one name', async () => {
    const both = await Promise.all(
      [1, 2].map(() => call('POST', '/v1/projects', { body: { name: 'at once' }, organization: one })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('of another organisation is not found: not shown, changed, deleted or listed', async () => {
    const { id } = await make('hidden');
    for (const organization of [other, 'default']) {
      for (const method of ['GET', 'PATCH', 'DELETE'] as const)
        expect(
          await call(method, `/v1/projects/${id}`, {
            organization,
            ...(method === 'PATCH' && { body: { name: 'x' } }),
          }),
        ).toMatchObject({ status: 404, body: { code: 'project_not_found' } });
      const listed = (await call('GET', '/v1/projects?limit=100', { organization })).body.data as { id: string }[];
      expect(listed.map((each) => each.id)).not.toContain(id);
    }
    expect((await call('GET', `/v1/projects/${id}`, { organization: one })).status).toBe(200);
  });

  it('stays while something belongs to it', async () => {
    const { id } = await make('in use');
    const { dataSource } = stage.database;
    await dataSource.query(
      `CREATE TABLE keys.of_project (organization_id text, project_id uuid,
         FOREIGN KEY (organization_id, project_id) REFERENCES keys.project (organization_id, id))`,
    );
    try {
      await dataSource.query('INSERT INTO keys.of_project VALUES ($1, $2)', [one, id]);
      expect(await call('DELETE', `/v1/projects/${id}`, { organization: one })).toMatchObject({
        status: 409,
        body: { code: 'project_in_use' },
      });
      expect((await call('GET', `/v1/projects/${id}`, { organization: one })).status).toBe(200);
    } finally {
      await dataSource.query('DROP TABLE keys.of_project');
    }
  });

  it.each<[string, object, string]>([
    ['no name', {}, 'name'],
    ['a name of nothing', { name: ' ' }, 'name'],
    ['a name over two lines', { name: 'a\nb' }, 'name'],
    ['a NUL in its name', { name: 'a\u0000b' }, 'name'],
    ['half a surrogate pair', { name: 'a\ud800' }, 'name'],
    ['a name that is too long', { name: 'n'.repeat(101) }, 'name'],
    ['a description that is too long', { name: 'a', description: 'd'.repeat(501) }, 'description'],
    ['an organisation in the body', { name: 'a', organization_id: 'default' }, 'organization_id'],
    ['an id in the body', { name: 'a', id: randomUUID() }, 'id'],
  ])('is not made of %s', async (_what, body, path) => {
    expect(await call('POST', '/v1/projects', { body, organization: one })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ path }] },
    });
  });
});

describe('projects', () => {
  it('are listed page by page, each once, also where they were made in the same microsecond or one after', async () => {
    const organization = (await call('POST', '/v1/organizations', { body: { name: 'many' } })).body.id as string;
    const moments = ['00:00.000001', '00:00.000002', '00:00.000001', '00:00.000001', '00:00.000003'];
    const ids = moments.map(() => randomUUID());
    for (const [at, moment] of moments.entries())
      await stage.database.dataSource.query(
        `INSERT INTO keys.project (organization_id, id, name, created_at, version) VALUES ($1, $2, $3, $4, 1)`,
        [organization, ids[at], `p${at}`, `2026-11-20T12:${moment}Z`],
      );
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = (await call('GET', `/v1/projects?limit=1${query}`, { organization })).body;
      seen.push(...page.data.map((each: { id: string }) => each.id));
      expect(seen.length).toBeLessThanOrEqual(ids.length);
      cursor = page.next_cursor;
    }
    expect(seen.toSorted()).toEqual(ids.toSorted());
    expect(seen[0]).toBe(ids[4]);
    expect(seen[1]).toBe(ids[1]);
  });

  it('are listed by a cursor of their own organisation and list alone', async () => {
    await make('a', other);
    await make('b', other);
    const { next_cursor: cursor } = (await call('GET', '/v1/projects?limit=1', { organization: other })).body;
    expect((await call('GET', `/v1/projects?cursor=${cursor}`, { organization: other })).status).toBe(200);
    for (const [url, organization] of [
      ['/v1/projects', one],
      ['/v1/members', other],
    ] as const)
      expect(await call('GET', `${url}?cursor=${cursor}`, { organization })).toMatchObject({
        status: 400,
        body: { errors: [{ path: 'cursor' }] },
      });
  });
});
