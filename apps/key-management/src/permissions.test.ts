import { randomUUID } from 'node:crypto';
import {
  decidePermission,
  PERMISSIONS,
  ROLES,
  STEP_UP_MS,
  type AdminOperation,
  type Permission,
  type PermissionDecision,
  type Principal,
  type Role,
} from '@tollgate/access';
import { SCOPES, type Scope } from '@tollgate/api-key';
import { ADMIN_API_DEFAULT, csrfTokenOf, sessionCookieName } from '@tollgate/auth';
import { ERRORS } from '@tollgate/errors';
import { FailureLimits } from '@tollgate/http';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { readDocument } from '@tollgate/openapi';
import { ServiceDatabase } from '@tollgate/postgres';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from './key-management-stage.js';
import { PersonStore } from './people/person-store.js';
import { Sessions } from './sign-in/sessions.js';

const ORIGIN = ADMIN_API_DEFAULT.publicUrl;
const COOKIE = sessionCookieName(ORIGIN);
/** Stands in names of the first organisation and of what it has: no other may see it. */
const CANARY = 'canary of the first organisation';
const DAY = 86_400_000;
const JSON_TYPE = /^application\/(?:problem\+)?json(?:;|$)/;

/** One operation of the document: new ones come into the tests by themselves. */
const operations = Object.entries(readDocument('key-management').paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, { operationId }]) => ({
    path,
    method: method.toUpperCase() as 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    operation: operationId as AdminOperation,
  })),
);
const permissionOf = (operation: AdminOperation): Permission => PERMISSIONS[operation];

let stage: KeyManagementStage;
let first: string;
let second: string;
const keys = new Map<string, string>();
let addresses = 0;

/** What a caller sends, and who they are by the table; null for nobody. */
interface Caller {
  readonly name: string;
  readonly headers: () => Promise<Record<string, string>> | Record<string, string>;
  readonly principal: Principal | null;
  /** Another tenant: what is asked about is not theirs. */
  readonly foreign?: true;
}

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const cookie = (token: string) => ({
  cookie: `${COOKIE}=${token}`,
  origin: ORIGIN,
  'x-csrf-token': csrfTokenOf(token),
});

async function send(method: string, path: string, headers: Record<string, string>, body?: string) {
  addresses += 1;
  const reply = await stage.app.inject({
    method: method as 'GET',
    url: path,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    // Each from an address of its own: what is refused here is no guessing.
    remoteAddress: `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`,
    ...(body !== undefined && { payload: body }),
  });
  const json = reply.body === '' || !JSON_TYPE.test(String(reply.headers['content-type'])) ? {} : reply.json<object>();
  return { status: reply.statusCode, body: reply.body, headers: reply.headers, json: json as Record<string, unknown> };
}
const asOperator = (method: string, path: string, body?: object, organizationId = first) =>
  send(method, path, { ...bearer(ADMIN), 'x-organization-id': organizationId }, body && JSON.stringify(body));

async function makeOrganization(name: string): Promise<string> {
  const made = await asOperator('POST', '/v1/organizations', { name }, 'default');
  expect(made.status, made.body).toBe(201);
  return made.json['id'] as string;
}

async function makeKey(name: string, scopes: readonly Scope[], organizationId: string, more: object = {}) {
  const made = await asOperator('POST', '/v1/api-keys', { name, scopes, ...more }, organizationId);
  expect(made.status, made.body).toBe(201);
  keys.set(name, made.json['secret'] as string);
  return made.json['id'] as string;
}

const people = new Map<string, string>();
async function personOf(name: string, organizationId: string | null, role: Role | null): Promise<string> {
  const known = people.get(name);
  if (known !== undefined) return known;
  const email = `${randomUUID()}@example.org`;
  const { person } = await stage.app
    .get(ServiceDatabase)
    .outsideOrganizations((manager) =>
      stage.app
        .get(PersonStore)
        .create(manager, { email, name, passwordHash: null, emailConfirmedAt: new Date(), createdAt: new Date() }),
    );
  if (organizationId !== null) {
    await stage.database.dataSource.query(
      `INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, $4)`,
      [organizationId, person.id, email, role],
    );
  }
  people.set(name, person.id);
  return person.id;
}

