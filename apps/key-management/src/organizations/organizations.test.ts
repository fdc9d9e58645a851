import { randomUUID } from 'node:crypto';
import { digestSecret } from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';

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

type Method = 'GET' | 'POST' | 'DELETE';
async function call(
  method: Method,
  url: string,
  options: { body?: object; organization?: string; secret?: string } = {},
) {
  const { body, organization, secret = ADMIN } = options;
  const headers = {
    authorization: `Bearer ${secret}`,
    ...(organization !== undefined && { 'x-organization-id': organization }),
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
      snapshot: { organizationId: body.id, version: 1, state: 'active', capNanoUsd: null },
    });
    expect(await call('GET', `/v1/organizations/${body.id.toUpperCase()}`)).toEqual({ status: 200, body });
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
