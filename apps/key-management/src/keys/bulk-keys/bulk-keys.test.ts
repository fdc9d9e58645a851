import { randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';

/** The embedded database, on which all share one connection. */
let stage: KeyManagementStage;
const snapshots = new MemoryKeySnapshots();
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
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
  return { status: reply.statusCode, headers: reply.headers, text: reply.payload, body: reply.json() };
}
const newOrganization = async (): Promise<string> =>
  (await call('POST', '/v1/organizations', { body: { name: 'a tenant' } })).body.id;
const newKey = async (organization: string, more: object = {}): Promise<{ id: string; secret: string }> =>
  (await call('POST', '/v1/api-keys', { organization, body: { name: 'a key', ...more } })).body;
const bulk = (organization: string, body: object, more: Options = {}) =>
  call('POST', '/v1/api-keys/bulk', { organization, body, ...more });
const stateOf = async (organization: string, id: string): Promise<string> =>
  (await call('GET', `/v1/api-keys/${id}`, { organization })).body.state;

/** Writes keys as an import would, without their audit entries. */
async function manyKeys(organization: string, count: number): Promise<string[]> {
  const rows = await stage.database.dataSource.query<{ api_key_id: string }[]>(
    `WITH made AS (
       INSERT INTO keys.api_key (id, organization_id, name, scopes, created_at, version, writer)
       SELECT gen_random_uuid(), $1, 'key ' || n, '{inference:read}', now(), 1, 1 FROM generate_series(1, $2::int) AS n RETURNING id)
     INSERT INTO keys.api_key_secret (digest, organization_id, api_key_id, pepper_id, masked, created_at)
     SELECT sha256(id::text::bytea), $1, id, 'none', 'sk-abc…wxyz', now() FROM made RETURNING api_key_id`,
    [organization, count],
  );
  return rows.map((row) => row.api_key_id);
}

