import { randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import type { AuditLogList, AuditLogObject, AuditVerificationObject } from './audit-log.reply.js';
import { TakeOverFormerEvents } from './take-over-former-events.js';
import { verifyExport } from './verify-export.js';

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

interface Call {
  readonly organization?: string;
  readonly body?: object;
  readonly secret?: string;
}

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  { organization, body, secret = ADMIN }: Call = {},
) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(organization !== undefined && { 'x-organization-id': organization }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  });
  return { status: reply.statusCode, headers: reply.headers, text: reply.body };
}
async function json<T>(method: 'GET' | 'POST' | 'PATCH', url: string, options: Call = {}): Promise<T> {
  const { status, text } = await call(method, url, options);
  expect(status, text).toBeLessThan(300);
  return JSON.parse(text) as T;
}
const organization = async (name = 'an organisation') =>
  (await json<{ id: string }>('POST', '/v1/organizations', { body: { name } })).id;
const key = (at: string, name: string) =>
  json<{ id: string; secret: string }>('POST', '/v1/api-keys', { organization: at, body: { name } });
const list = (at: string, query = '') => json<AuditLogList>('GET', `/v1/audit-logs${query}`, { organization: at });
const sql = <T extends object>(statement: string, parameters: unknown[] = []): Promise<T[]> =>
  stage.database.dataSource.query<T[]>(statement, parameters);