/** A new session for each call: some of the operations end it. */
async function session(personId: string, provenMs = Date.now()): Promise<string> {
  const { token } = await stage.app
    .get(ServiceDatabase)
    .outsideOrganizations((manager) =>
      stage.app
        .get(Sessions)
        .open(
          manager,
          { personId, method: 'password', lastOrganizationId: null, address: null, client: null },
          new Date(provenMs),
        ),
    );
  return token;
}

beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
  [first, second] = [await makeOrganization(CANARY), await makeOrganization('another')];
  for (const scope of SCOPES) await makeKey(scope, [scope], first);
  await makeKey('every scope', SCOPES, first);
  await makeKey(`key of another`, SCOPES, second);
  await makeKey('confined', ['admin'], first, { allowed_ips: ['192.0.2.0/24'] });
  await makeKey(CANARY, ['inference:write'], first);
  const revoked = await makeKey('revoked', ['admin'], first);
  expect((await asOperator('POST', `/v1/api-keys/${revoked}/revoke`)).status).toBeLessThan(300);
  const expired = await makeKey('expired', ['admin'], first, { expires_in_days: 1 });
  await stage.database.dataSource.query(`UPDATE keys.api_key SET expires_at = now() - interval '1 s' WHERE id = $1`, [
    expired,
  ]);
}, 120_000);
afterAll(() => stage?.stop(), 30_000);

const keyCaller = (name: string, scopes: readonly Scope[]): Caller => ({
  name: `a key: ${name}`,
  headers: () => bearer(keys.get(name)!),
  principal: { kind: 'api_key', apiKeyId: '', organizationId: '', scopes },
});
const memberCaller = (role: Role, provenAgoMs = 0): Caller => ({
  name: provenAgoMs === 0 ? `a session: ${role}` : `a session: ${role}, proven long ago`,
  headers: async () => cookie(await session(await personOf(role, first, role), Date.now() - provenAgoMs)),
  principal: personPrincipal(role, Date.now() - provenAgoMs),
});
function personPrincipal(role: Role | null, provenAtMs: number): Principal {
  const organizationId = role === null ? null : 'o';
  return { kind: 'person', personId: '', sessionId: '', organizationId, role, provenAtMs };
}

const callers: readonly Caller[] = [
  { name: 'nobody', headers: () => ({}), principal: null },
  { name: 'the admin secret', headers: () => bearer(ADMIN), principal: { kind: 'operator', organizationId: '' } },
  ...SCOPES.map((scope) => keyCaller(scope, [scope])),
  keyCaller('every scope', SCOPES),
  ...ROLES.map((role) => memberCaller(role)),
  ...ROLES.map((role) => memberCaller(role, STEP_UP_MS)),
  { ...keyCaller('key of another', SCOPES), foreign: true },
  {
    name: 'a session: owner of another',
    headers: async () => cookie(await session(await personOf('owner of another', second, 'owner'))),
    principal: personPrincipal('owner', Date.now()),
    foreign: true,
  },
  {
    name: 'a session: of no organisation',
    headers: async () => cookie(await session(await personOf('lonely', null, null))),
    principal: personPrincipal(null, Date.now()),
    foreign: true,
  },
];
/** Credentials that are nobody's. All are answered alike. */
const wrong: readonly Caller[] = [
  { name: 'a wrong bearer', headers: () => bearer('not-the-admin-secret'), principal: null },
  { name: 'an unknown key', headers: () => bearer(`sk-${'0'.repeat(44)}000000`), principal: null },
  { name: 'a revoked key', headers: () => bearer(keys.get('revoked')!), principal: null },
  { name: 'an expired key', headers: () => bearer(keys.get('expired')!), principal: null },
  { name: 'an unknown session', headers: () => cookie('A'.repeat(43)), principal: null },
  { name: 'a cookie that is no token', headers: () => cookie('A'), principal: null },
  {
    name: 'an expired session',
    headers: async () => cookie(await session(await personOf('owner', first, 'owner'), Date.now() - 8 * DAY)),
    principal: null,
  },
];

