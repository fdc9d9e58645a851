import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { digestSecret, hasSecretForm, pepperId, type KeySnapshot } from '@tollgate/api-key';
import { StartFault } from '@tollgate/app-process';
import type { BusMessage } from '@tollgate/bus';
import { KEYS_CHANGED_V1, keysChangedV1, type KeyManagementApi, type KeySpending } from '@tollgate/contracts';
import { publicRoutesOf } from '@tollgate/http';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { readDocument, routesOf } from '@tollgate/openapi';
import { Database, ServiceDatabase } from '@tollgate/postgres';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from './key-management-stage.js';
import { refuseOtherPepper } from './store/refuse-other-pepper.js';

class SwitchableSnapshots extends MemoryKeySnapshots {
  reachable = true;
  override write(snapshot: KeySnapshot): Promise<void> {
    return this.reachable ? super.write(snapshot) : Promise.reject(new Error('unreachable'));
  }
}

const published: { topic: string; value: string }[] = [];
const bus = {
  async publish(topic: string, messages: readonly BusMessage[]): Promise<void> {
    published.push(...messages.map(({ value }) => ({ topic, value: value.toString() })));
  },
};
const snapshots = new SwitchableSnapshots();
const registry = createMetricsRegistry('test', { processMetrics: false });
let spending: (ids: readonly string[]) => Promise<KeySpending[]>;
let database: Database;
let app: NestFastifyApplication;
let api: KeyManagementApi;
let stage: KeyManagementStage;

beforeAll(async () => {
  stage = await startKeyManagement(
    {
      snapshots,
      bus,
      usageBilling: { spendingByKey: (_organizationId, ids) => spending(ids) },
      registry,
    },
    { bodyLimitBytes: 65_536 },
  );
  ({ database, app, api } = stage);
}, 60_000);

afterAll(() => stage?.stop(), 30_000);

beforeEach(() => {
  snapshots.reachable = true;
  spending = async (ids) =>
    ids.map((apiKeyId) => ({
      apiKeyId,
      requests: 1,
      inputTokens: 2,
      outputTokens: 3,
      chargedNanoUsd: '123000',
      lastUsedAt: '2026-11-20T12:00:00.000Z',
      lastUsedFrom: null,
    }));
});

