import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN } from '../../key-management-stage.js';
import { startSignInStage, type SignInStage } from '../../sign-in/sign-in-stage.js';

let s: SignInStage;
const organization = randomUUID();
beforeAll(async () => {
  s = await startSignInStage();
  await s.sql(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme')`, [organization]);
}, 60_000);
afterAll(() => s?.stop(), 30_000);

type Method = 'POST' | 'PATCH' | 'DELETE';
const asBearer = (secret: string) => (method: Method, path: string, body?: object) =>
  s.send(method, path, {
    ...(body !== undefined && { body }),
    headers: { authorization: `Bearer ${secret}`, 'x-organization-id': organization },
  });
const operator = asBearer(ADMIN);
const made = async (fields: object) => (await operator('POST', '/v1/api-keys', { name: 'a key', ...fields })).body;

describe('a key with the scope admin', () => {
  it('is changed, switched and ended by nobody below an admin, alone or among many', async () => {
    const person = await s.person({ organizations: [organization] });
    await s.sql(`UPDATE keys.member SET role = 'member' WHERE person_id = $1`, [person.id]);
    const as = await s.signIn(person.email);
    const member = (method: Method, path: string, body?: object) =>
      s.send(method, path, { ...(body !== undefined && { body }), as, headers: { 'x-organization-id': organization } });
    const [own, above] = [await made({}), await made({ scopes: ['admin'] })];
    for (const [method, path, body] of [
      ['PATCH', '', { name: 'mine' }],
      ['PATCH', '', { scopes: ['inference:write'] }],
      ['POST', '/disable', undefined],
      ['POST', '/finish-rotation', undefined],
      ['POST', '/revoke', undefined],
      ['DELETE', '', undefined],
    ] as const) {
      const refused = await member(method, `/v1/api-keys/${above.id}${path}`, body);
      expect([method, path, refused.status, refused.body.code]).toEqual([method, path, 403, 'role_above_own']);
    }
    const bulk = await member('POST', '/v1/api-keys/bulk', { ids: [own.id, above.id], action: 'disable' });
    expect(bulk.body.results).toMatchObject([
      { id: own.id, status: 200, state: 'disabled' },
      { id: above.id, status: 403, state: 'active', code: 'role_above_own' },
    ]);
    expect((await operator('POST', `/v1/api-keys/${above.id}/revoke`)).status).toBe(200);
  });
});

describe('an admin key that is limited itself', () => {
  const invite = (secret: string, role: string) =>
    asBearer(secret)('POST', '/v1/invitations', { email: `${randomUUID()}@example.com`, role });

  it.each<[string, object]>([
    ['credit', { credit_limit_usd: 1 }],
    ['models', { models: ['gpt-4o'] }],
    ['addresses', { allowed_ips: ['0.0.0.0/0', '::/0'] }],
    ['rates', { rate_limits: { requests_per_minute: 60 } }],
    ['browsers', { browser_use: 'refused' }],
  ])('in %s gives no role: a person would not be limited', async (_what, limits) => {
    const { secret } = await made({ scopes: ['admin'], ...limits });
    for (const role of ['viewer', 'admin'])
      expect(await invite(secret, role)).toMatchObject({ status: 403, body: { code: 'role_above_own' } });
  });

  it('in nothing but its life invites as an admin does', async () => {
    const { secret } = await made({ scopes: ['admin'], expires_in_days: 1 });
    expect((await invite(secret, 'admin')).status).toBe(201);
  });
});
