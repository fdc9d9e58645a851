import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Body, Controller, Get, Module, Post, Req, UseGuards } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import type { FastifyRequest } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  acceptedSecrets,
  SERVICE_SECRETS,
  ServiceGuard,
  clientAddressHeaders,
  clientAddressOf,
  createNestServer,
  guardHeads,
  isClientAddressKnown,
} from './index.js';

const made = z.strictObject({ name: z.string(), limits: z.object({ a: z.number() }).optional() });
const lines: string[] = [];

@Controller('who')
class WhoController {
  @Get()
  asks(@Req() request: FastifyRequest) {
    return { address: clientAddressOf(request), ...(!isClientAddressKnown(request) && { hidden: true }) };
  }
  @Get('guarded')
  @UseGuards(ServiceGuard)
  guarded() {
    return {};
  }
  @Post()
  @UseGuards(ServiceGuard)
  make(@Body({ schema: made }) body: z.output<typeof made>) {
    return body;
  }
}

@Module({
  controllers: [WhoController],
  providers: [{ provide: SERVICE_SECRETS, useValue: ['admin-secret'] }, ...guardHeads('/who/guarded', ServiceGuard)],
})
class WhoModule {}

let behind: NestFastifyApplication;
let alone: NestFastifyApplication;
const start = async (...serviceSecrets: string[]): Promise<NestFastifyApplication> => {
  const logger = createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } });
  const [secret, previous] = serviceSecrets;
  const app = await createNestServer(WhoModule, {
    logger,
    ...(secret !== undefined && { serviceSecrets: acceptedSecrets(secret, previous) }),
  });
  await app.listen(0, '::');
  return app;
};
beforeAll(async () => {
  [behind, alone] = [await start('service-secret'), await start()];
});
afterAll(async () => {
  await Promise.all([behind, alone].map((app) => app.close()));
});
beforeEach(() => void lines.splice(0));

const portOf = (app: NestFastifyApplication): number => (app.getHttpServer().address() as AddressInfo).port;

/** One raw exchange; the connection comes from an address of this machine. */
async function exchange(
  app: NestFastifyApplication,
  head: string,
  headers: readonly string[] = [],
  body = '',
  localAddress = '127.0.0.5',
) {
  const socket = connect({ port: portOf(app), host: '127.0.0.1', localAddress });
  await once(socket, 'connect');
  socket.write(
    [`${head} HTTP/1.1`, 'host: x', 'connection: close', ...headers, `content-length: ${body.length}`, '', body].join(
      '\r\n',
    ),
  );
  const reply = await text(socket);
  const [top, json] = reply.split('\r\n\r\n');
  return { status: Number(top!.split(' ')[1]), head: top!, body: JSON.parse(json || '{}') as Record<string, unknown> };
}

const told = (address: string, secret = 'service-secret') => [
  `x-tollgate-client-address: ${address}`,
  `x-tollgate-service-secret: ${secret}`,
];

describe('the address of who asks', () => {
  it('is that of the connection, as IPv4 where it is one', async () => {
    for (const app of [behind, alone]) expect((await exchange(app, 'GET /who')).body).toEqual({ address: '127.0.0.5' });
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:DB8::1', '2001:db8::1'],
  ])('is what a gateway says beside the service secret: %s', async (address, read) => {
    expect((await exchange(behind, 'GET /who', told(address))).body).toEqual({ address: read });
  });

  it.each([
    ['without the secret', ['x-tollgate-client-address: 203.0.113.9']],
    ['beside a wrong secret', told('203.0.113.9', 'another-secret')],
    ['where it is no address', told('203.0.113.9, 203.0.113.10')],
    ['where it is empty', told('')],
    [
      'under the names of other proxies',
      [
        'x-forwarded-for: 203.0.113.9',
        'x-real-ip: 203.0.113.9',
        'forwarded: for=203.0.113.9',
        'x-tollgate-service-secret: service-secret',
      ],
    ],
  ])('is that of the connection %s', async (_what, headers) => {
    expect((await exchange(behind, 'GET /who', headers)).body).toEqual({ address: '127.0.0.5' });
  });

  it.each([
    ['both have the new one alone', ['new-secret'], ['new-secret']],
    ['the gateway has been replaced', ['new-secret', 'old-secret'], ['old-secret']],
    ['the service has been replaced', ['old-secret'], ['new-secret', 'old-secret']],
    ['both have been replaced', ['new-secret', 'old-secret'], ['new-secret', 'old-secret']],
    ['the service has forgotten the old one', ['new-secret', 'old-secret'], ['new-secret']],
    ['the gateway has forgotten the old one', ['new-secret'], ['new-secret', 'old-secret']],
  ])('is what a gateway says while the service secret is replaced: %s', async (_what, ofGateway, ofService) => {
    const app = await start(...ofService);
    const [secret, previous] = ofGateway;
    const headers = clientAddressHeaders({ ip: '203.0.113.9' }, acceptedSecrets(secret!, previous));
    const sent = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    expect((await exchange(app, 'GET /who', sent)).body).toEqual({ address: '203.0.113.9' });
    expect(lines.join('')).not.toContain('wrong');
    await app.close();
  });

  it('is that of the connection beside two secrets that are both wrong', async () => {
    const headers = [...told('203.0.113.9', 'another-secret'), 'x-tollgate-service-secret-previous: third-secret'];
    expect((await exchange(behind, 'GET /who', headers)).body).toEqual({ address: '127.0.0.5' });
  });

  it('is that of the connection where no gateway stands before, whatever is said', async () => {
    expect((await exchange(alone, 'GET /who', told('203.0.113.9'))).body).toEqual({ address: '127.0.0.5' });
  });

  it('is what guesses are counted by and logged with', async () => {
    const guess = (address: string, secret: string) =>
      exchange(behind, 'GET /who/guarded', [...told(address), `authorization: Bearer ${secret}`]);
    let last = await guess('203.0.113.20', 'canary-guess');
    expect([last.status, last.body['code']]).toEqual([401, 'invalid_service_secret']);
    for (let n = 0; n < 60; n++) last = await guess('203.0.113.20', 'canary-guess');
    expect([last.status, last.body['code']]).toEqual([429, 'rate_limit_exceeded']);
    expect(last.head).toMatch(/^retry-after: \d+$/m);
    expect((await guess('203.0.113.20', 'admin-secret')).status).toBe(429);
    expect((await guess('203.0.113.21', 'admin-secret')).status).toBe(200);
    expect(lines.join('')).toContain('"address":"203.0.113.20"');
    expect(lines.join('')).not.toContain('canary-guess');
  });

  it('is let in by one check, though a guard sees the head of a request and the controller’s sees it again', async () => {
    const registry = createMetricsRegistry('test', { processMetrics: false });
    const app = await createNestServer(WhoModule, {
      logger: createLogger({ service: 'test', level: 'silent' }),
      registry,
    });
    await app.listen(0, '::');
    expect((await exchange(app, 'GET /who/guarded', ['authorization: Bearer admin-secret'])).status).toBe(200);
    expect((await exchange(app, 'GET /who/guarded', ['authorization: Bearer wrong'])).status).toBe(401);
    const text = await registry.metrics();
    expect(text).toContain('{secret="service",outcome="right",service="test"} 1\n');
    expect(text).toContain('{secret="service",outcome="wrong",service="test"} 1\n');
    await app.close();
  });

  it('beside guesses at the service secret is not believed, and they leave a line', async () => {
    for (let n = 0; n < 60; n++)
      await exchange(behind, 'GET /who', told('203.0.113.9', `canary-${n}`), '', '127.0.0.6');
    const right = await exchange(behind, 'GET /who', told('203.0.113.9'), '', '127.0.0.6');
    expect(right).toMatchObject({ status: 200, body: { address: '127.0.0.6' } });
    expect(lines.join('')).toContain('a wrong service secret was shown');
    expect(lines.join('')).not.toContain('canary');
  });
});

