import { createHash, randomUUID } from 'node:crypto';
import { digestSecret, hasSecretForm } from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyUseStore } from '../key-use/key-use-store.js';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';

const snapshots = new MemoryKeySnapshots();
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object | string,
  headers: object = {},
) {
  const reply = await stage.app.inject({
    method,
    url: `/v1/api-keys${path}`,
    headers: { authorization: `Bearer ${ADMIN}`, ...headers } as Record<string, string>,
    ...(body !== undefined && { payload: body }),
  });
  return { status: reply.statusCode, text: reply.body, headers: reply.headers, body: reply.json() };
}
const create = async (body: object = {}) => (await call('POST', '', { name: 'a key', ...body })).body;
const rotate = (id: string, body?: object | string, headers?: object) => call('POST', `/${id}/rotate`, body, headers);
const finish = (id: string, headers?: object) => call('POST', `/${id}/finish-rotation`, undefined, headers);
const query = (sql: string, parameters: unknown[]) => stage.database.dataSource.query(sql, parameters);
/** What a gateway finds: in the store, and at the authority. */
async function known(secret: string) {
  const digest = digestSecret(secret, PEPPER);
  const stored = await snapshots.read(digest);
  const { snapshot } = await stage.api.verifyKey(digest);
  return { stored: stored.kind === 'found' ? stored.snapshot : null, verified: snapshot };
}
const identified = async (secret: string) =>
  (
    await stage.api.identifyPrincipal({
      credential: { kind: 'api_key', secret },
      organizationId: null,
      address: '192.0.2.1',
    })
  ).outcome;