const CODES: Readonly<Record<Exclude<PermissionDecision, { kind: 'allowed' }>['reason'], string>> = {
  nobody: '401 missing_credential',
  operator_only: '403 access_denied',
  person_only: '403 access_denied',
  key_only: '403 access_denied',
  project_key_only: '403 access_denied',
  no_key: '403 access_denied',
  scope: '403 access_denied',
  role: '403 access_denied',
  no_organization: '404 organization_not_found',
  oidc_required: '403 oidc_required',
  step_up: '403 step_up_required',
};

/** What the table says about a caller at an operation. */
function expected({ principal, foreign }: Caller, permission: Permission): string {
  const named = permission.kind !== 'anyone' && permission.kind !== 'person';
  if (foreign === true && named) return '404 organization_not_found';
  const decision = decidePermission(principal, permission, Date.now());
  return decision.kind === 'allowed' ? 'allowed' : CODES[decision.reason];
}

/** Refusals of guards; whatever else a reply says, the guards let the request through. */
const REFUSALS = new Set([
  'missing_credential',
  'invalid_credential',
  'access_denied',
  'step_up_required',
  'ip_not_allowed',
  'invalid_csrf_token',
  'foreign_origin',
  'rate_limit_exceeded',
  'organization_not_found',
  'oidc_required',
]);

/** The code behind a refusal in the shape of another product, which has its status and a message alone. */
function codeOfCopied({ status, json }: { status: number; json: Record<string, unknown> }): string {
  const { message } = (json['error'] ?? json) as { message?: string };
  const ofStatus = Object.entries(ERRORS).filter(([, each]) => each.status === status);
  const [named] = ofStatus.find(([, each]) => each.message === message) ?? [];
  // Where a message says more it is about what the credential lacks.
  return named ?? (status === 403 ? 'access_denied' : '');
}

/** Asks for an operation in a way that changes nothing: its body is broken, what it names is not there. */
async function ask({ method, path }: (typeof operations)[number], headers: Record<string, string>): Promise<string> {
  const url = path
    .replace(/^\/v1\/organizations\/\{\w+\}/, `/v1/organizations/${first}`)
    .replace(/\{\w+\}/g, () => randomUUID());
  const sent = { 'x-organization-id': first, 'if-match': '"999999"', ...headers };
  const reply = await send(method, url, sent, method === 'GET' || method === 'DELETE' ? undefined : '{"broken');
  const code = path.startsWith('/api/') ? codeOfCopied(reply) : String(reply.json['code'] ?? '');
  expect(reply.status, `${method} ${path}: ${reply.body}`).not.toBe(500);
  expect(reply.headers['x-request-id']).toBeDefined();
  return REFUSALS.has(code) ? `${reply.status} ${code}` : 'allowed';
}

describe('every operation of key-management', () => {
  it.each(callers.map((caller) => [caller.name, caller] as const))(
    'is open to %s exactly as the table says',
    async (_, caller) => {
      const told: Record<string, string> = {};
      const wanted: Record<string, string> = {};
      for (const each of operations) {
        told[each.operation] = await ask(each, await caller.headers());
        wanted[each.operation] = expected(caller, permissionOf(each.operation));
      }
      expect(told).toEqual(wanted);
    },
  );

  it.each(wrong.map((caller) => [caller.name, caller] as const))(
    'says the same to %s: the credential is not valid',
    async (_, caller) => {
      const headers = await caller.headers();
      for (const each of operations) {
        const open = permissionOf(each.operation).kind === 'anyone';
        expect(await ask(each, headers), each.operation).toBe(open ? 'allowed' : '401 invalid_credential');
      }
    },
  );

  it('shows nothing of an organisation to another one, in no list and under no id', async () => {
    const others = [
      bearer(keys.get('key of another')!),
      cookie(await session(await personOf('owner of another', second, 'owner'))),
    ];
    const lists = operations.filter(({ method, path }) => method === 'GET' && !path.includes('{'));
    expect(lists.length).toBeGreaterThan(3);
    for (const headers of others) {
      for (const { path } of lists) expect((await send('GET', path, headers)).body).not.toContain(CANARY);
    }
    const own = await send('GET', '/v1/api-keys', bearer(keys.get('admin')!));
    expect(own.body).toContain(CANARY);
  });

  it('is in the table of permissions', () => {
    for (const { operation } of operations) expect(Object.keys(PERMISSIONS)).toContain(operation);
  });
});

