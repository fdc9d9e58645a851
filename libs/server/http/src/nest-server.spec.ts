import { connect, type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Body, Controller, Delete, Get, HttpCode, Module, Post, Query, UseGuards } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createNestServer, Problem, SERVICE_SECRETS, ServiceGuard } from './index.js';

const thing = z.strictObject({ name: z.string().max(10).optional() });
const things = z.strictObject({ limit: z.string().optional() });
const log: string[] = [];

@Controller('things')
class ThingsController {
  @Post()
  @UseGuards(ServiceGuard)
  create(@Body({ schema: thing }) body: z.output<typeof thing>) {
    return body;
  }
  @Get()
  list(@Query({ schema: things }) query: z.output<typeof things>) {
    return query;
  }
  @Delete()
  @HttpCode(200)
  remove() {
    return { deleted: true };
  }
  @Get('conflict')
  conflict() {
    throw new Problem('conflict', { detail: 'Already there.', headers: { 'retry-after': '3' } });
  }
  @Get('bug')
  bug() {
    throw Object.assign(new Error('canary in a message'), { parameters: ['canary in parameters'] });
  }
}

@Controller('internal')
class InternalController {
  @Post('ping')
  @UseGuards(ServiceGuard)
  @HttpCode(200)
  ping(@Body() body: Buffer) {
    return { bytes: body.toString('hex') };
  }
}

@Module({
  controllers: [ThingsController, InternalController],
  providers: [{ provide: SERVICE_SECRETS, useValue: ['service-secret'] }],
})
class ThingsModule {}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const admin = { authorization: 'Bearer service-secret' };
const json = { 'content-type': 'application/json' };

let app: NestFastifyApplication;
let url: string;
const call = (path: string, init?: RequestInit) => fetch(url + path, init);
const problemOf = async (reply: Response) => {
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  const body = (await reply.json()) as {
    status: number;
    code: string;
    type: string;
    request_id: string;
    detail?: string;
    errors?: unknown;
  };
  expect(body).toMatchObject({
    status: reply.status,
    type: `/docs/errors/${body.code}`,
    request_id: reply.headers.get('x-request-id'),
  });
  return body;
};

/** One raw exchange: what the server says to bytes that no client library would send. */
const exchange = (bytes: string) =>
  new Promise<string>((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });

beforeAll(async () => {
  const logger = createLogger({ service: 'test', destination: { write: (line) => void log.push(line) } });
  app = await createNestServer(ThingsModule, { logger, bodyLimitBytes: 1_000 });
  const fastify = app.getHttpAdapter().getInstance();
  await fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.post('/raw', { bodyLimit: 5_000 }, async (request, reply) =>
      reply.send({ length: (request.body as Buffer).length }),
    );
  });
  await app.listen(0, '127.0.0.1');
  url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
});
afterAll(() => app.close());

describe('a server', () => {
  it('answers /healthz', async () => {
    const reply = await call('/healthz');
    expect([reply.status, await reply.json()]).toEqual([200, { status: 'ok' }]);
  });
  it('gives every reply a request id of its own and keeps it out of caches', async () => {
    for (const path of ['/healthz', '/things', '/nowhere', '/things/%zz']) {
      const { headers } = await call(path, { headers: { 'x-request-id': 'theirs', 'request-id': 'theirs' } });
      expect(headers.get('x-request-id')).toMatch(UUID);
      expect(headers.get('request-id')).toBe(headers.get('x-request-id'));
      expect(headers.get('cache-control')).toBe('no-store, no-transform');
    }
  });
  it('has raw routes beside the controllers, with bodies and limits of their own', async () => {
    const reply = await call('/raw', {
      method: 'POST',
      body: 'x'.repeat(4_000),
      headers: { 'content-type': 'text/plain' },
    });
    expect(await reply.json()).toEqual({ length: 4_000 });
    expect((await problemOf(await call('/raw', { method: 'POST', body: 'x'.repeat(6_000) }))).code).toBe(
      'body_too_large',
    );
  });
});

