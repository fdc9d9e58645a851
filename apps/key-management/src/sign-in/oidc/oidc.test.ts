import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { SESSION_DIRECTORY, type SessionDirectory } from '@tollgate/auth';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { ServiceDatabase } from '@tollgate/postgres';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { Sessions } from '../sessions.js';
import { startTestProvider, type TestProvider } from './test-provider.js';

const PUBLIC = 'http://127.0.0.1:8080';
const CALLBACK = `${PUBLIC}/v1/sessions/oidc/callback`;
let stage: KeyManagementStage;
let idp: TestProvider;
beforeAll(async () => {
  idp = await startTestProvider(CALLBACK);
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(async () => {
  await stage?.stop();
  await idp?.stop();
}, 30_000);
afterEach(() => {
  idp.intercept = null;
  idp.ignoresReauthentication = false;
  idp.authenticatedSecondsAgo = 0;
  idp.changeClaims = null;
  idp.forgesSignature = false;
});

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
interface Asked {
  readonly body?: object;
  readonly headers?: Record<string, string>;
  /** The client's address. */
  readonly from?: string;
}
async function call(method: Method, url: string, { body, headers = {}, from = '127.0.0.1' }: Asked = {}) {
  const reply = await stage.app.inject({
    method,
    url,
    remoteAddress: from,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  });
  return reply;
}
const asAdmin = async (method: Method, url: string, body?: object) => {
  const reply = await call(method, url, { headers: { authorization: `Bearer ${ADMIN}` }, ...(body && { body }) });
  return { status: reply.statusCode, body: reply.json() };
};

let browsers = 0;
/** A browser: it keeps cookies, follows to the provider, and brings its answers back. */
class Browser {
  readonly cookies = new Map<string, string>();
  /** Everybody has an address of their own, so that sign-ins of one test do not limit another. */
  readonly from = `198.51.${(browsers += 1) >> 8}.${browsers & 255}`;

  async get(url: string, headers: Record<string, string> = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await call('GET', url, {
      headers: { ...headers, ...(cookie !== '' && { cookie }) },
      from: this.from,
    });
    for (const { name, value, maxAge } of reply.cookies as { name: string; value: string; maxAge?: number }[]) {
      if (maxAge === 0) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return reply;
  }

  /** Begins a sign-in; the URL of the provider. */
  async start(query: string): Promise<string> {
    const reply = await this.get(`/v1/sessions/oidc/start?${query}`);
    if (reply.statusCode !== 302) throw new Error(`${reply.statusCode} ${reply.body}`);
    return String(reply.headers.location);
  }

  /** Comes back from the provider. */
  async finish(answer: URL, headers: Record<string, string> = {}) {
    return this.get(answer.pathname + answer.search, headers);
  }

  async signIn(organizationId: string, provider: TestProvider = idp) {
    return this.finish(await provider.walk(await this.start(`organization_id=${organizationId}`)));
  }
}

const settingsOf = (provider: TestProvider) => ({
  issuer: provider.issuer,
  client_id: provider.clientId,
  client_secret: provider.clientSecret,
});

/** An organisation with a provider. */
async function organization(provider: TestProvider = idp): Promise<string> {
  const { id } = (await asAdmin('POST', '/v1/organizations', { name: 'Acme' })).body as { id: string };
  const set = await asAdmin('PUT', `/v1/organizations/${id}/oidc`, settingsOf(provider));
  expect(set.status).toBe(200);
  return id;
}

/** A person who is a member, with an address of their own. */
async function member(organizationId: string, role = 'member', email = `${randomUUID()}@example.com`) {
  const [{ id }] = await stage.database.dataSource.query<[{ id: string }]>(
    `INSERT INTO keys.person (email) VALUES ($1) ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id`,
    [email],
  );
  await stage.database.dataSource.query(
    `INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, $4)`,
    [organizationId, id, email, role],
  );
  return { id, email };
}

const account = (email: string, more: object = {}) => ({ sub: randomUUID(), email, email_verified: true, ...more });

const codeOf = (reply: { body: string }): string => (JSON.parse(reply.body) as { code: string }).code;

/** Everything that a sign-in could have left behind. */
async function traces(): Promise<unknown> {
  const count = (table: string) => `(SELECT count(*)::int FROM keys.${table}) AS ${table}`;
  const tables = ['session', 'oidc_identity', 'member', 'person'];
  return stage.database.dataSource.query(`SELECT ${tables.map(count).join(', ')}`);
}

async function sql<Row>(text: string, parameters: unknown[]): Promise<Row[]> {
  return stage.database.dataSource.query<Row[]>(text, parameters);
}

const roleOf = async (organizationId: string, email: string): Promise<string | undefined> =>
  (
    await sql<{ role: string }>(
      `SELECT m.role FROM keys.member AS m JOIN keys.person AS p ON p.id = m.person_id
       WHERE m.organization_id = $1 AND p.email = $2`,
      [organizationId, email],
    )
  )[0]?.role;

async function invite(organizationId: string, email: string, role = 'admin', expiresIn = '7 days') {
  await sql(
    `INSERT INTO keys.invitation (organization_id, id, email, role, token_digest, invited_by_kind, created_at, expires_at)
     VALUES ($1, gen_random_uuid(), $2, $3, sha256(convert_to($2, 'UTF8')), 'operator', now(), now() + $4::interval)`,
    [organizationId, email, role, expiresIn],
  );
}

async function proveDomain(organizationId: string, domain: string): Promise<void> {
  await sql(
    `INSERT INTO keys.domain (organization_id, id, name, token, proven_at, created_at)
     VALUES ($1, gen_random_uuid(), $2, 't', now(), now())`,
    [organizationId, domain],
  );
}

/** The organisation in which a browser's session acts, where it asks about this one. */
async function actsIn(browser: Browser, organizationId: string | null) {
  const token = browser.cookies.get('tollgate_session') ?? '';
  const sessions = stage.app.get<SessionDirectory>(SESSION_DIRECTORY);
  return sessions.identify(token, organizationId, Date.now());
}

describe('a sign-in by the provider of an organisation', () => {
  it('opens a session that acts there alone, for a member whose address the provider vouches for', async () => {
    const [id, other] = [await organization(), await organization()];
    const { id: personId, email } = await member(id, 'admin');
    await member(other, 'owner', email);
    idp.signsIn(account(email));
    const browser = new Browser();
    const url = new URL(await browser.start(`organization_id=${id}&return_to=/keys%3Fpage=2`));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      redirect_uri: CALLBACK,
      response_type: 'code',
      code_challenge_method: 'S256',
      scope: 'openid email profile',
    });
    const reply = await browser.finish(await idp.walk(url.href));
    expect([reply.statusCode, reply.headers.location]).toEqual([303, '/keys?page=2']);
    expect([...browser.cookies.keys()]).toEqual(['tollgate_session']);
    expect(await actsIn(browser, id)).toMatchObject({ personId, organizationId: id, role: 'admin' });
    expect(await actsIn(browser, null)).toMatchObject({ personId, organizationId: id });
    expect(await actsIn(browser, other)).toMatchObject({ personId, organizationId: null, role: null });
    const audited = await sql<{ action: string; actor: string }>(
      `SELECT action, actor FROM keys.audit_entry WHERE organization_id = $1 ORDER BY seq`,
      [id],
    );
    expect(audited.slice(-2)).toMatchObject([
      { action: 'session.created', actor: personId },
      { action: 'oidc_identity.linked', actor: personId },
    ]);
  });

  it('finds the person by issuer and subject from then on, whatever address the provider tells', async () => {
    const id = await organization();
    const { id: personId, email } = await member(id);
    const { email: another } = await member(id, 'owner');
    const someone = account(email);
    idp.signsIn(someone);
    await new Browser().signIn(id);
    for (const told of [{ email: another }, { email: another, email_verified: false }, { email: undefined }]) {
      idp.signsIn({ ...someone, ...told });
      const browser = new Browser();
      expect((await browser.signIn(id)).statusCode).toBe(303);
      expect(await actsIn(browser, id)).toMatchObject({ personId, role: 'member' });
    }
  });

  it('learns the address at the UserInfo endpoint where the ID token has none', async () => {
    const strict = await startTestProvider(CALLBACK, { idTokenHasAddress: false });
    try {
      const id = await organization(strict);
      const { email } = await member(id);
      strict.signsIn(account(email));
      expect((await new Browser().signIn(id, strict)).statusCode).toBe(303);
      expect(strict.asked.get('/me')).toBe(1);
    } finally {
      await strict.stop();
    }
  });

  it.each([
    ['false', { email_verified: false }],
    ['absent', { email_verified: undefined }],
    ['the text "true"', { email_verified: 'true' }],
    ['the number 1', { email_verified: 1 }],
    ['true of no address', { email: undefined }],
    ['true of a text that is no address', { email: '"a@evil.example b"@example.com' }],
    ['true of a list', { email: ['owner@example.com'] }],
  ])('links nobody where email_verified is %s', async (_what, claims) => {
    const id = await organization();
    const { email } = await member(id, 'owner');
    const before = await traces();
    idp.signsIn({ ...account(email), ...claims });
    const reply = await new Browser().signIn(id);
    expect([reply.statusCode, codeOf(reply)]).toEqual([403, 'oidc_refused']);
    expect(await traces()).toEqual(before);
  });

  it('never gives the account of one subject to another one with the same address', async () => {
    const id = await organization();
    const { email } = await member(id, 'owner');
    idp.signsIn(account(email));
    expect((await new Browser().signIn(id)).statusCode).toBe(303);
    const before = await traces();
    idp.signsIn(account(email));
    const reply = await new Browser().signIn(id);
    expect([reply.statusCode, codeOf(reply)]).toEqual([403, 'oidc_refused']);
    expect(await traces()).toEqual(before);
  });

  it('takes a subject of another issuer for somebody else', async () => {
    const second = await startTestProvider(CALLBACK);
    try {
      const id = await organization();
      const { email } = await member(id, 'owner');
      const someone = account(email);
      idp.signsIn(someone);
      await new Browser().signIn(id);
      await asAdmin('PUT', `/v1/organizations/${id}/oidc`, settingsOf(second));
      second.signsIn({ ...someone, email: `${randomUUID()}@example.com` });
      const reply = await new Browser().signIn(id, second);
      expect([reply.statusCode, codeOf(reply)]).toEqual([403, 'oidc_refused']);
    } finally {
      await second.stop();
    }
  });

  it('lets no provider speak for the people of another organisation', async () => {
    const [victim, attacker] = [await organization(), await organization()];
    const { email } = await member(victim, 'owner');
    const before = await traces();
    idp.signsIn(account(email));
    const reply = await new Browser().signIn(attacker);
    expect([reply.statusCode, codeOf(reply)]).toEqual([403, 'oidc_refused']);
    expect(await traces()).toEqual(before);
    const refusals = await sql(
      `SELECT organization_id, action FROM keys.audit_entry WHERE action = 'session.refused' AND organization_id IN ($1, $2)`,
      [victim, attacker],
    );
    expect(refusals).toEqual([{ organization_id: attacker, action: 'session.refused' }]);
    // Whoever invites an address has no say over its account.
    await invite(attacker, email, 'viewer');
    const invited = await new Browser().signIn(attacker);
    expect([invited.statusCode, codeOf(invited)]).toEqual([403, 'oidc_refused']);
    expect(await sql('SELECT id FROM keys.invitation WHERE organization_id = $1', [attacker])).toHaveLength(1);
    await member(attacker, 'viewer', email);
    const browser = new Browser();
    expect((await browser.signIn(attacker)).statusCode).toBe(303);
    expect(await actsIn(browser, victim)).toMatchObject({ organizationId: null, role: null });
    expect(await actsIn(browser, attacker)).toMatchObject({ organizationId: attacker, role: 'viewer' });
  });

  it('accepts an open invitation to the address, and makes the person if there is none', async () => {
    const id = await organization();
    const email = `${randomUUID()}@example.com`;
    await invite(id, email, 'admin');
    idp.signsIn(account(email.toUpperCase(), { name: 'Ann\n\u202e<b>' }));
    expect((await new Browser().signIn(id)).statusCode).toBe(303);
    expect(await roleOf(id, email)).toBe('admin');
    expect(await sql('SELECT id FROM keys.invitation WHERE email = $1', [email])).toEqual([]);
    const made = await sql('SELECT name, password_hash, email_confirmed_at FROM keys.person WHERE email = $1', [email]);
    expect(made).toEqual([{ name: 'Ann <b>', password_hash: null, email_confirmed_at: null }]);
  });

  it('accepts no invitation that has expired', async () => {
    const id = await organization();
    const email = `${randomUUID()}@example.com`;
    await invite(id, email, 'admin', '-1 second');
    idp.signsIn(account(email));
    expect((await new Browser().signIn(id)).statusCode).toBe(403);
  });

  it('makes people of a proven domain viewers, and nobody of a domain below it or beside it', async () => {
    const id = await organization();
    const domain = `${randomUUID()}.example`;
    await proveDomain(id, domain);
    for (const stranger of [`a@sub.${domain}`, `a@x${domain}`, `a@${domain}.evil.example`]) {
      idp.signsIn(account(stranger));
      expect((await new Browser().signIn(id)).statusCode).toBe(403);
    }
    idp.signsIn(account(`a@${domain}`));
    const browser = new Browser();
    const url = await browser.start(`email=a@${domain}`);
    expect(new URL(url).searchParams.get('login_hint')).toBe(`a@${domain}`);
    expect((await browser.finish(await idp.walk(url))).statusCode).toBe(303);
    expect(await roleOf(id, `a@${domain}`)).toBe('viewer');
  });

  it('does not let a removed member back in by the domain, but by an invitation', async () => {
    const id = await organization();
    const domain = `${randomUUID()}.example`;
    await proveDomain(id, domain);
    const someone = account(`a@${domain}`);
    idp.signsIn(someone);
    await new Browser().signIn(id);
    await sql('DELETE FROM keys.member WHERE organization_id = $1', [id]);
    expect((await new Browser().signIn(id)).statusCode).toBe(403);
    await invite(id, `a@${domain}`, 'member');
    expect((await new Browser().signIn(id)).statusCode).toBe(303);
    expect(await roleOf(id, `a@${domain}`)).toBe('member');
  });

  it('joins no account that somebody else may have made for the address beforehand', async () => {
    const id = await organization();
    const domain = `${randomUUID()}.example`;
    await proveDomain(id, domain);
    await sql(`INSERT INTO keys.person (email, password_hash) VALUES ($1, 'hash')`, [`a@${domain}`]);
    idp.signsIn(account(`a@${domain}`));
    expect((await new Browser().signIn(id)).statusCode).toBe(403);
    await sql('UPDATE keys.person SET email_confirmed_at = now() WHERE email = $1', [`a@${domain}`]);
    expect((await new Browser().signIn(id)).statusCode).toBe(303);
  });
});

describe('the callback of a provider', () => {
  /** An answer of the provider that has not been brought back yet, with the browser that may. */
  async function answered(): Promise<{ browser: Browser; answer: URL; id: string }> {
    const id = await organization();
    const { email } = await member(id);
    idp.signsIn(account(email));
    const browser = new Browser();
    return { id, browser, answer: await idp.walk(await browser.start(`organization_id=${id}`)) };
  }

  it('counts once', async () => {
    const { browser, answer } = await answered();
    const cookies = new Map(browser.cookies);
    expect((await browser.finish(answer)).statusCode).toBe(303);
    for (const [name, value] of cookies) browser.cookies.set(name, value);
    const again = await browser.finish(answer);
    expect([again.statusCode, codeOf(again)]).toEqual([400, 'oidc_attempt_invalid']);
  });

  it('of two at once counts for one', async () => {
    const { browser, answer } = await answered();
    const replies = await Promise.all([browser.finish(answer), browser.finish(answer)]);
    expect(replies.map(({ statusCode }) => statusCode).sort()).toEqual([303, 400]);
  });

  it('counts in the browser that began, and in no other', async () => {
    const { browser, answer } = await answered();
    const other = new Browser();
    await other.start(`organization_id=${await organization()}`);
    const before = await traces();
    for (const each of [new Browser(), other]) {
      const reply = await each.finish(answer);
      expect([reply.statusCode, codeOf(reply)]).toEqual([400, 'oidc_attempt_invalid']);
    }
    expect(await traces()).toEqual(before);
    expect((await browser.finish(answer)).statusCode).toBe(303);
  });

  it('counts for 10 minutes', async () => {
    const { id, browser, answer } = await answered();
    await sql(`UPDATE keys.oidc_attempt SET expires_at = now() WHERE organization_id = $1`, [id]);
    expect((await browser.finish(answer)).statusCode).toBe(400);
  });

  it('does not count once the provider of the organisation is another one', async () => {
    const { id, browser, answer } = await answered();
    await asAdmin('PUT', `/v1/organizations/${id}/oidc`, { ...settingsOf(idp), client_id: 'another' });
    expect((await browser.finish(answer)).statusCode).toBe(400);
  });

  it('works in two tabs at once, in any order', async () => {
    const id = await organization();
    const { email } = await member(id);
    idp.signsIn(account(email));
    const browser = new Browser();
    const urls = [await browser.start(`organization_id=${id}`), await browser.start(`organization_id=${id}`)];
    for (const url of urls.reverse()) expect((await browser.finish(await idp.walk(url))).statusCode).toBe(303);
  });

  it('keeps at most eight sign-ins of a browser open', async () => {
    const id = await organization();
    const browser = new Browser();
    for (let n = 0; n < 12; n += 1) await browser.start(`organization_id=${id}`);
    expect(browser.cookies.size).toBe(8);
  });

  it.each<[string, (answer: URL, id: string) => void, number]>([
    ['no state', ({ searchParams }) => searchParams.delete('state'), 400],
    ['an empty state', ({ searchParams }) => searchParams.set('state', ''), 400],
    ['a state twice', ({ searchParams }) => searchParams.append('state', searchParams.get('state') ?? ''), 400],
    ['a state of nobody', ({ searchParams }, id) => searchParams.set('state', `${id}.${'A'.repeat(43)}`), 400],
    ['a state that names no organisation', ({ searchParams }) => searchParams.set('state', 'x'.repeat(44)), 400],
    ['a state with a null character', ({ searchParams }) => searchParams.set('state', 'a\u0000b'), 400],
    ['no code', ({ searchParams }) => searchParams.delete('code'), 403],
    ['another code', ({ searchParams }) => searchParams.set('code', 'other'), 403],
    ['a code twice', ({ searchParams }) => searchParams.append('code', 'other'), 400],
    ['another issuer', ({ searchParams }) => searchParams.set('iss', 'https://evil.example'), 403],
    ['no issuer', ({ searchParams }) => searchParams.delete('iss'), 403],
    ['a code of 10,000 characters', ({ searchParams }) => searchParams.set('code', 'x'.repeat(10_000)), 400],
  ])('with %s opens nothing', async (_what, change, status) => {
    const { id, browser, answer } = await answered();
    const before = await traces();
    change(answer, id);
    const reply = await browser.finish(answer);
    expect(reply.statusCode).toBe(status);
    expect(browser.cookies.has('tollgate_session')).toBe(false);
    expect(await traces()).toEqual(before);
  });

  it('shows nobody what an error says', async () => {
    const { browser, answer } = await answered();
    const script = '<script>alert(1)</script>';
    for (const name of ['code', 'iss']) answer.searchParams.delete(name);
    answer.searchParams.set('error', script);
    answer.searchParams.set('error_description', script);
    for (const accept of ['text/html', 'application/json']) {
      const reply = await browser.finish(answer, { accept });
      expect(reply.statusCode).toBeGreaterThanOrEqual(400);
      expect(reply.body).not.toContain('script>alert');
      expect(reply.body).not.toContain('alert(1)');
    }
  });

  it('is on the public origin, whatever host a request names', async () => {
    const id = await organization();
    const { email } = await member(id);
    idp.signsIn(account(email));
    const forged = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example;proto=https',
    };
    const browser = new Browser();
    const begun = await browser.get(`/v1/sessions/oidc/start?organization_id=${id}`, forged);
    const url = new URL(String(begun.headers.location));
    expect(url.searchParams.get('redirect_uri')).toBe(CALLBACK);
    const reply = await browser.finish(await idp.walk(url.href), forged);
    expect([reply.statusCode, reply.headers.location]).toEqual([303, '/']);
  });

  it.each<[string, (claims: Record<string, unknown>) => void]>([
    ['another nonce', (claims) => void (claims['nonce'] = 'other')],
    ['no nonce', (claims) => void delete claims['nonce']],
    ['another issuer', (claims) => void (claims['iss'] = 'https://evil.example')],
    ['another client as audience', (claims) => void (claims['aud'] = 'other')],
    ['an end in the past', (claims) => void (claims['exp'] = 1)],
    ['no subject', (claims) => void delete claims['sub']],
    ['a subject of 300 characters', (claims) => void (claims['sub'] = 'x'.repeat(300))],
  ])('refuses an ID token with %s', async (_what, change) => {
    const { browser, answer } = await answered();
    const before = await traces();
    idp.changeClaims = change;
    const reply = await browser.finish(answer);
    expect([reply.statusCode, codeOf(reply)]).toEqual([403, 'oidc_refused']);
    expect(await traces()).toEqual(before);
  });

  it('refuses an ID token that the provider has not signed', async () => {
    const { browser, answer } = await answered();
    idp.forgesSignature = true;
    expect((await browser.finish(answer)).statusCode).toBe(403);
  });
});