describe('a credential', () => {
  it('is the bearer, where a request has a cookie too', async () => {
    const session_ = cookie(await session(await personOf('owner', first, 'owner')));
    const both = await send('GET', '/v1/me', { ...session_, ...bearer(keys.get('admin')!) });
    expect(both.json).toMatchObject({ kind: 'api_key', organization_id: first, role: 'admin', person: null });
    expect((await send('GET', '/v1/me', { ...session_, ...bearer('wrong') })).json['code']).toBe('invalid_credential');
    // A proxy's own credential is none of ours.
    const basic = { ...session_, authorization: 'Basic YTpi' };
    expect((await send('GET', '/v1/me', basic)).json).toMatchObject({ kind: 'person' });
  });

  it.each([
    ['the cookie twice', (token: string) => `${COOKIE}=${token}; ${COOKIE}=${token}`, 400, 'invalid_request'],
    ['$Version before it', (token: string) => `$Version=1; ${COOKIE}=${token}`, 200, undefined],
    ['it in the value of $Version', (token: string) => `$Version=1, ${COOKIE}=${token}`, 401, 'missing_credential'],
    ['it in quotes', (token: string) => `${COOKIE}="${token}"`, 401, 'invalid_credential'],
    ['a space of Unicode', (token: string) => `\u00a0${COOKIE}=${token}`, 401, 'missing_credential'],
    ['other case', (token: string) => `${COOKIE.toUpperCase()}=${token}`, 401, 'missing_credential'],
    ['the name of https on http', (token: string) => `__Host-${COOKIE}=${token}`, 401, 'missing_credential'],
  ])('is read from cookies by their bytes: %s', async (_, header, status, code) => {
    const token = await session(await personOf('owner', first, 'owner'));
    const reply = await send('GET', '/v1/me', { cookie: header(token) });
    expect([reply.status, reply.json['code']]).toEqual([status, code]);
  });

  it('of a key counts at its networks alone', async () => {
    const reply = await send('GET', '/v1/api-keys', bearer(keys.get('confined')!));
    expect([reply.status, reply.json['code']]).toEqual([403, 'ip_not_allowed']);
    const there = await stage.app.inject({
      url: '/v1/api-keys',
      headers: bearer(keys.get('confined')!),
      remoteAddress: '::ffff:192.0.2.9',
    });
    expect(there.statusCode).toBe(200);
  });
});

