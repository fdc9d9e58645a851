import { randomUUID } from 'node:crypto';
import { SCOPES } from '@tollgate/api-key';
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

describe('the key of a subscription', () => {
  /** Each way to act on a key, and the status where it is allowed. Those that end the key for good come last. */
  const ACTS = [
    ['POST', '/v1/api-keys/KEY/rotate', { grace_period_seconds: 60 }, 200],
    ['POST', '/v1/api-keys/KEY/finish-rotation', undefined, 200],
    ['PATCH', '/v1/api-keys/KEY', { name: 'renamed' }, 200],
    ['POST', '/v1/api-keys/KEY/disable', undefined, 200],
    ['POST', '/v1/api-keys/KEY/enable', undefined, 200],
    ['POST', '/v1/api-keys/KEY/revoke', undefined, 200],
    ['DELETE', '/v1/api-keys/KEY', undefined, 200],
  ] as const;
  const BULK = ['disable', 'enable', 'revoke', 'delete'] as const;

  async function personOf(role: string) {
    const person = await s.person({ organizations: [organization] });
    const [member] = await s.sql('UPDATE keys.member SET role = $2 WHERE person_id = $1 RETURNING id', [
      person.id,
      role,
    ]);
    const as = await s.signIn(person.email);
    const ask = (method: Method, path: string, body?: object) =>
      s.send(method, path, { ...(body !== undefined && { body }), as, headers: { 'x-organization-id': organization } });
    return { memberId: ([member].flat(2)[0] as unknown as { id: string }).id, ask };
  }
  async function keyOf(memberId: string | null): Promise<string> {
    const { apiKeyId } = await s.stage.api.createSubscriptionKey({
      apiKeyId: randomUUID(),
      organizationId: organization,
      name: 'of a plan',
      memberId,
      models: null,
      creditLimitNanoUsd: null,
      creditReset: 'never',
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
      expiresAt: null,
    });
    return apiKeyId;
  }
  type Ask = (method: Method, path: string, body?: object) => Promise<{ status: number; body: { code?: string } }>;

  /** What each act on a key of this member is answered. */
  async function told(ask: Ask, memberId: string | null) {
    const answers: Record<string, unknown> = {};
    const id = await keyOf(memberId);
    for (const [method, path, body] of ACTS) {
      const reply = await ask(method, path.replace('KEY', id), body);
      answers[`${method} ${path}`] = reply.status === 403 ? reply.body.code : reply.status;
    }
    const other = await keyOf(memberId);
    for (const action of BULK) {
      const { body } = await ask('POST', '/v1/api-keys/bulk', { ids: [other], action });
      const [result] = (body as { results: { status: number; code: string | null }[] }).results;
      answers[`bulk ${action}`] = result?.code ?? result?.status;
    }
    return answers;
  }
  const allowed = () =>
    Object.fromEntries([
      ...ACTS.map(([method, path, , status]) => [`${method} ${path}`, status]),
      ...BULK.map((action) => [`bulk ${action}`, 200]),
    ]);
  const refused = () =>
    Object.fromEntries([
      ...ACTS.map(([method, path]) => [`${method} ${path}`, 'access_denied']),
      ...BULK.map((action) => [`bulk ${action}`, 'access_denied']),
    ]);

  it.each([
    ['that member', 'member', 'own', allowed],
    ['another member', 'member', 'of another', refused],
    ['an admin', 'admin', 'of another', allowed],
    ['an owner', 'owner', 'of another', allowed],
    ['a member, where it is the organisation’s', 'member', 'of none', allowed],
  ] as const)('of a member is acted on by %s as the table says', async (_who, role, whose, expected) => {
    const { memberId, ask } = await personOf(role);
    const member = { own: memberId, 'of another': (await personOf('member')).memberId, 'of none': null }[whose];
    expect(await told(ask, member)).toEqual(expected());
  });

  it('of a member is acted on by the operator and by a key with the scope admin', async () => {
    const { memberId } = await personOf('member');
    expect(await told(operator, memberId)).toEqual(allowed());
    const { secret } = await made({ scopes: SCOPES });
    expect(await told(asBearer(secret), memberId)).toEqual(allowed());
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
