import { randomUUID } from 'node:crypto';
import { ForgetAnswers } from '@tollgate/idempotency';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: async () => undefined },
    usageBilling: { spendingByKey: async () => [] },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

interface Call {
  readonly url?: string;
  readonly body?: string;
  readonly key?: string;
  readonly organization?: string;
  readonly secret?: string;
}

async function post({ url = '/v1/api-keys', body = '{"name":"a key"}', key, organization, secret = ADMIN }: Call) {
  const reply = await stage.app.inject({
    method: 'POST',
    url,
    headers: {
      authorization: `Bearer ${secret}`,
      'content-type': 'application/json',
      ...(key !== undefined && { 'idempotency-key': key }),
      ...(organization !== undefined && { 'x-organization-id': organization }),
    },
    payload: body,
  });
  const { 'idempotency-replayed': replayed, etag, 'cache-control': caching } = reply.headers;
  return {
    status: reply.statusCode,
    text: reply.body,
    body: reply.json(),
    replayed,
    etag,
    caching,
    headers: reply.headers,
  };
}
const rows = <Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
  stage.database.dataSource.query<Row[]>(sql, parameters);
const keysNamed = async (name: string): Promise<number> =>
  (await rows('SELECT 1 FROM keys.api_key WHERE name = $1', [name])).length;
const named = (name: string): string => JSON.stringify({ name });
const organization = async (): Promise<string> =>
  (await post({ url: '/v1/organizations', body: named('another') })).body.id as string;

