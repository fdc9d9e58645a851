import { randomUUID } from 'node:crypto';
import { digestSecret } from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { KeyUseStore } from '../keys/key-use/key-use-store.js';
import { OrganizationGuard } from './organization.guard.js';

const snapshots = new MemoryKeySnapshots();
const askedOf: string[] = [];
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: {
      spendingByKey: (organizationId) => {
        askedOf.push(organizationId);
        return Promise.resolve([]);
      },
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
async function call(
  method: Method,
  url: string,
  options: { body?: object; organization?: string; secret?: string; ifMatch?: string } = {},
) {
  const { body, organization, secret = ADMIN, ifMatch } = options;
  const headers = {
    authorization: `Bearer ${secret}`,
    ...(organization !== undefined && { 'x-organization-id': organization }),
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const reply = await stage.app.inject({ method, url, headers, ...(body && { payload: JSON.stringify(body) }) });
  return { status: reply.statusCode, body: reply.json() };
}
const organization = async (name = 'Acme'): Promise<{ id: string }> =>
  (await call('POST', '/v1/organizations', { body: { name } })).body;

describe('an organisation', () => {
  it('is made by its name, and is known to the gateways when the reply is out', async () => {
    const { status, body } = await call('POST', '/v1/organizations', { body: { name: ' Acme ' } });
    expect(status).toBe(201);
    expect(body).toMatchObject({ object: 'organization', name: 'Acme', credit_limit_usd: null });
    expect(Date.parse(body.created_at)).toBeLessThanOrEqual(Date.now());
    expect(await snapshots.readOrganization(body.id)).toEqual({
      kind: 'found',
      snapshot: { organizationId: body.id, version: 1, state: 'active', capNanoUsd: null, capGeneration: 0 },
    });
    expect(await call('GET', `/v1/organizations/${body.id.toUpperCase()}`)).toEqual({
      status: 200,
      body: { ...body, credit_used_usd: null, credit_remaining_usd: null },
    });
  });

  it('has an owner, who is told of its leaks, and stands in its audit trail', async () => {
    const { id } = await organization();
    const key = (await call('POST', '/v1/api-keys', { body: { name: 'k' }, organization: id })).body;
    const digests = [digestSecret(key.secret, PEPPER)];
    expect(await stage.api.revokeLeakedKeys({ origin: 'github', digests })).toMatchObject([
      { outcome: 'revoked', key: { apiKeyId: key.id, organizationId: id, ownerEmails: ['owner@localhost'] } },
    ]);
    expect(
      await stage.database.dataSource.query(
        'SELECT action, target_type, target_id, actor FROM keys.audit_entry WHERE organization_id = $1 ORDER BY seq LIMIT 1',
        [id],
      ),
    ).toEqual([{ action: 'organization.created', target_type: 'organization', target_id: id, actor: 'admin_secret' }]);
  });

  it('is listed, newest first, page by page', async () => {
    const ids = [(await organization('one')).id, (await organization('two')).id, (await organization('three')).id];
    const first = (await call('GET', '/v1/organizations?limit=2')).body;
    expect(first).toMatchObject({ object: 'list', has_more: true, data: [{ id: ids[2] }, { id: ids[1] }] });
    const second = (await call('GET', `/v1/organizations?limit=100&cursor=${first.next_cursor}`)).body;
    expect(second).toMatchObject({ has_more: false, next_cursor: null });
    expect(second.data.map((each: { id: string }) => each.id)).toEqual(expect.arrayContaining([ids[0], 'default']));
  });

  it.each<[string, object, string]>([
    ['no name', {}, 'name'],
    ['a name of nothing', { name: ' ' }, 'name'],
    ['a name that is too long', { name: 'n'.repeat(101) }, 'name'],
    ['a name over two lines', { name: 'a\nb' }, 'name'],
    ['a field that does not exist', { name: 'a', plan: 'x' }, 'plan'],
  ])('is not made of %s', async (_what, body, field) => {
    expect(await call('POST', '/v1/organizations', { body })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ path: field }] },
    });
  });

  it.each([randomUUID(), 'default%00', 'DEFAULT ', "x' OR 1=1"])('is not found under %s', async (id) => {
    const reply = await call('GET', `/v1/organizations/${encodeURIComponent(id)}`);
    expect(reply).toMatchObject({ status: 404, body: { code: 'organization_not_found' } });
  });

  it('is shown to nobody without the admin secret', async () => {
    for (const [method, url] of [
      ['POST', '/v1/organizations'],
      ['GET', '/v1/organizations'],
      ['GET', '/v1/organizations/default'],
    ] as const)
      expect((await call(method, url, { secret: 'wrong' })).status).toBe(401);
  });
});

