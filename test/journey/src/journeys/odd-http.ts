import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { bodySentUpstream, providerEntries, totalsOf, providerEntry, usageOf } from '../kit/provider-log.js';
import { rawExchange } from '../kit/raw-exchange.js';
import type { Shape } from '../kit/shape.js';
import type { CreatedKey } from '../kit/tollgate-client.js';

type Dialect = 'openai' | 'openrouter' | 'anthropic' | 'problem';

const body = '{"model":"support-bot","max_tokens":5,"messages":[{"role":"user","content":"Hello"}]}';

/** Request targets that all mean a chat call. */
const chatTargets = [
  '/v1/chat/completions',
  '/api/v1/chat/completions',
  '/v1/chat/completions?api-version=2024-10-21',
  '//v1/chat/completions',
  '/v1//chat/completions/',
  '//api//v1///chat/completions//?a=b',
  'http://gateway.example/v1/chat/completions',
  'https://gateway.example:8443//v1/chat/completions/',
  '/v1/ch%61t/completions',
];

/** What is asked, the status, code and dialect of the refusal, and its `Allow`. */
const refused: readonly (readonly [string, number, string, Dialect, string | undefined])[] = [
  ['GET /v1/chat/completions', 405, 'method_not_allowed', 'openai', 'POST'],
  ['PUT /v1/chat/completions', 405, 'method_not_allowed', 'openai', 'POST'],
  ['PROPFIND /api/v1/chat/completions/', 405, 'method_not_allowed', 'openrouter', 'POST'],
  ['POST /api/v1/moderations', 404, 'not_found', 'openrouter', undefined],
  ['DELETE http://gateway.example/v1/chat/completions', 405, 'method_not_allowed', 'openai', 'POST'],
  ['HEAD /v1/chat/completions', 405, '', 'openai', 'POST'],
  ['POST /chat/completions', 404, 'not_found', 'openai', undefined],
  ['POST /v1/chat', 404, 'not_found', 'openai', undefined],
  ['POST /v1/v1/chat/completions', 404, 'not_found', 'openai', undefined],
  ['POST /v1/chat/completions/chat/completions', 404, 'not_found', 'openai', undefined],
  ['POST /v1/chat%2Fcompletions', 404, 'not_found', 'openai', undefined],
  ['POST /v1/chat/completions%zz', 404, 'not_found', 'openai', undefined],
  ['POST /openai/deployments/support-bot/chat/completions?api-version=1', 404, 'not_found', 'openai', undefined],
  ['POST /v1/moderations', 404, 'not_found', 'openai', undefined],
  ['POST /v1/models', 405, 'method_not_allowed', 'openai', 'GET, HEAD'],
  ['DELETE /v1/models/openai/gpt-4o', 405, 'method_not_allowed', 'openai', 'GET, HEAD'],
  ['POST /v1/v1/messages', 404, 'not_found', 'anthropic', undefined],
  ['GET /v1/messages', 405, 'method_not_allowed', 'anthropic', 'POST'],
  ['OPTIONS /v1/moderations', 404, 'not_found', 'openai', undefined],
  ['PUT /v1/api-keys', 405, 'method_not_allowed', 'problem', 'GET, HEAD, POST'],
  ['PATCH /v1/api-keys?limit=1', 405, 'method_not_allowed', 'problem', 'GET, HEAD, POST'],
  [
    'PUT /v1/api-keys/0190a1b2-0000-7000-8000-000000000000',
    405,
    'method_not_allowed',
    'problem',
    'DELETE, GET, HEAD, PATCH',
  ],
  ['GET /v1/api-keys/0190a1b2-0000-7000-8000-000000000000/revoke', 405, 'method_not_allowed', 'problem', 'POST'],
  ['POST http://gateway.example/v1/usage', 405, 'method_not_allowed', 'problem', 'GET, HEAD'],
  ['GET /webhooks/github/secret-scanning', 405, 'method_not_allowed', 'problem', 'POST'],
  ['HEAD /webhooks/github/secret-scanning', 405, '', 'problem', 'POST'],
  ['POST /healthz', 405, 'method_not_allowed', 'problem', 'GET, HEAD'],
  ['POST /v1/usage/chat/completions', 404, 'not_found', 'problem', undefined],
  ['GET /webhooks/nobody', 404, 'not_found', 'problem', undefined],
  ['POST /internal/keys/verify', 404, 'not_found', 'problem', undefined],
  ['GET /nowhere', 404, 'not_found', 'problem', undefined],
  ['GET http://gateway.example', 404, 'not_found', 'problem', undefined],
];