describe('a start', () => {
  it.each([
    ['neither organisation nor address', '', 400],
    ['both', 'organization_id=default&email=a@example.com', 400],
    ['an unknown organisation', `organization_id=${randomUUID()}`, 404],
    ['an organisation without a provider', 'organization_id=default', 404],
    ['no organisation id', 'organization_id=%27%20OR%201=1', 400],
    ['an address of a domain that nobody has proven', 'email=a@unproven.example', 404],
    ['no address', 'email=a', 400],
    ['an unknown field', 'organization_id=default&redirect_uri=https://evil.example', 400],
    ['a step-up without a session', 'step_up=1', 404],
  ])('with %s goes nowhere', async (_what, query, status) => {
    const reply = await new Browser().get(`/v1/sessions/oidc/start?${query}`);
    expect(reply.statusCode).toBe(status);
    expect(reply.cookies).toEqual([]);
  });

  it.each(['//evil.example', 'https://evil.example', '/\\evil.example', '/%09/evil.example', 'javascript:alert(1)'])(
    'returns to no other origin: %s',
    async (path) => {
      const id = await organization();
      const reply = await new Browser().get(`/v1/sessions/oidc/start?organization_id=${id}&return_to=${path}`);
      expect(reply.statusCode).toBe(400);
    },
  );
});

