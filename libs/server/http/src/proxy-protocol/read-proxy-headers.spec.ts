import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Controller, Get, Module, Post, Req, Body } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger } from '@tollgate/telemetry';
import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { clientAddressOf, createNestServer } from '../index.js';
import { readProxyHeaders } from './read-proxy-headers.js';
import { createServer } from 'node:http';

const anything = z.object({ text: z.string() });

@Controller('who')
class WhoController {
  @Get()
  asks(@Req() request: FastifyRequest) {
    return { address: clientAddressOf(request), peer: request.raw.socket.remoteAddress };
  }
  @Post()
  counts(@Body({ schema: anything }) body: z.output<typeof anything>) {
    return { length: body.text.length };
  }
}
@Module({ controllers: [WhoController] })
class WhoModule {}

const lines: string[] = [];
let app: NestFastifyApplication;
beforeAll(async () => {
  app = await createNestServer(WhoModule, {
    logger: createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } }),
    proxyProtocol: true,
    trustedProxies: [{ addresses: ['203.0.113.1'], header: 'x-forwarded-for' }],
  });
  await app.listen(0, '127.0.0.1');
});
afterAll(() => app.close());
beforeEach(() => void lines.splice(0));

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const header = (command: number, kind: number, rest: Buffer) => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([SIGNATURE, Buffer.from([command, kind]), length, rest]);
};
/** From this address to 192.0.2.1:443. */
const from = (address: string, tlvs = Buffer.alloc(0)) => {
  const ports = Buffer.from([0x42, 0xbd, 0x01, 0xbb]);
  return header(
    0x21,
    0x11,
    Buffer.concat([Buffer.from(address.split('.').map(Number)), Buffer.from([192, 0, 2, 1]), ports, tlvs]),
  );
};
const get = (path: string, ...headers: string[]) =>
  Buffer.from([`GET ${path} HTTP/1.1`, 'host: x', 'connection: close', ...headers, '', ''].join('\r\n'));
const portOf = () => (app.getHttpServer().address() as AddressInfo).port;

