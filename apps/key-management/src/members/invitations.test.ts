import { randomUUID } from 'node:crypto';
import type { Role } from '@tollgate/access';
import { csrfTokenOf } from '@tollgate/auth';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { ServiceDatabase } from '@tollgate/postgres';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { Sessions } from '../sign-in/sessions.js';

const PASSWORD = 'correct horse battery staple';
const ORIGIN = 'http://127.0.0.1:8080';

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

/** The token of a session, the secret of a key or the admin secret; null for nobody. */
type Credential = { readonly session: string } | { readonly bearer: string } | null;
const OPERATOR: Credential = { bearer: ADMIN };

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  as: Credential,
  { organization, body, key }: { readonly organization?: string; readonly body?: object; readonly key?: string } = {},
) {
  const headers = {
    origin: ORIGIN,
    ...(as !== null && 'bearer' in as && { authorization: `Bearer ${as.bearer}` }),
    ...(as !== null &&
      'session' in as && { cookie: `tollgate_session=${as.session}`, 'x-csrf-token': csrfTokenOf(as.session) }),
    ...(organization !== undefined && { 'x-organization-id': organization }),
    ...(key !== undefined && { 'idempotency-key': key }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const reply = await stage.app.inject({ method, url, headers, ...(body && { payload: JSON.stringify(body) }) });
  return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
}
const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
  stage.database.dataSource.query(sql, parameters);

/** An organisation with an owner who never signs in. */
const organization = async (): Promise<string> =>
  (await call('POST', '/v1/organizations', OPERATOR, { body: { name: 'Acme' } })).body.id;

interface Somebody {
  readonly id: string;
  readonly email: string;
  readonly as: { readonly session: string };
}
async function person({ confirmed = true, confinedTo }: { confirmed?: boolean; confinedTo?: string } = {}) {
  const email = `${randomUUID()}@example.org`;
  const [made] = await query<{ id: string }>(
    'INSERT INTO keys.person (email, name, email_confirmed_at) VALUES ($1, $2, $3) RETURNING id',
    [email, 'Ann', confirmed ? new Date() : null],
  );
  const { token } = await stage.app.get(ServiceDatabase).outsideOrganizations((manager) =>
    stage.app.get(Sessions).open(
      manager,
      {
        personId: made!.id,
        lastOrganizationId: null,
        address: null,
        client: null,
        ...(confinedTo === undefined
          ? { method: 'password' }
          : { method: 'oidc', confinedTo, identity: { issuer: 'https://issuer.example', subject: made!.id } }),
      },
      new Date(),
    ),
  );
  return { id: made!.id, email, as: { session: token } } satisfies Somebody;
}
async function member(organizationId: string, role: Role): Promise<Somebody & { readonly memberId: string }> {
  const somebody = await person();
  const [row] = await query<{ id: string }>(
    'INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, $4) RETURNING id',
    [organizationId, somebody.id, somebody.email, role],
  );
  return { ...somebody, memberId: row!.id };
}
const invite = (organizationId: string, email: string, role: Role, as: Credential = OPERATOR) =>
  call('POST', '/v1/invitations', as, { organization: organizationId, body: { email, role } });

/** The token in the newest mail to an address. */
async function tokenFor(email: string, nth = 1): Promise<string> {
  return vi.waitFor(() => {
    const mail = stage.mails.filter(({ to }) => to.includes(email)).at(nth - 1);
    const token = /#token=(\S+)/.exec(mail?.text ?? '')?.[1];
    if (token === undefined) throw new Error('no mail yet');
    return token;
  }, 20_000);
}
const address = (): string => `${randomUUID()}@example.org`;
const accept = (body: object, as: Credential = null) => call('POST', '/v1/invitations/accept', as, { body });
const roleOf = async (organizationId: string, email: string): Promise<Role | null> => {
  const { data } = (await call('GET', '/v1/members?limit=100', OPERATOR, { organization: organizationId })).body;
  return (data as { email: string; role: Role }[]).find((each) => each.email === email)?.role ?? null;
};

describe('an invitation', () => {
  it('is mailed with a link of our origin, listed without its token, and good for seven days', async () => {
    const here = await organization();
    const email = `Ben.${randomUUID()}@Example.org`;
    const made = await invite(here, email, 'admin');
    expect(made).toMatchObject({
      status: 201,
      body: {
        object: 'invitation',
        email: email.toLowerCase(),
        role: 'admin',
        invited_by: { type: 'admin_secret', id: null, name: null },
      },
    });
    expect(Date.parse(made.body.expires_at) - Date.parse(made.body.created_at)).toBe(7 * 86_400_000);
    const token = await tokenFor(email.toLowerCase());
    const mail = stage.mails.find(({ to }) => to.includes(email.toLowerCase()))!;
    expect(mail.text).toContain(`${ORIGIN}/invitation#token=${token}`);
    expect(mail.text).toContain('Acme');
    const listed = await call('GET', '/v1/invitations', OPERATOR, { organization: here });
    expect(listed.body.data).toEqual([made.body]);
    expect(JSON.stringify([made.body, listed.body])).not.toContain(token.split('.')[1]);
    const rows = await query<{ row: string }>('SELECT to_jsonb(i)::text AS row FROM keys.invitation AS i');
    expect(JSON.stringify(rows)).not.toContain(token.split('.')[1]);
  });

  it('is sent once for one Idempotency-Key, and its answer is not given again to who has lost the role', async () => {
    const here = await organization();
    const admin = await member(here, 'admin');
    const email = address();
    const ask = () =>
      call('POST', '/v1/invitations', admin.as, {
        organization: here,
        body: { email, role: 'admin' },
        key: 'the-same',
      });
    const [first, second] = [await ask(), await ask()];
    expect(second).toMatchObject({ status: 201, body: first.body });
    await tokenFor(email);
    await query(`UPDATE keys.member SET role = 'member' WHERE id = $1`, [admin.memberId]);
    expect((await ask()).status).toBe(403);
    expect(stage.mails.filter(({ to }) => to.includes(email))).toHaveLength(1);
  });

  it('names the person or the key that sent it', async () => {
    const here = await organization();
    const admin = await member(here, 'admin');
    const [one, other] = [address(), address()];
    expect((await invite(here, one, 'viewer', admin.as)).body.invited_by).toEqual({
      type: 'person',
      id: admin.id,
      name: 'Ann',
    });
    const key = (
      await call('POST', '/v1/api-keys', OPERATOR, { organization: here, body: { name: 'bot', scopes: ['admin'] } })
    ).body;
    expect((await invite(here, other, 'viewer', { bearer: key.secret })).body.invited_by).toEqual({
      type: 'api_key',
      id: key.id,
      name: 'bot',
    });
    await tokenFor(one);
    expect(stage.mails.find(({ to }) => to.includes(one))!.text).toContain('“Ann” invites you');
  });

  it('is accepted by a new person, who gets an account with a confirmed address, a role and a session', async () => {
    const here = await organization();
    const email = address();
    await invite(here, email, 'member');
    const token = await tokenFor(email);
    const accepted = await accept({ token, name: 'Ben', password: PASSWORD });
    expect(accepted).toMatchObject({
      status: 201,
      body: {
        object: 'accepted_invitation',
        organization_id: here,
        member: { email, name: 'Ben', role: 'member' },
        session: { person: { email, name: 'Ben', email_confirmed: true, has_password: true }, organization_id: here },
      },
    });
    const cookie = /^tollgate_session=([^;]+);.*HttpOnly/i.exec(String(accepted.headers['set-cookie']))?.[1];
    expect(JSON.stringify(accepted.body)).not.toContain(cookie);
    expect((await call('GET', '/v1/members', { session: cookie! })).body.data).toHaveLength(2);
    expect(await call('POST', '/v1/sessions', null, { body: { email, password: PASSWORD } })).toMatchObject({
      status: 201,
    });
    expect(await accept({ token, name: 'Eve', password: 'another password' })).toMatchObject({
      body: { code: 'invalid_link' },
    });
    const actions = await query<{ action: string; actor: string }>(
      'SELECT action, actor FROM keys.audit_entry WHERE organization_id = $1 ORDER BY seq',
      [here],
    );
    expect(actions.map(({ action }) => action)).toEqual([
      'organization.created',
      'invitation.created',
      'session.created',
      'invitation.accepted',
      'member.created',
      'session.created',
    ]);
  });

  it('to an address that has an account changes no name and no password and gives no session', async () => {
    const here = await organization();
    const known = await person();
    await invite(here, known.email, 'member');
    const token = await tokenFor(known.email);
    const before = await query('SELECT * FROM keys.person WHERE id = $1', [known.id]);
    for (const as of [null, known.as, (await person()).as]) {
      const refused = await accept({ token, name: 'Eve', password: 'a password of Eve' }, as);
      expect(refused).toMatchObject({ status: 409, body: { code: 'sign_in_first' } });
      expect(refused.headers['set-cookie']).toBeUndefined();
    }
    expect(await query('SELECT * FROM keys.person WHERE id = $1', [known.id])).toEqual(before);
    expect(await roleOf(here, known.email)).toBeNull();
    expect(await accept({ token })).toMatchObject({ status: 401 });
    expect(await accept({ token }, known.as)).toMatchObject({
      status: 201,
      body: { member: { email: known.email, role: 'member' }, session: null },
    });
    expect(await roleOf(here, known.email)).toBe('member');
  });

  it('to somebody else stays open, and so does one to an address that is not confirmed', async () => {
    const here = await organization();
    const [invited, other, unconfirmed] = [await person(), await person(), await person({ confirmed: false })];
    await invite(here, invited.email, 'member');
    const token = await tokenFor(invited.email);
    const refused = { status: 403, body: { code: 'invitation_for_another' } };
    expect(await accept({ token }, other.as)).toMatchObject(refused);
    await invite(here, unconfirmed.email, 'member');
    expect(await accept({ token: await tokenFor(unconfirmed.email) }, unconfirmed.as)).toMatchObject(refused);
    expect(await roleOf(here, other.email)).toBeNull();
    expect(await accept({ token }, invited.as)).toMatchObject({ status: 201 });
  });

  it('is not accepted by a session of another organisation\u2019s provider', async () => {
    const [here, there] = [await organization(), await organization()];
    const confined = await person({ confinedTo: there });
    await query(`INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, 'member')`, [
      there,
      confined.id,
      confined.email,
    ]);
    await invite(here, confined.email, 'member');
    expect(await accept({ token: await tokenFor(confined.email) }, confined.as)).toMatchObject({
      status: 403,
      body: { code: 'invitation_for_another' },
    });
  });

  it('is not accepted by a cookie without its token against forgery', async () => {
    const here = await organization();
    const invited = await person();
    await invite(here, invited.email, 'member');
    const token = await tokenFor(invited.email);
    for (const headers of [
      { cookie: `tollgate_session=${invited.as.session}` },
      { cookie: `tollgate_session=${invited.as.session}`, origin: 'https://evil.example' },
    ]) {
      const reply = await stage.app.inject({
        method: 'POST',
        url: '/v1/invitations/accept',
        headers: { ...headers, 'content-type': 'application/json' },
        payload: JSON.stringify({ token }),
      });
      expect([401, 403]).toContain(reply.statusCode);
    }
    expect(await roleOf(here, invited.email)).toBeNull();
  });

  it('is accepted once by two requests at once', async () => {
    const here = await organization();
    const [known, email] = [await person(), address()];
    await invite(here, known.email, 'member');
    await invite(here, email, 'member');
    const [ofKnown, ofNew] = [await tokenFor(known.email), await tokenFor(email)];
    const both = await Promise.all([accept({ token: ofKnown }, known.as), accept({ token: ofKnown }, known.as)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([
      201,
      both.find(({ status }) => status !== 201)!.status,
    ]);
    const one = { token: ofNew, name: 'One', password: PASSWORD };
    const two = { token: ofNew, name: 'Two', password: 'another long password' };
    const news = await Promise.all([accept(one), accept(two)]);
    expect(news.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it.each<[string, Role, Role]>([
    ['viewer', 'viewer', 'viewer'],
    ['member', 'member', 'viewer'],
    ['admin', 'admin', 'owner'],
  ])('by a %s to a role above their own, or by somebody who may give none, is refused', async (_what, own, role) => {
    const here = await organization();
    const giver = await member(here, own);
    const refused = await invite(here, address(), role, giver.as);
    expect(refused.status).toBe(403);
    expect((await call('GET', '/v1/invitations', OPERATOR, { organization: here })).body.data).toEqual([]);
  });

  it('by a key with the scope admin gives no more than an admin could', async () => {
    const here = await organization();
    const key = (
      await call('POST', '/v1/api-keys', OPERATOR, { organization: here, body: { name: 'k', scopes: ['admin'] } })
    ).body;
    const as = { bearer: key.secret };
    expect(await invite(here, address(), 'owner', as)).toMatchObject({ status: 403, body: { code: 'role_above_own' } });
    const email = address();
    expect(await invite(here, email, 'admin', as)).toMatchObject({ status: 201 });
    await call('POST', `/v1/api-keys/${key.id}/revoke`, OPERATOR, { organization: here });
    const token = await tokenFor(email);
    expect(await accept({ token, name: 'Ben', password: PASSWORD })).toMatchObject({
      status: 403,
      body: { code: 'role_above_own' },
    });
  });

  it('of somebody who was demoted since gives no more than they could give now', async () => {
    const here = await organization();
    const giver = await member(here, 'owner');
    const [high, low] = [address(), address()];
    await invite(here, high, 'owner', giver.as);
    await invite(here, low, 'admin', giver.as);
    await query(`UPDATE keys.member SET role = 'admin' WHERE id = $1`, [giver.memberId]);
    expect(await accept({ token: await tokenFor(high), name: 'High', password: PASSWORD })).toMatchObject({
      status: 403,
      body: { code: 'role_above_own' },
    });
    expect(await query('SELECT 1 FROM keys.person WHERE email = $1', [high])).toEqual([]);
    expect(await accept({ token: await tokenFor(low), name: 'Low', password: PASSWORD })).toMatchObject({
      status: 201,
    });
    await query(`UPDATE keys.member SET role = 'owner' WHERE id = $1`, [giver.memberId]);
    expect(await accept({ token: await tokenFor(high), name: 'High', password: PASSWORD })).toMatchObject({
      status: 201,
      body: { member: { role: 'owner' } },
    });
  });

  it('of somebody who is removed ends with them', async () => {
    const here = await organization();
    const giver = await member(here, 'admin');
    const email = address();
    await invite(here, email, 'viewer', giver.as);
    const token = await tokenFor(email);
    expect(await call('DELETE', `/v1/members/${giver.memberId}`, OPERATOR, { organization: here })).toMatchObject({
      status: 200,
    });
    expect((await call('GET', '/v1/invitations', OPERATOR, { organization: here })).body.data).toEqual([]);
    expect(await accept({ token, name: 'Ben', password: PASSWORD })).toMatchObject({ body: { code: 'invalid_link' } });
  });

  it('to a member is refused, and who became one since is told so', async () => {
    const here = await organization();
    const known = await person();
    await invite(here, known.email, 'viewer');
    const token = await tokenFor(known.email);
    await query(`INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, 'admin')`, [
      here,
      known.id,
      known.email,
    ]);
    const refused = { status: 409, body: { code: 'already_member' } };
    expect(await invite(here, known.email.toUpperCase().replace('EXAMPLE.ORG', 'Example.Org'), 'owner')).toMatchObject(
      refused,
    );
    expect(await accept({ token }, known.as)).toMatchObject(refused);
    expect(await roleOf(here, known.email)).toBe('admin');
  });

  it('replaces the one before to the same address, whose link ends; an admin replaces and takes back none of an owner', async () => {
    const here = await organization();
    const admin = await member(here, 'admin');
    const email = address();
    const first = await invite(here, email, 'owner');
    expect(await invite(here, email, 'viewer', admin.as)).toMatchObject({ body: { code: 'role_above_own' } });
    expect(await call('DELETE', `/v1/invitations/${first.body.id}`, admin.as, { organization: here })).toMatchObject({
      status: 403,
      body: { code: 'role_above_own' },
    });
    const old = await tokenFor(email);
    await invite(here, email, 'member');
    const fresh = await tokenFor(email, 2);
    expect(await accept({ token: old, name: 'Ben', password: PASSWORD })).toMatchObject({
      body: { code: 'invalid_link' },
    });
    expect((await call('GET', '/v1/invitations', OPERATOR, { organization: here })).body.data).toHaveLength(1);
    expect(await accept({ token: fresh, name: 'Ben', password: PASSWORD })).toMatchObject({
      status: 201,
      body: { member: { role: 'member' } },
    });
  });

  it('that is taken back, or too late, is good for nothing', async () => {
    const here = await organization();
    const [one, other] = [address(), address()];
    const taken = await invite(here, one, 'member');
    await invite(here, other, 'member');
    const tokens = [await tokenFor(one), await tokenFor(other)];
    expect(await call('DELETE', `/v1/invitations/${taken.body.id}`, OPERATOR, { organization: here })).toMatchObject({
      status: 200,
      body: { id: taken.body.id, deleted: true },
    });
    expect(await call('DELETE', `/v1/invitations/${taken.body.id}`, OPERATOR, { organization: here })).toMatchObject({
      status: 404,
      body: { code: 'invitation_not_found' },
    });
    await query(`UPDATE keys.invitation SET expires_at = now() WHERE email = $1`, [other]);
    expect((await call('GET', '/v1/invitations', OPERATOR, { organization: here })).body.data).toEqual([]);
    const known = await person();
    for (const token of tokens) {
      expect(await accept({ token, name: 'Ben', password: PASSWORD })).toMatchObject({
        body: { code: 'invalid_link' },
      });
      expect(await accept({ token }, known.as)).toMatchObject({ body: { code: 'invalid_link' } });
    }
    expect(await invite(here, other, 'viewer')).toMatchObject({ status: 201 });
  });

  it('of a deleted organisation is good for nothing', async () => {
    const here = await organization();
    const email = address();
    await invite(here, email, 'member');
    const token = await tokenFor(email);
    await call('DELETE', `/v1/organizations/${here}`, OPERATOR);
    expect(await accept({ token, name: 'Ben', password: PASSWORD })).toMatchObject({ body: { code: 'invalid_link' } });
  });

  it('is not known to another organisation', async () => {
    const [here, there] = [await organization(), await organization()];
    const made = await invite(here, address(), 'member');
    expect(await call('DELETE', `/v1/invitations/${made.body.id}`, OPERATOR, { organization: there })).toMatchObject({
      status: 404,
      body: { code: 'invitation_not_found' },
    });
    expect((await call('GET', '/v1/invitations', OPERATOR, { organization: there })).body.data).toEqual([]);
    const token = await tokenFor(made.body.email);
    const moved = `${there}.${token.split('.')[1]}`;
    expect(await accept({ token: moved, name: 'Ben', password: PASSWORD })).toMatchObject({
      body: { code: 'invalid_link' },
    });
  });

  it.each<[string, object, string]>([
    ['no address', { role: 'member' }, 'email'],
    ['two addresses', { email: 'a@x.example,b@y.example', role: 'member' }, 'email'],
    ['a comment in its address', { email: 'a@good.example(x)evil.example', role: 'member' }, 'email'],
    ['a line break in its address', { email: 'a@x.example\r\nBcc: b@y.example', role: 'member' }, 'email'],
    ['a look-alike address', { email: 'adm\u0131n@example.org', role: 'member' }, 'email'],
    ['an address of 10,000 characters', { email: `${'a'.repeat(9_990)}@x.example`, role: 'member' }, 'email'],
    ['no role', { email: 'a@x.example' }, 'role'],
    ['a role that is none', { email: 'a@x.example', role: 'operator' }, 'role'],
    ['a token of its own', { email: 'a@x.example', role: 'member', token: 'x' }, 'token'],
  ])('with %s is not sent', async (_what, body, path) => {
    expect(await call('POST', '/v1/invitations', OPERATOR, { body })).toMatchObject({
      status: 400,
      body: { errors: [{ path }] },
    });
  });

  it.each<[string, object]>([
    ['a name without a password', { name: 'Ben' }],
    ['a password without a name', { password: PASSWORD }],
    ['a short password', { name: 'Ben', password: 'short' }],
    ['a role', { role: 'owner' }],
  ])('is not accepted with %s', async (_what, more) => {
    const reply = await accept({ token: `default.${'a'.repeat(43)}`, ...more });
    expect(reply).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});

describe('a key', () => {
  it('shows who made it, also when they are gone, and the removal lists it where it is an admin\u2019s', async () => {
    const here = await organization();
    const [owner, admin] = [await member(here, 'owner'), await member(here, 'admin')];
    const make = async (as: Credential, scopes: readonly string[]) =>
      (await call('POST', '/v1/api-keys', as, { organization: here, body: { name: 'bot', scopes } })).body;
    const byOperator = await make(OPERATOR, ['admin']);
    const byAdmin = await make(admin.as, ['admin']);
    const harmless = await make(admin.as, ['inference:write']);
    const byKey = await make({ bearer: byAdmin.secret }, ['admin']);
    const person = { type: 'person', id: admin.id, name: 'Ann' };
    const makers = new Map([
      [byOperator.id, { type: 'admin_secret', id: null, name: null }],
      [byAdmin.id, person],
      [harmless.id, person],
      [byKey.id, { type: 'api_key', id: byAdmin.id, name: 'bot' }],
    ]);
    for (const key of [byOperator, byAdmin, harmless, byKey]) expect(key.created_by).toEqual(makers.get(key.id));
    const removed = await call('DELETE', `/v1/members/${admin.memberId}`, owner.as, { organization: here });
    expect(removed.body.admin_keys).toEqual({
      data: [byKey, byAdmin].map(({ id, name, masked_key }) => ({ object: 'api_key', id, name, masked_key })),
      has_more: false,
    });
    const { data } = (await call('GET', '/v1/api-keys', owner.as, { organization: here })).body;
    expect(data).toHaveLength(4);
    for (const key of data as { id: string; created_by: object }[]) {
      expect(key.created_by).toEqual(makers.get(key.id));
      expect((await call('GET', `/v1/api-keys/${key.id}`, owner.as, { organization: here })).body.created_by).toEqual(
        makers.get(key.id),
      );
    }
    expect(
      (await call('POST', `/v1/api-keys/${byAdmin.id}/revoke`, owner.as, { organization: here })).body.created_by,
    ).toEqual(person);
  });
});

describe('a removed member', () => {
  it('has no session in which they asked about the organisation, and those about others go on', async () => {
    const [here, there] = [await organization(), await organization()];
    const [owner, lone, both] = [await member(here, 'owner'), await member(here, 'admin'), await member(here, 'admin')];
    const unsaid = await member(here, 'admin');
    for (const { id, email } of [both, unsaid])
      await query(`INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, 'admin')`, [
        there,
        id,
        email,
      ]);
    expect((await call('GET', '/v1/members', both.as, { organization: there })).status).toBe(200);
    // Its requests name no organisation, and are about the older one of the two.
    expect((await call('GET', '/v1/me', unsaid.as)).body.organization_id).toBe(here);
    for (const each of [lone, both, unsaid])
      expect(await call('DELETE', `/v1/members/${each.memberId}`, owner.as, { organization: here })).toMatchObject({
        status: 200,
      });
    for (const each of [lone, unsaid]) expect((await call('GET', '/v1/members', each.as)).status).toBe(401);
    expect((await call('GET', '/v1/members', both.as, { organization: there })).status).toBe(200);
    expect(await call('GET', '/v1/members', both.as, { organization: here })).toMatchObject({
      status: 404,
      body: { code: 'organization_not_found' },
    });
  });

  it('who leaves by themselves keeps the session, without access', async () => {
    const here = await organization();
    const viewer = await member(here, 'viewer');
    expect(await call('DELETE', `/v1/members/${viewer.memberId}`, viewer.as)).toMatchObject({ status: 200 });
    expect((await call('GET', '/v1/sessions', viewer.as)).status).toBe(200);
    expect((await call('GET', '/v1/members', viewer.as)).status).toBe(403);
  });
});
