import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import type { Shape } from '../kit/shape.js';
import { endless, type TollgateClient } from '../kit/tollgate-client.js';

/** Stands in every wrong value: a reply that has it repeats what it was sent. */
const echo = 'zQ7canary';
const number = 7_319_846;

/** What is wrong, the body's fields, and the field that the reply must name. */
const wrongBodies: readonly (readonly [string, unknown, string])[] = [
  ['no name', {}, 'name'],
  ['a name that is no text', { name: number }, 'name'],
  ['an empty name', { name: ' ' }, 'name'],
  ['a name without end', { name: echo.repeat(200) }, 'name'],
  ['a line break in the name', { name: `a\n${echo}` }, 'name'],
  ['an unknown field', { name: 'k', [`limit_${echo}`]: 1 }, `limit_${echo}`],
  ['a list instead of an object', [echo], ''],
  ['text instead of an object', `"${echo}"`, ''],
  ['an unknown scope', { name: 'k', scopes: ['inference:write', echo] }, 'scopes[1]'],
  ['scopes that are no list', { name: 'k', scopes: echo }, 'scopes'],
  ['days below one', { name: 'k', expires_in_days: 0 }, 'expires_in_days'],
  ['negative days', { name: 'k', expires_in_days: -number }, 'expires_in_days'],
  ['part of a day', { name: 'k', expires_in_days: 1.5 }, 'expires_in_days'],
  ['days as text', { name: 'k', expires_in_days: `30${echo}` }, 'expires_in_days'],
  ['more days than there are', { name: 'k', expires_in_days: 1e15 }, 'expires_in_days'],
  ['a date that is none', { name: 'k', expires_at: echo }, 'expires_at'],
  ['a date that has passed', { name: 'k', expires_at: '2001-01-01T00:00:00Z' }, 'expires_at'],
  ['both expiries', { name: 'k', expires_in_days: 3, expires_at: '2099-01-01T00:00:00Z' }, 'expires_at'],
  ['a negative limit', { name: 'k', credit_limit_usd: -number }, 'credit_limit_usd'],
  ['a negative limit as text', { name: 'k', credit_limit_usd: `-${number}` }, 'credit_limit_usd'],
  ['a limit with too many decimals', { name: 'k', credit_limit_usd: '0.0000000001' }, 'credit_limit_usd'],
  ['a limit beyond all credit', { name: 'k', credit_limit_usd: '9000000.000000001' }, 'credit_limit_usd'],
  ['a limit beyond all numbers', { name: 'k', credit_limit_usd: 1e300 }, 'credit_limit_usd'],
  ['a limit in words', { name: 'k', credit_limit_usd: echo }, 'credit_limit_usd'],
  ['a limit in exponents', { name: 'k', credit_limit_usd: '1e3' }, 'credit_limit_usd'],
  ['a limit that is true', { name: 'k', credit_limit_usd: true }, 'credit_limit_usd'],
  ['rate limits that are a number', { name: 'k', rate_limits: number }, 'rate_limits'],
  ['a negative rate', { name: 'k', rate_limits: { requests_per_minute: -number } }, 'rate_limits.requests_per_minute'],
  ['a rate of none', { name: 'k', rate_limits: { tokens_per_minute: 0 } }, 'rate_limits.tokens_per_minute'],
  ['part of a request', { name: 'k', rate_limits: { parallel_requests: 1.5 } }, 'rate_limits.parallel_requests'],
  ['an unknown rate', { name: 'k', rate_limits: { requests_per_hour: 5 } }, 'rate_limits.requests_per_hour'],
  ['a name of which nothing is seen', { name: '\u200b\u3164' }, 'name'],
  ['a pattern with a space', { name: 'k', models: ['support *'] }, 'models[0]'],
  ['a model that is no text', { name: 'k', models: ['support-bot', number] }, 'models[1]'],
  ['models that are no list', { name: 'k', models: echo }, 'models'],
  ['an address that is none', { name: 'k', allowed_ips: [echo] }, 'allowed_ips[0]'],
  ['a subnet longer than its address', { name: 'k', allowed_ips: ['10.0.0.0/8', '10.0.0.0/33'] }, 'allowed_ips[1]'],
  ['a subnet without a length', { name: 'k', allowed_ips: ['10.0.0.0/'] }, 'allowed_ips[0]'],
  ['a short address', { name: 'k', allowed_ips: ['10.0.0'] }, 'allowed_ips[0]'],
];

