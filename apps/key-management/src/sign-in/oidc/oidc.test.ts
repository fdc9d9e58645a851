import { randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
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
});

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
interface Asked {
  readonly body?: object;
  readonly headers?: Record<string, string>;
}
async function call(method: Method, url: string, { body, headers = {} }: Asked = {}) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  });
  return reply;
}
const asAdmin = async (method: Method, url: string, body?: object) => {
  const reply = await call(method, url, { headers: { authorization: `Bearer ${ADMIN}` }, ...(body && { body }) });
  return { status: reply.statusCode, body: reply.json() };
};

/** A browser: it keeps cookies, follows to the provider, and brings its answers back. */
class Browser {
  readonly cookies = new Map<string, string>();

  async get(url: string, headers: Record<string, string> = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await call('GET', url, { headers: { ...headers, ...(cookie !== '' && { cookie }) } });
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

describe('a sign-in by the provider of an organisation', () => {
  it('opens a session that acts there alone, for a member whose address the provider vouches for', async () => {
    const id = await organization();
    const { email } = await member(id);
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
  });
});