describe('POST /v1/api-keys/{id}/rotate', () => {
  it('answers with a new secret of the same key, and both work', async () => {
    const made = await create({ credit_limit_usd: '5', expires_in_days: 30 });
    const before = (await call('GET', `/${made.id}`)).body;
    const { status, body, headers } = await rotate(made.id);
    expect([status, headers.etag, headers['cache-control']]).toEqual([200, '"2"', 'no-store, no-transform']);
    expect(body.secret).not.toBe(made.secret);
    expect(hasSecretForm(body.secret)).toBe(true);
    const { secret: _secret, masked_key: maskedKey, secrets, ...rest } = body;
    expect({ ...before, ...rest }).toEqual({ ...before, ...rest, id: made.id });
    expect([rest.expires_at, rest.credit_limit_usd]).toEqual([before.expires_at, before.credit_limit_usd]);
    expect(maskedKey).toBe(`${body.secret.slice(0, 6)}…${body.secret.slice(-4)}`);
    expect(secrets).toMatchObject([
      { id: made.id, masked_key: before.masked_key, end_reason: null },
      { masked_key: maskedKey, ends_at: before.expires_at },
    ]);
    const graceMs = Date.parse(secrets[0].ends_at) - Date.parse(secrets[1].created_at);
    expect(graceMs).toBe(86_400_000);
    for (const secret of [made.secret, body.secret])
      expect(await known(secret)).toMatchObject({
        stored: { state: 'extended', apiKeyId: made.id },
        verified: { state: 'extended', secrets: [{ id: made.id }, { endsAtMs: null }] },
      });
    expect((await call('GET', `/${made.id}`)).body.secrets).toEqual(secrets);
    expect((await call('GET', `/${made.id}`)).text).not.toContain(body.secret);
  });

  it('shows of each secret who still uses it, in the replies about one key', async () => {
    const made = await create();
    const at = new Date(Date.UTC(2026, 10, 29, 12)).toISOString();
    await query(
      `INSERT INTO keys.api_key_secret_use (organization_id, api_key_id, secret_id, requests, charged_nano_usd, last_used_at, addresses)
       VALUES ('default', $1, $1, 7, 0, $2, $3)`,
      [made.id, at, JSON.stringify([{ address: '203.0.113.7', lastUsedAt: at }])],
    );
    const used = { last_used_at: at, requests: 7, addresses: [{ address: '203.0.113.7', last_used_at: at }] };
    const secrets = [used, { last_used_at: null, requests: 0, addresses: [] }];
    expect((await rotate(made.id)).body.secrets).toMatchObject(secrets);
    expect((await call('GET', `/${made.id}`)).body.secrets).toMatchObject(secrets);
    expect((await finish(made.id)).body.secrets).toMatchObject(secrets);
    const listed: { id: string; secrets: object[] }[] = (await call('GET', '?limit=100')).body.data;
    expect(listed.find(({ id }) => id === made.id)!.secrets[0]).not.toHaveProperty('requests');
  });

  it('shows what a secret was charged as it was corrected, in whatever order that is told', async () => {
    const made = await create();
    const at = '2026-11-29T12:00:00.000Z';
    const told = (sequence: number, charged: string) => ({
      ...{ apiKeyId: made.id as string, sequence, requests: 1, inputTokens: 1, outputTokens: 1, day: '2026-11-29' },
      ...{ chargedNanoUsd: charged, chargedTodayNanoUsd: charged, chargedThisWeekNanoUsd: charged },
      ...{ chargedThisMonthNanoUsd: charged, lastUsedAt: at, lastUsedFrom: null, organizationId: 'default' },
      secrets: [{ secretId: made.id as string, requests: 1, chargedNanoUsd: charged, lastUsedAt: at, addresses: [] }],
    });
    const uses = stage.app.get(KeyUseStore);
    for (const each of [told(1, '9'), told(3, '2'), told(1, '9'), told(3, '2')]) await uses.store([each]);
    expect(await uses.ofSecrets('default', made.id)).toMatchObject([{ requests: 1, chargedNanoUsd: 2n }]);
    expect((await uses.of('default', [made.id], new Date(at))).get(made.id)).toMatchObject({ chargedNanoUsd: '2' });
  });

  it('keeps the public half of a project key, and moves an imported key to the native form', async () => {
    const send = async (url: string, payload: string, type = 'application/json') => {
      const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': type };
      const reply = await stage.app.inject({ method: 'POST', url, headers, payload });
      expect(reply.statusCode, reply.body).toBeLessThan(300);
      return reply;
    };
    const project = (await send('/v1/projects', '{"name":"a project"}')).json().id as string;
    const pair = (await send(`/v1/projects/${project}/api-keys`, '{"name":"a pair"}')).json();
    const { body } = await rotate(pair.id);
    expect([body.public_key, body.type]).toEqual([pair.public_key, 'project']);
    expect(body.public_key).toMatch(/^pk-/);
    expect(body.secret).toMatch(/^sk-[0-9A-Za-z]{50}$/);

    const sha256 = createHash('sha256').update('sk-of-another-product').digest('hex');
    await send('/v1/api-keys/import?mode=all', JSON.stringify({ sha256, name: 'imported' }), 'application/x-ndjson');
    const listed: { id: string; name: string }[] = (await call('GET', '?limit=100')).body.data;
    const { id } = listed.find(({ name }) => name === 'imported')!;
    const rotatedOnce = (await rotate(id)).body;
    expect(hasSecretForm(rotatedOnce.secret)).toBe(true);
    expect((await known(rotatedOnce.secret)).verified).toMatchObject({
      state: 'extended',
      secrets: [{ form: 'sha256' }, { form: 'native' }],
    });
    await finish(id);
    expect((await known(rotatedOnce.secret)).verified).toMatchObject({ secrets: [{ form: 'native' }] });
  });

  it('ends the secret before at once without a grace period', async () => {
    const made = await create();
    const { body } = await rotate(made.id, { grace_period_seconds: 0 });
    expect(body.secrets).toMatchObject([{ end_reason: 'grace' }, { end_reason: null }]);
    const tombstone = { state: 'revoked', secretId: made.id };
    expect(await known(made.secret)).toMatchObject({ stored: tombstone, verified: tombstone });
    expect(await known(body.secret)).toMatchObject({ stored: { state: 'active' }, verified: { state: 'active' } });
  });

  it('has one effect and one answer under an Idempotency-Key, which lies in no clear text in the database', async () => {
    const { id } = await create();
    const headers = { 'idempotency-key': randomUUID(), 'if-match': '"1"' };
    const first = await rotate(id, {}, headers);
    const again = await rotate(id, {}, headers);
    expect([first.status, again.status, again.headers['idempotency-replayed']]).toEqual([200, 200, 'true']);
    expect([again.text, again.headers['cache-control']]).toEqual([first.text, 'no-store, no-transform']);
    expect((await call('GET', `/${id}`)).body.secrets).toHaveLength(2);
    const tables: { name: string }[] = await query(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'keys'`,
      [],
    );
    for (const { name } of tables)
      expect(JSON.stringify(await query(`SELECT t::text FROM ${name} AS t`, []))).not.toContain(first.body.secret);
  });

  it('of two at once without such a name lets one win, and tells the other what to do', async () => {
    const { id } = await create();
    const answers = await Promise.all([rotate(id), rotate(id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const refused = answers.find(({ status }) => status === 409)!;
    expect(refused.body).toMatchObject({ code: 'rotation_open' });
    expect(refused.text).toContain('finish-rotation');
    expect((await rotate(id, {}, { 'if-match': '"1"' })).status).toBe(412);
  });

  it.each<[string, (id: string) => Promise<unknown>, number, string]>([
    ['revoked', (id) => call('POST', `/${id}/revoke`), 409, 'api_key_ended'],
    ['deleted', (id) => call('DELETE', `/${id}`), 404, 'api_key_not_found'],
    [
      'expired',
      (id) => query(`UPDATE keys.api_key SET expires_at = now() - interval '1 s' WHERE id = $1`, [id]),
      409,
      'api_key_ended',
    ],
  ])('is refused for a key that is %s', async (_what, end, status, code) => {
    const { id } = await create({ expires_in_days: 1 });
    await end(id);
    const refused = await rotate(id);
    expect([refused.status, refused.body.code]).toEqual([status, code]);
    expect(refused.text).not.toContain('sk-');
  });

  it.each<[object | string]>([
    [{ grace_period_seconds: -1 }],
    [{ grace_period_seconds: 604_801 }],
    [{ grace_period_seconds: 0.5 }],
    [{ grace_period_seconds: null }],
    [{ grace_period_seconds: '60' }],
    [{ end_when_idle_seconds: 59 }],
    [{ end_when_idle_seconds: 604_801 }],
    [{ expires_at: '2099-01-01T00:00:00Z' }],
    [{ scopes: ['admin'] }],
    [{ credit_limit_usd: '1' }],
    ['[]'],
  ])('refuses %j', async (body) => {
    const { id } = await create();
    const refused = await rotate(id, body, { 'content-type': 'application/json' });
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
    expect((await call('GET', `/${id}`)).body.secrets).toHaveLength(1);
  });

  it('gives whoever asks no more than they have: not by a key of fewer scopes, nor by one that is bound', async () => {
    const { id } = await create({ scopes: ['admin', 'inference:write'], models: ['a*'] });
    const asking = async (body: object) =>
      (await create({ name: 'asks', scopes: ['admin'], ...body })).secret as string;
    const bound = [
      { expires_in_days: 1 },
      { credit_limit_usd: '1' },
      { models: ['b*'] },
      { allowed_ips: ['127.0.0.1'] },
    ];
    for (const body of bound) {
      const refused = await rotate(id, {}, { authorization: `Bearer ${await asking(body)}` });
      expect([refused.status, refused.body.code], JSON.stringify(body)).toEqual([403, 'access_denied']);
    }
    const allowed = await rotate(id, {}, { authorization: `Bearer ${await asking({ models: ['*'] })}` });
    expect(allowed.status).toBe(200);
  });

  it('gives no more than who asks has by a raise of the limit either, nor does enabling the key', async () => {
    const limit = { credit_limit_usd: '1' };
    const { id } = await create(limit);
    const asks = { authorization: `Bearer ${(await create({ name: 'asks', scopes: ['admin'], ...limit })).secret}` };
    await call('PATCH', `/${id}`, {
      credit_limit_raise: { amount_usd: '1', until: new Date(Date.now() + 60_000).toISOString() },
    });
    await call('POST', `/${id}/disable`);
    const refused = { status: 403, body: { code: 'access_denied', errors: [{ path: 'credit_limit_usd' }] } };
    expect(await call('POST', `/${id}/enable`, undefined, asks)).toMatchObject(refused);
    await call('POST', `/${id}/enable`);
    expect(await rotate(id, {}, asks)).toMatchObject(refused);
    await call('PATCH', `/${id}`, { credit_limit_raise: null });
    expect((await rotate(id, {}, asks)).status).toBe(200);
  });

  it('gives no earlier answer to one who may not rotate the key any more', async () => {
    const { id } = await create();
    const asks = await create({ name: 'asks', scopes: ['admin'] });
    const headers = { 'idempotency-key': randomUUID(), authorization: `Bearer ${asks.secret}` };
    expect((await rotate(id, {}, headers)).status).toBe(200);
    await query(`UPDATE keys.api_key SET models = '{m}' WHERE id = $1`, [asks.id]);
    const refused = await rotate(id, {}, headers);
    expect([refused.status, refused.text.includes('sk-')]).toEqual([403, false]);
  });

  it('keeps the admin API open to both secrets until the former one ends', async () => {
    const made = await create({ scopes: ['admin'] });
    const { body } = await rotate(made.id);
    expect([await identified(made.secret), await identified(body.secret)]).toEqual(['identified', 'identified']);
    // Its grace period is over, and nobody has noted its end.
    await query(
      `UPDATE keys.api_key_secret SET ends_at = now() - interval '1 s' WHERE api_key_id = $1 AND secret_id IS NULL`,
      [made.id],
    );
    expect([await identified(made.secret), await identified(body.secret)]).toEqual(['unknown', 'identified']);
    await finish(made.id);
    expect([await identified(made.secret), await identified(body.secret)]).toEqual(['unknown', 'identified']);
  });
});

describe('POST /v1/api-keys/{id}/finish-rotation', () => {
  it('ends the former secret everywhere, and may be repeated', async () => {
    const made = await create();
    const { body } = await rotate(made.id);
    const done = await finish(made.id, { 'if-match': '"2"' });
    expect([done.status, done.headers.etag]).toEqual([200, '"3"']);
    expect(done.body.secret).toBeUndefined();
    expect(done.body.secrets).toMatchObject([{ end_reason: 'finished' }, { end_reason: null, ends_at: null }]);
    const tombstone = { state: 'revoked', secretId: made.id, reason: 'revoked' };
    expect(await known(made.secret)).toMatchObject({ stored: tombstone, verified: tombstone });
    expect(await known(body.secret)).toMatchObject({ stored: { state: 'active' }, verified: { state: 'active' } });
    expect(await finish(made.id)).toMatchObject({ status: 200, headers: { etag: '"3"' } });
    expect((await finish(made.id, { 'if-match': '"2"' })).status).toBe(412);
    expect((await rotate(made.id)).status).toBe(200);
  });

  it('is told by the authority also where the store has lost everything, or kept what is older', async () => {
    const made = await create();
    await rotate(made.id);
    const stale = (await known(made.secret)).verified!;
    await finish(made.id);
    await snapshots.write(stale);
    await snapshots.refill(stale);
    expect(await known(made.secret)).toMatchObject({ stored: { state: 'revoked' }, verified: { state: 'revoked' } });
  });

  it('of a revoked key is 409, and of none 404', async () => {
    const { id } = await create();
    expect((await finish(id)).status).toBe(200);
    await call('POST', `/${id}/revoke`);
    expect(await finish(id)).toMatchObject({ status: 409, body: { code: 'api_key_ended' } });
    expect((await finish(randomUUID())).status).toBe(404);
  });

  it('leaves entries in the audit trail that name masked secrets alone', async () => {
    const made = await create();
    const { body } = await rotate(made.id);
    await finish(made.id);
    const rows: { action: string; entry: string }[] = await query(
      'SELECT action, entry FROM keys.audit_entry WHERE target_id = $1 ORDER BY seq',
      [made.id],
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'api_key.created',
      'api_key.rotated',
      'api_key.rotation_finished',
    ]);
    const changes = rows.map(({ entry }) => (JSON.parse(entry) as { changes: { secrets?: object } }).changes.secrets);
    expect(changes.slice(1)).toEqual([
      { from: [made.masked_key], to: [made.masked_key, body.masked_key] },
      { from: [made.masked_key, body.masked_key], to: [body.masked_key] },
    ]);
    for (const secret of [made.secret, body.secret]) expect(JSON.stringify(rows)).not.toContain(secret);
  });
});
