import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Person } from '../people/person.js';
import { newAddress, ORIGIN, startSignInStage, type Answer, type SignInStage } from '../sign-in/sign-in-stage.js';
import { authPath, formOf, leadsTo, newPkce, post, type Pkce } from './oauth-stage.js';

const CALLBACK = 'https://app.example/cb?state=a%20b+c';
let s: SignInStage;
let organization: string;
let ann: Person;
let session: { token: string; csrf: string };

beforeAll(async () => {
  s = await startSignInStage();
  organization = randomUUID();
  ann = await s.person({ organizations: [organization] });
  session = await s.signIn(ann.email);
}, 60_000);
afterAll(() => s?.stop(), 30_000);

const cookie = (token = session.token) => ({ cookie: `tollgate_session=${token}` });
const asked = ({ challenge }: Pkce, more: Record<string, string> = {}) => ({
  callback_url: CALLBACK,
  code_challenge: challenge,
  code_challenge_method: 'S256',
  ...more,
});
const open = (query: Record<string, string>, token = session.token) =>
  s.send('GET', authPath(query), { headers: cookie(token) });

/** Agrees as the person, and resolves with the code that the app gets. */
async function agree(pkce: Pkce, fields: Record<string, string> = {}, query: Record<string, string> = {}) {
  const page = await open(asked(pkce, query));
  expect(page.status, page.text).toBe(200);
  const answer = await post(s, { ...formOf(page.text, '/auth'), decision: 'agree', ...fields }, session);
  expect(answer.status, answer.text).toBe(200);
  const code = leadsTo(answer)?.searchParams.get('code');
  if (typeof code !== 'string') throw new Error(`no code: ${answer.text}`);
  return code;
}

const exchange = (body: unknown, headers: Record<string, string> = {}, from = newAddress()): Promise<Answer> =>
  s.send('POST', '/api/v1/auth/keys', { body, from, headers });
const keys = async () => s.sql('SELECT * FROM keys.api_key WHERE organization_id = $1', [organization]);