describe('the audit trail of an organisation', () => {
  it('has what was done, by whom, from where, what changed from what to what, and by which request', async () => {
    const at = await organization('Acme');
    const { id } = await key(at, 'bot');
    const reply = await call('POST', `/v1/api-keys/${id}/revoke`, { organization: at });
    const { data, has_more } = await list(at);
    expect(has_more).toBe(false);
    expect(data.map(({ action, sequence }) => [action, sequence])).toEqual([
      ['api_key.revoked', 3],
      ['api_key.created', 2],
      ['organization.created', 1],
    ]);
    expect(data[0]).toMatchObject({
      object: 'audit_log',
      id: 'changes-3',
      stream: 'changes',
      actor: { type: 'admin_secret', id: null, email: null },
      address: '127.0.0.1',
      target: { type: 'api_key', id },
      changes: { revoke_reason: { from: null, to: 'revoked' } },
      request_id: reply.headers['x-request-id'],
      erased: false,
      previous_hash: data[1]!.hash,
    });
    expect(data[2]).toMatchObject({ changes: { owner: { from: null, to: 'owner@localhost' } } });
  });

  it('is found by each filter, and by several', async () => {
    const at = await organization();
    const [one, other] = [await key(at, 'one'), await key(at, 'other')];
    const [made] = (await list(at, `?target_id=${one.id}`)).data;
    const ids = async (query: string) => (await list(at, query)).data.map(({ sequence }) => sequence);
    expect(await ids(`?target_id=${other.id}`)).toEqual([3]);
    expect(await ids('?action=api_key.created')).toEqual([3, 2]);
    expect(await ids('?target_type=organization')).toEqual([1]);
    expect(await ids('?actor=admin_secret')).toEqual([3, 2, 1]);
    expect(await ids(`?actor=${randomUUID()}`)).toEqual([]);
    expect(await ids(`?request_id=${made!.request_id}`)).toEqual([2]);
    expect(await ids('?stream=refusals')).toEqual([]);
    expect(await ids(`?from=${made!.at}&target_id=${one.id}`)).toEqual([2]);
    expect(await ids(`?to=${made!.at}&target_id=${one.id}`)).toEqual([]);
    expect(await ids('?from=9999-12-31T23:59:59Z')).toEqual([]);
    expect(await ids(`?action=api_key.created&target_id=${one.id}&actor=admin_secret`)).toEqual([2]);
  });

  it('is walked through in pages, every entry once', async () => {
    const at = await organization();
    for (let n = 0; n < 4; n++) await key(at, `key ${n}`);
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: AuditLogList = await list(at, `?limit=1${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.data.map(({ sequence }) => sequence));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual([5, 4, 3, 2, 1]);
  });

  it.each([
    ['a cursor with another filter', (cursor: string) => `?limit=1&action=api_key.created&cursor=${cursor}`],
    ['a cursor that is none', () => '?cursor=x'],
    ['an empty filter', () => '?actor='],
    ['an unknown filter', () => '?actors=x'],
    ['a NUL', () => '?actor=%00'],
    ['a moment that is none', () => '?from=yesterday'],
    ['a moment of the year 275760', () => `?from=${encodeURIComponent('+275760-09-13T00:00:00.000Z')}`],
    ['a moment before the year 0', () => `?from=${encodeURIComponent('0000-01-01T00:00:00+14:00')}`],
    ['a moment of the year 0', () => '?from=0000-12-31T23:59:59Z'],
    ['a moment that is of the year 0 here', () => `?to=${encodeURIComponent('0001-01-01T00:00:00+01:00')}`],
    ['from after to', () => '?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'],
    ['a limit of 0', () => '?limit=0'],
    ['a limit of 101', () => '?limit=101'],
  ])('is not listed by %s', async (_what, query) => {
    const { next_cursor } = await list('default', '?limit=1');
    if (next_cursor === null) await key('default', 'another');
    const cursor = next_cursor ?? (await list('default', '?limit=1')).next_cursor ?? '';
    const { status, text } = await call('GET', `/v1/audit-logs${query(cursor)}`, { organization: 'default' });
    expect([status, text]).toEqual([400, expect.stringContaining('invalid_request')]);
  });

  it('is not that of another organisation, nor is its cursor', async () => {
    const [one, other] = [await organization(), await organization()];
    await key(one, 'a');
    const { next_cursor } = await list(one, '?limit=1');
    expect((await list(other)).data).toHaveLength(1);
    const { status } = await call('GET', `/v1/audit-logs?limit=1&cursor=${next_cursor}`, { organization: other });
    expect(status).toBe(400);
  });

  it('verifies, in parts if it is long', async () => {
    const at = await organization();
    await key(at, 'a');
    const verification = await json<AuditVerificationObject>('GET', '/v1/audit-logs/verification', {
      organization: at,
    });
    expect(verification).toMatchObject({
      valid: true,
      complete: true,
      verified: 2,
      fault: null,
      next_cursor: null,
      chains: [
        { stream: 'changes', count: 2, last_hash: (await list(at)).data[0]!.hash },
        { stream: 'refusals', count: 0 },
      ],
    });
  });

  it('is exported as lines that verify for themselves', async () => {
    const at = await organization();
    const made = await key(at, 'a “name” with 1e2 and ünïcode');
    const { headers, text } = await call('GET', '/v1/audit-logs/export', { organization: at });
    expect(headers['content-type']).toBe('application/x-ndjson');
    const lines = text.split('\n').slice(0, -1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ object: 'audit_export', organization_id: at });
    expect(lines).toHaveLength(3);
    expect(text).not.toContain(made.secret);
    expect(await verifyExport(lines)).toEqual({ fault: null, organizationId: at, verified: 2 });
  });

  it('forgets a person on demand, and verifies as before', async () => {
    const at = await organization();
    const address = '127.0.0.1';
    const before = (await list(at)).data[0]!;
    expect(before).toMatchObject({ address, changes: { owner: { to: 'owner@localhost' } } });
    for (const text of [address, 'owner@localhost'])
      expect(await json('POST', '/v1/audit-logs/erasures', { organization: at, body: { text } })).toEqual({
        object: 'audit_erasure',
        erased: 1,
      });
    const after = (await list(at)).data.at(-1)!;
    expect(after).toMatchObject({ address: null, changes: { owner: { to: null } }, erased: true, hash: before.hash });
    expect(await json('GET', '/v1/audit-logs/verification', { organization: at })).toMatchObject({ valid: true });
    const { text } = await call('GET', '/v1/audit-logs/export', { organization: at });
    expect(text).not.toContain('owner@localhost');
    expect(await verifyExport(text.split('\n').slice(0, -1))).toMatchObject({ fault: null });
    const erasure = (await list(at, '?action=audit_texts.erased')).data[0];
    expect(erasure).toMatchObject({ target: { type: 'text', id: '' }, details: { erased: 1 } });
  });

  it.each([{}, { text: '' }, { person_id: 'x' }, { text: 'a', person_id: randomUUID() }, { all: true }])(
    'erases nothing by %j',
    async (body) => {
      expect((await call('POST', '/v1/audit-logs/erasures', { body })).status).toBe(400);
    },
  );

  it('of an organisation that was deleted is still there for the operator', async () => {
    const at = await organization();
    const { status } = await call('DELETE', `/v1/organizations/${at}`, { organization: at });
    expect(status).toBe(200);
    expect((await list(at)).data.map(({ action }) => action)).toEqual(['organization.deleted', 'organization.created']);
    expect(await json('GET', '/v1/audit-logs/verification', { organization: at })).toMatchObject({ valid: true });
    expect((await call('GET', '/v1/audit-logs', { organization: randomUUID() })).status).toBe(404);
  });

  it('has no secret, even where the release before took one as a name', async () => {
    const at = await organization();
    const { id, secret } = await key(at, 'one');
    await sql('UPDATE keys.api_key SET name = $2 WHERE id = $1', [id, `like ${secret}`]);
    await json('PATCH', `/v1/api-keys/${id}`, { organization: at, body: { name: 'another' } });
    const { text } = await call('GET', '/v1/audit-logs/export', { organization: at });
    expect(text).toContain('like [secret]');
    expect(text).not.toContain(secret);
    const stored = await sql('SELECT * FROM keys.audit_entry, keys.audit_subject');
    expect(JSON.stringify(stored)).not.toContain(secret);
  });

  it('of the installation is apart', async () => {
    // Refused calls of tests before this one come in when they are reported.
    expect((await list('default', '?trail=installation&stream=changes')).data).toEqual([]);
    expect(
      await json('GET', '/v1/audit-logs/verification?trail=installation', { organization: 'default' }),
    ).toMatchObject({ valid: true, complete: true });
  });

  it('is nobody’s without a credential', async () => {
    for (const path of ['', '/export', '/verification'])
      expect((await call('GET', `/v1/audit-logs${path}`, { secret: 'wrong' })).status).toBe(401);
  });
});

describe('events of the release before', () => {
  it('come into the chains once, at the time when they happened, also those that it still writes', async () => {
    const at = await organization();
    const insert = (action: string, actor: string) =>
      sql(
        `INSERT INTO keys.audit_event (organization_id, at, actor, action, target_type, target_id, details, from_address)
         VALUES ($1, '2026-01-02T03:04:05.678Z', $2, $3, 'api_key', 'k', '{"b": 1.50, "a": 1e2, "name": "bot"}', '192.0.2.7')`,
        [at, actor, action],
      );
    await insert('api_key.created', 'admin');
    await insert('api_key.leaked', 'tollgate');
    const takeOver = stage.app.get(TakeOverFormerEvents, { strict: false });
    expect(await takeOver.takeOver()).toBe(2);
    expect(await takeOver.takeOver()).toBe(0);
    const entries: readonly AuditLogObject[] = (await list(at)).data;
    expect(entries.map(({ action, sequence }) => [action, sequence])).toEqual([
      ['organization.created', 1],
      ['api_key.leaked', 3],
      ['api_key.created', 2],
    ]);
    expect(entries[2]).toMatchObject({
      at: '2026-01-02T03:04:05.678Z',
      actor: { type: 'admin_secret' },
      address: '192.0.2.7',
      details: { a: 100, b: '1.5', name: 'bot' },
    });
    expect(entries[1]).toMatchObject({ actor: { type: 'tollgate' } });
    expect(await json('GET', '/v1/audit-logs/verification', { organization: at })).toMatchObject({ valid: true });
    expect(await sql('SELECT count(*)::int AS n FROM keys.audit_event WHERE organization_id = $1', [at])).toEqual([
      { n: 2 },
    ]);
  });
});

describe('a refused call of the admin API', () => {
  it('stands in the trail of who asked, or of the installation, apart from the changes', async () => {
    const at = await organization();
    const id = randomUUID();
    const refused = await call('GET', `/v1/api-keys/${id}`, { organization: at });
    expect(refused.status).toBe(404);
    const guessed = await call('DELETE', `/v1/api-keys/${id}`, { organization: at, secret: 'sk-a-guess-of-somebody' });
    expect(guessed.status).toBe(401);
    await vi.waitFor(
      async () => {
        expect((await list(at, '?stream=refusals')).data).toMatchObject([
          {
            id: 'refusals-1',
            action: 'call.refused',
            actor: { type: 'admin_secret' },
            address: '127.0.0.1',
            target: { type: 'route', id: 'GET /v1/api-keys/{id}' },
            details: { code: 'api_key_not_found', status: 404, count: 1 },
            request_id: refused.headers['x-request-id'],
          },
        ]);
        const { data } = await list('default', '?trail=installation&target_id=DELETE%20/v1/api-keys/%7Bid%7D');
        expect(data).toMatchObject([
          { stream: 'refusals', actor: { type: 'unknown', id: null }, request_id: guessed.headers['x-request-id'] },
        ]);
      },
      { timeout: 20_000, interval: 100 },
    );
    expect((await list(at, '?stream=changes')).data).toHaveLength(1);
    expect(await json('GET', '/v1/audit-logs/verification', { organization: at })).toMatchObject({
      valid: true,
      verified: 2,
    });
  });

  it('of an organisation that does not exist is the installation’s', async () => {
    await stage.api.recordRefusedCalls([
      {
        organizationId: randomUUID(),
        principal: { kind: 'several' },
        address: null,
        requestId: 'a request of nowhere',
        route: '*',
        code: 'access_denied',
        status: 403,
        count: 7,
        firstAt: '2026-11-28T12:00:00.000Z',
        lastAt: '2999-11-28T12:00:00.000Z',
      },
    ]);
    const { data } = await list('default', '?trail=installation&request_id=a%20request%20of%20nowhere');
    expect(data).toMatchObject([{ actor: { type: 'unknown' }, details: { count: 7, several_callers: true } }]);
    expect(Date.parse(data[0]!.at)).toBeLessThanOrEqual(Date.now());
  });

  it('is none of a route that does not exist, nor a request that is merely wrong', async () => {
    await call('GET', '/v1/nothing', { secret: 'wrong' });
    await call('GET', '/v1/audit-logs?limit=0');
    await call('GET', `/v1/api-keys/${randomUUID()}`);
    await vi.waitFor(async () => expect((await list('default', '?stream=refusals')).data.length).toBeGreaterThan(0), {
      timeout: 20_000,
      interval: 100,
    });
    const routes = (await list('default', '?stream=refusals')).data.map(({ target }) => target.id);
    expect(routes).not.toContain('GET /v1/audit-logs');
    expect((await list('default', '?trail=installation&target_id=GET%20/v1/nothing')).data).toEqual([]);
  });
});
