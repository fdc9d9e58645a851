import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createNestServer } from '@tollgate/http';
import { readDocument, readPublicDocument, routesOf } from '@tollgate/openapi';
import { createLogger } from '@tollgate/telemetry';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerControlPlane } from './proxy.js';
import { CONTROL_PLANE_SERVICES, controlPlanePaths, pathsOf } from './public-paths.js';

@Module({})
class NothingModule {}

const SERVICE_SECRET = 'the-service-secret-of-the-test';
const lines: string[] = [];

let service: Server;
let app: NestFastifyApplication;
let port: number;
/** What reached the service, in order. */
const seen: string[] = [];
/** The headers of the last of them. */
let heard: IncomingHttpHeaders = {};
beforeAll(async () => {
  service = createServer((request, reply) => {
    // As a service that refuses a caller before it reads the body.
    if (request.headers['x-read'] === undefined) {
      seen.push(`${request.method} ${request.url}`);
      heard = request.headers;
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
  app = await createNestServer(NothingModule, {
    logger: createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } }),
  });
  await registerControlPlane(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, {
    urls: { keyManagement: url, usageBilling: url, secretScanning: url },
    serviceSecrets: [SERVICE_SECRET],
  });
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
  return Number((await replyTo(head, body, headers)).split(' ')[1]);
}

/** The reply, or its beginning, of one raw exchange; its connection comes from another address of this machine. */
async function replyTo(head: string, body = '', headers = ''): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.5' });
  socket.write(`${head} HTTP/1.1\r\nhost: x\r\n${headers}\r\n${body}`);
  let reply = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    reply += part;
    socket.end();
  });
  await once(socket, 'close');
  return reply;
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
    for (const reading of ['', 'x-read: 1\r\n'])
      expect(await statusOf(`${method} /v1/api-keys/a`, body, headers + reading)).toBe(200);
    expect(
      await statusOf('POST /v1/api-keys/b', '{"b":1}', 'authorization: Bearer x\r\ncontent-length: 7\r\nx-read: 1\r\n'),
    ).toBe(200);
    expect(seen.map((each) => each.split(' ').slice(0, 2).join(' '))).toEqual([
      `${method} /v1/api-keys/a`,
      `${method} /v1/api-keys/a`,
      'POST /v1/api-keys/b',
    ]);
    expect(seen[2]).toBe('POST /v1/api-keys/b {"b":1}');
  });
  it.each([
    '/v1/api-keys/../../internal/keys/verify',
    '/v1/api-keys/%2e%2e/%2e%2e/internal/keys/verify',
    '/v1/usage/..%2f..%2finternal/reconciliation',
    '//v1/api-keys',
    '/internal/keys/verify',
  ])('reaches nothing but public paths: %s', async (path) => {
    seen.length = 0;
    expect(await statusOf(`GET ${path}`)).toBeGreaterThanOrEqual(400);
    expect(seen).toEqual([]);
  });
  it('takes no compressed body', async () => {
    seen.length = 0;
    expect(
      await statusOf(
        'POST /v1/api-keys',
        'xx',
        'authorization: Bearer x\r\ncontent-length: 2\r\ncontent-encoding: gzip\r\n',
      ),
    ).toBe(415);
    expect(seen).toEqual([]);
  });
  it.each([
    ['/v1/api-keys', '', 401],
    ['/v1/api-keys/a/revoke?b', '', 401],
    ['/v1/usage/x', 'cookie: a=b\r\n', 401],
    ['/webhooks/github/secret-scanning', '', 401],
    ['/webhooks/github/secret-scanning', 'github-public-key-identifier: a\r\n', 401],
    ['/webhooks/github/secret-scanning', 'github-public-key-signature: a\r\n', 401],
  ])('asks nobody for a body without any credential, and passes nothing on: %s %j', async (path, headers, status) => {
    seen.length = 0;
    for (const framing of [
      'content-length: 900000\r\n',
      'transfer-encoding: chunked\r\n',
      'content-length: 900000\r\nexpect: 100-continue\r\n',
    ]) {
      expect(await statusOf(`POST ${path}`, '', headers + framing)).toBe(status);
    }
    expect(seen).toEqual([]);
  });

  it.each(['/v1/invitations/accept', '/v1/sessions', '/v1/password-resets', '/v1/password-resets/finish'])(
    'passes the body for a route that asks for no credential on, also beside one that does: %s',
    async (path) => {
      seen.length = 0;
      expect(await statusOf(`POST ${path}`, '{"a":1}', 'content-length: 7\r\nx-read: 1\r\n')).toBe(200);
      expect(seen).toEqual([`POST ${path} {"a":1}`]);
    },
  );

  it.each([
    '/v1/api-keys/..',
    '/v1/api-keys/../x',
    '/v1/api-keys/..%2fx',
    '/v1/api-keys/x%2f..',
    '/v1/usage/...',
    '/v1/usage/..a',
    '/v1/usage/a..',
    '/v1/usage/%2e%2e',
    '/v1/usage/.%2E/x',
    '/webhooks/%2e%2e/x',
    '/webhooks/..;/x',
    '/webhooks/a/..?b=..',
    '/v1/api-keys/%5c..%5cx',
    '/v1/api-keys/\\..\\x',
    '/v1/api-keys/%ff',
    '/v1/api-keys/%00/..',
  ])('refuses a path that leads upwards as the client’s fault, without a line: %s', async (path) => {
    seen.length = 0;
    lines.length = 0;
    for (const method of ['GET', 'POST', 'DELETE']) expect([400, 404]).toContain(await statusOf(`${method} ${path}`));
    expect([seen, lines]).toEqual([[], []]);
  });
  it('passes dots on that lead nowhere', async () => {
    for (const path of ['/v1/usage?from=..&to=../x', '/v1/api-keys/a..b', '/v1/api-keys/.a'])
      expect(await statusOf(`GET ${path}`), path).toBe(200);
  });

  it('tells the services whom it speaks for, beside the service secret, and nothing that the client says of it', async () => {
    const lies = [
      'x-tollgate-client-address',
      'X-Tollgate-Service-Secret',
      'x-tollgate-anything',
      'x-forwarded-for',
      'forwarded',
      'x-real-ip',
    ];
    const connection = 'connection: x-tollgate-client-address, x-tollgate-service-secret\r\n';
    for (const more of ['', connection]) {
      await replyTo(
        'GET /v1/api-keys/a',
        '',
        `${lies.map((name) => `${name}: 203.0.113.9\r\n`).join('')}${more}authorization: Bearer a\r\n`,
      );
      expect(heard).toMatchObject({
        'x-tollgate-client-address': '127.0.0.5',
        'x-tollgate-service-secret': SERVICE_SECRET,
        authorization: 'Bearer a',
      });
      expect(Object.values(heard)).not.toContain('203.0.113.9');
    }
  });

  it('drops what a service says of its connection, and what that names', async () => {
    service.prependOnceListener('request', (_request, reply) => {
      reply.setHeaders(
        new Map(
          Object.entries({
            connection: 'X-Hop, keep-alive',
            'x-hop': '1',
            'keep-alive': 'timeout=72',
            'proxy-connection': 'keep-alive',
            te: 'trailers',
            trailer: 'x-later',
            'x-end': '1',
          }),
        ),
      );
    });
    const reply = await replyTo('GET /v1/api-keys/a', '', 'connection: close\r\n');
    expect(reply).toMatch(/^HTTP\/1.1 200/);
    expect(reply).toMatch(/^connection: close\r$/im);
    expect(reply).toMatch(/^x-end: 1\r$/m);
    for (const name of ['x-hop', 'keep-alive', 'proxy-connection', 'te', 'trailer'])
      expect(reply.toLowerCase()).not.toContain(`\r\n${name}:`);
    const kept = await replyTo('GET /v1/api-keys/a');
    expect(kept.toLowerCase().match(/\r\n(?:connection|keep-alive): [^\r]*/g)).toEqual([
      '\r\nconnection: keep-alive',
      expect.stringMatching(/keep-alive: timeout=\d+/),
    ]);
  });
});