describe('a session', () => {
  const change = { method: 'POST', path: '/v1/api-keys' };
  it.each([
    ['both', { origin: ORIGIN }, true, 'invalid_json'],
    ['both, by another name of loopback', { origin: 'http://localhost:8080' }, true, 'invalid_json'],
    ['Sec-Fetch-Site alone', { 'sec-fetch-site': 'same-origin' }, true, 'invalid_json'],
    ['no origin', {}, true, 'foreign_origin'],
    ['a hidden origin', { origin: 'null' }, true, 'foreign_origin'],
    ['a sibling domain', { 'sec-fetch-site': 'same-site' }, true, 'foreign_origin'],
    ['two that differ', { origin: ORIGIN, 'sec-fetch-site': 'cross-site' }, true, 'foreign_origin'],
    ['another port', { origin: 'http://127.0.0.1:8081' }, true, 'foreign_origin'],
    ['no token', { origin: ORIGIN }, false, 'invalid_csrf_token'],
  ])('changes something only by its token and from a page of ours: %s', async (_, origin, withToken, code) => {
    const token = await session(await personOf('owner', first, 'owner'));
    const headers = {
      cookie: `${COOKIE}=${token}`,
      ...origin,
      ...(withToken && { 'x-csrf-token': csrfTokenOf(token) }),
    };
    const sent = await send(change.method, change.path, headers as Record<string, string>, '{"broken');
    expect(sent.json['code']).toBe(code);
    // What changes nothing needs neither.
    expect((await send('GET', '/v1/me', { cookie: headers.cookie })).status).toBe(200);
  });

  it('has its token, its person and what they may from /v1/me', async () => {
    const personId = await personOf('member', first, 'member');
    const token = await session(personId);
    const { json } = await send('GET', '/v1/me', { cookie: `${COOKIE}=${token}` });
    expect(json).toMatchObject({
      kind: 'person',
      organization_id: first,
      role: 'member',
      scopes: ['inference:read', 'inference:write', 'analytics:read'],
      csrf_token: csrfTokenOf(token),
      person: { id: personId, name: 'member', organizations: [{ id: first, name: CANARY, role: 'member' }] },
    });
    expect(json['operations']).toContain('createApiKey');
    expect(json['operations']).not.toContain('updateOrganization');
  });

  it('gives a key no scope that its person has not', async () => {
    const token = await session(await personOf('member', first, 'member'));
    const make = (scopes: readonly Scope[]) =>
      send('POST', '/v1/api-keys', cookie(token), JSON.stringify({ name: 'by a member', scopes }));
    const refused = await make(['inference:write', 'admin']);
    expect([refused.status, refused.json['code']]).toEqual([403, 'access_denied']);
    expect(refused.json['detail']).toContain('admin');
    expect((await make(['inference:write', 'analytics:read'])).status).toBe(201);
  });
});

describe('a route that needs no credential', () => {
  const signIn = (headers: Record<string, string>, remoteAddress = '192.0.2.90') =>
    stage.app.inject({
      method: 'POST',
      url: '/v1/sessions',
      headers: { 'content-type': 'application/json', ...headers },
      payload: '{"broken',
      remoteAddress,
    });
  it.each([
    ['nothing', {}, 400],
    ['our origin', { origin: ORIGIN }, 400],
    ['another origin', { origin: 'https://evil.example' }, 403],
    ['a hidden origin', { origin: 'null' }, 403],
    ['a sibling domain', { 'sec-fetch-site': 'same-site' }, 403],
  ])('takes a request that says of its page: %s', async (_, headers, status) => {
    expect((await signIn(headers as Record<string, string>)).statusCode).toBe(status);
  });
  it('stays open to a browser that goes on sending the cookie of an ended session', async () => {
    const open = operations.find(
      ({ operation, method }) => method === 'GET' && permissionOf(operation).kind === 'anyone',
    );
    const ended = { cookie: `${COOKIE}=${'E'.repeat(43)}` };
    for (let at = 0; at < 15; at++) {
      const reply = await stage.app.inject({ url: open!.path, headers: ended, remoteAddress: '192.0.2.91' });
      expect(reply.statusCode).not.toBe(429);
    }
  });
});

