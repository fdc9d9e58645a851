import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Controller, Get, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createNestServer, TrustedProxies } from '@tollgate/http';
import { createLogger } from '@tollgate/telemetry';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveInference } from './inference-routes.js';
import { sendRefusal, sendReply } from './request-path/exchange/reply.js';

@Controller('v1/usage')
class UsageController {
  @Get()
  read() {
    return { usage: true };
  }
}
/** A route of the framework below /v1. */
@Controller('v1/dashboard/credits')
class CreditsController {
  @Post()
  read() {
    return { credits: true };
  }
}
@Module({ controllers: [UsageController, CreditsController] })
class OthersModule {}

let app: NestFastifyApplication;
let port: number;
const refused: string[] = [];
beforeAll(async () => {
  app = await createNestServer(OthersModule, { logger: createLogger({ service: 'test', level: 'silent' }) });
  serveInference(app.getHttpServer() as Server, app.getHttpAdapter().getInstance() as unknown as FastifyInstance, {
    serve: async (_endpoint, exchange) => {
      sendReply(
        exchange,
        200,
        'application/json',
        Buffer.from(JSON.stringify({ served: await text(exchange.request) })),
        [],
      );
    },
    refuse: (exchange, refusal) => {
      refused.push(refusal.code);
      sendRefusal(exchange, refusal);
    },
  });
  await app.listen(0, '127.0.0.1');
  ({ port } = (app.getHttpServer() as Server).address() as AddressInfo);
});
afterAll(() => app.close());

/**
 * One raw exchange. The server closes the connection; if other headers are given, the client does so after the reply.
 */
async function exchange(
  head: string,
  body = '{}',
  headers = '',
): Promise<{ status: number; headers: Headers; text: string }> {
  const socket = connect(port, '127.0.0.1');
  const { length } = Buffer.from(body);
  socket.write(
    `${head} HTTP/1.1\r\nhost: x\r\n${headers === '' ? 'connection: close\r\n' : headers}content-length: ${length}\r\n\r\n${body}`,
  );
  let reply = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    reply += part;
    if (headers !== '') socket.end();
  });
  await once(socket, 'close');
  const end = reply.indexOf('\r\n\r\n');
  const [status, ...lines] = reply.slice(0, end).split('\r\n');
  return {
    status: Number(status!.split(' ')[1]),
    headers: new Headers(lines.map((line) => line.split(': ', 2) as [string, string])),
    text: reply.slice(end + 4),
  };
}
const idOf = (headers: Headers): string => {
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  return headers.get('x-request-id')!;
};

describe('a chat call', () => {
  it.each([
    '/v1/chat/completions',
    '/api/v1/chat/completions',
    '/v1/chat/completions?api-version=1',
    '//v1/chat/completions',
    '/v1//chat/completions/',
    '/v1/chat/completions/?a=b',
    'http://host/v1/chat/completions',
    'https://host:1//api/v1/chat/completions/',
    '/v1/ch%61t/completions',
  ])('is served at %s', async (target) => {
    expect(await exchange(`POST ${target}`, '{"a":"ü"}')).toMatchObject({
      status: 200,
      text: '{"served":"{\\"a\\":\\"ü\\"}"}',
    });
  });
  it('is served where the client offers another protocol', async () => {
    expect(
      (
        await exchange(
          'POST /v1/chat/completions',
          '{}',
          'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n',
        )
      ).text,
    ).toBe('{"served":"{}"}');
  });
});

describe('a chat call that names two hosts', () => {
  it.each(['host: y', 'Host: x', 'HOST: '])(
    'is 400 in the shape of the path, and nothing is served: %s',
    async (more) => {
      for (const target of ['/v1/chat/completions', '//api/v1/chat/completions/', 'http://host/v1/chat/completions']) {
        const { status, headers, text } = await exchange(`POST ${target}`, '{}', `connection: close\r\n${more}\r\n`);
        expect([status, headers.get('content-type')]).toEqual([400, 'application/json']);
        const code = target.includes('/api/') ? 400 : 'invalid_request';
        expect(JSON.parse(text)).toMatchObject({
          error: { code, message: 'The request has more than one Host header.' },
        });
      }
    },
  );
});

