import { randomUUID } from 'node:crypto';
import { Passwords } from '../people/passwords.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newAddress, ORIGIN, PASSWORD, startSignInStage, type SignInStage } from './sign-in-stage.js';

let s: SignInStage;
beforeAll(async () => void (s = await startSignInStage()), 60_000);
afterAll(() => s?.stop(), 30_000);

const COOKIE = 'tollgate_session';

describe('signing in by password', () => {
  it('gives a cookie, a CSRF token, and what the person may act in', async () => {
    const organization = randomUUID();
    const { email, id } = await s.person({ organizations: [organization] });
    const reply = await s.send('POST', '/v1/sessions', {
      body: { email: email.toUpperCase(), password: PASSWORD },
      from: '203.0.113.7',
      headers: { 'user-agent': 'a browser' },
    });
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({
      object: 'session',
      method: 'password',
      address: '203.0.113.7',
      client: 'a browser',
      person: { object: 'person', id, email, name: 'Ann', email_confirmed: false, has_password: true },
      organization_id: organization,
      organizations: [{ object: 'membership', id: organization, name: 'Acme', role: 'admin' }],
    });
    expect(reply.body.csrf_token).toMatch(/^[\w-]{43}$/);
    expect(reply.setCookie).toBe(`${COOKIE}=${reply.token}; Path=/; HttpOnly; SameSite=Lax`);
    expect(reply.text).not.toContain(reply.token);
    expect(reply.headers['cache-control']).toContain('no-store');
    expect(JSON.stringify(await s.sql('SELECT * FROM keys.session'))).not.toContain(reply.token);
  });

  it('refuses a wrong password, an unknown address and an account without a password alike, after the same work', async () => {
    const check = vi.spyOn(Passwords.prototype, 'checkFound');
    const [known, without] = [await s.person(), await s.person({ password: null })];
    const bodies = [
      { email: known.email, password: 'not the password' },
      { email: known.email, password: 'x' },
      { email: without.email, password: PASSWORD },
      { email: 'nobody@example.org', password: PASSWORD },
    ];
    const replies = [];
    for (const body of bodies) replies.push(await s.send('POST', '/v1/sessions', { body }));
    expect(check).toHaveBeenCalledTimes(4);
    check.mockRestore();
    for (const reply of replies) {
      expect(reply.status).toBe(401);
      expect(reply.setCookie).toBeUndefined();
      expect({ ...reply.body, request_id: null }).toEqual({ ...replies[0]!.body, request_id: null });
      expect(reply.body.code).toBe('sign_in_failed');
    }
  });

  it.each([
    ['no body', undefined, ''],
    ['no password', { email: 'a@example.org' }, 'password'],
    ['an empty password', { email: 'a@example.org', password: '' }, 'password'],
    ['a password of 257 characters', { email: 'a@example.org', password: 'x'.repeat(257) }, 'password'],
    ['a password that is none', { email: 'a@example.org', password: ['x'] }, 'password'],
    ['an address of 10,000 characters', { email: `${'a'.repeat(10_000)}@x.example`, password: 'x' }, 'email'],
    ['a list of addresses', { email: 'a@x.example,b@y.example', password: 'x' }, 'email'],
    ['a line break in the address', { email: 'a@x.example\r\nBcc: b@y.example', password: 'x' }, 'email'],
    ['a look-alike', { email: 'adm\u0131n@example.org', password: 'x' }, 'email'],
    ['an unknown field', { email: 'a@example.org', password: 'x', role: 'owner' }, 'role'],
    ['a prototype key', '{"email":"a@example.org","password":"x","__proto__":{}}', '__proto__'],
  ])('with %s is 400, before any work', async (_what, body, path) => {
    const check = vi.spyOn(Passwords.prototype, 'checkFound');
    const reply = await s.send('POST', '/v1/sessions', { ...(body !== undefined && { body }) });
    expect(reply.status).toBe(400);
    if (path !== '') expect(JSON.stringify(reply.body.errors)).toContain(path);
    expect(check).not.toHaveBeenCalled();
    check.mockRestore();
  });

  it('ends the session that the client had before', async () => {
    const { email } = await s.person();
    const first = await s.signIn(email);
    const second = await s.signIn(email, PASSWORD, { as: first });
    expect(second.token).not.toBe(first.token);
    expect((await s.send('GET', '/v1/sessions', { as: first })).status).toBe(401);
    expect((await s.send('GET', '/v1/sessions', { as: second })).body.data.length).toBe(1);
  });

  it('is refused for pages of other sites, and for two cookies of one name', async () => {
    const { email } = await s.person();
    const body = { email, password: PASSWORD };
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${ORIGIN}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ] as Record<string, string>[]) {
      const reply = await s.send('POST', '/v1/sessions', { body, headers });
      expect([reply.status, reply.body.code]).toEqual([403, 'foreign_origin']);
      expect(reply.setCookie).toBeUndefined();
    }
    const twice = await s.send('POST', '/v1/sessions', {
      body,
      headers: { cookie: `${COOKIE}=${'A'.repeat(43)}; ${COOKIE}=${'B'.repeat(43)}` },
    });
    expect([twice.status, twice.body.code]).toEqual([400, 'invalid_request']);
    // None of these is our cookie.
    for (const cookie of [`$Version=1; ${COOKIE}x=1`, `\u2000${COOKIE}=x`, `TOLLGATE_SESSION=x`]) {
      const headers = { cookie: Buffer.from(cookie).toString('latin1'), origin: ORIGIN };
      expect((await s.send('POST', '/v1/sessions', { body, headers })).status).toBe(201);
    }
  });

  it('is limited by account and address, before anything is compared, and lets the right password in from where it came', async () => {
    const { email } = await s.person();
    const [home, elsewhere] = [newAddress(), newAddress()];
    await s.signIn(email, PASSWORD, { from: home });
    const wrong = (from: string) => s.send('POST', '/v1/sessions', { body: { email, password: 'wrong' }, from });
    for (let n = 0; n < 10; n += 1) expect((await wrong(elsewhere)).status).toBe(401);
    const check = vi.spyOn(Passwords.prototype, 'checkFound');
    const limited = await wrong(elsewhere);
    expect(limited.status).toBe(429);
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    // The right one is not told apart from there either.
    expect(
      (await s.send('POST', '/v1/sessions', { body: { email, password: PASSWORD }, from: elsewhere })).status,
    ).toBe(429);
    expect(check).not.toHaveBeenCalled();
    check.mockRestore();
    await s.signIn(email, PASSWORD, { from: home });
  });

  it('gives the password a new hash where the old one cost less', async () => {
    const { email, id } = await s.person();
    const cheap = '$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM0NTY3OA$';
    const { argon2Sync } = await import('node:crypto');
    const parameters = { memory: 64, passes: 1, parallelism: 1, tagLength: 32 };
    const tag = argon2Sync('argon2id', { message: PASSWORD, nonce: Buffer.from('somesalt12345678'), ...parameters });
    await s.sql('UPDATE keys.person SET password_hash = $2 WHERE id = $1', [
      id,
      cheap + tag.toString('base64').replaceAll('=', ''),
    ]);
    await s.signIn(email);
    const [row] = await s.sql('SELECT password_hash FROM keys.person WHERE id = $1', [id]);
    expect(row!['password_hash']).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    await s.signIn(email);
  });

  it('stands in the audit trail of the organisation, without a secret', async () => {
    const organization = randomUUID();
    const { email, id } = await s.person({ organizations: [organization] });
    const client = await s.signIn(email, PASSWORD, { from: '203.0.113.99' });
    await s.send('DELETE', '/v1/sessions/current', { as: client });
    const rows = await s.sql(
      `SELECT action, actor, entry FROM keys.audit_entry WHERE organization_id = $1 ORDER BY seq`,
      [organization],
    );
    expect(rows.map(({ action, actor }) => [action, actor])).toEqual([
      ['session.created', id],
      ['session.ended', id],
    ]);
    const text = JSON.stringify(rows);
    for (const secret of [client.token, client.csrf, PASSWORD, email, '203.0.113.99'])
      expect(text).not.toContain(secret);
  });
});