describe('the order of refusals', () => {
  const large = { 'content-length': '104857600', 'content-type': 'application/json' };
  const code = async (headers: Record<string, string>) => {
    const reply = await stage.app.inject({ method: 'POST', url: '/v1/api-keys', headers, remoteAddress: '10.250.0.1' });
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.headers['x-request-id']).toBeDefined();
    return reply.json<{ code: string }>().code;
  };
  it('is size, who, may, body', async () => {
    expect(await code(large)).toBe('body_too_large');
    expect(await code({})).toBe('missing_credential');
    expect(await code({ ...bearer(keys.get('analytics:read')!) })).toBe('access_denied');
    expect(await code({ ...bearer(keys.get('admin')!), 'content-type': 'text/plain', 'content-length': '3' })).not.toBe(
      'access_denied',
    );
  });
  it.each([
    ['an unknown path', 'GET', '/v1/nothing', {}, 404],
    ['a wrong method', 'PUT', '/v1/me', {}, 405],
    ['a path that cannot be read', 'GET', '/v1/api-keys/%', {}, 400],
    ['a wrong media type', 'POST', '/v1/api-keys', { 'content-type': 'application/xml' }, 415],
    ['broken JSON', 'POST', '/v1/api-keys', { 'content-type': 'application/json' }, 400],
    ['100 MB', 'POST', '/v1/api-keys', large, 413],
    ['an id that can be none', 'GET', '/v1/organizations/nonsense', {}, 404],
  ])('is told as a problem with its id, whoever refuses: %s', async (_, method, url, headers, status) => {
    const reply = await stage.app.inject({
      method: method as 'GET',
      url,
      headers: { ...bearer(keys.get('admin')!), ...headers },
      ...(method === 'POST' && !('content-length' in headers) && { payload: '{"broken' }),
    });
    expect(reply.statusCode).toBe(status);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.json()).toMatchObject({ status, request_id: reply.headers['x-request-id'] });
  });
  it('is the same for HEAD', async () => {
    expect((await send('HEAD', '/v1/api-keys', {})).status).toBe(401);
    expect((await send('HEAD', '/v1/api-keys', bearer(keys.get('analytics:read')!))).status).toBe(403);
    expect((await send('HEAD', '/v1/api-keys', bearer(keys.get('admin')!))).status).toBe(200);
  });
  it('tells an allowed caller how much is left', async () => {
    const reply = await send('GET', '/v1/me', bearer(keys.get('every scope')!));
    expect(reply.headers).toMatchObject({ 'ratelimit-limit': '1000' });
    expect(Number(reply.headers['ratelimit-remaining'])).toBeLessThan(1_000);
    expect(Number(reply.headers['ratelimit-reset'])).toBeGreaterThan(0);
  });
  it('has failures of an address before who asks, and never for who has shown the right one there', async () => {
    const from = (remoteAddress: string, secret: string) =>
      stage.app.inject({ url: '/v1/me', headers: bearer(secret), remoteAddress });
    expect((await from('192.0.2.77', ADMIN)).statusCode).toBe(200);
    for (const address of ['192.0.2.77', '192.0.2.78']) {
      for (let at = 0; at < 10; at++) expect((await from(address, 'wrong')).statusCode).toBe(401);
      // Where the machine is slow, some of the allowance is back already.
      let limited = await from(address, 'wrong');
      for (let at = 0; at < 50 && limited.statusCode === 401; at++) limited = await from(address, 'wrong');
      expect([limited.statusCode, limited.headers['retry-after']]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    }
    expect((await from('192.0.2.77', ADMIN)).statusCode).toBe(200);
    expect((await from('192.0.2.78', ADMIN)).statusCode).toBe(429);
    expect((await from('192.0.2.78', keys.get('admin')!)).statusCode).toBe(200);
  });
  it('makes nobody wait who has shown a right one there, however many others fail', async () => {
    const remoteAddress = '192.0.2.79';
    const ask = (headers: Record<string, string>) => stage.app.inject({ url: '/v1/me', headers, remoteAddress });
    const own = keys.get('admin')!;
    expect((await ask(bearer(own))).statusCode).toBe(200);
    // Where the machine is slow, some of the allowance comes back meanwhile.
    const tries = 3 * ADMIN_API_DEFAULT.limits.addressFailuresPerMinute;
    let status = 401;
    for (let at = 0; at < tries && status === 401; at++) status = (await ask({ cookie: `${COOKIE}=none` })).statusCode;
    expect(status).toBe(429);
    const failures = stage.app.get(FailureLimits);
    const begin = failures.begin.bind(failures);
    const turn = vi.fn(() => Promise.resolve(true));
    const spy = vi.spyOn(failures, 'begin').mockImplementation((...attempt) => ({ ...begin(...attempt), turn }));
    try {
      expect((await ask(bearer(own))).statusCode).toBe(200);
      expect(turn).not.toHaveBeenCalled();
    } finally {
      spy.mockRestore();
    }
  });
});
