import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createNestServer } from '@tollgate/http';
import { createLogger } from '@tollgate/telemetry';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerControlPlane } from './proxy.js';

@Module({})
class NothingModule {}

let service: Server;
let app: NestFastifyApplication;
let port: number;
/** What reached the service, in order. */
const seen: string[] = [];
beforeAll(async () => {
  service = createServer((request, reply) => {
    // As a service that refuses a caller before it reads the body.
    if (request.headers['x-read'] === undefined) {
      seen.push(`${request.method} ${request.url}`);
      reply.end('{}');
    } else {
      void text(request).then((body) => {
        seen.push(`${request.method} ${request.url} ${body}`);
        reply.end('{}');
      });
    }
  }).listen(0, '127.0.0.1');
  await once(service, 'listening');
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  app = await createNestServer(NothingModule, { logger: createLogger({ service: 'test', level: 'silent' }) });
  await registerControlPlane(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, { keyManagement: url, usageBilling: url, secretScanning: url });
  await app.listen(0, '127.0.0.1');
  ({ port } = (app.getHttpServer() as Server).address() as AddressInfo);
});
afterAll(async () => {
  await app.close();
  service.closeAllConnections();
  service.close();
});

/** The status of one raw exchange. */
async function statusOf(head: string, body = '', headers = ''): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${head} HTTP/1.1\r\nhost: x\r\n${headers}\r\n${body}`);
  let reply = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    reply += part;
    socket.end();
  });
  await once(socket, 'close');
  return Number(reply.split(' ')[1]);
}

describe('the proxy to the control plane', () => {
  it.each([
    ['GET', 'content-length: 30\r\n', 'x'.repeat(30)],
    ['HEAD', 'content-length: 30\r\n', 'x'.repeat(30)],
    ['GET', 'transfer-encoding: chunked\r\n', '3\r\nxxx\r\n0\r\n\r\n'],
    ['DELETE', 'content-length: 2\r\ncontent-type: application/json\r\n', '{}'],
    ['DELETE', 'transfer-encoding: chunked\r\n', '0\r\n\r\n'],
    ['OPTIONS', 'content-length: 2\r\n', '{}'],
    ['POST', 'content-length: 0\r\n', ''],
  ])('leaves no half of a request on a connection that others use: %s, %j', async (method, headers, body) => {
    seen.length = 0;
    for (const reading of ['', 'x-read: 1\r\n']) expect(await statusOf(`${method} /v1/api-keys/a`, body, headers + reading)).toBe(200);
    expect(await statusOf('POST /v1/api-keys/b', '{"b":1}', 'authorization: Bearer x\r\ncontent-length: 7\r\nx-read: 1\r\n')).toBe(200);
    expect(seen.map((each) => each.split(' ').slice(0, 2).join(' '))).toEqual([`${method} /v1/api-keys/a`, `${method} /v1/api-keys/a`, 'POST /v1/api-keys/b']);
    expect(seen[2]).toBe('POST /v1/api-keys/b {"b":1}');
  });
  it.each(['/v1/api-keys/../../internal/keys/verify', '/v1/api-keys/%2e%2e/%2e%2e/internal/keys/verify', '/v1/usage/..%2f..%2finternal/reconciliation', '//v1/api-keys', '/internal/keys/verify'])('reaches nothing but public paths: %s', async (path) => {
    seen.length = 0;
    expect(await statusOf(`GET ${path}`)).toBeGreaterThanOrEqual(400);
    expect(seen).toEqual([]);
  });
  it('takes no compressed body', async () => {
    seen.length = 0;
    expect(await statusOf('POST /v1/api-keys', 'xx', 'authorization: Bearer x\r\ncontent-length: 2\r\ncontent-encoding: gzip\r\n')).toBe(415);
    expect(seen).toEqual([]);
  });
  it.each([
    ['/v1/api-keys', '', 401], ['/v1/api-keys/a/revoke?b', '', 401], ['/v1/usage/x', 'cookie: a=b\r\n', 401],
    ['/webhooks/github/secret-scanning', '', 401],
    ['/webhooks/github/secret-scanning', 'github-public-key-identifier: a\r\n', 401],
    ['/webhooks/github/secret-scanning', 'github-public-key-signature: a\r\n', 401],
  ])('asks nobody for a body without any credential, and passes nothing on: %s %j', async (path, headers, status) => {
    seen.length = 0;
    for (const framing of ['content-length: 900000\r\n', 'transfer-encoding: chunked\r\n', 'content-length: 900000\r\nexpect: 100-continue\r\n']) {
      expect(await statusOf(`POST ${path}`, '', headers + framing)).toBe(status);
    }
    expect(seen).toEqual([]);
  });
});