describe('a body', () => {
  it('reaches the handler as the bytes that came', async () => {
    const reply = await call('/internal/ping', {
      method: 'POST',
      body: '{ "a" : 1 }',
      headers: { ...json, authorization: 'Bearer service-secret' },
    });
    expect(await reply.json()).toEqual({ bytes: Buffer.from('{ "a" : 1 }').toString('hex') });
  });
  it('may be empty whatever its content type', async () => {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense']) {
      expect((await call('/things', { method: 'DELETE', headers: { 'content-type': type } })).status).toBe(200);
      expect(
        await (await call('/things', { method: 'POST', headers: { ...admin, 'content-type': type } })).json(),
      ).toEqual({});
    }
    const chunked = await exchange(
      'POST /things HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer service-secret\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(chunked).toContain('201 Created');
  });
  it('of another kind than JSON is 415', async () => {
    const reply = await call('/things', {
      method: 'POST',
      body: 'name=a',
      headers: { ...admin, 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(await problemOf(reply)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    expect(
      (
        await call('/things', {
          method: 'POST',
          body: '{}',
          headers: { ...admin, 'content-type': 'application/vnd.x+json; charset=utf-8' },
        })
      ).status,
    ).toBe(201);
  });
  it('that is compressed is 415 and says so, whatever coding it names', async () => {
    for (const coding of ['gzip', 'BR', 'x-unknown', 'identity, gzip']) {
      const reply = await call('/things', {
        method: 'POST',
        body: gzipSync('{}'),
        headers: { ...admin, ...json, 'content-encoding': coding },
      });
      expect(reply.headers.get('accept-encoding')).toBe('identity');
      expect(await problemOf(reply)).toMatchObject({
        status: 415,
        code: 'unsupported_media_type',
        detail: 'The body must be sent without a Content-Encoding.',
      });
    }
    for (const coding of ['identity', 'Identity', ''])
      expect(
        (
          await call('/things', {
            method: 'POST',
            body: '{}',
            headers: { ...admin, ...json, 'content-encoding': coding },
          })
        ).status,
      ).toBe(201);
    expect((await call('/things', { method: 'DELETE', headers: { 'content-encoding': 'gzip' } })).status).toBe(200);
  });
  it('over the limit is 413, announced or not', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(2_000) });
    expect(
      await problemOf(await call('/things', { method: 'POST', body, headers: { ...admin, ...json } })),
    ).toMatchObject({ status: 413, code: 'body_too_large' });
    const stream = new Blob([body]).stream();
    const chunked = await call('/things', {
      method: 'POST',
      body: stream,
      headers: { ...admin, ...json },
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
  });
  it('that is no JSON, or not as its schema has it, is 400 without an echo', async () => {
    const broken = await problemOf(
      await call('/things', { method: 'POST', body: '{"name": canary}', headers: { ...admin, ...json } }),
    );
    expect(broken).toMatchObject({
      status: 400,
      code: 'invalid_json',
      detail: 'The body is not valid JSON: line 1, column 10.',
    });
    const wrong = await problemOf(
      await call('/things', { method: 'POST', body: '{"name": "a canary of eleven"}', headers: { ...admin, ...json } }),
    );
    expect(wrong.errors).toEqual([{ path: 'name', message: 'must have at most 10 characters' }]);
    expect(JSON.stringify([broken, wrong])).not.toContain('canary');
  });
});

describe('a caller without the secret', () => {
  it('is 401 before its body is looked at', async () => {
    const missing = await call('/things', { method: 'POST', body: '{"broken', headers: json });
    expect(missing.headers.get('www-authenticate')).toContain('Bearer');
    expect(await problemOf(missing)).toMatchObject({ status: 401, code: 'invalid_service_secret' });
    for (const authorization of ['Bearer wrong', 'bearer service-secret2']) {
      expect(await problemOf(await call('/things', { method: 'POST', headers: { authorization } }))).toMatchObject({
        status: 401,
        code: 'invalid_service_secret',
      });
    }
    expect(
      await problemOf(await call('/things', { method: 'POST', headers: { authorization: 'Basic YTpi' } })),
    ).toMatchObject({ code: 'invalid_service_secret' });
  });
});

describe('an error', () => {
  it('that is a problem is answered as it says', async () => {
    const reply = await call('/things/conflict');
    expect(reply.headers.get('retry-after')).toBe('3');
    expect(await problemOf(reply)).toMatchObject({ status: 409, code: 'conflict', detail: 'Already there.' });
  });
  it('that nobody expected is 500 for the caller and whole in the log, but for what drivers hang on it', async () => {
    const body = await problemOf(await call('/things/bug'));
    expect(body).toMatchObject({ status: 500, code: 'internal_error' });
    expect(JSON.stringify(body)).not.toContain('canary');
    const line = log.find((each) => each.includes(body.request_id))!;
    expect(line).toContain('canary in a message');
    expect(line).not.toContain('canary in parameters');
  });
  it('of routing is 404', async () => {
    expect(await problemOf(await call('/nowhere?canary=1'))).toMatchObject({ status: 404, code: 'not_found' });
    expect(await problemOf(await call('/things/%zz'))).toMatchObject({ status: 400, code: 'invalid_request' });
  });
  it('of the query names the parameter', async () => {
    expect((await problemOf(await call('/things?limit=1&canary=2'))).errors).toEqual([
      { path: 'canary', message: 'unknown field' },
    ]);
    expect((await problemOf(await call('/things?limit=1&limit=2'))).errors).toEqual([
      { path: 'limit', message: 'must be a string' },
    ]);
  });
  it('of the protocol is answered and the connection closed', async () => {
    expect(await exchange('GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 [^]*connection: close[^]*"code":"invalid_request"/,
    );
    expect(await exchange(`GET / HTTP/1.1\r\nhost: x\r\nbig: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 [^]*"code":"headers_too_large"/,
    );
    expect(
      await exchange(
        'POST /things HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      ),
    ).toMatch(/^HTTP\/1.1 400 /);
  });
});

describe('a server that shuts down', () => {
  it('refuses what comes over kept connections, and finishes what it has', async () => {
    const closing = await createNestServer(ThingsModule, {
      logger: createLogger({ service: 'test', level: 'silent' }),
      bodyLimitBytes: 1_000,
    });
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let requests = 0;
    closing.getHttpServer().on('request', () => (requests += 1));
    closing
      .getHttpAdapter()
      .getInstance()
      .get('/slow', async (_request, reply) => {
        await finished;
        return reply.send({ slow: true });
      });
    await closing.listen(0, '127.0.0.1');
    const { port } = closing.getHttpServer().address() as AddressInfo;
    const kept = connect(port, '127.0.0.1');
    let text = '';
    const ended = new Promise<void>((resolve) => kept.on('close', () => resolve()));
    kept.on('data', (chunk: Buffer) => (text += chunk.toString()));
    kept.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
    await expect.poll(() => requests).toBe(1);
    const closed = closing.close();
    await expect.poll(() => closing.getHttpServer().listening).toBe(false);
    kept.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await expect.poll(() => requests).toBe(2);
    finish();
    await Promise.all([closed, ended]);
    expect(text).toMatch(
      /^HTTP\/1.1 200 [^]*{"slow":true}HTTP\/1.1 503 [^]*connection: close[^]*"code":"shutting_down"/,
    );
  });
});