describe('a provider that is out of order', () => {
  const json = (response: ServerResponse, body: object): void => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body));
  };
  const troubles: [string, (response: ServerResponse) => void][] = [
    ['fails', (response) => void response.writeHead(500).end('{}')],
    ['breaks off', (response) => void response.destroy()],
    ['answers a redirect', (response) => void response.writeHead(302, { location: '/x' }).end()],
    ['says too much', (response) => json(response, { issuer: 'x'.repeat(400_000) })],
    ['does not come to an end', (response) => void response.write('{')],
    ['is another one', (response) => json(response, { issuer: 'https://evil.example' })],
    [
      'sends people to a script',
      (response) => json(response, { issuer: idp.issuer, authorization_endpoint: 'javascript:alert(1)' }),
    ],
    [
      'sends people to another host by http',
      (response) => json(response, { issuer: idp.issuer, authorization_endpoint: 'http://evil.example/' }),
    ],
  ];

  it.each(troubles)('at discovery %s: 503, and nothing is begun', async (_what, answer) => {
    const id = await organization();
    idp.intercept = (_request, response) => {
      answer(response);
      return true;
    };
    const reply = await new Browser().get(`/v1/sessions/oidc/start?organization_id=${id}`);
    expect([reply.statusCode, codeOf(reply)]).toEqual([503, 'oidc_unavailable']);
    expect(reply.headers['retry-after']).toBeDefined();
    expect(reply.cookies).toEqual([]);
    expect(await sql('SELECT 1 FROM keys.oidc_attempt WHERE organization_id = $1', [id])).toEqual([]);
    idp.intercept = null;
    await new Browser().start(`organization_id=${id}`);
  });

  it('at the token endpoint: 503, and nothing is changed', async () => {
    const id = await organization();
    const { email } = await member(id);
    idp.signsIn(account(email));
    const browser = new Browser();
    const answer = await idp.walk(await browser.start(`organization_id=${id}`));
    const before = await traces();
    idp.intercept = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    const reply = await browser.finish(answer);
    expect([reply.statusCode, codeOf(reply)]).toEqual([503, 'oidc_unavailable']);
    expect(await traces()).toEqual(before);
  });

  it('is asked once for its addresses, however many sign-ins begin', async () => {
    const id = await organization();
    idp.asked.clear();
    await Promise.all(Array.from({ length: 5 }, () => new Browser().start(`organization_id=${id}`)));
    expect(idp.asked.get('/.well-known/openid-configuration')).toBe(1);
  });
});

