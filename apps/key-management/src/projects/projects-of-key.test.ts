import { randomUUID } from 'node:crypto';
import { generateSecret } from '@tollgate/api-key';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN } from '../key-management-stage.js';
import { newAddress, startSignInStage, type SignInStage } from '../sign-in/sign-in-stage.js';

let s: SignInStage;
const organization = randomUUID();
let project: string;
beforeAll(async () => {
  s = await startSignInStage();
  await s.sql(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme')`, [organization]);
  project = (await admin('POST', '/v1/projects', { name: 'search' })).body.id as string;
}, 60_000);
afterAll(() => s?.stop(), 30_000);

const admin = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) =>
  s.send(method, path, {
    ...(body !== undefined && { body }),
    headers: { authorization: `Bearer ${ADMIN}`, 'x-organization-id': organization },
  });

interface Pair {
  readonly id: string;
  readonly public_key: string;
  readonly secret: string;
}
async function newPair(fields: object = {}, of = project): Promise<Pair> {
  const reply = await admin('POST', `/v1/projects/${of}/api-keys`, { name: 'tracing', ...fields });
  expect(reply.status, reply.text).toBe(201);
  return reply.body as Pair;
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const ask = (authorization: string | null, from = newAddress()) =>
  s.send('GET', '/api/public/projects', { from, headers: authorization === null ? {} : { authorization } });

describe('the project of a project key', () => {
  it('is shown for both halves of one key', async () => {
    const pair = await newPair();
    const reply = await ask(basic(pair.public_key, pair.secret));
    expect([reply.status, reply.body]).toEqual([200, { data: [{ id: project, name: 'search', metadata: {} }] }]);
    const other = (await admin('POST', '/v1/projects', { name: 'tracing' })).body.id as string;
    const ofOther = await newPair({}, other);
    const shown = await ask(basic(ofOther.public_key, ofOther.secret));
    expect(shown.body.data).toEqual([{ id: other, name: 'tracing', metadata: {} }]);
  });

  it.each<[string, (pair: Pair, other: Pair, router: string) => string | null, number]>([
    ['nothing', () => null, 401],
    ['the secret alone, as bearer', ({ secret }) => `Bearer ${secret}`, 403],
    ['the secret alone, as user', ({ secret }) => basic(secret, ''), 401],
    ['the secret alone, as password', ({ secret }) => basic('', secret), 401],
    ['the public key alone', ({ public_key: pk }) => basic(pk, ''), 401],
    ['both halves the other way round', ({ public_key: pk, secret }) => basic(secret, pk), 401],
    ['halves of two keys', ({ public_key: pk }, { secret }) => basic(pk, secret), 401],
    ['a public key of nobody', ({ secret }) => basic('pk-nobody', secret), 401],
    ['a public key that begins like it', ({ public_key: pk, secret }) => basic(pk.slice(0, -1), secret), 401],
    ['a public key in other case', ({ public_key: pk, secret }) => basic(pk.toUpperCase(), secret), 401],
    ['a secret of nobody', ({ public_key: pk }) => basic(pk, generateSecret('TestMark').reveal()), 401],
    ['a secret that is none', ({ public_key: pk }) => basic(pk, 'sk-x'), 401],
    ['a router key', (_pair, _other, router) => basic('', router), 401],
    ['a router key as bearer', (_pair, _other, router) => `Bearer ${router}`, 403],
    ['the admin secret as bearer', () => `Bearer ${ADMIN}`, 403],
    ['the admin secret as Basic', () => basic('admin', ADMIN), 401],
    ['what is no base64', () => 'Basic %%%', 401],
    ['no colon', ({ secret }) => `Basic ${Buffer.from(secret).toString('base64')}`, 401],
    ['another scheme', ({ secret }) => `Digest ${secret}`, 401],
  ])('is not shown for %s', async (_, shownBy, status) => {
    const [pair, other] = [await newPair(), await newPair()];
    const router = (await admin('POST', '/v1/api-keys', { name: 'router' })).body.secret as string;
    const reply = await ask(shownBy(pair, other, router));
    expect([reply.status, reply.body]).toEqual([status, { message: expect.stringMatching(/\S/) as string }]);
    for (const secret of [pair.secret, other.secret, router]) expect(reply.text).not.toContain(secret);
  });

  it('is asked for by Basic where nothing is shown', async () => {
    expect((await ask(null)).headers['www-authenticate']).toBe('Basic realm="tollgate", charset="UTF-8"');
  });

  it.each<[string, (pair: Pair) => Promise<unknown>]>([
    ['disabled', ({ id }) => admin('POST', `/v1/api-keys/${id}/disable`, {})],
    ['revoked', ({ id }) => admin('POST', `/v1/api-keys/${id}/revoke`, {})],
    ['deleted', ({ id }) => admin('DELETE', `/v1/api-keys/${id}`)],
    ['expired', ({ id }) => s.sql(`UPDATE keys.api_key SET expires_at = now() - interval '1 ms' WHERE id = $1`, [id])],
    ['of a secret whose grace has passed', ({ id }) => s.sql(`UPDATE keys.api_key_secret SET ends_at = now() - interval '1 ms' WHERE api_key_id = $1`, [id])],
  ])('is not shown for a key that is %s', async (_, end) => {
    const pair = await newPair();
    expect((await ask(basic(pair.public_key, pair.secret))).status).toBe(200);
    await end(pair);
    const reply = await ask(basic(pair.public_key, pair.secret));
    expect([reply.status, reply.body]).toEqual([401, { message: expect.any(String) as string }]);
  }); // prettier-ignore

  it('is shown at the networks of the key alone', async () => {
    const pair = await newPair({ allowed_ips: ['192.0.2.0/24'] });
    expect((await ask(basic(pair.public_key, pair.secret), '203.0.113.1')).status).toBe(403);
    expect((await ask(basic(pair.public_key, pair.secret), '192.0.2.7')).status).toBe(200);
  });

  it('is guessed at a few times alone', async () => {
    const { secret } = await newPair();
    const statuses: number[] = [];
    // Ten a minute: on a slow machine some are given back meanwhile.
    while (statuses.at(-1) !== 429 && statuses.length < 60)
      statuses.push((await ask(basic('pk-guess', secret), '203.0.113.9')).status);
    expect(statuses.slice(0, 10)).toEqual(Array<number>(10).fill(401));
    expect(statuses.at(-1)).toBe(429);
  });

  it.each(['/api/public', '/api/public/', '/api/public/health', '/api/public/v2/prompts', '/api/public/projects/x'])(
    'stands alone: %s is not there, in the same shape',
    async (path) => {
      const pair = await newPair();
      const headers = { authorization: basic(pair.public_key, pair.secret) };
      for (const sent of [{ headers }, {}]) {
        const reply = await s.send('GET', path, sent);
        expect([reply.status, reply.body]).toEqual([404, { message: expect.any(String) as string }]);
      }
      const posted = await s.send('POST', path, { body: 'x', headers: { 'content-type': 'application/x-protobuf' } });
      expect([posted.status, posted.body]).toEqual([404, { message: expect.any(String) as string }]);
    },
  );
});