describe('another method on the path of chat calls', () => {
  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'TRACE'])(
    'is 405 in the shape of OpenAI: %s',
    async (method) => {
      for (const target of ['/v1/chat/completions', '//v1/chat/completions/', 'http://host/v1/chat/completions']) {
        const { status, headers, text } = await exchange(`${method} ${target}`);
        expect([status, headers.get('allow'), headers.get('content-type')]).toEqual([405, 'POST', 'application/json']);
        expect(JSON.parse(text)).toEqual({
          error: {
            message: expect.stringContaining(`takes POST, not ${method}.`) as unknown,
            type: 'invalid_request_error',
            param: null,
            code: 'method_not_allowed',
          },
        });
        idOf(headers);
      }
    },
  );
  it('is 405 in the shape of OpenRouter below /api/v1', async () => {
    for (const target of ['/api/v1/chat/completions?a=b', '//api/v1/chat/completions/']) {
      const { status, text } = await exchange(`PUT ${target}`);
      expect([status, JSON.parse(text)]).toEqual([
        405,
        {
          error: {
            code: 405,
            message: expect.stringContaining('takes POST, not PUT.') as unknown,
            metadata: { error_type: 'invalid_request', code: 'method_not_allowed' },
          },
        },
      ]);
    }
  });
  it('is 405 without a body for HEAD', async () => {
    const { status, headers, text } = await exchange('HEAD /v1/chat/completions', '');
    expect([status, headers.get('allow'), text]).toEqual([405, 'POST', '']);
    idOf(headers);
  });
  it('is 204 for OPTIONS, without the headers of CORS', async () => {
    const { status, headers, text } = await exchange('OPTIONS /v1/chat/completions', '');
    expect([status, headers.get('allow'), text]).toEqual([204, 'POST', '']);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    idOf(headers);
  });
  it('is refused at once where it asks for a WebSocket', async () => {
    const upgrade =
      'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
    for (const [target, status] of [
      ['/v1/chat/completions', 426],
      ['/v1/realtime?model=x', 404],
    ] as const) {
      const reply = await exchange(`GET ${target}`, '', upgrade);
      expect([reply.status, reply.headers.get('connection')]).toEqual([status, 'close']);
      expect(JSON.parse(reply.text)).toMatchObject({ error: { type: 'invalid_request_error' } });
    }
  });
});