describe('the page on which a person gives an app a key', () => {
  it('leads who is not signed in to the page to sign in on, and back to itself', async () => {
    const path = authPath(asked(newPkce(), { key_label: 'my app' }));
    const reply = await s.send('GET', path);
    expect(reply.status).toBe(303);
    const location = new URL(String(reply.headers['location']), ORIGIN);
    expect([location.origin, location.pathname]).toEqual([ORIGIN, '/sign-in']);
    const back = location.searchParams.get('return_to')!;
    expect(back).toMatch(/^\/auth\?[\x21-\x5b\x5d-\x7e]*$/);
    const page = await s.send('GET', back, { headers: cookie() });
    expect(page.status).toBe(200);
    expect(page.text).toContain('https://app.example/cb?state=a%20b+c');
    expect(page.text).toContain('my app');
    // A session that has ended is none, and neither is a token of nobody's.
    for (const token of ['A'.repeat(43), 'x'])
      expect((await s.send('GET', path, { headers: cookie(token) })).status).toBe(303);
  });

  it('comes with a strict policy, has no script, and tells another site nothing', async () => {
    const page = await open(asked(newPkce()));
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
    });
    expect(page.headers['cache-control']).toContain('no-store');
    expect(page.text).not.toMatch(/<script|<style|\son\w+=|\sstyle=|javascript:/i);
    for (const [, id] of page.text.matchAll(/<(?:input|select|textarea)\s[^>]*?\sid="([^"]+)"/g))
      expect(page.text).toContain(`<label for="${id}">`);
  });

  it('shows the app as text, whatever it calls itself', async () => {
    const page = await open(asked(newPkce(), { key_label: '<script>alert("x")</script>', callback_url: 'https://exämple.com/' }));
    expect(page.text).toContain('https://xn--exmple-cua.com');
    expect(page.text).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
    expect(page.text).not.toContain('<script>');
  }); // prettier-ignore

  it.each<[string, Record<string, string>, string]>([
    ['no callback', { callback_url: '' }, 'callback_url'],
    ['a callback of another scheme', { callback_url: 'javascript:alert(1)' }, 'callback_url'],
    ['http to another host', { callback_url: 'http://localhost.evil.example/' }, 'callback_url'],
    ['a callback with a fragment', { callback_url: 'https://app.example/#a' }, 'callback_url'],
    ['a challenge of another form', { code_challenge: 'short' }, 'code_challenge'],
    ['an unknown method', { code_challenge_method: 'md5' }, 'code_challenge_method'],
    ['a label of two lines', { key_label: 'a\nb' }, 'key_label'],
    ['a label that turns around', { key_label: 'a\u202eb' }, 'key_label'],
    ['a label too long', { key_label: 'x'.repeat(101) }, 'key_label'],
    ['a limit that is none', { limit: '-1' }, 'limit'],
    ['a cycle that is none', { usage_limit_type: 'hourly' }, 'usage_limit_type'],
    ['an expiry in the past', { expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    ['an expiry that is none', { expires_at: 'soon' }, 'expires_at'],
  ])('refuses %s, and leads nowhere', async (_, query, path) => {
    for (const headers of [cookie(), {}]) {
      const reply = await s.send('GET', authPath(asked(newPkce(), query)), { headers });
      expect([reply.status, reply.body?.code]).toEqual([400, 'invalid_request']);
      expect(reply.body.errors[0].path).toBe(path);
      expect(reply.headers['location']).toBeUndefined();
    }
  });

  it('refuses a request without a challenge, and one with too long a query', async () => {
    const none = await s.send('GET', authPath({ callback_url: CALLBACK }), { headers: cookie() });
    expect([none.status, none.body.errors]).toEqual([400, [{ path: 'code_challenge', message: 'is required' }]]);
    const twice = await s.send('GET', `${authPath(asked(newPkce()))}&callback_url=https%3A%2F%2Fevil.example`);
    expect(twice.status).toBe(400);
    const long = { callback_url: `https://app.example/?${'%25'.repeat(330)}` };
    expect((await open(asked(newPkce(), long))).status).toBe(400);
  });

  it('shows refusals to a browser as a page', async () => {
    const reply = await s.send('GET', authPath(asked(newPkce(), { callback_url: 'ftp://a' })), {
      headers: { 'sec-fetch-mode': 'navigate' },
    });
    expect([reply.status, reply.headers['content-type']]).toEqual([400, 'text/html; charset=utf-8']);
  });

  it('changes nothing, also for HEAD', async () => {
    const before = await s.sql('SELECT count(*) FROM keys.authorization_code');
    await open(asked(newPkce()));
    await s.send('HEAD', authPath(asked(newPkce())), { headers: cookie() });
    expect(await s.sql('SELECT count(*) FROM keys.authorization_code')).toEqual(before);
    for (const method of ['PUT', 'DELETE'] as const) expect((await s.send(method, '/auth')).status).toBe(405);
  });

  it('offers a person of several organisations those in which they may make keys, with their projects', async () => {
    const [one, other, viewed] = [randomUUID(), randomUUID(), randomUUID()];
    const person = await s.person({ organizations: [one, other, viewed] });
    await s.sql(`UPDATE keys.member SET role = 'viewer' WHERE organization_id = $1`, [viewed]);
    await s.sql(
      `INSERT INTO keys.project (organization_id, id, name, created_at, version) VALUES ($1, $2, 'search', now(), 1)`,
      [other, randomUUID()],
    );
    const { token } = await s.signIn(person.email);
    const page = await open(asked(newPkce()), token);
    expect(page.text).toContain(`<option value="${one}"`);
    expect(page.text).not.toContain(viewed);
    expect(page.text).not.toContain('search');
    const chosen = await open(asked(newPkce(), { organization_id: other }), token);
    expect(formOf(chosen.text, '/auth')['organization_id']).toBe(other);
    expect(chosen.text).toContain('search');
    // The one of a role that makes no keys, and one that is not theirs, are not shown even if they are named.
    for (const id of [viewed, organization])
      expect((await open(asked(newPkce(), { organization_id: id }), token)).text).not.toContain(id);
  });

  it('tells somebody who may make no keys so', async () => {
    const id = randomUUID();
    const person = await s.person({ organizations: [id] });
    await s.sql(`UPDATE keys.member SET role = 'viewer' WHERE organization_id = $1`, [id]);
    const { token } = await s.signIn(person.email);
    const page = await open(asked(newPkce()), token);
    expect([page.status, page.text.includes('<form')]).toEqual([200, false]);
    const nobody = await s.person();
    expect((await open(asked(newPkce()), (await s.signIn(nobody.email)).token)).text).not.toContain('<form');
  });
});