describe('many keys at once', () => {
  it('are disabled, enabled, revoked and deleted, each with what has become of it', async () => {
    const organization = await newOrganization();
    const [one, other] = [await newKey(organization), await newKey(organization)];
    const ids = [one.id, other.id];
    const outcomes = async (action: string) => {
      const { status, body } = await bulk(organization, { ids, action });
      expect(status).toBe(200);
      return body.results.map(({ status, outcome, state }: Record<string, unknown>) => [status, outcome, state]);
    };
    await call('POST', `/v1/api-keys/${one.id}/disable`, { organization });
    expect(await outcomes('disable')).toEqual([
      [200, 'unchanged', 'disabled'],
      [200, 'changed', 'disabled'],
    ]);
    expect(await outcomes('enable')).toEqual([
      [200, 'changed', 'active'],
      [200, 'changed', 'active'],
    ]);
    await call('POST', `/v1/api-keys/${one.id}/revoke`, { organization });
    expect(await outcomes('disable')).toEqual([
      [409, 'refused', 'revoked'],
      [200, 'changed', 'disabled'],
    ]);
    expect(await outcomes('revoke')).toEqual([
      [200, 'unchanged', 'revoked'],
      [200, 'changed', 'revoked'],
    ]);
    expect(await outcomes('delete')).toEqual([
      [200, 'changed', 'revoked'],
      [200, 'changed', 'revoked'],
    ]);
    expect(await outcomes('delete')).toEqual([
      [404, 'refused', null],
      [404, 'refused', null],
    ]);
  });

  it('join and leave a group, and say of each why not', async () => {
    const organization = await newOrganization();
    const [key, dead] = [await newKey(organization), await newKey(organization)];
    await call('POST', `/v1/api-keys/${dead.id}/revoke`, { organization });
    const { id: group_id } = (await call('POST', '/v1/groups', { organization, body: { name: 'a group' } })).body;
    const joining = { ids: [key.id, dead.id], action: 'add_to_group', group_id };
    expect((await bulk(organization, joining)).body.results).toMatchObject([
      { outcome: 'changed' },
      { status: 409, code: 'conflict' },
    ]);
    const leaving = { filter: { group_id }, action: 'remove_from_group', group_id };
    expect((await bulk(organization, leaving)).body).toMatchObject({ changed: 1, unchanged: 0, refused: 0 });
    const nowhere = { ids: [key.id], action: 'add_to_group', group_id: randomUUID() };
    expect(await bulk(organization, nowhere)).toMatchObject({ status: 404, body: { code: 'group_not_found' } });
  });

  it('of another organisation are not found, each in its own result, and one named twice is one', async () => {
    const [organization, another] = [await newOrganization(), await newOrganization()];
    const [own, foreign] = [await newKey(organization), await newKey(another)];
    const ids = [foreign.id, own.id, own.id.toUpperCase(), own.id];
    const { body } = await bulk(organization, { ids, action: 'revoke' });
    expect(body.results).toMatchObject([
      { id: foreign.id, status: 404, code: 'api_key_not_found', state: null },
      { id: own.id, status: 200, outcome: 'changed' },
    ]);
    expect(await stateOf(another, foreign.id)).toBe('active');
  });

  it.each([
    [{ action: 'revoke' }, 'ids'],
    [{ ids: [], action: 'revoke' }, 'ids'],
    [{ ids: [randomUUID()], filter: { all: true }, action: 'revoke' }, 'ids'],
    [{ filter: {}, action: 'delete' }, 'filter'],
    [{ filter: { statee: 'expired' }, action: 'delete' }, 'filter.statee'],
    [{ filter: { q: '' }, action: 'delete' }, 'filter.q'],
    [{ filter: { all: false }, action: 'delete' }, 'filter.all'],
    [{ filter: { all: true, state: 'expired' }, action: 'delete' }, 'filter.all'],
    [{ ids: [randomUUID()], action: 'rotate' }, 'action'],
    [{ ids: [randomUUID()], action: 'add_to_group' }, 'group_id'],
    [{ ids: [randomUUID()], action: 'revoke', group_id: randomUUID() }, 'group_id'],
    [{ ids: ['nonsense'], action: 'revoke' }, 'ids[0]'],
    [{ ids: Array.from({ length: 10_001 }, () => randomUUID()), action: 'revoke' }, 'ids'],
    [{ filter: { all: true }, action: 'delete', force: true }, 'force'],
  ])('are not acted on by %j', async (body, path) => {
    const organization = await newOrganization();
    const key = await newKey(organization);
    const { status, body: problem } = await bulk(organization, body);
    expect([status, problem.errors?.[0]?.path]).toEqual([400, path]);
    expect(await stateOf(organization, key.id)).toBe('active');
  });

  it('are none where a filter leaves more than 10,000, and the refusal says how many', async () => {
    const organization = await newOrganization();
    await manyKeys(organization, 10_002);
    const { status, body } = await bulk(organization, { filter: { all: true }, action: 'delete' });
    expect([status, body.errors[0].path]).toEqual([400, 'filter']);
    expect(body.errors[0].message).toContain('10002');
    expect((await call('GET', '/v1/api-keys?limit=1&state=active', { organization })).body.data).toHaveLength(1);
  });

  it('end in pieces, with an entry each, between which another revoke is answered', async () => {
    const organization = await newOrganization();
    const ids = await manyKeys(organization, 600);
    const [last] = await manyKeys(organization, 1);
    let ended = false;
    const all = bulk(organization, { ids, action: 'revoke' }).finally(() => (ended = true));
    const single = await call('POST', `/v1/api-keys/${last}/revoke`, { organization });
    expect(single.status).toBe(200);
    expect(ended).toBe(false);
    expect((await all).body).toMatchObject({ changed: 600, refused: 0 });
    const entries = await stage.database.dataSource.query<{ entry: string; action: string }[]>(
      `SELECT action, entry FROM keys.audit_entry WHERE organization_id = $1 AND action LIKE 'api\\_key.%revoke%' ORDER BY seq`,
      [organization],
    );
    const pieces = entries.filter(({ action }) => action === 'api_key.bulk_revoke');
    const sizes = pieces.map(({ entry }) => JSON.parse(entry).details.api_key_ids.length as number);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(600);
    // The other revoke stands between two of them: nobody waits for all.
    expect(entries.at(-1)!.action).toBe('api_key.bulk_revoke');
  });

  it('are told of piece by piece: what others have to tell waits behind one piece at most', async () => {
    const organization = await newOrganization();
    const ids = await manyKeys(organization, 350);
    const waiting: number[] = [];
    let writes = 0;
    const write = vi.spyOn(snapshots, 'write').mockImplementation(async () => {
      if (writes++ % 10 > 0) return;
      const rows = await stage.database.dataSource.query<{ keys: number }[]>(
        `SELECT count(*)::int AS keys FROM keys.outbox AS o JOIN keys.api_key AS k ON k.id::text = o.key
         WHERE o.effect = 'write-snapshot' AND k.organization_id = $1`,
        [organization],
      );
      waiting.push(rows[0]!.keys);
    });
    try {
      expect((await bulk(organization, { ids, action: 'revoke' })).body).toMatchObject({ changed: 350 });
    } finally {
      write.mockRestore();
    }
    const entries = await stage.database.dataSource.query<{ entry: string }[]>(
      `SELECT entry FROM keys.audit_entry WHERE organization_id = $1 AND action = 'api_key.bulk_revoke'`,
      [organization],
    );
    const largest = Math.max(...entries.map(({ entry }) => JSON.parse(entry).details.api_key_ids.length as number));
    expect(entries.length).toBeGreaterThan(1);
    expect(Math.max(...waiting)).toBeLessThanOrEqual(largest);
  });

  it('are ended by one of them, which comes last', async () => {
    const organization = await newOrganization();
    const acting = await newKey(organization, { scopes: ['admin'] });
    const others = await manyKeys(organization, 5);
    const body = { filter: { all: true }, action: 'revoke' };
    const reply = await bulk(organization, body, { secret: acting.secret });
    expect(reply.body).toMatchObject({ changed: 6, refused: 0 });
    expect(await stateOf(organization, others[0]!)).toBe('revoked');
    expect((await bulk(organization, body, { secret: acting.secret })).status).toBe(401);
  });

  it('are acted on once by a request that is repeated under its name', async () => {
    const organization = await newOrganization();
    const key = await newKey(organization);
    const headers = { 'idempotency-key': randomUUID() };
    const request = { ids: [key.id], action: 'disable' };
    const first = await bulk(organization, request, { headers });
    const again = await bulk(organization, request, { headers });
    expect(again.text).toBe(first.text);
    expect(again.headers['idempotency-replayed']).toBe('true');
    const other = { ids: [key.id], action: 'delete' };
    expect(await bulk(organization, other, { headers })).toMatchObject({ body: { code: 'idempotency_key_reused' } });
    expect(await stateOf(organization, key.id)).toBe('disabled');
  });
});

