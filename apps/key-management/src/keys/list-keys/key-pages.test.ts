import { randomInt, randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: async () => undefined },
    usageBilling: { spendingByKey: async () => [] },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function list(query: string, organization: string) {
  const reply = await stage.app.inject({
    url: `/v1/api-keys?${query}`,
    headers: { authorization: `Bearer ${ADMIN}`, 'x-organization-id': organization },
  });
  return { status: reply.statusCode, body: reply.json() };
}

async function organizationWith(keys: number, createdAt: string): Promise<string> {
  const id = randomUUID();
  const { dataSource } = stage.database;
  await dataSource.query(`INSERT INTO keys.organization (id, name) VALUES ($1, 'an import')`, [id]);
  await dataSource.query(
    `WITH made AS (
       INSERT INTO keys.api_key (id, organization_id, name, scopes, created_at, version)
       SELECT gen_random_uuid(), $1, 'key ' || n, '{inference:read}', ${createdAt}, 1 FROM generate_series(1, $2::int) AS n
       RETURNING id, created_at)
     INSERT INTO keys.api_key_secret (digest, api_key_id, pepper_id, masked, created_at)
     SELECT sha256(id::text::bytea), id, 'none', 'sk-abc…wxyz', created_at FROM made`,
    [id, keys],
  );
  return id;
}

/** Walks from the first page to the last; `limit` says how many keys the next page is to have. */
async function walk(organization: string, limit: () => number): Promise<{ ids: string[]; cursors: string[] }> {
  const [ids, cursors]: [string[], string[]] = [[], []];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { status, body } = await list(`limit=${limit()}${cursor && `&cursor=${cursor}`}`, organization);
    expect(status).toBe(200);
    ids.push(...body.data.map((key: { id: string }) => key.id));
    cursor = body.next_cursor as string | null;
    if (cursor !== null) cursors.push(cursor);
  }
  return { ids, cursors };
}

/** Half of them of one moment, the others a microsecond apart, as a transaction or an import makes them. */
const CROWDED = `'2026-11-28T09:30:00.123456Z'::timestamptz + CASE WHEN n % 2 = 0 THEN n ELSE 0 END * interval '1 microsecond'`;

describe('the pages of a list', () => {
  it('have each of 100,000 keys of nearly one moment exactly once', async () => {
    const organization = await organizationWith(100_000, CROWDED);
    const { ids } = await walk(organization, () => 100);
    expect(ids).toHaveLength(100_000);
    expect(new Set(ids).size).toBe(100_000);
  });

  it('have each key once, in the same order, for pages of one key and for pages of any size', async () => {
    const seed = randomInt(2 ** 31);
    console.log(`seed ${seed}`);
    let state = seed;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) % 100;
    const organization = await organizationWith(250, CROWDED);
    const { ids } = await walk(organization, () => 1);
    expect(new Set(ids).size).toBe(250);
    expect((await walk(organization, () => 1 + random())).ids).toEqual(ids);
    expect((await walk(organization, () => 100)).ids).toEqual(ids);
  });

  it('go on behind a key that has been deleted meanwhile', async () => {
    const organization = await organizationWith(5, CROWDED);
    const { ids } = await walk(organization, () => 5);
    const first = (await list('limit=2', organization)).body;
    await stage.app.inject({
      method: 'DELETE',
      url: `/v1/api-keys/${first.data[1].id}`,
      headers: { authorization: `Bearer ${ADMIN}`, 'x-organization-id': organization },
    });
    const { body } = await list(`cursor=${first.next_cursor}`, organization);
    expect(body.data.map((key: { id: string }) => key.id)).toEqual(ids.slice(2));
  });
});

describe('a cursor of the list of keys', () => {
  const refused = (path: string) => ({ status: 400, body: { code: 'invalid_request', errors: [{ path }] } });

  it('is refused by another organisation, and by the list of organisations', async () => {
    const [one, other] = [await organizationWith(2, CROWDED), await organizationWith(2, CROWDED)];
    const cursor = (await list('limit=1', one)).body.next_cursor as string;
    expect(await list(`cursor=${cursor}`, other)).toMatchObject(refused('cursor'));
    const headers = { authorization: `Bearer ${ADMIN}` };
    const organizations = await stage.app.inject({ url: `/v1/organizations?cursor=${cursor}`, headers });
    expect(organizations.json()).toMatchObject(refused('cursor').body);
  });

  it.each(['nonsense!', '%00', '%ED%A0%80', 'NDI', "' OR 1=1", '1e9', '🦊'])('is not %s', async (text) => {
    expect(
      await list(`cursor=${text === '%00' || text.startsWith('%ED') ? text : encodeURIComponent(text)}`, 'default'),
    ).toMatchObject(refused('cursor'));
  });

  it('tells nothing of how many keys others have', async () => {
    const organization = await organizationWith(2, CROWDED);
    const shown = async () => (await list('limit=1', organization)).body.next_cursor as string;
    const before = await shown();
    await organizationWith(50, CROWDED);
    expect(await shown()).toBe(before);
  });

  it('of release 0.1.0 goes on where it was, under its former name, and of the own organisation alone', async () => {
    const organization = await organizationWith(3, 'now()');
    const { ids } = await walk(organization, () => 100);
    const [{ position }] = await stage.database.dataSource.query<[{ position: string }]>(
      'SELECT position FROM keys.api_key WHERE id = $1',
      [ids[0]],
    );
    const former = Buffer.from(position).toString('base64url');
    expect((await list(`after=${former}`, organization)).body.data).toMatchObject([{ id: ids[1] }, { id: ids[2] }]);
    expect(await list(`after=${former}`, await organizationWith(1, 'now()'))).toMatchObject(refused('after'));
    expect(await list(`after=${former}&cursor=x`, organization)).toMatchObject(refused('after'));
    const { next_cursor } = (await list('limit=1', organization)).body;
    expect((await list(`after=${next_cursor}`, organization)).body.data).toMatchObject([
      { id: ids[1] },
      { id: ids[2] },
    ]);
    expect(await list('after=nonsense', organization)).toMatchObject(refused('after'));
  });
});