async function opened(): Promise<Socket> {
  const socket = connect(portOf(), '127.0.0.1').setNoDelay(true);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
/** What is answered to these pieces, sent one after the other; empty where the connection is closed without a word. */
async function answered(...pieces: Buffer[]): Promise<string> {
  const socket = await opened();
  const reply = text(socket).catch(() => '');
  for (const piece of pieces) {
    if (!socket.destroyed) socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return reply;
}
const bodyOf = (reply: string) => JSON.parse(reply.slice(reply.indexOf('\r\n\r\n') + 4)) as unknown;

describe('a listener with the PROXY protocol', () => {
  it('takes the client of the header for the peer', async () => {
    const reply = await answered(Buffer.concat([from('198.51.100.7'), get('/who')]));
    expect(bodyOf(reply)).toEqual({ address: '198.51.100.7', peer: '198.51.100.7' });
  });

  it('believes the headers of that client only where it is a trusted proxy', async () => {
    const forwarded = 'x-forwarded-for: 198.51.100.9';
    const untrusted = await answered(Buffer.concat([from('198.51.100.7'), get('/who', forwarded)]));
    expect(bodyOf(untrusted)).toMatchObject({ address: '198.51.100.7' });
    const trusted = await answered(Buffer.concat([from('203.0.113.1'), get('/who', forwarded)]));
    expect(bodyOf(trusted)).toMatchObject({ address: '198.51.100.9' });
  });

  it('takes the connection of a health check for what it is, whatever addresses stand in it', async () => {
    for (const rest of [Buffer.alloc(0), from('198.51.100.7').subarray(16), Buffer.alloc(65_535, 1)]) {
      expect(await answered(header(0x20, 0x11, rest), get('/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
      const reply = await answered(header(0x20, 0x11, rest), get('/who'));
      expect(bodyOf(reply)).toEqual({ address: '127.0.0.1', peer: '127.0.0.1' });
    }
  });

  it('passes over TLVs of any length', async () => {
    for (const length of [1, 300, 65_000]) {
      const reply = await answered(Buffer.concat([from('198.51.100.7', Buffer.alloc(length, 0x47)), get('/who')]));
      expect(bodyOf(reply)).toMatchObject({ address: '198.51.100.7' });
    }
  });

  it('reads header and requests however they are cut', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(100) });
    const post = Buffer.from(
      [
        'POST /who HTTP/1.1',
        'host: x',
        'content-type: application/json',
        `content-length: ${body.length}`,
        '',
        body,
      ].join('\r\n'),
    );
    const whole = Buffer.concat([from('198.51.100.7', Buffer.alloc(20)), post, get('/who')]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: whole.length - 1 }), { maxLength: 6 }), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const reply = await answered(...places.slice(1).map((end, at) => whole.subarray(places[at], end)));
        expect(reply).toContain('{"length":100}');
        expect(reply).toContain('{"address":"198.51.100.7","peer":"198.51.100.7"}');
      }),
      { numRuns: 40 },
    );
  });

  it('keeps the client for all requests of a connection', async () => {
    const socket = await opened();
    socket.write(from('198.51.100.7'));
    for (let n = 0; n < 3; n++) {
      socket.write('GET /who HTTP/1.1\r\nhost: x\r\n\r\n');
      const [reply] = (await once(socket, 'data')) as [Buffer];
      expect(bodyOf(reply.toString())).toMatchObject({ address: '198.51.100.7' });
    }
    socket.destroy();
  });

  it.each([
    ['plain HTTP', get('/who')],
    ['plain HTTP to its health', get('/healthz')],
    ['version 1', Buffer.concat([Buffer.from('PROXY TCP4 198.51.100.7 192.0.2.1 1 2\r\n'), get('/who')])],
    ['a header that names no client', Buffer.concat([header(0x21, 0x00, Buffer.alloc(0)), get('/who')])],
    ['a header that is too short', Buffer.concat([header(0x21, 0x21, Buffer.alloc(12)), get('/who')])],
    ['junk', Buffer.alloc(1_000, 7)],
  ])('closes a connection that begins with %s, without a word, and says so', async (_, start) => {
    expect(await answered(start)).toBe('');
    expect(lines.join('')).toContain('a connection without a good header of the PROXY protocol was closed');
  });

  it('goes on after a client that leaves in the middle of its header', async () => {
    for (const bytes of [0, 5, 20]) {
      const socket = await opened();
      socket.write(from('198.51.100.7').subarray(0, bytes));
      socket.resetAndDestroy();
    }
    expect(await answered(from('198.51.100.7'), get('/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
  });
});

it('closes a connection whose header does not come whole in time', async () => {
  const server = createServer((_request, reply) => void reply.end('served'));
  readProxyHeaders(server, { logger: createLogger({ service: 'test', level: 'silent' }), headerMsMax: 100 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const bytes of [0, 1, 27]) {
    const socket = connect(port, '127.0.0.1');
    socket.write(from('198.51.100.7').subarray(0, bytes));
    // Bytes that a busy process has not read when the time is over make the close a reset.
    const reply = await text(socket).catch((error: NodeJS.ErrnoException) => error.code);
    expect(['', 'ECONNRESET']).toContain(reply);
  }
  server.close();
});

it('costs a listener without it nothing: the connection is the one of Node.js', async () => {
  const server = await createNestServer(WhoModule, { logger: createLogger({ service: 'test', level: 'silent' }) });
  await server.listen(0, '127.0.0.1');
  const { port } = server.getHttpServer().address() as AddressInfo;
  const reply = await new Promise<string>((resolve, reject) => {
    httpRequest(
      { port, path: '/who', host: '127.0.0.1' },
      (response) => void text(response).then(resolve, reject),
    ).end();
  });
  expect(JSON.parse(reply)).toEqual({ address: '127.0.0.1', peer: '127.0.0.1' });
  await server.close();
});