describe('own sessions', () => {
  it('are listed, newest first, with the one that asks', async () => {
    const { email } = await s.person();
    const clients = [];
    for (let n = 0; n < 3; n += 1)
      clients.push(await s.signIn(email, PASSWORD, { headers: { 'user-agent': `browser ${n}` } }));
    const { status, body } = await s.send('GET', '/v1/sessions?limit=2', { as: clients[0]! });
    expect(status).toBe(200);
    expect(body).toMatchObject({ object: 'list', has_more: true });
    expect(body.data.map(({ client, current }: Record<string, unknown>) => [client, current])).toEqual([
      ['browser 2', false],
      ['browser 1', false],
    ]);
    const rest = await s.send('GET', `/v1/sessions?limit=2&cursor=${body.next_cursor}`, { as: clients[0]! });
    expect(rest.body).toMatchObject({ has_more: false, data: [{ client: 'browser 0', current: true }] });
    expect(JSON.stringify(body)).not.toContain(clients[0]!.token);
    const stranger = await s.signIn((await s.person()).email);
    expect((await s.send('GET', `/v1/sessions?cursor=${body.next_cursor}`, { as: stranger })).status).toBe(400);
  });

  it('end one by one, and those of others are not there', async () => {
    const { email } = await s.person();
    const [here, there] = [await s.signIn(email), await s.signIn(email)];
    const stranger = await s.signIn((await s.person()).email);
    const { body } = await s.send('GET', '/v1/sessions', { as: here });
    const other = body.data.find(({ current }: { current: boolean }) => !current).id as string;
    for (const id of [randomUUID(), 'nonsense', '%00', 'a'.repeat(500)])
      expect((await s.send('DELETE', `/v1/sessions/${id}`, { as: here })).status).toBeGreaterThanOrEqual(400);
    const refused = await s.send('DELETE', `/v1/sessions/${other}`, { as: stranger });
    expect([refused.status, refused.body.code]).toEqual([404, 'session_not_found']);
    const ended = await s.send('DELETE', `/v1/sessions/${other.toUpperCase()}`, { as: here });
    expect([ended.status, ended.body, ended.setCookie]).toEqual([
      200,
      { object: 'session', id: other, ended: true },
      undefined,
    ]);
    expect((await s.send('GET', '/v1/sessions', { as: there })).status).toBe(401);
    const signedOut = await s.send('DELETE', '/v1/sessions/current', { as: here });
    expect(signedOut.status).toBe(200);
    expect(signedOut.setCookie).toBe(`${COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax`);
    expect((await s.send('GET', '/v1/sessions', { as: here })).status).toBe(401);
  });

  it('are nobody else’s business: without a session, or with another credential, there are none', async () => {
    expect((await s.send('GET', '/v1/sessions')).status).toBe(401);
    const operator = { authorization: 'Bearer the-admin-secret-of-the-test' };
    expect((await s.send('GET', '/v1/sessions', { headers: operator })).status).toBe(403);
  });

  it('are not ended by a page of another site, nor without the CSRF token', async () => {
    const client = await s.signIn((await s.person()).email);
    const cookie = `${COOKIE}=${client.token}`;
    for (const headers of [
      { cookie, origin: ORIGIN },
      { cookie, origin: ORIGIN, 'x-csrf-token': 'wrong' },
      { cookie, origin: 'https://evil.example', 'x-csrf-token': client.csrf },
      { cookie, 'x-csrf-token': client.csrf },
    ] as Record<string, string>[])
      expect((await s.send('DELETE', '/v1/sessions/current', { headers })).status).toBe(403);
    expect((await s.send('GET', '/v1/sessions', { as: client })).status).toBe(200);
  });
});