describe('an organisation that is renamed', () => {
  it('has the next version, which gateways hear of, and an audit entry with both names', async () => {
    const { id } = await organization('before');
    const url = `/v1/organizations/${id}`;
    expect(await call('PATCH', url, { body: { name: ' after ' } })).toMatchObject({
      status: 200,
      body: { name: 'after' },
    });
    expect(await snapshots.readOrganization(id)).toMatchObject({ snapshot: { version: 2, state: 'active' } });
    expect((await call('PATCH', url, { body: {} })).status).toBe(200);
    expect((await call('PATCH', url, { body: { name: 'after' } })).status).toBe(200);
    expect(await snapshots.readOrganization(id)).toMatchObject({ snapshot: { version: 2 } });
    const [entry] = await stage.database.dataSource.query<{ entry: string }[]>(
      `SELECT entry FROM keys.audit_entry WHERE target_id = $1 AND action = 'organization.updated'`,
      [id],
    );
    expect(JSON.parse(entry!.entry)).toMatchObject({ changes: { name: { from: 'before', to: 'after' } } });
  });

  it('is changed in the version that is named, and in no other', async () => {
    const { id } = await organization('versioned');
    const url = `/v1/organizations/${id}`;
    expect(await call('PATCH', url, { body: { name: 'x' }, ifMatch: '"2"' })).toMatchObject({ status: 412 });
    expect(await call('PATCH', url, { body: { name: 'x' }, ifMatch: '"1"' })).toMatchObject({ status: 200 });
    expect(await call('DELETE', url, { ifMatch: '"1"' })).toMatchObject({ status: 412 });
  });

  it.each<[string, object, string]>([
    ['a name of nothing', { name: '' }, 'name'],
    ['a name over two lines', { name: 'a\nb' }, 'name'],
    ['null for a name', { name: null }, 'name'],
    ['an id', { id: 'default' }, 'id'],
  ])('does not take %s', async (_what, body, path) => {
    expect(await call('PATCH', '/v1/organizations/default', { body })).toMatchObject({
      status: 400,
      body: { errors: [{ path }] },
    });
  });

  it('is none where there is none', async () => {
    expect(await call('PATCH', `/v1/organizations/${randomUUID()}`, { body: { name: 'x' } })).toMatchObject({
      status: 404,
      body: { code: 'organization_not_found' },
    });
  });
});

