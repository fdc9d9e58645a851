import { randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { startTestDns, type TestDns } from './test-dns.js';

let stage: KeyManagementStage;
let dns: TestDns;
beforeAll(async () => {
  dns = await startTestDns();
  stage = await startKeyManagement(
    {
      snapshots: new MemoryKeySnapshots(),
      bus: { publish: () => Promise.resolve() },
      usageBilling: { spendingByKey: () => Promise.resolve([]) },
      registry: createMetricsRegistry('test', { processMetrics: false }),
    },
    {},
    { dnsServers: [dns.server] },
  );
}, 60_000);
afterAll(async () => {
  await stage?.stop();
  await dns?.stop();
}, 30_000);
afterEach(() => {
  dns.mode = 'answers';
});

async function call(method: 'GET' | 'POST' | 'DELETE', url: string, body?: object) {
  const headers = { authorization: `Bearer ${ADMIN}`, ...(body && { 'content-type': 'application/json' }) };
  const reply = await stage.app.inject({ method, url, headers, ...(body && { payload: JSON.stringify(body) }) });
  return { status: reply.statusCode, body: reply.json() };
}
const organization = async (): Promise<string> => (await call('POST', '/v1/organizations', { name: 'Acme' })).body.id;

interface Claim {
  readonly url: string;
  readonly record: { readonly name: string; readonly value: string };
}
async function claim(organizationId: string, domain: string): Promise<Claim> {
  const { status, body } = await call('POST', `/v1/organizations/${organizationId}/domains`, { domain });
  expect(status).toBe(201);
  return { url: `/v1/organizations/${organizationId}/domains/${body.id}`, record: body.dns_record };
}
const set = (...claims: Claim[]): void => {
  for (const { record } of claims)
    dns.records.set(
      record.name,
      claims.map((each) => [each.record.value]),
    );
};
const verify = ({ url }: Claim) => call('POST', `${url}/verify`);
const newName = (): string => `${randomUUID()}.example`;

describe('a domain of an organisation', () => {
  it('is claimed with a record, and proven when the record is there', async () => {
    const id = await organization();
    const name = newName();
    const made = await claim(id, name.toUpperCase());
    expect(made.record).toMatchObject({ type: 'TXT', name: `_tollgate.${name}` });
    expect(made.record.value).toMatch(/^tollgate-domain=[\w-]{32}$/);
    expect(await verify(made)).toMatchObject({ status: 409, body: { code: 'domain_not_proven' } });
    dns.records.set(made.record.name, [['v=spf1 -all'], [made.record.value.slice(0, 9), made.record.value.slice(9)]]);
    expect(await verify(made)).toMatchObject({ status: 200, body: { domain: name, state: 'proven' } });
    expect((await call('GET', `/v1/organizations/${id}/domains`)).body).toMatchObject({
      object: 'list',
      data: [{ domain: name, state: 'proven' }],
      has_more: false,
      next_cursor: null,
    });
  });

  it('is not proven by the record of another claim', async () => {
    const [one, other] = [await organization(), await organization()];
    const name = newName();
    const [ours, theirs] = [await claim(one, name), await claim(other, name)];
    set(theirs);
    expect((await verify(ours)).status).toBe(409);
    expect((await verify(theirs)).status).toBe(200);
  });

  it('is proven by one organisation at a time, and goes over when the record of the former is gone', async () => {
    const [one, other] = [await organization(), await organization()];
    const name = newName();
    const [former, next] = [await claim(one, name), await claim(other, name)];
    set(former);
    await verify(former);
    set(former, next);
    expect(await verify(next)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    set(next);
    expect((await verify(next)).status).toBe(200);
    expect((await call('GET', `/v1/organizations/${one}/domains`)).body.data).toMatchObject([{ state: 'pending' }]);
    expect((await verify(former)).status).toBe(409);
  });

  it('is proven by one of two that ask at once', async () => {
    const name = newName();
    const claims = [await claim(await organization(), name), await claim(await organization(), name)];
    set(...claims);
    const statuses = (await Promise.all(claims.map(verify))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 409]);
  });

  it('is proven no more once its record is gone, and free once its organisation is', async () => {
    const [one, other] = [await organization(), await organization()];
    const name = newName();
    const [first, second] = [await claim(one, name), await claim(other, name)];
    set(first, second);
    await verify(first);
    expect((await verify(second)).status).toBe(409);
    await call('DELETE', `/v1/organizations/${one}`);
    expect((await verify(second)).status).toBe(200);
    dns.records.clear();
    expect((await verify(second)).status).toBe(409);
    expect((await call('GET', `/v1/organizations/${other}/domains`)).body.data).toMatchObject([{ state: 'pending' }]);
  });

  it.each(['fails', 'is silent'] as const)('stays as it is where the name server %s', async (mode) => {
    const id = await organization();
    const made = await claim(id, newName());
    set(made);
    await verify(made);
    dns.mode = mode;
    expect(await verify(made)).toMatchObject({ status: 503, body: { code: 'dns_unavailable' } });
    dns.mode = 'answers';
    expect((await call('GET', `/v1/organizations/${id}/domains`)).body.data).toMatchObject([{ state: 'proven' }]);
  });

  it('is claimed once, given up, and claimed again with another record', async () => {
    const id = await organization();
    const name = newName();
    const made = await claim(id, name);
    const again = await call('POST', `/v1/organizations/${id}/domains`, { domain: `${name}.` });
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await call('DELETE', made.url)).toMatchObject({ status: 200, body: { domain: name, deleted: true } });
    expect((await call('DELETE', made.url)).status).toBe(404);
    expect((await claim(id, name)).record.value).not.toBe(made.record.value);
  });

  it("is no other organisation's to see, verify or give up", async () => {
    const [one, other] = [await organization(), await organization()];
    const made = await claim(one, newName());
    const theirs = made.url.replace(one, other);
    expect((await call('GET', `/v1/organizations/${other}/domains`)).body.data).toEqual([]);
    expect(await call('POST', `${theirs}/verify`)).toMatchObject({ status: 404, body: { code: 'domain_not_found' } });
    expect((await call('DELETE', theirs)).status).toBe(404);
  });

  it.each(['localhost', '127.0.0.1', 'a@example.com', '*.example.com', 'example.com/x', 'a\u0000.example', ''])(
    'is not %j',
    async (domain) => {
      const id = await organization();
      expect(await call('POST', `/v1/organizations/${id}/domains`, { domain })).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      });
    },
  );

  it('stands in the audit trail with what became of it', async () => {
    const id = await organization();
    const made = await claim(id, newName());
    set(made);
    await verify(made);
    await call('DELETE', made.url);
    const entries = await stage.database.dataSource.query<{ action: string }[]>(
      `SELECT action FROM keys.audit_entry WHERE organization_id = $1 AND target_type = 'domain' ORDER BY seq`,
      [id],
    );
    expect(entries.map(({ action }) => action)).toEqual(['domain.created', 'domain.proven', 'domain.deleted']);
  });
});