async function call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown, secret: string | null = ADMIN) {
  const headers = {
    ...(secret !== null && { authorization: `Bearer ${secret}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const reply = await app.inject({
    method,
    url: path,
    headers,
    ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
}
const create = async (body: object = {}) => (await call('POST', '/v1/api-keys', { name: 'a key', ...body })).body;
const digestOf = (key: { secret: string }) => digestSecret(key.secret, PEPPER);
const changesOf = (id: string) =>
  published
    .filter(({ topic }) => topic === KEYS_CHANGED_V1)
    .map(({ value }) => keysChangedV1.parse(JSON.parse(value)))
    .filter(({ apiKeyId }) => apiKeyId === id);

it('has the public routes that its document has', () => {
  expect(publicRoutesOf(app)).toEqual(routesOf(readDocument('key-management')));
});

describe('a key', () => {
  it('is made with its secret, shown once, and known to the gateways when the reply is out', async () => {
    const { status, headers, body } = await call('POST', '/v1/api-keys', {
      name: 'bot',
      credit_limit_usd: '0.5',
      models: ['m'],
    });
    expect(status).toBe(201);
    expect(headers['cache-control']).toContain('no-store');
    expect(hasSecretForm(body.secret)).toBe(true);
    expect(body.secret).toContain('TestMark');
    expect(body).toMatchObject({
      object: 'api_key',
      name: 'bot',
      state: 'active',
      credit_limit_usd: '0.5',
      credit_used_usd: '0',
      models: ['m'],
      last_used_at: null,
      revoked_at: null,
    });
    expect(await snapshots.read(digestOf(body))).toMatchObject({
      kind: 'found',
      snapshot: { state: 'active', apiKeyId: body.id, version: 1 },
    });
    const shown = (await call('GET', `/v1/api-keys/${body.id}`)).body;
    expect(shown).toMatchObject({
      id: body.id,
      masked_key: `${body.secret.slice(0, 6)}…${body.secret.slice(-4)}`,
      credit_used_usd: '0.000123',
    });
    expect(JSON.stringify(shown)).not.toContain(body.secret);
    await vi.waitFor(
      () => expect(changesOf(body.id)).toMatchObject([{ version: 1, change: 'created', state: 'active' }]),
      { timeout: 20_000 },
    );
  });

  it('is the same key under its id in any case: found, with what it has spent, revoked and deleted', async () => {
    const key = await create();
    const capitals = key.id.toUpperCase();
    spending = async (ids) =>
      ids
        .filter((id) => id === key.id)
        .map((apiKeyId) => ({
          apiKeyId,
          requests: 1,
          inputTokens: 2,
          outputTokens: 3,
          chargedNanoUsd: '60000',
          lastUsedAt: '2026-11-20T12:00:00.000Z',
          lastUsedFrom: null,
        }));
    const spent = { id: key.id, credit_used_usd: '0.00006', last_used_at: '2026-11-20T12:00:00.000Z' };
    expect((await call('GET', `/v1/api-keys/${capitals}`)).body).toEqual(
      (await call('GET', `/v1/api-keys/${key.id}`)).body,
    );
    expect((await call('GET', `/v1/api-keys/${capitals}`)).body).toMatchObject(spent);
    expect(await call('POST', `/v1/api-keys/${capitals}/revoke`)).toMatchObject({
      status: 200,
      body: { ...spent, state: 'revoked' },
    });
    expect(await call('DELETE', `/v1/api-keys/${capitals}`)).toMatchObject({
      status: 200,
      body: { ...spent, deleted: true },
    });
    expect(await call('GET', `/v1/api-keys/${key.id}`)).toMatchObject({ status: 404 });
  });

  it('is known by its id from its making on, also when it is deleted', async () => {
    const [one, deleted] = [await create(), await create()];
    await call('DELETE', `/v1/api-keys/${deleted.id}`);
    expect(
      (
        await api.knownKeys('default', [one.id, deleted.id, '00000000-0000-4000-8000-000000000000', 'nonsense'])
      ).toSorted(),
    ).toEqual([one.id, deleted.id].toSorted());
    expect(await api.knownKeys('default', [])).toEqual([]);
  });

  it('is kept without its secret', async () => {
    const { secret } = await create();
    const tables = ['organization', 'member', 'api_key', 'api_key_secret', 'audit_event', 'outbox'];
    const rows = await Promise.all(
      tables.map((table) => database.dataSource.query(`SELECT to_jsonb(t)::text AS row FROM keys.${table} t`)),
    );
    expect(JSON.stringify(rows)).toContain('a key');
    expect(JSON.stringify(rows)).not.toContain(secret.slice(6, -4));
  });

  it('is made even when the gateways cannot be told, and verified by its digest', async () => {
    snapshots.reachable = false;
    const key = await create({ expires_in_days: 1 });
    expect((await api.verifyKey(digestOf(key))).snapshot).toMatchObject({
      state: 'active',
      apiKeyId: key.id,
      expiresAtMs: Date.parse(key.expires_at),
    });
    expect(await api.verifyKey('0'.repeat(64))).toEqual({ snapshot: null, organization: null });
  });

  it('is charged to its organisation too once that one has a cap, made before it or after', async () => {
    const before = await create();
    const cap = async (nanoUsd: string | null) =>
      database.dataSource.query('UPDATE keys.organization SET credit_limit_nano_usd = $1', [nanoUsd]);
    await cap('7000000000');
    try {
      const after = await create();
      const organization = { accountId: 'organization:default', capNanoUsd: '7000000000' };
      expect(await snapshots.read(digestOf(after))).toMatchObject({
        snapshot: { accounts: [{ accountId: `key:${after.id}` }, organization] },
      });
      for (const key of [before, after])
        expect(await api.verifyKey(digestOf(key))).toMatchObject({
          snapshot: { form: 2, accounts: [{ accountId: `key:${key.id}` }, organization] },
          organization: { organizationId: 'default', state: 'active', capNanoUsd: '7000000000' },
        });
    } finally {
      await cap(null);
    }
  });

  it('is shown without its spending when usage-billing cannot say', async () => {
    const { id } = await create();
    spending = () => Promise.reject(new Error('down'));
    expect((await call('GET', `/v1/api-keys/${id}`)).body).toMatchObject({
      id,
      credit_used_usd: null,
      last_used_at: null,
    });
  });

  it('is listed newest first, page by page', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.unshift((await create({ name: `listed ${n}` })).id);
    const first = (await call('GET', '/v1/api-keys?limit=2')).body;
    expect(first).toMatchObject({ object: 'list', has_more: true, data: [{ id: ids[0] }, { id: ids[1] }] });
    const second = (await call('GET', `/v1/api-keys?limit=1&cursor=${first.next_cursor}`)).body;
    expect(second.data).toMatchObject([{ id: ids[2] }]);
    const all = (await call('GET', '/v1/api-keys?limit=100')).body;
    expect(all).toMatchObject({ has_more: false, next_cursor: null });
  });

  it('is nobody but the administrator to make, see or delete', async () => {
    const { id } = await create();
    for (const [method, path] of [
      ['POST', ''],
      ['GET', ''],
      ['GET', `/${id}`],
      ['DELETE', `/${id}`],
      ['POST', `/${id}/revoke`],
    ] as const) {
      expect(await call(method, `/v1/api-keys${path}`, undefined, null)).toMatchObject({
        status: 401,
        body: { code: 'missing_credential' },
      });
      expect(await call(method, `/v1/api-keys${path}`, undefined, 'wrong')).toMatchObject({
        status: 401,
        body: { code: 'invalid_credential' },
      });
    }
  });

  it('is not made from bad input, and the reply names the fields', async () => {
    const before = (await call('GET', '/v1/api-keys?limit=100')).body.data.length;
    expect(await call('POST', '/v1/api-keys', { name: 'x', credit_limit_usd: -1, nope: 1 })).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_request',
        errors: [{ path: 'credit_limit_usd' }, { path: 'nope', message: 'unknown field' }],
      },
    });
    expect(await call('POST', '/v1/api-keys', '{"name":')).toMatchObject({
      status: 400,
      body: { code: 'invalid_json' },
    });
    expect(await call('GET', '/v1/api-keys?limit=0')).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'limit' }] },
    });
    expect((await call('GET', '/v1/api-keys?limit=100')).body.data.length).toBe(before);
  });
});

describe('the end of a key', () => {
  it('by DELETE hides it, and its tombstone stands when the 200 is out', async () => {
    const key = await create();
    expect(await call('DELETE', `/v1/api-keys/${key.id}`)).toMatchObject({
      status: 200,
      body: { object: 'api_key', id: key.id, state: 'revoked', deleted: true },
    });
    expect(await snapshots.read(digestOf(key))).toMatchObject({
      snapshot: { state: 'revoked', reason: 'deleted', version: 2 },
    });
    expect((await api.verifyKey(digestOf(key))).snapshot).toMatchObject({ state: 'revoked' });
    for (const method of ['GET', 'DELETE'] as const)
      expect(await call(method, `/v1/api-keys/${key.id}`)).toMatchObject({
        status: 404,
        body: { code: 'api_key_not_found' },
      });
    expect(await call('POST', `/v1/api-keys/${key.id}/revoke`)).toMatchObject({ status: 404 });
    expect((await call('GET', '/v1/api-keys?limit=100')).body.data.map(({ id }: { id: string }) => id)).not.toContain(
      key.id,
    );
    await vi.waitFor(
      () => expect(changesOf(key.id).at(-1)).toMatchObject({ version: 2, change: 'deleted', state: 'revoked' }),
      { timeout: 20_000 },
    );
  });

  it('by revoking keeps it in sight, and may be repeated', async () => {
    const key = await create();
    const first = await call('POST', `/v1/api-keys/${key.id}/revoke`);
    expect(first).toMatchObject({ status: 200, body: { state: 'revoked' } });
    expect(await call('POST', `/v1/api-keys/${key.id}/revoke`)).toMatchObject({
      status: 200,
      body: { revoked_at: first.body.revoked_at },
    });
    expect((await call('GET', `/v1/api-keys/${key.id}`)).body).toMatchObject({ state: 'revoked' });
  });

  it('is answered 202 while the gateways cannot be told, and goes on being tried', async () => {
    const key = await create();
    snapshots.reachable = false;
    expect(await call('POST', `/v1/api-keys/${key.id}/revoke`)).toMatchObject({
      status: 202,
      body: { state: 'revoked' },
    });
    expect(await call('POST', `/v1/api-keys/${key.id}/revoke`)).toMatchObject({ status: 202 });
    expect(await call('DELETE', `/v1/api-keys/${key.id}`)).toMatchObject({
      status: 202,
      body: { state: 'revoked', deleted: true },
    });
    const metrics = await registry.metrics();
    expect(metrics).toContain('tollgate_key_management_revokes_total{answer="202",service="test"} 3');
    expect(metrics).toMatch(/tollgate_key_management_outbox_entries\{effect="write-snapshot",service="test"\} [1-9]/);
    snapshots.reachable = true;
    await vi.waitFor(
      async () =>
        expect(await snapshots.read(digestOf(key))).toMatchObject({ snapshot: { state: 'revoked', version: 3 } }),
      20_000,
    );
  });

  it('of ids that are unknown, or no ids, is 404', async () => {
    for (const id of ['00000000-0000-4000-8000-000000000000', 'nonsense', '%00', 'a'.repeat(90)]) {
      expect(await call('DELETE', `/v1/api-keys/${id}`)).toMatchObject({ status: 404 });
      expect(await call('GET', `/v1/api-keys/${id}`)).toMatchObject({ status: 404 });
    }
  });

  it('stands in an audit trail that nobody can change', async () => {
    const key = await create();
    await call('DELETE', `/v1/api-keys/${key.id}`);
    const rows: { entry: string }[] = await database.dataSource.query(
      `SELECT entry FROM keys.audit_entry WHERE target_id = $1 ORDER BY seq`,
      [key.id],
    );
    expect(rows.map(({ entry }) => JSON.parse(entry) as object)).toMatchObject([
      {
        actor: { type: 'admin_secret', id: null },
        action: 'api_key.created',
        changes: { name: { from: null, to: 'a key' }, scopes: { from: null } },
      },
      { action: 'api_key.deleted', changes: { revoke_reason: { from: null, to: 'deleted' } } },
    ]);
    expect(
      await database.dataSource.query(`SELECT DISTINCT text FROM keys.audit_subject WHERE kind = 'address'`),
    ).toEqual([{ text: '127.0.0.1' }]);
    for (const statement of ['DELETE FROM keys.audit_entry', `UPDATE keys.audit_entry SET actor = 'x'`])
      await expect(database.dataSource.query(statement)).rejects.toThrow('append-only');
  });
});

describe('leaked keys', () => {
  it('are revoked in one go, with an outcome for each digest in order, and again without harm', async () => {
    const [one, two, deleted] = [await create(), await create(), await create()];
    await call('DELETE', `/v1/api-keys/${deleted.id}`);
    const digests = [digestOf(one), 'f'.repeat(64), digestOf(two), digestOf(deleted), digestOf(one)];
    const outcomes = await api.revokeLeakedKeys({ origin: 'github', digests });
    expect(outcomes.map(({ digest }) => digest)).toEqual(digests);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'revoked',
      'unknown',
      'revoked',
      'already_revoked',
      'revoked',
    ]);
    expect(outcomes[0]!.key).toMatchObject({
      apiKeyId: one.id,
      name: 'a key',
      maskedKey: one.masked_key,
      ownerEmails: ['owner@localhost'],
    });
    expect(outcomes[1]!.key).toBeNull();
    expect(await snapshots.read(digestOf(two))).toMatchObject({ snapshot: { state: 'revoked', reason: 'leaked' } });
    expect(await snapshots.read(digestOf(deleted))).toMatchObject({
      snapshot: { state: 'revoked', reason: 'leaked', version: 3 },
    });
    const again = await api.revokeLeakedKeys({ origin: 'github', digests });
    expect(again.map(({ outcome }) => outcome)).toEqual([
      'already_revoked',
      'unknown',
      'already_revoked',
      'already_revoked',
      'already_revoked',
    ]);
    expect(again[0]!.key).toEqual(outcomes[0]!.key);
    await vi.waitFor(() => expect(changesOf(one.id).map(({ change }) => change)).toEqual(['created', 'leaked']), {
      timeout: 20_000,
    });
    await vi.waitFor(
      () => expect(changesOf(deleted.id).map(({ change }) => change)).toEqual(['created', 'deleted', 'leaked']),
      { timeout: 20_000 },
    );
  });

  it('are pending while the gateways cannot be told', async () => {
    const key = await create();
    snapshots.reachable = false;
    expect(await api.revokeLeakedKeys({ origin: 'github', digests: [digestOf(key)] })).toMatchObject([
      { outcome: 'pending', key: { apiKeyId: key.id } },
    ]);
    snapshots.reachable = true;
    await vi.waitFor(
      async () => expect(await snapshots.read(digestOf(key))).toMatchObject({ snapshot: { state: 'revoked' } }),
      20_000,
    );
  });
});

describe('the pepper of a start', () => {
  const check = async (pepper: string) => {
    const warned: string[] = [];
    await refuseOtherPepper(new ServiceDatabase(database.dataSource, 'keys'), {
      peppers: [pepper],
      warn: (line) => warned.push(line),
    });
    return warned;
  };

  it('is refused where keys were made, and none under it; where some were the others are told of', async () => {
    await create();
    expect(await check(PEPPER)).toEqual([]);
    await expect(check('another pepper')).rejects.toThrow(StartFault);
    await expect(check('another pepper')).rejects.toThrow(
      /^TOLLGATE_PEPPER: the keys of the database were made under another pepper/,
    );
    const [{ digest }] = (await database.dataSource.query('SELECT digest FROM keys.api_key_secret LIMIT 1')) as [
      { digest: Buffer },
    ];
    const set = (id: string) =>
      database.dataSource.query('UPDATE keys.api_key_secret SET pepper_id = $1 WHERE digest = $2', [id, digest]);
    await set(pepperId('another pepper'));
    expect(await check(PEPPER)).toEqual([expect.stringContaining(`1 under the pepper ${pepperId('another pepper')}`)]);
    await set(pepperId(PEPPER));
  });

  it('may be any where there are no keys', async () => {
    const none = { acrossOrganizations: () => Promise.resolve([]) } as unknown as ServiceDatabase;
    await refuseOtherPepper(none, { peppers: ['any'], warn: () => expect.fail('warned') });
  });
});
