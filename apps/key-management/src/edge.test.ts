import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { readDocument } from '@tollgate/openapi';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from './key-management-stage.js';

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement(
    {
      snapshots: new MemoryKeySnapshots(),
      bus: { publish: async () => undefined },
      usageBilling: { spendingByKey: async () => [] },
      registry: createMetricsRegistry('test', { processMetrics: false }),
    },
    { bodyLimitBytes: 65_536 },
  );
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url?: string;
  readonly payload?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function call({ method = 'POST', url = '/v1/api-keys', payload, headers = {} }: Call) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...headers },
    ...(payload !== undefined && { payload }),
  });
  return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
}

describe('a request that no handler sees', () => {
  it.each<[string, Call, number, string]>([
    ['broken JSON', { payload: '{"name":' }, 400, 'invalid_json'],
    ['a field given twice', { payload: '{"name":"a","name":"b"}' }, 400, 'invalid_request'],
    ['a field given twice, spelt otherwise', { payload: '{"name":"a","n\\u0061me":"b"}' }, 400, 'invalid_request'],
    ['NUL in a text', { payload: '{"name":"a\\u0000"}' }, 400, 'invalid_request'],
    ['half a character', { payload: '{"description":"\\ud800","name":"a"}' }, 400, 'invalid_request'],
    ['NUL in a query', { method: 'GET', url: '/v1/api-keys?cursor=%00' }, 400, 'invalid_request'],
    ['a prototype as a field', { payload: '{"name":"a","__proto__":{"scopes":["admin"]}}' }, 400, 'invalid_request'],
    ['a constructor as a field', { payload: '{"name":"a","constructor":{"prototype":{}}}' }, 400, 'invalid_request'],
    ['a number without end', { payload: '{"name":"a","expires_in_days":1e400}' }, 400, 'invalid_request'],
    ['a number above 2^53', { payload: '{"name":"a","expires_in_days":9007199254740993}' }, 400, 'invalid_request'],
    ['the year 275760', { payload: '{"name":"a","expires_at":"+275760-09-13T00:00:00.000Z"}' }, 400, 'invalid_request'],
    ['a day that is none', { payload: '{"name":"a","expires_at":"2026-02-30T00:00:00Z"}' }, 400, 'invalid_request'],
    ['another media type', { payload: 'name=a', headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type'],
    ['a coded body', { payload: '{}', headers: { 'content-encoding': 'gzip' } }, 415, 'unsupported_media_type'],
    ['a body that is too large', { payload: `{"name":"${'x'.repeat(70_000)}"}` }, 413, 'body_too_large'],
    ['an unknown path', { method: 'GET', url: '/v1/nothing' }, 404, 'not_found'],
    ['a path that is none', { method: 'GET', url: '/v1/api-keys/%zz' }, 400, 'invalid_request'],
    ['an id of 300 characters', { method: 'GET', url: `/v1/api-keys/${'x'.repeat(300)}` }, 404, 'api_key_not_found'],
    ['an id of 3,000 characters', { method: 'GET', url: `/v1/api-keys/${'x'.repeat(3_000)}` }, 404, 'not_found'],
    ['another method', { method: 'PUT' }, 405, 'method_not_allowed'],
    ['no credential', { headers: { authorization: '' } }, 401, 'missing_credential'],
    ['two organisations', { headers: { 'x-organization-id': 'default, default' }, payload: '{"name":"a"}' }, 400, 'invalid_request'],
  ])('for %s is answered by a problem with its request id', async (_what, request, status, code) => {
    const reply = await call(request);
    expect(reply).toMatchObject({ status, body: { status, code, type: `/docs/errors/${code}` } });
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.headers['cache-control']).toBe('no-store, no-transform');
    expect(reply.body.request_id).toBe(reply.headers['x-request-id']);
  }); // prettier-ignore

  it('has no credential looked at after its body: who may not ask is told that, whatever was sent', async () => {
    for (const payload of ['{"name":', '{"name":"a\\u0000"}', ''])
      expect(await call({ payload, headers: { authorization: 'Bearer wrong' } })).toMatchObject({ status: 401 });
  });
});

/** Those that the admin secret may read; a person's own have the same query. */
const lists = Object.entries(readDocument('key-management').paths).flatMap(([path, { get }]) =>
  get?.parameters?.some(({ name }) => name === 'cursor') === true && !path.includes('{') && path !== '/v1/sessions'
    ? [path]
    : [],
);

describe('a filter that is not understood', () => {
  it.each(lists)('is refused by %s, and does not list all', async (url) => {
    for (const query of [
      'statee=expired',
      'Limit=1',
      'limit=1&limit=2',
      'limit=',
      'cursor=',
      'limit=1%20',
      '__proto__=x',
    ]) {
      const { status, body } = await call({ method: 'GET', url: `${url}?${query}` });
      expect([query, status, body.code]).toEqual([query, 400, 'invalid_request']);
      expect(body.errors).toHaveLength(1);
    }
  });
  it('is held against several lists', () => expect(lists.length).toBeGreaterThan(3));
});