describe('the provider of an organisation', () => {
  const url = (id: string) => `/v1/organizations/${id}/oidc`;

  it('is set, shown without its secret, changed and taken away', async () => {
    const { id } = (await asAdmin('POST', '/v1/organizations', { name: 'Acme' })).body as { id: string };
    expect(await asAdmin('GET', url(id))).toMatchObject({ status: 404, body: { code: 'oidc_not_configured' } });
    const set = await asAdmin('PUT', url(id), settingsOf(idp));
    const shown = { object: 'oidc_provider', issuer: idp.issuer, client_secret_set: true, required: false };
    expect(set).toMatchObject({ status: 200, body: { ...shown, redirect_uri: CALLBACK, proven_at: null } });
    expect(await asAdmin('GET', url(id))).toEqual(set);
    const { client_secret: secret, ...kept } = settingsOf(idp);
    expect((await asAdmin('PUT', url(id), kept)).status).toBe(200);
    expect(await asAdmin('PUT', url(id), { ...kept, client_id: 'other' })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'client_secret' }] },
    });
    const rows = await sql<{ text: string }>(
      `SELECT p::text AS text FROM keys.oidc_provider AS p UNION ALL SELECT e::text FROM keys.audit_entry AS e`,
      [],
    );
    for (const { text } of rows) expect(text).not.toContain(secret);
    expect(JSON.stringify(set)).not.toContain(secret);
    expect(await asAdmin('DELETE', url(id))).toMatchObject({ status: 200, body: { deleted: true } });
    expect((await asAdmin('DELETE', url(id))).status).toBe(404);
  });

  it.each<[string, object]>([
    ['issuer', { issuer: 'http://idp.example' }],
    ['issuer', { issuer: 'https://idp.example/?x' }],
    ['issuer', { issuer: 'https://a\u0000.example' }],
    ['client_id', { client_id: '' }],
    ['client_id', { client_id: 'é' }],
    ['client_secret', { client_secret: 'x'.repeat(1_001) }],
    ['required', { required: 'true' }],
    ['scope', { scope: 'openid' }],
  ])('is not set with a faulty %s: %j', async (path, change) => {
    const id = await organization();
    expect(await asAdmin('PUT', url(id), { ...settingsOf(idp), ...change })).toMatchObject({
      status: 400,
      body: { errors: [{ path }] },
    });
  });

  it('ends with the sessions that it has vouched for', async () => {
    const id = await organization();
    const { email } = await member(id);
    idp.signsIn(account(email));
    for (const end of [
      () => asAdmin('PUT', url(id), { ...settingsOf(idp), client_id: 'another' }),
      () => asAdmin('DELETE', url(id)),
    ]) {
      await asAdmin('PUT', url(id), settingsOf(idp));
      await sql('DELETE FROM keys.oidc_identity WHERE organization_id = $1', [id]);
      const browser = new Browser();
      await browser.signIn(id);
      expect(await actsIn(browser, id)).toMatchObject({ role: 'member' });
      expect((await end()).status).toBe(200);
      expect(await actsIn(browser, id)).toBeNull();
    }
  });

  it('is demanded only after an owner has signed in by it', async () => {
    const id = await organization();
    const demand = () => asAdmin('PUT', url(id), { ...settingsOf(idp), required: true });
    expect(await demand()).toMatchObject({ status: 409, body: { code: 'conflict' } });
    idp.signsIn(account((await member(id, 'admin')).email));
    await new Browser().signIn(id);
    expect((await demand()).status).toBe(409);
    idp.signsIn(account((await member(id, 'owner')).email));
    await new Browser().signIn(id);
    expect(await demand()).toMatchObject({ status: 200, body: { required: true } });
    const other = { ...settingsOf(idp), client_id: 'another', required: true };
    expect((await asAdmin('PUT', url(id), other)).status).toBe(409);
    expect((await asAdmin('PUT', url(id), { ...settingsOf(idp), required: false })).status).toBe(200);
  });

  it('lets in no session that began in another way, where it is demanded', async () => {
    const [id, other] = [await organization(), await organization()];
    const { id: personId, email } = await member(id, 'owner');
    await member(other, 'owner', email);
    idp.signsIn(account(email));
    const byProvider = new Browser();
    await byProvider.signIn(id);
    const byPassword = new Browser();
    byPassword.cookies.set('tollgate_session', await sessionOf(personId));
    expect(await actsIn(byPassword, id)).toMatchObject({ organizationId: id, role: 'owner' });
    await asAdmin('PUT', url(id), { ...settingsOf(idp), required: true });
    expect(await actsIn(byPassword, id)).toMatchObject({ organizationId: null, role: null, oidcRequired: true });
    expect(await actsIn(byPassword, other)).toMatchObject({ organizationId: other, role: 'owner' });
    expect(await actsIn(byProvider, id)).toMatchObject({ organizationId: id, role: 'owner' });
    for (const [method, path, headers] of [
      ['GET', `/v1/organizations/${id}`, {}],
      ['GET', '/v1/members', { 'x-organization-id': id }],
      ['GET', '/v1/api-keys', { 'x-organization-id': id }],
    ] as const) {
      const refused = await byPassword.get(path, headers);
      expect([method, refused.statusCode, codeOf(refused)]).toEqual([method, 403, 'oidc_required']);
      expect((await byProvider.get(path, headers)).statusCode).toBe(200);
    }
    await asAdmin('PUT', url(id), settingsOf(idp));
    expect(await actsIn(byPassword, id)).toMatchObject({ role: 'owner' });
  });
});