describe('an organisation that is deleted', () => {
  it('is found by nobody, its keys have ended, and its audit trail stays', async () => {
    const { id } = await organization('short-lived');
    const keys: { readonly id: string; readonly secret: string }[] = [];
    for (let n = 0; n < 3; n++)
      keys.push((await call('POST', '/v1/api-keys', { body: { name: `k${n}` }, organization: id })).body);
    await call('POST', `/v1/api-keys/${keys[0]!.id}/revoke`, { organization: id });
    const at = new Date().toISOString();
    const told = {
      organizationId: id,
      apiKeyId: keys[1]!.id,
      sequence: 1,
      requests: 1,
      inputTokens: 1,
      outputTokens: 1,
      chargedNanoUsd: '1',
      day: at.slice(0, 10),
      chargedTodayNanoUsd: '1',
      chargedThisWeekNanoUsd: '1',
      chargedThisMonthNanoUsd: '1',
      lastUsedAt: at,
      lastUsedFrom: '203.0.113.77',
    };
    const secretOf = (requests: number) => ({
      secretId: keys[1]!.id,
      requests,
      chargedNanoUsd: '1',
      lastUsedAt: at,
      addresses: [{ address: '203.0.113.77', lastUsedAt: at }],
    });
    await stage.app.get(KeyUseStore).store([{ ...told, secrets: [secretOf(1)] }]);
    const from = async () =>
      (
        await stage.database.dataSource.query<object[]>(
          `SELECT last_used_from AS from, addresses FROM keys.api_key_use
             JOIN keys.api_key_secret_use USING (organization_id, api_key_id) WHERE organization_id = $1`,
          [id],
        )
      )[0];
    expect(await from()).toMatchObject({ from: '203.0.113.77', addresses: [{ address: '203.0.113.77' }] });
    const url = `/v1/organizations/${id}`;
    expect(await call('DELETE', url)).toMatchObject({ status: 200, body: { id, deleted: true } });
    expect(await from()).toEqual({ from: null, addresses: [] });
    // A call that is told after the deletion.
    await stage.app.get(KeyUseStore).store([{ ...told, sequence: 2, secrets: [secretOf(2)] }]);
    expect(await from()).toEqual({ from: null, addresses: [] });
    expect(await stage.api.knownOwners({ organizationId: id, apiKeyIds: [keys[1]!.id] })).toMatchObject({
      organization: false,
      organizationName: 'short-lived',
      apiKeys: [],
    });
    expect(await snapshots.readOrganization(id)).toMatchObject({ snapshot: { version: 2, state: 'deleted' } });
    for (const { secret } of keys) {
      const digest = digestSecret(secret, PEPPER);
      await vi.waitFor(
        async () => expect(await snapshots.read(digest)).toMatchObject({ snapshot: { state: 'revoked' } }),
        { timeout: 20_000 },
      );
      expect(await stage.api.verifyKey(digest)).toMatchObject({
        snapshot: { state: 'revoked' },
        organization: { state: 'deleted' },
      });
    }
    for (const [method, path, body] of [
      ['GET', url, undefined],
      ['PATCH', url, { name: 'x' }],
      ['DELETE', url, undefined],
    ] as const)
      expect(await call(method, path, body && { body })).toMatchObject({ status: 404 });
    const provider = { issuer: 'https://idp.example.com', client_id: 'c', client_secret: 's' };
    for (const gone of [id, randomUUID()])
      for (const [method, path, body] of [
        ['GET', 'oidc', undefined],
        ['PUT', 'oidc', provider],
        ['DELETE', 'oidc', undefined],
        ['GET', 'domains', undefined],
        ['POST', 'domains', { domain: 'example.com' }],
        ['DELETE', `domains/${randomUUID()}`, undefined],
        ['POST', `domains/${randomUUID()}/verify`, undefined],
      ] as const)
        expect(await call(method, `/v1/organizations/${gone}/${path}`, body && { body })).toMatchObject({
          status: 404,
          body: { code: 'organization_not_found' },
        });
    for (const path of ['/v1/api-keys', '/v1/members', '/v1/projects'])
      expect(await call('GET', path, { organization: id })).toMatchObject({
        status: 404,
        body: { code: 'organization_not_found' },
      });
    expect(await call('POST', '/v1/api-keys', { body: { name: 'late' }, organization: id })).toMatchObject({
      status: 404,
    });
    const listed = (await call('GET', '/v1/organizations?limit=100')).body.data as { id: string }[];
    expect(listed.map((each) => each.id)).not.toContain(id);
    const trail: { action: string; target_type: string }[] = await stage.database.dataSource.query(
      'SELECT action, target_type FROM keys.audit_entry WHERE organization_id = $1 ORDER BY seq',
      [id],
    );
    expect(trail.filter(({ action }) => action === 'api_key.deleted')).toHaveLength(3);
    expect(trail.filter(({ target_type: type }) => type === 'organization').map(({ action }) => action)).toEqual([
      'organization.created',
      'organization.deleted',
    ]);
    expect(await stage.database.dataSource.query('SELECT 1 FROM keys.member WHERE organization_id = $1', [id])).toEqual(
      [],
    );
  });

  it('gains nothing by a request that was let in before, and none of its keys opens the admin API', async () => {
    const { id } = await organization('deleted meanwhile');
    const secrets: string[] = [];
    for (const scopes of [['admin'], ['analytics:read']])
      secrets.push((await call('POST', '/v1/api-keys', { body: { name: 'k', scopes }, organization: id })).body.secret);
    for (const secret of secrets) expect(await call('GET', '/v1/me', { secret })).toMatchObject({ status: 200 });
    // As between the commit of a deletion and the end of its keys.
    await stage.database.dataSource.query('UPDATE keys.organization SET deleted_at = now() WHERE id = $1', [id]);
    for (const secret of secrets)
      expect(await call('GET', '/v1/me', { secret })).toMatchObject({
        status: 401,
        body: { code: 'invalid_credential' },
      });
    // The guard looks before the body is there.
    const guard = vi.spyOn(OrganizationGuard.prototype, 'canActivate').mockResolvedValue(true);
    try {
      for (const [method, url, body] of [
        ['POST', '/v1/api-keys', { name: 'late' }],
        ['POST', '/v1/projects', { name: 'late' }],
        ['POST', '/v1/invitations', { email: 'a@example.org', role: 'viewer' }],
        ['POST', `/v1/organizations/${id}/domains`, { domain: 'example.com' }],
        ['PUT', `/v1/organizations/${id}/oidc`, { issuer: 'https://idp.example', client_id: 'c', client_secret: 's' }],
      ] as const)
        expect(await call(method, url, { body, organization: id })).toMatchObject({
          status: 404,
          body: { code: 'organization_not_found' },
        });
    } finally {
      guard.mockRestore();
    }
  });

  it('is never the one that every installation has', async () => {
    expect(await call('DELETE', '/v1/organizations/default')).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
    expect(await call('DELETE', '/v1/organizations/DEFAULT')).toMatchObject({ status: 409 });
    expect((await call('GET', '/v1/organizations/default')).status).toBe(200);
  });
});

