import { once } from 'node:events';
import { connect } from 'node:net';
import { Controller, Delete, Get, Module, Param, Post, Put } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNestServer } from './index.js';

@Controller('v1/things')
class ThingsController {
  @Get()
  list() {
    return { list: true };
  }
  @Post()
  create() {
    return { created: true };
  }
  @Get(':id')
  read(@Param('id') id: string) {
    return { id };
  }
  @Delete(':id')
  remove(@Param('id') id: string) {
    return { id };
  }
  @Put('special.one')
  special() {
    return { special: true };
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

let app: NestFastifyApplication;
let url: string;
beforeAll(async () => {
  app = await createNestServer(ThingsModule, { logger: createLogger({ service: 'test', level: 'silent' }) });
  const fastify = app.getHttpAdapter().getInstance();
  await fastify.register(
    async (scope) => void scope.patch('/all/*', async (_request, reply) => reply.send({ all: true })),
    { prefix: '/scoped' },
  );
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(() => app.close());

/** The head and the body of one raw exchange, with bytes that no client library would send. */
async function exchange(head: string, body = ''): Promise<{ status: number; headers: Headers; text: string }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`${head} HTTP/1.1\r\nhost: x\r\n${body === '' ? '' : `content-length: ${body.length}\r\n`}\r\n${body}`);
  let reply = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    reply += part;
    // Only this side's half is closed: the rest of the reply still comes.
    socket.end();
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

describe('a method that a path does not take', () => {
  it.each([
    ['PUT /v1/things', 'GET, HEAD, POST'],
    ['PUT /v1/things?a=1', 'GET, HEAD, POST'],
    ['DELETE /v1/things', 'GET, HEAD, POST'],
    ['PROPFIND /v1/things', 'GET, HEAD, POST'],
    ['TRACE /v1/things', 'GET, HEAD, POST'],
    ['POST /v1/things/7', 'DELETE, GET, HEAD'],
    ['PATCH /v1/thing%73/a%20b', 'DELETE, GET, HEAD'],
    ['POST /v1/things/special.one', 'DELETE, GET, HEAD, PUT'],
    ['PUT http://host/v1/things', 'GET, HEAD, POST'],
    ['HEAD /scoped/all/of/it', 'PATCH'],
    ['POST /healthz', 'GET, HEAD'],
  ])('is 405 with those that it takes, also where a body is in no known form: %s', async (head, allow) => {
    const { status, headers, text } = await exchange(head, '<xml/>');
    expect([status, headers.get('allow'), headers.get('content-type')]).toEqual([
      405,
      allow,
      'application/problem+json',
    ]);
    if (head.startsWith('HEAD')) expect(text).toBe('');
    else
      expect(JSON.parse(text)).toMatchObject({
        status: 405,
        code: 'method_not_allowed',
        request_id: headers.get('x-request-id'),
        detail: `This path takes ${allow}.`,
      });
  });
  it('is told from a path that nothing has, whatever its body is', async () => {
    for (const head of [
      'POST /v1/thing',
      'PUT /v1/things/',
      'PUT //v1/things',
      'OPTIONS /v1/thing',
      'PATCH /v1/things/7/8',
      'PUT /v1/things/specialXone/x',
      'HEAD /nowhere',
      'GET http://host',
      'POST ftp://host/v1/things',
      'GET *',
    ]) {
      const { status, headers, text } = await exchange(head, 'x'.repeat(3_000_000));
      expect([head, status, headers.get('allow')]).toEqual([head, 404, null]);
      expect(text === '' ? 'not_found' : (JSON.parse(text) as { code: string }).code).toBe('not_found');
    }
  });
});

describe('OPTIONS', () => {
  it('tells the methods of a path, without the headers of CORS', async () => {
    for (const [path, allow] of [
      ['/v1/things', 'GET, HEAD, POST'],
      ['/v1/things/7', 'DELETE, GET, HEAD'],
      ['http://host/healthz', 'GET, HEAD'],
      ['*', null],
    ] as const) {
      const { status, headers, text } = await exchange(`OPTIONS ${path}`);
      expect([status, headers.get('allow'), text]).toEqual([204, allow, '']);
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

describe('HEAD', () => {
  it('is answered as GET, without the body', async () => {
    const { status, headers, text } = await exchange('HEAD /v1/things');
    expect([status, headers.get('content-length'), text]).toEqual([200, '13', '']);
  });
});

describe('a target in absolute form', () => {
  it('means its path', async () => {
    expect((await exchange('GET http://elsewhere:99/v1/things/7?a=b')).text).toBe('{"id":"7"}');
  });
});