/** A session of a person that began by password. */
async function sessionOf(personId: string): Promise<string> {
  const database = new ServiceDatabase(stage.database.dataSource, 'keys');
  const begun = { personId, method: 'password', lastOrganizationId: null, address: null, client: null } as const;
  const { token } = await database.outsideOrganizations((manager) =>
    stage.app.get(Sessions).open(manager, begun, new Date()),
  );
  return token;
}

describe("a session by an organisation's provider", () => {
  it('neither sees nor ends what the person has elsewhere', async () => {
    const [id, other] = [await organization(), await organization()];
    const { id: personId, email } = await member(id, 'viewer');
    await member(other, 'owner', email);
    const elsewhere = new Browser();
    elsewhere.cookies.set('tollgate_session', await sessionOf(personId));
    idp.signsIn(account(email));
    const browser = new Browser();
    await browser.signIn(id);
    const me = JSON.parse((await browser.get('/v1/me')).body);
    expect(me.person.organizations.map((each: { id: string }) => each.id)).toEqual([id]);
    const organizations = JSON.parse((await browser.get('/v1/organizations')).body);
    expect(organizations.data.map((each: { id: string }) => each.id)).toEqual([id]);
    const sessions = JSON.parse((await browser.get('/v1/sessions')).body);
    expect(sessions.data).toHaveLength(1);
    const { id: target } = JSON.parse((await elsewhere.get('/v1/sessions')).body).data.find(
      (each: { current: boolean }) => each.current,
    );
    const ended = await call('DELETE', `/v1/sessions/${target}`, {
      headers: {
        cookie: `tollgate_session=${browser.cookies.get('tollgate_session')}`,
        origin: PUBLIC,
        'x-csrf-token': me.csrf_token,
      },
    });
    expect([ended.statusCode, codeOf(ended)]).toEqual([404, 'session_not_found']);
    expect(await actsIn(elsewhere, other)).toMatchObject({ role: 'owner' });
  });

  it('takes the place of the one that the browser had before', async () => {
    const id = await organization();
    const { id: personId, email } = await member(id);
    const [browser, former] = [new Browser(), new Browser()];
    const token = await sessionOf(personId);
    for (const each of [browser, former]) each.cookies.set('tollgate_session', token);
    idp.signsIn(account(email));
    await browser.signIn(id);
    expect(await actsIn(browser, id)).toMatchObject({ personId });
    expect(await actsIn(former, id)).toBeNull();
  });
});