describe('the paths that are passed on', () => {
  it('are those of the documents, each to the service that has it, also below one prefix', async () => {
    const [keys, usage, scanning] = await Promise.all(CONTROL_PLANE_SERVICES.map(startNamed));
    const [shared] = Object.values(readDocument('usage-billing').paths);
    const paths = [
      ...controlPlanePaths,
      ...pathsOf('usage-billing', { ...readDocument('usage-billing'), paths: { '/v1/api-keys/{id}/usage': shared! } }),
    ];
    const gateway = await createNestServer(NothingModule, {
      logger: createLogger({ service: 'test', level: 'silent' }),
      document: readPublicDocument(),
    });
    await registerControlPlane(gateway.getHttpAdapter().getInstance() as unknown as FastifyInstance, {
      urls: { keyManagement: keys!.url, usageBilling: usage!.url, secretScanning: scanning!.url },
      serviceSecrets: [SERVICE_SECRET],
      paths,
    });
    await gateway.listen(0, '127.0.0.1');
    try {
      const url = await gateway.getUrl();
      for (const { service: owner, template, item } of paths) {
        const path = template.replace(/\{\w+\}/g, 'a');
        for (const method of Object.keys(item)) {
          const reply = await fetch(url + path, { method: method.toUpperCase() });
          expect(await reply.text(), `${method} ${path}`).toBe(`${owner} ${method.toUpperCase()} ${path}`);
        }
      }
      for (const path of ['/v1/usage/x', '/v1/api-keys/a/b', '/webhooks', '/internal/keys/verify'])
        expect((await fetch(url + path)).status, path).toBe(404);
      const served = (await (await fetch(`${url}/openapi.json`)).json()) as ReturnType<typeof readPublicDocument>;
      expect(routesOf(served)).toEqual(routesOf(readPublicDocument()));
    } finally {
      await gateway.close();
      for (const each of [keys!, usage!, scanning!]) each.close();
    }
  });
  it('are never internal', () => {
    const { paths, ...document } = readDocument('key-management');
    expect(() =>
      pathsOf('key-management', { ...document, paths: { '/internal/keys/verify': Object.values(paths)[0]! } }),
    ).toThrow('/internal/keys/verify of key-management is not public');
  });
});