const encode: readonly (readonly [string, (text: string) => Buffer])[] = [
  ['gzip', gzipSync],
  ['X-GZip', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
  ['identity', Buffer.from],
  ['gzip, BR', (text) => brotliCompressSync(gzipSync(text))],
];

/** Requests as HTTP allows them and few clients make them, and those at wrong places. */
export function oddHttp(shape: () => Shape): void {
  describe('HTTP', () => {
    let key: CreatedKey;
    beforeAll(async () => {
      key = await shape().client().createKey();
    });
    const bearer = () => ({ authorization: `Bearer ${key.secret}` });
    const send = (requestLine: string, headers: Record<string, string> = {}, payload: string | Uint8Array = body) =>
      rawExchange(shape().gateways[0]!.url, requestLine, { ...bearer(), ...headers }, payload);
    const administer = (requestLine: string, headers: Record<string, string> = {}, payload: string | Uint8Array = '') =>
      send(requestLine, { authorization: `Bearer ${shape().adminSecret}`, ...headers }, payload);

    it.each(chatTargets)('serves a chat call at %s', async (target) => {
      const reply = await send(`POST ${target}`);
      expect(reply.status, reply.text).toBe(200);
      expect(providerEntry(shape(), reply.requestId)).toMatchObject({
        path: '/v1/chat/completions',
        outcome: 'answered',
      });
    });

    it.each(refused)('refuses %s: %i %s in the shape of %s', async (requestLine, status, code, dialect, allow) => {
      const reply = await send(requestLine);
      expect([reply.status, reply.header('allow')], reply.text).toEqual([status, allow]);
      expect(reply.requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(reply.header('content-type')).toBe(
        dialect === 'problem' ? 'application/problem+json' : 'application/json',
      );
      if (requestLine.startsWith('HEAD ')) expect(reply.text).toBe('');
      else expectError(reply, code, dialect);
    });

    it('says at a wrong path what is served', async () => {
      const reply = await send('POST /chat/completions');
      expect(reply.json()).toMatchObject({
        error: {
          message: expect.stringMatching(/POST \/chat\/completions;.*base URLs end in \/v1.*POST \/chat\/completions/),
        },
      });
    });

    it('does not repeat a secret, or markup, that stands in a path', async () => {
      for (const path of [
        `/v1/models/${key.secret}`,
        `/v1/${key.secret}/chat/completions?${key.secret}`,
        '/v1/models/<b>zQ7canary',
        `/v1/${'zQ7canary'.repeat(900)}`,
      ]) {
        const { text } = await send(`POST ${path}`);
        expect(text).not.toContain(key.secret.slice(6, -4));
        expect(text).not.toMatch(/<|canary/);
        expect(text.length).toBeLessThan(900);
      }
    });

    it('tells by OPTIONS what a path takes, without CORS', async () => {
      const options = [
        ['/v1/chat/completions', 'POST'],
        ['/v1/models', 'GET, HEAD'],
        ['/api/v1/models/a/b', 'GET, HEAD'],
        ['http://x//v1/chat/completions/', 'POST'],
        ['/v1/api-keys', 'GET, HEAD, POST'],
        ['/v1/usage', 'GET, HEAD'],
        ['/webhooks/github/secret-scanning', 'POST'],
        ['*', undefined],
      ];
      for (const [target, allow] of options) {
        const reply = await send(
          `OPTIONS ${target}`,
          { origin: 'https://app.example', 'access-control-request-method': 'POST' },
          '',
        );
        expect([target, reply.status, reply.header('allow'), reply.text]).toEqual([target, 204, allow, '']);
        expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
        expect(reply.requestId).toMatch(/^[0-9a-f-]{36}$/);
      }
    });

    it('answers HEAD as GET, without the body', async () => {
      for (const path of ['/v1/api-keys?limit=1', `/v1/usage?api_key_id=${key.id}`, '/healthz']) {
        const [get, head] = [await administer(`GET ${path}`), await administer(`HEAD ${path}`)];
        expect([path, head.status, head.text, head.header('content-type')]).toEqual([
          path,
          200,
          '',
          get.header('content-type'),
        ]);
      }
    });

    it('takes a target in absolute form for the admin API, too', async () => {
      expect((await administer('GET http://gateway.example/v1/api-keys?limit=1')).json()).toMatchObject({
        object: 'list',
      });
    });

    it('refuses a WebSocket at once, and goes on without the other protocol where it may', async () => {
      const socket = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      };
      for (const [target, status] of [
        ['/v1/chat/completions', 426],
        ['/v1/realtime?model=x', 404],
      ] as const) {
        const refusedSocket = await send(`GET ${target}`, socket, '');
        expect([refusedSocket.status, refusedSocket.header('connection')]).toEqual([status, 'close']);
      }
      const reply = await send('POST /v1/chat/completions', {
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
      });
      expect(reply.status, reply.text).toBe(200);
    });

    describe('with a compressed body', () => {
      it.each(encode)('serves it: %s', async (coding, encoded) => {
        const capped = await shape().client().createKey({ credit_limit_usd: 1 });
        const reply = await send(
          'POST /v1/chat/completions',
          { authorization: `Bearer ${capped.secret}`, 'content-encoding': coding },
          encoded(body),
        );
        expect(reply.status, reply.text).toBe(200);
        expect(await bodySentUpstream(shape(), reply.requestId)).toBe(body.replace('support-bot', 'gpt-4o-mini'));
        const entry = providerEntry(shape(), reply.requestId);
        expect(entry.headers).not.toHaveProperty('content-encoding');
        expect(await usageOf(shape(), capped.id, 1)).toEqual(totalsOf([entry]));
      });

      it.each(encode.filter(([coding]) => coding !== 'identity'))(
        'refuses what is too large once it is decoded, and goes on: %s',
        async (coding, encoded) => {
          const bomb = `{"model":"support-bot","messages":[{"role":"user","content":"${'x'.repeat(40 * 1024 * 1024)}"}]}`;
          const reply = await send('POST /v1/chat/completions', { 'content-encoding': coding }, encoded(bomb));
          expect(reply.status).toBe(413);
          expectError(reply, 'body_too_large', 'openai');
          expect((await send('POST /v1/chat/completions')).status).toBe(200);
        },
      );

      it.each(encode.filter(([coding]) => coding !== 'identity'))(
        'refuses what is broken or cut off, by the name of its coding: %s',
        async (coding, encoded) => {
          const name = coding.toLowerCase().replace('x-', '').split(', ').at(-1)!;
          for (const wrong of [
            Buffer.from(body),
            encoded(body).subarray(0, -4),
            Buffer.concat([encoded(body), Buffer.from('zQ7canary')]),
          ]) {
            const reply = await send('POST /v1/chat/completions', { 'content-encoding': coding }, wrong);
            expect(reply.status, reply.text).toBe(400);
            expectError(reply, 'invalid_json', 'openai');
            expect(reply.json()).toMatchObject({ error: { message: expect.stringContaining(`not valid ${name}`) } });
          }
        },
      );

      it.each(['compress', 'zQ7canary', 'gzip, zQ7canary', 'gzip;q=1'])(
        'refuses a coding that it does not know, and tells those that it does: %s',
        async (coding) => {
          const reply = await send('POST /v1/chat/completions', { 'content-encoding': coding }, gzipSync(body));
          expect([reply.status, reply.header('accept-encoding')]).toEqual([415, 'gzip, deflate, br, zstd']);
          expectError(reply, 'unsupported_media_type', 'openai');
          expect(reply.json()).toMatchObject({ error: { message: expect.stringContaining('Content-Encoding') } });
        },
      );

      it('does not look into it without a good key', async () => {
        const reply = await send(
          'POST /v1/chat/completions',
          { authorization: 'Bearer nonsense', 'content-encoding': 'gzip' },
          gzipSync(Buffer.alloc(40 * 1024 * 1024)),
        );
        expect([reply.status, reply.code]).toEqual([401, 'invalid_api_key']);
      });

      it('refuses it where keys are administered, and at webhooks', async () => {
        for (const path of ['/v1/api-keys', '/webhooks/github/secret-scanning']) {
          const reply = await administer(
            `POST ${path}`,
            { ...shape().github.sign(''), 'content-encoding': 'gzip' },
            gzipSync('{"name":"zQ7canary"}'),
          );
          expect([reply.status, reply.header('accept-encoding')], reply.text).toEqual([415, 'identity']);
          expectError(reply, 'unsupported_media_type', 'problem');
        }
      });
    });

    it('passes on fields whose names have escapes, and refuses a raw control character wherever it stands', async () => {
      const escaped =
        '{"\\u4f60":1,"a\\/b":{"\\u006dodel":2},"\\u4f60":3,"model":"support-bot","messages":[{"role":"user","content":"Hello"}]}';
      const reply = await send('POST /v1/chat/completions', {}, escaped);
      expect(reply.status, reply.text).toBe(200);
      expect(await bodySentUpstream(shape(), reply.requestId)).toBe(escaped.replace('support-bot', 'gpt-4o-mini'));
      for (const length of [0, 47, 48, 49, 5_000]) {
        const tabbed = await send('POST /v1/chat/completions', {}, body.replace('Hello', `${'x'.repeat(length)}\t`));
        expect(tabbed.status).toBe(400);
        expectError(tabbed, 'invalid_json', 'openai');
      }
    });

    function expectError(reply: Reply, code: string, dialect: Dialect): void {
      if (dialect === 'openai')
        expect(reply.json()).toEqual({
          error: { message: expect.any(String), type: 'invalid_request_error', param: null, code },
        });
      else if (dialect === 'openrouter')
        expect(reply.json()).toMatchObject({
          error: { code: reply.status, message: expect.any(String), metadata: { code } },
        });
      else if (dialect === 'anthropic')
        expect(reply.json()).toMatchObject({
          type: 'error',
          error: { type: expect.stringMatching(/^(?:not_found|invalid_request)_error$/) as unknown },
          request_id: reply.requestId,
        });
      else
        expect(reply.json()).toMatchObject({
          code,
          status: reply.status,
          type: `/docs/errors/${code}`,
          request_id: reply.requestId,
        });
      expect(reply.text).not.toContain('zQ7canary');
      expect(providerEntries(shape(), reply.requestId)).toEqual([]);
    }
  });
}