/** What administrators send by mistake. */
export function badAdminInput(shape: () => Shape): void {
  describe('a key that is asked for wrongly', () => {
    // An organisation of its own: all of its keys are counted.
    let client: TollgateClient;
    let keysMade = 0;
    beforeAll(async () => {
      client = await shape().client().newOrganization('asks wrongly');
    });
    afterAll(async () => {
      expect(await client.allKeys(), 'keys stored').toHaveLength(keysMade);
    });
    const create = (body: unknown) => client.admin('POST', '/v1/api-keys', body);

    it.each(wrongBodies)('is refused with the field that is at fault: %s', async (_what, body, field) => {
      const reply = await create(body);
      expectProblem(reply, 'invalid_request');
      expect(reply.json<{ errors: { path: string }[] }>().errors.map(({ path }) => path)).toContain(field);
      expect(reply.text.replaceAll(`limit_${echo}`, '')).not.toContain(echo);
      expect(reply.text).not.toContain(String(number));
    });

    it('is refused with every field that is at fault', async () => {
      const reply = await create({ name: '', credit_limit_usd: -1, scopes: ['x'], surprise: 1 });
      const paths = reply
        .json<{ errors: { path: string }[] }>()
        .errors.map(({ path }) => path)
        .sort();
      expect(paths).toEqual(['credit_limit_usd', 'name', 'scopes[0]', 'surprise']);
    });

    it.each(['{"name": "k",', '{"name": "k"} x', "{'name': 'k'}", '{"name": "\u0000"}', `{"name": ${echo}}`])(
      'is refused where the body is no JSON: %j',
      async (body) => {
        const reply = await create(body);
        expectProblem(reply, 'invalid_json');
        expect(reply.text).not.toContain(echo);
      },
    );

    it('is refused where the body is no UTF-8', async () => {
      expectProblem(
        await create(Buffer.from([...Buffer.from('{"name":"'), 0xff, 0xfe, ...Buffer.from('"}')])),
        'invalid_json',
      );
    });

    it('is refused where the body is too large, and the administrator can go on', async () => {
      const reply = await create(JSON.stringify({ name: 'k', description: 'x'.repeat(4 * 1024 * 1024) }));
      expect([reply.status, reply.code]).toEqual([413, 'body_too_large']);
      expect((await client.listKeys()).object).toBe('list');
    });

    it.each([
      [3, 3],
      [8, 1],
    ])(
      'is refused where a body that does not tell its length turns out too large: %i MiB',
      async (mebibytes, partMebibytes) => {
        const reply = await create(endless('{"name":"k","description":"', mebibytes, partMebibytes));
        expect([reply.status, reply.code]).toEqual([413, 'body_too_large']);
        for (let time = 0; time < 3; time++) expectProblem(await create({ name: '' }), 'invalid_request');
      },
    );

    it('does not hear its secret again where it sent one', async () => {
      const { secret } = await client.createKey();
      keysMade += 1;
      for (const body of [
        { [secret]: 1, name: 'k' },
        { name: 'k', scopes: [secret] },
        { name: 'k', allowed_ips: [secret] },
        `{"name": ${secret}}`,
      ]) {
        const reply = await create(body);
        expect(reply.status).toBe(400);
        expect(reply.text).not.toContain(secret.slice(6, -4));
      }
    });

    it.each([
      '?limit=0',
      '?limit=101',
      '?limit=ten',
      '?after=nonsense!',
      '?cursor=nonsense!',
      '?cursor=a&after=a',
      '?unknown=1',
      '?limit=1&limit=2',
    ])('is not listed by a query that means nothing: %s', async (query) => {
      expectProblem(await client.admin('GET', `/v1/api-keys${query}`), 'invalid_request');
    });

    it.each([
      '?api_key_id=',
      '?api_key_id=nonsense',
      '?unknown=1',
      '?from=yesterday',
      '?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z',
    ])('has no usage by a query that means nothing: %j', async (query) => {
      expectProblem(await client.admin('GET', `/v1/usage${query}`), 'invalid_request');
    });
  });
}

function expectProblem(reply: Reply, code: string): void {
  expect([reply.status, reply.code], reply.text).toEqual([400, code]);
  expect(reply.header('content-type')).toContain('application/problem+json');
  expect(reply.json()).toMatchObject({
    type: `/docs/errors/${code}`,
    title: expect.any(String),
    status: 400,
    request_id: reply.requestId,
  });
}