/** A service that says its name and what it was asked. */
async function startNamed(name: string): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(({ method, url }, reply) => reply.end(`${name} ${method} ${url}`)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** An address of this machine at which nothing else takes ports, so that a service can listen at its port again. */
const SERVICE_HOST = '127.0.0.9';

/**
 * Resolves once connections are refused where a listener was closed: a process that another thread was just starting
 * may have inherited it.
 */
async function refusing(port: number): Promise<void> {
  const code = () =>
    new Promise<string | undefined>((resolve) => {
      const socket = connect(port, SERVICE_HOST, () => resolve(undefined));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.once('close', () => resolve(undefined)).once('connect', () => socket.destroy());
    });
  await expect.poll(code).toBe('ECONNREFUSED');
}

describe('a request whose service is away', () => {
  it('is sent again only where its connection was refused, and only without a body', async () => {
    const asked: string[] = [];
    let behaviour: 'unavailable' | 'hang up' = 'unavailable';
    const behind = createServer((request, reply) => {
      asked.push(`${request.method}`);
      if (behaviour === 'hang up') request.socket.destroy();
      else reply.writeHead(503, { 'retry-after': '1' }).end('{}');
    }).listen(0, SERVICE_HOST);
    await once(behind, 'listening');
    const { port: servicePort } = behind.address() as AddressInfo;
    const url = `http://${SERVICE_HOST}:${servicePort}`;
    const gateway = await createNestServer(NothingModule, {
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
    await registerControlPlane(gateway.getHttpAdapter().getInstance() as unknown as FastifyInstance, {
      urls: { keyManagement: url, usageBilling: url, secretScanning: url },
      serviceSecrets: [SERVICE_SECRET],
    });
    await gateway.listen(0, '127.0.0.1');
    const ask = async (method: string) => {
      const reply = await fetch(`${await gateway.getUrl()}/v1/api-keys`, {
        method,
        headers: { authorization: 'Bearer x', ...(method === 'POST' && { 'content-type': 'application/json' }) },
        ...(method === 'POST' && { body: '{}' }),
      });
      return reply.status;
    };
    // What a service answers is its answer.
    expect([await ask('GET'), await ask('POST')]).toEqual([503, 503]);
    behaviour = 'hang up';
    for (const method of ['GET', 'POST']) expect(await ask(method)).toBeGreaterThanOrEqual(500);
    expect(asked).toEqual(['GET', 'POST', 'GET', 'POST']);

    behaviour = 'unavailable';
    behind.closeAllConnections();
    await new Promise<void>((resolve) => behind.close(() => resolve()));
    await refusing(servicePort);
    expect(await ask('POST')).toBeGreaterThanOrEqual(500);
    const answered = ask('GET');
    setTimeout(() => behind.listen(servicePort, SERVICE_HOST), 25);
    expect(await answered).toBe(503);
    expect(asked).toHaveLength(5);
    await gateway.close();
    behind.closeAllConnections();
    behind.close();
  });
});