describe('a request with an Idempotency-Key', () => {
  it('has one effect, and each repetition the first answer with its secret', async () => {
    const [key, name] = [randomUUID(), randomUUID()];
    const first = await post({ key, body: named(name) });
    expect(first).toMatchObject({ status: 201, replayed: undefined, etag: '"1"' });
    expect(first.body.secret).toMatch(/^sk-/);
    for (let n = 0; n < 3; n++) {
      const again = await post({ key, body: named(name) });
      expect(again).toMatchObject({ status: 201, replayed: 'true', etag: '"1"', caching: 'no-store, no-transform' });
      expect(again.text).toBe(first.text);
      expect(again.headers['content-type']).toBe(first.headers['content-type']);
      expect(again.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
    }
    expect(await keysNamed(name)).toBe(1);
  });

  it('has one effect when several come at once', async () => {
    const [key, name] = [randomUUID(), randomUUID()];
    const answers = await Promise.all(Array.from({ length: 8 }, () => post({ key, body: named(name) })));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ replayed }) => replayed === undefined)).toHaveLength(1);
    expect(await keysNamed(name)).toBe(1);
  });

  it('leaves no secret in the database', async () => {
    const { body } = await post({ key: randomUUID() });
    const tables = await rows<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'keys'`,
    );
    for (const { name } of tables)
      expect(JSON.stringify(await rows(`SELECT t::text FROM ${name} AS t`))).not.toContain(body.secret);
  });

  it.each<[string, Call]>([
    ['another body', { body: named('b') }],
    ['the same value in other bytes', { body: '{"name": "a key"}' }],
    ['no body', { body: '' }],
  ])('is 422 with %s, and changes nothing', async (_what, other) => {
    const key = randomUUID();
    await post({ key });
    const before = await rows('SELECT 1 FROM keys.api_key');
    const refused = await post({ key, ...other });
    // Without its name the body is refused before anybody looks for a record.
    if (other.body === '') expect(refused).toMatchObject({ status: 400 });
    else expect(refused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' }, replayed: undefined });
    expect(await rows('SELECT 1 FROM keys.api_key')).toHaveLength(before.length);
    expect((await post({ key })).replayed).toBe('true');
  });

  it('is another request with another query, in another organisation and on another path', async () => {
    const key = randomUUID();
    const first = await post({ key });
    expect(await post({ key, url: '/v1/api-keys?x=1' })).toMatchObject({ status: 422 });
    const elsewhere = await post({ key, organization: await organization() });
    expect(elsewhere).toMatchObject({ status: 201, replayed: undefined });
    expect(elsewhere.body.id).not.toBe(first.body.id);
    expect(await post({ key, url: '/v1/organizations' })).toMatchObject({ status: 201, replayed: undefined });
  });

  it('makes one organisation, which is not the one that its record belongs to', async () => {
    const [key, name] = [randomUUID(), randomUUID()];
    const call = { key, url: '/v1/organizations', body: named(name) };
    const [first, second] = await Promise.all([post(call), post(call)]);
    expect(first.text).toBe(second.text);
    expect([first.replayed, second.replayed].sort()).toEqual(['true', undefined]);
    expect(await rows('SELECT 1 FROM keys.organization WHERE name = $1', [name])).toHaveLength(1);
    const [record] = await rows<{ organization_id: string }>(
      'SELECT organization_id FROM keys.idempotency_record ORDER BY created_at DESC LIMIT 1',
    );
    expect(record?.organization_id).toBe('default');
  });

  it('is answered only to who may still ask', async () => {
    const key = randomUUID();
    await post({ key });
    for (const secret of ['wrong', '']) {
      const refused = await post({ key, secret });
      expect(refused).toMatchObject({ status: 401, replayed: undefined });
      expect(refused.text).not.toContain('"secret"');
    }
  });

  it.each<[string, string, number]>([
    ['a field is wrong', '{"name":""}', 400],
    ['it is no JSON', '{"name"', 400],
    ['its moment has passed', '{"name":"a","expires_at":"2001-01-01T00:00:00Z"}', 400],
  ])('may come again with a right body after it was refused because %s', async (_what, body, status) => {
    const [key, name] = [randomUUID(), randomUUID()];
    expect(await post({ key, body })).toMatchObject({ status });
    expect(await post({ key, body: named(name) })).toMatchObject({ status: 201, replayed: undefined });
  });

  it('may come again after its effect failed half-way', async () => {
    const [key, name] = [randomUUID(), randomUUID()];
    await rows(`CREATE FUNCTION pg_temp_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$`);
    await rows('CREATE TRIGGER failing BEFORE INSERT ON keys.outbox FOR EACH ROW EXECUTE FUNCTION pg_temp_fail()');
    expect(await post({ key, body: named(name) })).toMatchObject({ status: 500 });
    await rows('DROP TRIGGER failing ON keys.outbox');
    expect(await post({ key, body: named(name) })).toMatchObject({ status: 201, replayed: undefined });
    expect(await keysNamed(name)).toBe(1);
  });

  it('is a new one after 24 hours, when the old answer is gone or is about to go', async () => {
    const call = { key: randomUUID(), body: named(randomUUID()) };
    const first = await post(call);
    const age = (interval: string): Promise<unknown> =>
      rows(`UPDATE keys.idempotency_record SET created_at = now() - interval '${interval}'`);
    await age('23 hours 59 minutes');
    expect(await post(call)).toMatchObject({ replayed: 'true' });
    await age('24 hours');
    const second = await post(call);
    expect(second).toMatchObject({ status: 201, replayed: undefined });
    expect(second.body.id).not.toBe(first.body.id);
    expect((await post(call)).text).toBe(second.text);

    await age('24 hours');
    const others = await rows('SELECT 1 FROM keys.idempotency_record');
    expect(await stage.app.get(ForgetAnswers).forget(new Date())).toBe(others.length);
    expect(await rows('SELECT 1 FROM keys.idempotency_record')).toEqual([]);
  });

  it.each(['', ' ', 'a b', 'ä', 'a\tb', 'x'.repeat(256), 'a, b'])('is refused if it is called %j', async (key) => {
    expect(await post({ key })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ path: 'idempotency-key' }] },
    });
  });
  it.each(['x', 'x'.repeat(255), '"quoted"', '!~', "'; DROP TABLE keys.api_key; --".replaceAll(' ', '')])(
    'may be called %j',
    async (key) => {
      const body = named(randomUUID());
      expect(await post({ key, body })).toMatchObject({ status: 201, replayed: undefined });
      expect(await post({ key, body })).toMatchObject({ status: 201, replayed: 'true' });
    },
  );
});