describe('a step-up', () => {
  it('gives the session another token, and the one before is good for nothing', async () => {
    const { email } = await s.person();
    const before = await s.signIn(email);
    const stepUp = (password: string, as = before) =>
      s.send('POST', '/v1/sessions/current/step-up', { body: { password }, as });
    const wrong = await stepUp('wrong');
    expect([wrong.status, wrong.body.code, wrong.setCookie]).toEqual([401, 'sign_in_failed', undefined]);
    const proven = await stepUp(PASSWORD);
    expect(proven.status).toBe(200);
    expect(proven.token).toMatch(/^[\w-]{43}$/);
    expect(proven.token).not.toBe(before.token);
    expect((await s.send('GET', '/v1/sessions', { as: before })).status).toBe(401);
    const after = { token: proven.token!, csrf: proven.body.csrf_token as string };
    const { body } = await s.send('GET', '/v1/sessions', { as: after });
    expect(body.data.length).toBe(1);
    expect(body.data[0]).toMatchObject({ id: proven.body.id, current: true, proven_at: proven.body.proven_at });
    expect((await stepUp(PASSWORD, { ...after, csrf: before.csrf })).status).toBe(403);
  });

  it('by two requests at once is one', async () => {
    const before = await s.signIn((await s.person()).email);
    const replies = await Promise.all(
      [1, 2].map(() => s.send('POST', '/v1/sessions/current/step-up', { body: { password: PASSWORD }, as: before })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 401]);
  });
});