describe('the keys of an organisation', () => {
  it('are those of no other: not listed, shown, revoked or deleted there', async () => {
    const [one, other] = [await organization(), await organization()];
    const key = (await call('POST', '/v1/api-keys', { body: { name: 'k' }, organization: one.id })).body;
    expect((await call('GET', '/v1/api-keys', { organization: one.id })).body.data).toMatchObject([{ id: key.id }]);
    expect(askedOf.at(-1)).toBe(one.id);
    for (const stranger of [other.id, 'default', undefined]) {
      const at = stranger === undefined ? {} : { organization: stranger };
      const listed = (await call('GET', '/v1/api-keys?limit=100', at)).body.data as { id: string }[];
      expect(listed.map(({ id }) => id)).not.toContain(key.id);
      for (const [method, path] of [
        ['GET', ''],
        ['POST', '/revoke'],
        ['DELETE', ''],
      ] as const)
        expect(await call(method, `/v1/api-keys/${key.id}${path}`, at)).toMatchObject({
          status: 404,
          body: { code: 'api_key_not_found' },
        });
      expect(await stage.api.knownKeys(stranger ?? 'default', [key.id])).toEqual([]);
    }
    expect(await stage.api.knownKeys(one.id, [key.id])).toEqual([key.id]);
    expect((await call('GET', `/v1/api-keys/${key.id}`, { organization: one.id })).body).toMatchObject({
      state: 'active',
    });
    const capitals = { organization: one.id.toUpperCase() };
    expect((await call('POST', `/v1/api-keys/${key.id}/revoke`, capitals)).status).toBe(200);
  });

  it('that does not exist are refused before anything is read or made', async () => {
    const at = { organization: randomUUID() };
    for (const [method, url, body] of [
      ['POST', '/v1/api-keys', { name: 'k' }],
      ['GET', '/v1/api-keys', undefined],
      ['GET', `/v1/api-keys/${randomUUID()}`, undefined],
      ['DELETE', `/v1/api-keys/${randomUUID()}`, undefined],
    ] as const)
      expect(await call(method, url, { ...at, ...(body && { body }) })).toMatchObject({
        status: 404,
        body: { code: 'organization_not_found' },
      });
  });

  it.each(['', 'other', 'default, default', '*', `${randomUUID()}0`])(
    'of "%s" are a fault of the header',
    async (name) => {
      expect(await call('GET', '/v1/api-keys', { organization: name })).toMatchObject({
        status: 400,
        body: { code: 'invalid_request', errors: [{ path: 'x-organization-id' }] },
      });
    },
  );

  it('are asked for by nobody without the admin secret, whatever organisation is named', async () => {
    for (const name of ['default', 'other', randomUUID()])
      expect((await call('GET', '/v1/api-keys', { organization: name, secret: 'wrong' })).status).toBe(401);
  });
});