describe('a step-up at the provider', () => {
  /** A browser of somebody who is signed in, with the moment at which they proved who they are. */
  async function signedIn() {
    const id = await organization();
    const { email } = await member(id, 'owner');
    const someone = account(email);
    idp.signsIn(someone);
    const browser = new Browser();
    await browser.signIn(id);
    return { id, browser, someone };
  }
  const provenAt = async (browser: Browser): Promise<number | undefined> => (await actsIn(browser, null))?.provenAtMs;

  it('asks for a new sign-in, and gives the session another cookie', async () => {
    const { browser, id } = await signedIn();
    const former = new Browser();
    former.cookies.set('tollgate_session', browser.cookies.get('tollgate_session') ?? '');
    // Who was signed in at the provider already has proven nothing.
    expect(await provenAt(browser)).toBe(0);
    const url = new URL(await browser.start('step_up=1&return_to=/members'));
    expect([url.searchParams.get('max_age'), url.searchParams.get('prompt')]).toEqual(['0', 'login']);
    const begun = Date.now();
    const reply = await browser.finish(await idp.walk(url.href));
    expect([reply.statusCode, reply.headers.location]).toEqual([303, '/members']);
    expect(await provenAt(browser)).toBeGreaterThan(begun - 2_000);
    expect(await actsIn(browser, id)).toMatchObject({ role: 'owner' });
    expect(await actsIn(former, id)).toBeNull();
  });

  it.each<[string, () => void]>([
    ['lets its session run on', () => void (idp.ignoresReauthentication = true)],
    ['says that it was long ago', () => void (idp.authenticatedSecondsAgo = 601)],
    ['does not say when', () => void (idp.changeClaims = (claims) => void delete claims['auth_time'])],
    ['says it as text', () => void (idp.changeClaims = (claims) => void (claims['auth_time'] = `${Date.now()}`))],
    [
      'says tomorrow',
      () => void (idp.changeClaims = (claims) => void (claims['auth_time'] = Date.now() / 1_000 + 86_400)),
    ],
    ['lets somebody else sign in', () => idp.signsIn(account(`${randomUUID()}@example.com`))],
  ])('is refused where the provider %s', async (_what, trouble) => {
    const { browser } = await signedIn();
    const token = browser.cookies.get('tollgate_session');
    trouble();
    const reply = await browser.finish(await idp.walk(await browser.start('step_up=1')));
    expect([reply.statusCode, codeOf(reply)]).toEqual([403, 'oidc_refused']);
    expect(browser.cookies.get('tollgate_session')).toBe(token);
    expect(await provenAt(browser)).toBe(0);
  });

  it('proves no session but the one that asked for it', async () => {
    const { browser, id } = await signedIn();
    const answer = await idp.walk(await browser.start('step_up=1'));
    const second = new Browser();
    await second.signIn(id);
    browser.cookies.set('tollgate_session', second.cookies.get('tollgate_session') ?? '');
    const reply = await browser.finish(answer);
    expect([reply.statusCode, codeOf(reply)]).toEqual([400, 'oidc_attempt_invalid']);
    expect(await provenAt(second)).toBe(0);
  });

  it('is not begun by a session of another kind', async () => {
    const browser = new Browser();
    browser.cookies.set('tollgate_session', await sessionOf((await member(await organization())).id));
    expect((await browser.get('/v1/sessions/oidc/start?step_up=1')).statusCode).toBe(404);
  });
});
