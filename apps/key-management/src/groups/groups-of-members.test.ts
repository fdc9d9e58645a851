import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN } from '../key-management-stage.js';
import { startSignInStage, type SignInStage } from '../sign-in/sign-in-stage.js';

let s: SignInStage;
const organization = randomUUID();
let group: string;
beforeAll(async () => {
  s = await startSignInStage();
  await s.sql(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme')`, [organization]);
  group = (await operator('POST', '/v1/groups', { name: 'a group' })).body.id as string;
}, 60_000);
afterAll(() => s?.stop(), 30_000);

const operator = (method: 'POST' | 'PUT', path: string, body?: object) =>
  s.send(method, path, {
    ...(body !== undefined && { body }),
    headers: { authorization: `Bearer ${ADMIN}`, 'x-organization-id': organization },
  });

/** Somebody of this role, who is signed in. */
async function signedIn(role: string) {
  const person = await s.person({ organizations: [organization] });
  await s.sql('UPDATE keys.member SET role = $2 WHERE person_id = $1', [person.id, role]);
  const as = await s.signIn(person.email);
  return (method: 'POST' | 'PATCH', path: string, body: object) =>
    s.send(method, path, { body, as, headers: { 'x-organization-id': organization } });
}

describe('which groups a key is in', () => {
  it('is not for a member to say, by whichever call', async () => {
    const member = await signedIn('member');
    const made = await member('POST', '/v1/api-keys', { name: 'a key', groups: [group] });
    expect([made.status, made.body.code]).toEqual([403, 'access_denied']);
    const own = (await member('POST', '/v1/api-keys', { name: 'a key', groups: [] })).body.id as string;
    const joined = await member('PATCH', `/v1/api-keys/${own}`, { groups: [group] });
    expect([joined.status, joined.body.errors[0].path]).toEqual([403, 'groups']);
    expect((await operator('PUT', `/v1/groups/${group}/keys/${own}`)).status).toBe(200);
    expect((await member('PATCH', `/v1/api-keys/${own}`, { groups: [] })).status).toBe(403);
    const kept = await member('PATCH', `/v1/api-keys/${own}`, { groups: [group], description: 'still in it' });
    expect([kept.status, kept.body.description]).toEqual([200, 'still in it']);
    expect((await member('POST', `/v1/api-keys/${own}/rotate`, {})).status).toBe(200);
  });

  it('is for an admin to say', async () => {
    const admin = await signedIn('admin');
    const made = await admin('POST', '/v1/api-keys', { name: 'a key', groups: [group] });
    expect([made.status, made.body.groups]).toEqual([201, [group]]);
    expect((await admin('PATCH', `/v1/api-keys/${made.body.id}`, { groups: [] })).body.groups).toEqual([]);
  });
});
