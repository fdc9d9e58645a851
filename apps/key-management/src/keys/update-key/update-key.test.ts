import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { digestSecret, generateSecret, type KeySnapshot } from '@tollgate/api-key';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';

const snapshots = new MemoryKeySnapshots();
const published: string[] = [];
let used = 0;
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: async (_topic, messages) => void published.push(...messages.map(({ value }) => value.toString())) },
    usageBilling: {
      spendingByKey: async (_organizationId, ids) =>
        ids.map((apiKeyId) => ({
          apiKeyId,
          requests: ++used,
          inputTokens: 0,
          outputTokens: 0,
          chargedNanoUsd: String(used),
          lastUsedAt: new Date(used).toISOString(),
          lastUsedFrom: null,
        })),
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object,
  headers: Record<string, string> = {},
) {
  const reply = await stage.app.inject({
    method,
    url: `/v1/api-keys${path}`,
    headers: { authorization: `Bearer ${ADMIN}`, ...headers },
    ...(body !== undefined && { payload: body }),
  });
  return { status: reply.statusCode, tag: reply.headers.etag, headers: reply.headers, body: reply.json() };
}
const create = async () => (await call('POST', '', { name: 'a key', description: 'what for' })).body;
/** The entries of the audit trail about changes of the key's texts: what was and what is. */
async function trail(id: string): Promise<unknown[]> {
  const rows = await stage.database.dataSource.query<{ entry: string }[]>(
    `SELECT entry FROM keys.audit_entry WHERE target_id = $1 AND action = 'api_key.updated' ORDER BY seq`,
    [id],
  );
  return rows.map(({ entry }) => (JSON.parse(entry) as { changes: unknown }).changes);
}

describe('PATCH of a key', () => {
  it('raises its limit until a moment: gateways know, the reply shows it, and the audit trail has it', async () => {
    const { id, secret } = await create();
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const raise = { amount_usd: '2.5', until };
    const changed = await call('PATCH', `/${id}`, { credit_limit_usd: '10', credit_limit_raise: raise });
    expect(changed.body).toMatchObject({ credit_limit_usd: '10', credit_limit_raise: raise });
    const { snapshot } = (await snapshots.read(digestSecret(secret, PEPPER))) as { snapshot: KeySnapshot };
    expect(snapshot).toMatchObject({
      accounts: [{ capNanoUsd: '10000000000' }],
      creditRaise: { amountNanoUsd: '2500000000', untilMs: Date.parse(until) },
    });
    expect((await trail(id))[0]).toMatchObject({
      credit_limit_raise_usd: { to: '2.5' },
      credit_limit_raise_until: { to: until },
    });
    await stage.database.dataSource.query('UPDATE keys.api_key SET credit_raise_until = now() WHERE id = $1', [id]);
    expect((await call('GET', `/${id}`)).body).toMatchObject({ credit_limit_usd: '10', credit_limit_raise: null });
  });

  it('gives by a raise no more than who asks has', async () => {
    const { id } = await create();
    await call('PATCH', `/${id}`, { credit_limit_usd: '10' });
    const admin = (await call('POST', '', { name: 'a', scopes: ['admin'], credit_limit_usd: '10' })).body;
    const asKey = { authorization: `Bearer ${admin.secret}` };
    const credit_limit_raise = { amount_usd: '1', until: new Date(Date.now() + 86_400_000).toISOString() };
    expect(await call('PATCH', `/${id}`, { credit_limit_raise }, asKey)).toMatchObject({
      status: 403,
      body: { code: 'access_denied', errors: [{ path: 'credit_limit_usd' }] },
    });
  });

  it('changes what it names, keeps what it leaves out, and takes away what is null', async () => {
    const { id, secret } = await create();
    expect((await call('PATCH', `/${id}`, { name: ' another ' })).body).toMatchObject({
      name: 'another',
      description: 'what for',
    });
    const { snapshot } = (await snapshots.read(digestSecret(secret, PEPPER))) as { snapshot: KeySnapshot };
    expect(snapshot).toMatchObject({ state: 'active', name: 'another', version: 2 });
    const cleared = await call('PATCH', `/${id}`, { description: null });
    expect(cleared.body).toMatchObject({ name: 'another', description: null });
    expect(cleared.body.secret).toBeUndefined();
    expect((await call('PATCH', `/${id}`, { description: '' })).body).toMatchObject({ description: null });
    expect((await call('GET', `/${id}`)).body).toMatchObject({ name: 'another', description: null });
  });

  it('stands in the audit trail with what was and what is, and only if something changed', async () => {
    const { id } = await create();
    await call('PATCH', `/${id}`, { name: 'b', description: 'what for' });
    for (const same of [{}, { name: 'b' }]) expect(await call('PATCH', `/${id}`, same)).toMatchObject({ tag: '"2"' });
    expect(await trail(id)).toEqual([{ name: { from: 'a key', to: 'b' } }]);
  });

  it('is no event for other services, whose word for it keys.changed.v1 does not have', async () => {
    const { id } = await create();
    await call('PATCH', `/${id}`, { name: 'b' });
    await call('DELETE', `/${id}`);
    const { dataSource } = stage.database;
    await expect
      .poll(() => dataSource.query('SELECT 1 FROM keys.outbox WHERE key = $1', [id]), { timeout: 10_000 })
      .toEqual([]);
    const changes = published.map((text) => JSON.parse(text)).filter(({ apiKeyId }) => apiKeyId === id);
    expect(changes.map(({ change, version }) => [change, version])).toEqual([
      ['created', 1],
      ['deleted', 3],
    ]);
  });

  it.each<[string, object, string]>([
    ['a name of nothing', { name: ' ' }, 'name'],
    ['no name', { name: null }, 'name'],
    ['a name of half a character', { name: 'a\ud800' }, 'name'],
    ['a description with NUL', { description: 'a\u0000' }, 'description'],
    ['a description that is too long', { description: 'x'.repeat(501) }, 'description'],
    ['a name with a secret', { name: `key ${generateSecret('TGate001').reveal()}` }, 'name'],
    ['a description with a secret', { description: generateSecret('TGate001').reveal() }, 'description'],
    ['a list of nothing', { models: [] }, 'models'],
    ['its version', { version: 1 }, 'version'],
  ])('refuses %s', async (_what, body, path) => {
    const { id } = await create();
    expect(await call('PATCH', `/${id}`, body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ path }] },
    });
    expect(await call('GET', `/${id}`)).toMatchObject({ tag: '"1"' });
  });

  it('does not find a key that is deleted, of another organisation or unknown', async () => {
    const { id } = await create();
    const other = { 'x-organization-id': (await organization()).id };
    expect(await call('PATCH', `/${id}`, { name: 'x' }, other)).toMatchObject({ status: 404 });
    await call('DELETE', `/${id}`);
    const missing = { status: 404, body: { code: 'api_key_not_found' } };
    expect(await call('PATCH', `/${id}`, { name: 'x' })).toMatchObject(missing);
    expect(await call('PATCH', `/${id}`, { name: 'x' }, { 'if-match': '"1"' })).toMatchObject(missing);
    expect(await call('PATCH', '/no-id', { name: 'x' })).toMatchObject(missing);
  });
});