describe('the answer to the page', () => {
  it('declined leads back with an error, and makes nothing', async () => {
    const page = await open(asked(newPkce()));
    const before = await s.sql('SELECT count(*) FROM keys.authorization_code');
    const answer = await post(s, { ...formOf(page.text, '/auth'), decision: 'decline' }, session);
    expect(answer.status).toBe(200);
    expect(leadsTo(answer)?.href).toBe(`${CALLBACK}&error=access_denied`);
    expect(await s.sql('SELECT count(*) FROM keys.authorization_code')).toEqual(before);
  });

  it('agreed leads back with a code by a page, which no form policy stops', async () => {
    const page = await open(asked(newPkce()));
    const answer = await post(s, { ...formOf(page.text, '/auth'), decision: 'agree' }, session);
    expect([answer.status, answer.headers['location']]).toEqual([200, undefined]);
    expect(leadsTo(answer)?.href).toMatch(/^https:\/\/app\.example\/cb\?state=a%20b\+c&code=[\w-]{43}$/);
    expect(answer.headers['referrer-policy']).toBe('no-referrer');
    expect(answer.headers['content-security-policy']).toContain("frame-ancestors 'none'");
  });

  type Fields = Record<string, string>;
  it.each<[string, (fields: Fields) => Fields, Fields, number, string]>([
    ['another page', (fields) => fields, { origin: 'https://evil.example' }, 403, 'foreign_origin'],
    ['a sibling domain', (fields) => fields, { origin: ORIGIN, 'sec-fetch-site': 'same-site' }, 403, 'foreign_origin'],
    ['a page that hides where it is', (fields) => fields, { origin: 'null' }, 403, 'foreign_origin'],
    ['a program that says no origin', (fields) => fields, {}, 403, 'foreign_origin'],
    ['a form without its token', ({ csrf_token: _, ...fields }) => fields, { origin: ORIGIN }, 400, 'invalid_request'],
    ['another token', (fields) => ({ ...fields, csrf_token: 'A'.repeat(43) }), { origin: ORIGIN }, 403, 'invalid_csrf_token'],
    ['the token of the session itself', (fields) => ({ ...fields, csrf_token: session.csrf }), { origin: ORIGIN }, 403, 'invalid_csrf_token'],
    ['another organisation', (fields) => ({ ...fields, organization_id: 'default' }), { origin: ORIGIN }, 403, 'invalid_csrf_token'],
    ['another callback', (fields) => ({ ...fields, request: fields['request']!.replace('app.example', 'evil.example') }), { origin: ORIGIN }, 403, 'invalid_csrf_token'],
    ['another challenge', (fields) => ({ ...fields, request: fields['request']!.replace(/code_challenge=[^&]+/, `code_challenge=${'A'.repeat(43)}`) }), { origin: ORIGIN }, 403, 'invalid_csrf_token'],
    ['no challenge', (fields) => ({ ...fields, request: `callback_url=${encodeURIComponent(CALLBACK)}` }), { origin: ORIGIN }, 400, 'invalid_request'],
    ['an unknown field', (fields) => ({ ...fields, scopes: 'admin' }), { origin: ORIGIN }, 400, 'invalid_request'],
    ['no decision', (fields) => ({ ...fields, decision: '' }), { origin: ORIGIN }, 400, 'invalid_request'],
  ])('is refused from %s', async (_, change, headers, status, code) => {
    const fields = { ...formOf((await open(asked(newPkce()))).text, '/auth'), decision: 'agree' };
    const answer = await post(s, change(fields), session, headers);
    expect([answer.status, answer.body?.code]).toEqual([status, code]);
    expect(leadsTo(answer)).toBeNull();
  }); // prettier-ignore

  it('is of the session that the page was shown to', async () => {
    const fields = { ...formOf((await open(asked(newPkce()))).text, '/auth'), decision: 'agree' };
    const other = await s.signIn(ann.email);
    expect((await post(s, fields, other)).body.code).toBe('invalid_csrf_token');
    const signedOut = await post(s, fields, null);
    expect(signedOut.status).toBe(303);
    expect(String(signedOut.headers['location'])).toMatch(/^\/sign-in\?return_to=%2Fauth%3F/);
  });

  it('takes a plain form alone: no JSON, and no form elsewhere', async () => {
    const json = await s.send('POST', '/auth', { body: { decision: 'agree' }, as: session });
    expect([json.status, json.body.code]).toEqual([415, 'unsupported_media_type']);
    const elsewhere = await s.send('POST', '/v1/sessions', {
      body: 'email=a',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(elsewhere.status).toBe(415);
    const twice = `${new URLSearchParams({ request: 'a', decision: 'agree' })}&decision=decline`;
    const repeated = await s.send('POST', '/auth', {
      body: twice,
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: ORIGIN },
    });
    expect([repeated.status, repeated.body.errors]).toEqual([
      400,
      [{ path: 'decision', message: 'must be given once' }],
    ]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no name', { name: '' }, /name/i],
    ['a name that is not seen', { name: '\u200b' }, /name/i],
    ['a limit that is no amount', { credit_limit_usd: '1e3' }, /credit limit must/],
    ['a negative limit', { credit_limit_usd: '-1' }, /credit limit must/],
    ['a limit too high', { credit_limit_usd: '9000001' }, /credit limit must/],
    ['half a day', { expires_in_days: '1.5' }, /days must/],
    ['no day', { expires_in_days: '0' }, /days must/],
    ['too many days', { expires_in_days: '3651' }, /days must/],
    ['too many models', { models: 'm '.repeat(101) }, /models must/],
    ['a project of nobody', { project_id: randomUUID() }, /The project \S/],
    ['a project that is no id', { project_id: 'x' }, /The project \S/],
  ])('with %s shows the page again, with what was entered', async (_, fields, text) => {
    const page = await open(asked(newPkce()));
    const answer = await post(
      s,
      { ...formOf(page.text, '/auth'), decision: 'agree', models: 'kept-model', ...fields },
      session,
    );
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(/<div role="alert">/);
    expect(answer.text).toMatch(text);
    expect(leadsTo(answer)).toBeNull();
    expect(formOf(answer.text, '/auth')['models']).toBe(fields['models'] ?? 'kept-model');
    // It can be sent once more from there.
    const mended = { ...formOf(answer.text, '/auth'), decision: 'decline' };
    expect((await post(s, mended, session)).status).toBe(200);
  });
});

describe('the exchange of a code', () => {
  it('gives a key of the person, as they agreed to it, once', async () => {
    const pkce = newPkce();
    const code = await agree(
      pkce,
      { credit_limit_usd: '12.5', models: 'gpt-4o*, o3', expires_in_days: '7', name: 'their name' },
      { key_label: 'the app', limit: '100' },
    );
    const before = Date.now();
    const reply = await exchange({ code, code_verifier: pkce.verifier, code_challenge_method: 'S256' });
    expect(reply.status, reply.text).toBe(200);
    expect(Object.keys(reply.body)).toEqual(['key', 'user_id']);
    expect(reply.body.key).toMatch(/^sk-[0-9A-Za-z]{32,}$/);
    expect(reply.body.user_id).toBe(ann.id);
    expect(reply.headers['cache-control']).toContain('no-store');
    const [key] = (await keys()).filter((each) => each['name'] === 'their name');
    expect(key).toMatchObject({
      scopes: ['inference:read', 'inference:write'],
      credit_limit_nano_usd: '12500000000',
      models: ['gpt-4o*', 'o3'],
      created_by_kind: 'person',
      created_by_id: ann.id,
    });
    const days = ((key!['expires_at'] as Date).getTime() - before) / 86_400_000;
    expect(Math.abs(days - 7)).toBeLessThan(0.01);
    const again = await exchange({ code, code_verifier: pkce.verifier });
    expect([again.status, again.body.error.code]).toEqual([403, 403]);
    expect(again.text).not.toContain(reply.body.key);
    // It is in the trail by whom and for which app, and the code is nowhere.
    const trail = JSON.stringify(await s.sql(`SELECT * FROM keys.audit_entry WHERE organization_id = $1`, [organization]));
    expect(trail).toContain('authorization_code.redeemed');
    expect(trail).toContain('https://app.example');
    const stored = JSON.stringify(await s.sql('SELECT * FROM keys.authorization_code'));
    for (const text of [trail, stored]) for (const secret of [code, reply.body.key]) expect(text).not.toContain(secret);
  }); // prettier-ignore

  it('expires when the app asked at the latest', async () => {
    const pkce = newPkce();
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const code = await agree(pkce, { expires_in_days: '7', name: 'short-lived' }, { expires_at: expiresAt });
    expect((await exchange({ code, code_verifier: pkce.verifier })).status).toBe(200);
    const [key] = (await keys()).filter((each) => each['name'] === 'short-lived');
    expect((key!['expires_at'] as Date).toISOString()).toBe(expiresAt);
  });

  it('takes plain challenges, and tells other methods apart', async () => {
    const { verifier } = newPkce();
    for (const method of ['plain', undefined]) {
      const query = {
        callback_url: CALLBACK,
        code_challenge: verifier,
        ...(method !== undefined && { code_challenge_method: method }),
      };
      const page = await open(query);
      const answer = await post(s, { ...formOf(page.text, '/auth'), decision: 'agree' }, session);
      const code = leadsTo(answer)!.searchParams.get('code');
      const differs = await exchange({ code, code_verifier: verifier, code_challenge_method: 'S256' });
      expect([differs.status, differs.body.error.code]).toEqual([400, 400]);
      expect((await exchange({ code, code_verifier: verifier, code_challenge_method: method })).status).toBe(200);
    }
  });

  it.each<[string, (pkce: Pkce) => object, number]>([
    ['another method', ({ verifier }) => ({ code_verifier: verifier, code_challenge_method: 'plain' }), 400],
    ['a method that is none', ({ verifier }) => ({ code_verifier: verifier, code_challenge_method: 's256' }), 400],
    ['no verifier', () => ({}), 403],
    ['null for a verifier', () => ({ code_verifier: null }), 403],
    ['an empty verifier', () => ({ code_verifier: '' }), 403],
    ['another verifier', () => ({ code_verifier: newPkce().verifier }), 403],
    ['the challenge for the verifier', ({ challenge }) => ({ code_verifier: challenge }), 403],
    ['a short verifier', () => ({ code_verifier: 'x' }), 403],
    ['a verifier that is no text', () => ({ code_verifier: 7 }), 400],
    ['a verifier without end', () => ({ code_verifier: 'a'.repeat(1_001) }), 400],
  ])('refuses %s, and the code stays good', async (_, fields, status) => {
    const pkce = newPkce();
    const code = await agree(pkce);
    const wrong = await exchange({ code, ...fields(pkce) });
    expect(wrong.status, wrong.text).toBe(status);
    expect(wrong.body).toMatchObject({ error: { code: status, message: expect.stringMatching(/\S/) } });
    expect((await exchange({ code, code_verifier: pkce.verifier })).status).toBe(200);
  });

  it.each<[string, unknown, number]>([
    ['an unknown code', { code: 'A'.repeat(43), code_verifier: 'a'.repeat(43) }, 403],
    ['a code that is none', { code: 'x' }, 403],
    ['no code', {}, 400],
    ['an empty code', { code: '' }, 400],
    ['a code that is no text', { code: { $ne: '' } }, 400],
    ['a code without end', { code: 'x'.repeat(1_001) }, 400],
    ['a code with NUL', '{"code":"a\\u0000"}', 400],
    ['two codes', '{"code":"a","code":"b"}', 400],
    ['broken JSON', '{"code":', 400],
    ['a list', [], 400],
    ['nothing', undefined, 400],
  ])('answers %s in the shape of its clients', async (_, body, status) => {
    const reply = await exchange(body);
    expect(reply.status, reply.text).toBe(status);
    expect(reply.body).toMatchObject({ error: { code: status, message: expect.stringMatching(/\S/) } });
    expect(reply.headers['access-control-allow-origin']).toBe('*');
  });

  it('is open to pages of every origin, whatever it answers, and looks at no credential', async () => {
    const foreign = { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' };
    const preflight = await s.stage.app.inject({
      method: 'OPTIONS',
      url: '/api/v1/auth/keys',
      headers: {
        ...foreign,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,http-referer,x-title',
      },
    });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization,content-type,http-referer,x-title',
    });
    expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
    const other = (method: 'GET' | 'PUT') => s.stage.app.inject({ method, url: '/api/v1/auth/keys', headers: foreign });
    expect((await other('GET')).headers['access-control-allow-origin']).toBe('*');
    expect((await other('PUT')).json()).toMatchObject({
      error: { code: 405, metadata: { code: 'method_not_allowed' } },
    });
    const media = await exchange('code=a', { ...foreign, 'content-type': 'text/plain' });
    expect([media.status, media.headers['access-control-allow-origin']]).toEqual([415, '*']);
    for (const authorization of ['Bearer ', 'Bearer undefined', 'Bearer not-a-key', 'Basic YTpi', '']) {
      const pkce = newPkce();
      const code = await agree(pkce);
      const headers = { ...foreign, authorization, ...cookie('A'.repeat(43)) };
      const reply = await exchange({ code, code_verifier: pkce.verifier }, headers);
      expect([reply.status, reply.headers['access-control-allow-origin']]).toEqual([200, '*']);
    }
    // No other path is.
    const keysOfOthers = await s.send('GET', '/v1/api-keys', { headers: foreign });
    expect(keysOfOthers.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('gives one key to fifty who exchange it at once', async () => {
    const pkce = newPkce();
    const code = await agree(pkce);
    const before = (await keys()).length;
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => exchange({ code, code_verifier: pkce.verifier }, {}, '198.18.0.1')),
    );
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array<number>(49).fill(403)]);
    expect((await keys()).length).toBe(before + 1);
  });

  it('limits guesses of a verifier, and of codes', async () => {
    const pkce = newPkce();
    const code = await agree(pkce);
    const from = '198.18.0.2';
    const statuses: number[] = [];
    // Ten a minute: on a slow machine some are given back meanwhile.
    while (statuses.at(-1) !== 429 && statuses.length < 60)
      statuses.push((await exchange({ code, code_verifier: newPkce().verifier }, {}, from)).status);
    expect(statuses.slice(0, 10)).toEqual(Array<number>(10).fill(403));
    const limited = await exchange({ code, code_verifier: newPkce().verifier }, {}, from);
    expect([403, 429]).toContain(limited.status);
    expect(statuses.at(-1)).toBe(429);
    expect(limited.headers['access-control-expose-headers']).toContain('retry-after');
    // Whoever guesses elsewhere does not keep the app from its key.
    expect((await exchange({ code, code_verifier: pkce.verifier })).status).toBe(200);
    const guesser = '198.18.0.3';
    let status = 0;
    for (let n = 0; n < 2_000 && status !== 429; n += 1)
      ({ status } = await exchange({ code: newPkce().verifier }, {}, guesser));
    expect(status).toBe(429);
  });

  it.each<[string, (id: string, person: Person) => Promise<unknown>]>([
    ['the code is too old', () => s.sql(`UPDATE keys.authorization_code SET expires_at = now() - interval '1 ms'`)],
    ['the person was removed', (id) => s.sql(`DELETE FROM keys.member WHERE organization_id = $1`, [id])],
    ['the person may only look', (id) => s.sql(`UPDATE keys.member SET role = 'viewer' WHERE organization_id = $1`, [id])],
    ['the session has ended', (_, { id }) => s.sql(`DELETE FROM keys.session WHERE person_id = $1`, [id])],
    ['the organisation was deleted', (id) => s.sql(`UPDATE keys.organization SET deleted_at = now() WHERE id = $1`, [id])],
  ])('is refused when %s since', async (_, change) => {
    const id = randomUUID();
    const person = await s.person({ organizations: [id] });
    const theirs = await s.signIn(person.email);
    const pkce = newPkce();
    const page = await open(asked(pkce), theirs.token);
    const answer = await post(s, { ...formOf(page.text, '/auth'), decision: 'agree' }, theirs);
    const code = leadsTo(answer)!.searchParams.get('code');
    await change(id, person);
    const reply = await exchange({ code, code_verifier: pkce.verifier });
    expect([reply.status, reply.body.error.code]).toEqual([403, 403]);
    expect(await s.sql('SELECT id FROM keys.api_key WHERE organization_id = $1', [id])).toEqual([]);
  }); // prettier-ignore

  it('clears codes away that are done with', async () => {
    await s.sql(`UPDATE keys.authorization_code SET expires_at = now() - interval '1 day'`);
    await agree(newPkce());
    const rows = await s.sql('SELECT id FROM keys.authorization_code WHERE organization_id = $1', [organization]);
    expect(rows).toHaveLength(1);
  });
});