describe('a secret that is searched for', () => {
  it('finds its key by POST, of the own organisation alone', async () => {
    const [organization, another] = [await newOrganization(), await newOrganization()];
    const key = await newKey(organization);
    await newKey(organization);
    const search = (q: string, asking = organization) =>
      call('POST', '/v1/api-keys/search', { organization: asking, body: { q } });
    for (const q of [key.secret, ` ${key.secret}\n`, `Bearer ${key.secret}`, `"${key.secret}"`]) {
      const found = await search(q);
      expect(found.body.data.map(({ id }: { id: string }) => id)).toEqual([key.id]);
      expect(found.text).not.toContain(key.secret);
    }
    expect((await search(key.secret, another)).body.data).toEqual([]);
    expect((await search(`${key.secret.slice(0, -1)}!`)).body.data).toEqual([]);
  });

  it('is refused in an address, whatever stands around it, and is not repeated', async () => {
    const organization = await newOrganization();
    const { secret } = await newKey(organization);
    const percent = [...secret].map((one) => `%${one.charCodeAt(0).toString(16)}`).join('');
    for (const q of [
      secret,
      ` ${secret} `,
      `Bearer ${secret}`,
      secret.toUpperCase(),
      secret.toLowerCase(),
      secret.slice(0, 40),
      secret.slice(5),
      percent,
      encodeURIComponent(percent),
    ]) {
      const reply = await call('GET', `/v1/api-keys?q=${encodeURIComponent(q)}`, { organization });
      expect([reply.status, reply.body.errors[0].path], q).toEqual([400, 'q']);
      expect(reply.text.toLowerCase()).not.toContain(secret.slice(6, 20).toLowerCase());
    }
  });

  it.each(['%', '_', '\\', "'", '"', 'a%b', '\u202e', '🦊', "' OR 1=1 --", '\t', '💥'.repeat(50)])(
    'is text: %j finds no key that has not got it',
    async (q) => {
      const organization = await newOrganization();
      await newKey(organization, { name: 'plain' });
      const body = await call('POST', '/v1/api-keys/search', { organization, body: { q } });
      expect(q.trim() === '' ? body.status : body.body.data).toEqual(q.trim() === '' ? 400 : []);
      const query = await call('GET', `/v1/api-keys?q=${encodeURIComponent(q)}`, { organization });
      expect(query.status).toBe(q.trim() === '' ? 400 : 200);
    },
  );

  it.each(['a\u0000', '\ud800', 'x\udc00y'])('may not be %j', async (q) => {
    const organization = await newOrganization();
    const payload = `{"q":${JSON.stringify(q)}}`;
    const reply = await stage.app.inject({
      method: 'POST',
      url: '/v1/api-keys/search',
      headers: {
        authorization: `Bearer ${ADMIN}`,
        'x-organization-id': organization,
        'content-type': 'application/json',
      },
      payload,
    });
    expect([reply.statusCode, reply.json().errors[0].path]).toEqual([400, 'q']);
  });

  it.each([
    'state=',
    'state=gone',
    'type=x',
    'group_id=1',
    'q=',
    'q=%20',
    'sort=id',
    'sort=--name',
    'idle_since=now',
    'x=1',
  ])('stands beside filters that are understood: not %s', async (query) => {
    const organization = await newOrganization();
    expect((await call('GET', `/v1/api-keys?${query}`, { organization })).status).toBe(400);
  });

  it('gets a cursor that fits no other order, filter or organisation', async () => {
    const [organization, another] = [await newOrganization(), await newOrganization()];
    for (const name of ['a', 'b', 'c']) await newKey(organization, { name });
    const cursorOf = async (query: string) =>
      (await call('GET', `/v1/api-keys?limit=1&${query}`, { organization })).body.next_cursor as string;
    const cursor = await cursorOf('sort=name&state=active');
    const status = async (query: string, asking = organization) =>
      (await call('GET', `/v1/api-keys?cursor=${cursor}&${query}`, { organization: asking })).status;
    expect(await status('sort=name&state=active')).toBe(200);
    for (const query of [
      'sort=-name&state=active',
      'sort=created&state=active',
      'sort=name',
      'sort=name&state=revoked',
    ])
      expect(await status(query)).toBe(400);
    expect(await status('sort=name&state=active', another)).toBe(400);
  });
});