async function organization(): Promise<{ id: string }> {
  const headers = { authorization: `Bearer ${ADMIN}` };
  const reply = await stage.app.inject({ method: 'POST', url: '/v1/organizations', headers, payload: { name: 'o' } });
  return reply.json();
}

describe('the ETag of a key', () => {
  it('is its version, and stays while only its use changes', async () => {
    const made = await call('POST', '', { name: 'a key' });
    expect(made.tag).toBe('"1"');
    const [first, second] = [await call('GET', `/${made.body.id}`), await call('GET', `/${made.body.id}`)];
    expect(first.body.last_used_at).not.toBe(second.body.last_used_at);
    expect([first.tag, second.tag]).toEqual(['"1"', '"1"']);
    expect(first.headers['cache-control']).toBe('no-store, no-transform');
    expect(await call('PATCH', `/${made.body.id}`, { name: 'b' }, { 'if-match': '"1"' })).toMatchObject({ tag: '"2"' });
    expect(await call('POST', `/${made.body.id}/revoke`)).toMatchObject({ status: 200, tag: '"3"' });
  });
  it('never makes a 304 of a reply, since what it shows moves on', async () => {
    const { id } = await create();
    for (const tag of ['"1"', '*', 'W/"1"'])
      expect(await call('GET', `/${id}`, undefined, { 'if-none-match': tag })).toMatchObject({ status: 200 });
  });
});

describe('If-Match', () => {
  const failed = { status: 412, body: { code: 'precondition_failed' } };

  it.each([
    ['PATCH', '', { name: 'b' }],
    ['POST', '/revoke', undefined],
    ['DELETE', '', undefined],
  ] as const)('of another version makes %s%s change nothing', async (method, path, body) => {
    const { id } = await create();
    const change = (tag: string) => call(method, `/${id}${path}`, body, { 'if-match': tag });
    for (const tag of ['"2"', '"0"', '"1-gzip"', 'W/"1"']) expect(await change(tag)).toMatchObject(failed);
    expect((await change('W/"1"')).body.detail).toMatch(/weak/);
    expect(await change('1')).toMatchObject({ status: 400, body: { errors: [{ path: 'if-match' }] } });
    expect(await call('GET', `/${id}`)).toMatchObject({ tag: '"1"', body: { state: 'active', name: 'a key' } });
    expect(await change('"7", "1"')).toMatchObject({ status: 200, tag: '"2"' });
  });

  it('lets one of two through that name the same version at once', async () => {
    const { id } = await create();
    const both = await Promise.all(
      ['one', 'two'].map((name) => call('PATCH', `/${id}`, { name }, { 'if-match': '"1"' })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect(await call('GET', `/${id}`)).toMatchObject({
      tag: '"2"',
      body: { name: both.find(({ status }) => status === 200)?.body.name },
    });
    expect(await trail(id)).toHaveLength(1);
  });
});