describe('an installation whose operator allows apps without a challenge', () => {
  let open_: SignInStage;
  beforeAll(async () => void (open_ = await startSignInStage({ oauthWithoutChallenge: true })), 60_000);
  afterAll(() => open_?.stop(), 30_000);

  it('gives them a key for the code alone, and refuses a verifier or a method that nobody announced', async () => {
    const person = await open_.person({ organizations: [randomUUID()] });
    const { token } = await open_.signIn(person.email);
    const page = await open_.send('GET', authPath({ callback_url: 'http://localhost:3000/' }), {
      headers: { cookie: `tollgate_session=${token}` },
    });
    const answer = await post(open_, { ...formOf(page.text, '/auth'), decision: 'agree' }, { token });
    const code = leadsTo(answer)!.searchParams.get('code');
    const send = (body: object) => open_.send('POST', '/api/v1/auth/keys', { body });
    expect((await send({ code, code_verifier: newPkce().verifier })).status).toBe(403);
    expect((await send({ code, code_challenge_method: 'plain' })).status).toBe(400);
    expect((await send({ code })).status).toBe(200);
    // A challenge that is there counts there too.
    const bad = await open_.send('GET', authPath({ callback_url: 'http://localhost:3000/', code_challenge: '' }));
    expect(bad.status).toBe(400);
  });
});