describe('a request that can be read in two ways', () => {
  it('is 400 where it names two hosts, of one name too', async () => {
    for (const more of ['host: y', 'Host: x', 'HOST:']) {
      expect(await exchange(alone, 'GET /who', [more])).toMatchObject({
        status: 400,
        body: { code: 'invalid_request', detail: 'The request has more than one Host header.' },
      });
    }
  });

  it.each([
    '{"name":"a","name":"b"}',
    '{"name":"a","n\\u0061me":"b"}',
    '{"name":"a","limits":{"a":1,"a":2}}',
    '{"limits":{"a":1},"name":"a",\n"limits":{"a":1}}',
  ])('is 400 where its body gives a field twice: %s', async (body) => {
    const reply = await exchange(
      alone,
      'POST /who',
      ['authorization: Bearer admin-secret', 'content-type: application/json'],
      body,
    );
    expect(reply).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringMatching(/gives a field twice: line \d, column \d+/) },
    });
  });
});

describe('the address of who asks through a proxy', () => {
  const throughProxies = async (): Promise<NestFastifyApplication> => {
    const app = await createNestServer(WhoModule, {
      logger: createLogger({ service: 'test', level: 'silent' }),
      trustedProxies: [{ addresses: ['127.0.0.5'], header: 'x-forwarded-for' }],
    });
    await app.listen(0, '::');
    return app;
  };

  it('is what a configured proxy says, and of nobody else', async () => {
    const app = await throughProxies();
    const from = async (localAddress: string, ...headers: string[]) => {
      const { status, body } = await exchange(app, 'GET /who', headers, '', localAddress);
      return status === 200 ? body['address'] : `${status} ${String(body['code'])}`;
    };
    expect(await from('127.0.0.5', 'x-forwarded-for: ::ffff:203.0.113.9')).toBe('203.0.113.9');
    expect(await from('127.0.0.5', 'x-forwarded-for: 192.0.2.1', 'x-forwarded-for: 203.0.113.9')).toBe('203.0.113.9');
    expect(await from('127.0.0.5', 'x-forwarded-for: unknown')).toBe('127.0.0.5');
    expect((await exchange(app, 'GET /who', ['x-forwarded-for: _hidden'])).body).toEqual({
      address: '127.0.0.5',
      hidden: true,
    });
    expect(await from('127.0.0.5', 'x-forwarded-for: nonsense')).toBe('400 invalid_request');
    expect(await from('127.0.0.6', 'x-forwarded-for: 203.0.113.9')).toBe('127.0.0.6');
    await app.close();
  });

  it('is passed on to a service with whether it is known', async () => {
    const known = clientAddressHeaders({ ip: '203.0.113.9' }, ['service-secret']);
    const bodies = [];
    for (const each of [known, { ...known, 'x-tollgate-client-hidden': 'yes' }]) {
      const sent = Object.entries(each).map(([name, value]) => `${name}: ${value}`);
      bodies.push((await exchange(behind, 'GET /who', sent)).body);
    }
    expect(bodies).toEqual([{ address: '203.0.113.9' }, { address: '203.0.113.9', hidden: true }]);
    // Of anybody else it is passed over.
    expect((await exchange(behind, 'GET /who', ['x-tollgate-client-hidden: yes'])).body).toEqual({
      address: '127.0.0.5',
    });
  });
});