describe('a client that opens a WebSocket', () => {
  it('is answered and disconnected at once, whatever it sends after that', async () => {
    const sockets = Array.from({ length: 50 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    const answers = await Promise.all(
      sockets.map(async (socket) => {
        let reply = '';
        socket.setEncoding('latin1').on('data', (part: string) => (reply += part));
        socket.write(
          'GET /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
            'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
        );
        // The first frame of a client that does not wait for the answer.
        socket.write(Buffer.from([0x81, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        await once(socket, 'close');
        return reply.slice(0, reply.indexOf('\r\n'));
      }),
    );
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 426 Upgrade Required']));
  });
});

describe('what a key may use', () => {
  it.each([
    '/v1/models',
    '/api/v1/models/',
    '/v1/models?limit=1000',
    '/v1/models/openai/gpt-4o',
    '//v1/models/a%2Fb?x',
  ])('is told at %s', async (target) => {
    expect(await exchange(`GET ${target}`, '')).toMatchObject({ status: 200, text: '{"served":""}' });
    const { status, headers, text } = await exchange(`HEAD ${target}`, '');
    expect([status, headers.get('content-length'), text]).toEqual([200, '13', '']);
  });
  it('is asked by no other method', async () => {
    for (const target of ['/v1/models', '/v1/models/gpt-4o']) {
      const { status, headers } = await exchange(`POST ${target}`);
      expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      const options = await exchange(`OPTIONS ${target}`, '');
      expect([options.status, options.headers.get('allow'), options.text]).toEqual([204, 'GET, HEAD', '']);
    }
  });
});

describe('a path that nothing is served at', () => {
  it.each([
    'POST /chat/completions',
    'POST /v1/moderations',
    'POST /v1/audio/speech?stream=true',
    'GET /v1/models2',
    'DELETE /v1/nonsense',
    'POST //v1//responses/items/',
    'POST http://host/v1/edits',
    'GET /v1/%zz',
    'POST /v1/chat/completions%',
    'GET /v1/%ff',
  ])('is 404 in the shape of OpenAI and says what is served: %s', async (head) => {
    const before = refused.length;
    const { status, headers, text } = await exchange(head, '<xml/>');
    expect([status, headers.get('content-type'), headers.get('allow')]).toEqual([404, 'application/json', null]);
    expect(JSON.parse(text)).toEqual({
      error: {
        message: expect.stringMatching(/^Nothing is served at .*base URLs? .* POST \/chat\/completions/) as unknown,
        type: 'invalid_request_error',
        param: null,
        code: 'not_found',
      },
    });
    idOf(headers);
    expect(refused.slice(before)).toEqual(['not_found']);
  });
  it('is 404 before its body is looked at', async () => {
    expect((await exchange('POST /v1/moderations', 'x'.repeat(5_000_000), 'connection: keep-alive\r\n')).status).toBe(
      404,
    );
  });
  it('is a problem where no SDK asks', async () => {
    for (const [head, code] of [
      ['PUT /v1/usage', 'method_not_allowed'],
      ['GET /v1/usage/x', 'not_found'],
      ['GET /nowhere', 'not_found'],
      ['GET /%zz', 'invalid_request'],
      ['GET /v1/usage/%zz', 'invalid_request'],
    ] as const) {
      const { headers, text } = await exchange(head);
      expect(headers.get('content-type')).toBe('application/problem+json');
      expect(JSON.parse(text)).toMatchObject({ code, request_id: idOf(headers) });
    }
  });
});

describe('what the framework serves', () => {
  it('is served as before, also below /v1', async () => {
    expect((await exchange('GET /v1/usage', '')).text).toBe('{"usage":true}');
    expect((await exchange('POST /v1/dashboard/credits')).text).toBe('{"credits":true}');
    expect((await exchange('GET http://host/v1/usage', '')).text).toBe('{"usage":true}');
    expect((await exchange('GET /v1/dashboard/credits', '')).headers.get('allow')).toBe('POST');
  });
});

describe('a chat call through a proxy', () => {
  it('comes from the address that the proxy says, and is 400 where that is none', async () => {
    const behind = await createNestServer(OthersModule, {
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
    const seen: [string, boolean][] = [];
    serveInference(
      behind.getHttpServer() as Server,
      behind.getHttpAdapter().getInstance() as unknown as FastifyInstance,
      {
        serve: async (_endpoint, exchange) => {
          seen.push([exchange.clientAddress, exchange.addressIsKnown]);
          await text(exchange.request);
          sendReply(exchange, 200, 'application/json', Buffer.from('{}'), []);
        },
        refuse: sendRefusal,
      },
      new TrustedProxies([{ addresses: ['127.0.0.1'], header: 'x-forwarded-for' }]),
    );
    await behind.listen(0, '127.0.0.1');
    const call = (forwarded: string) =>
      fetch(`${url}/v1/chat/completions`, { method: 'POST', body: '{}', headers: { 'x-forwarded-for': forwarded } });
    const url = await behind.getUrl();
    for (const forwarded of ['192.0.2.1, 203.0.113.9', 'unknown']) expect((await call(forwarded)).status).toBe(200);
    expect(seen).toEqual([
      ['203.0.113.9', true],
      ['127.0.0.1', false],
    ]);
    const refusedCall = await call('nonsense');
    expect([refusedCall.status, ((await refusedCall.json()) as { error: { code: string } }).error.code]).toEqual([
      400,
      'invalid_request',
    ]);
    await behind.close();
  });
});
