import { EventEmitter, once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNestServer, stopListening } from './index.js';

let release: () => void = () => undefined;
/** Tells of each request that is being answered. */
const answering = new EventEmitter();
@Controller('things')
class ThingsController {
  @Get()
  now() {
    return { served: true };
  }
  @Get('later')
  async later() {
    await new Promise<void>((resolve) => {
      release = resolve;
      answering.emit('later');
    });
    return { served: true };
  }
}
@Module({ controllers: [ThingsController] })
class ThingsModule {}

let app: NestFastifyApplication;
let port: number;
/** Replies that a handler before the framework has begun, as the gateway's request path does. */
const raw: ServerResponse[] = [];
beforeEach(async () => {
  app = await createNestServer(ThingsModule, { logger: createLogger({ service: 'test', level: 'silent' }) });
  await app.init();
  const server = app.getHttpServer() as Server;
  const others = server.listeners('request') as ((...args: unknown[]) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, reply: ServerResponse) => {
    if (request.url !== '/raw') return others.forEach((other) => other.call(server, request, reply));
    raw.push(reply.writeHead(200, ['content-type', 'text/event-stream']));
    reply.write('data: 1\n\n');
    answering.emit('raw');
  });
  await app.listen(0, '127.0.0.1');
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  for (const reply of raw.splice(0)) reply.end();
  await app.close();
});

async function opened(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
const ask = (socket: Socket, path: string) => socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
async function answer(socket: Socket, path: string): Promise<string> {
  ask(socket, path);
  const [reply] = (await once(socket, 'data')) as [Buffer];
  return reply.toString();
}
const CLOSES = /^connection: close\r$/im;
const KEEPS = /^connection: keep-alive\r$/im;

describe('a server that stops', () => {
  it('serves all that comes in the window, and each reply closes its connection', async () => {
    const kept = await Promise.all(Array.from({ length: 4 }, opened));
    for (const socket of kept) expect(await answer(socket, '/things')).toMatch(KEEPS);
    const stopped = stopListening(app, { windowMs: 8_000 });
    const paths = ['/things', '/things/nothing', '/healthz', '/%'];
    for (const [number, path] of paths.entries()) {
      for (const socket of [kept[number]!, await opened()]) {
        const closed = once(socket, 'close');
        const reply = await answer(socket, path);
        expect(reply).toMatch(path === '/things' || path === '/healthz' ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 40[04] /);
        expect(reply).toMatch(CLOSES);
        await closed;
      }
    }
    await stopped;
    const late = connect(port, '127.0.0.1');
    ask(late, '/things');
    // A process that another thread is just starting holds the listener until it has closed what it inherited: reset.
    await expect(text(late)).rejects.toMatchObject({ code: expect.stringMatching(/^ECONN(REFUSED|RESET)$/) });
  });

  it('answers what a client has sent behind a request that is under way', async () => {
    const stopped = stopListening(app, { windowMs: 5_000 });
    const socket = await opened();
    const comes = once(answering, 'later');
    const paths = ['/things/later', '/things/nothing', '/healthz'];
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''));
    await comes;
    release();
    const replies = await text(socket);
    expect(replies.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
    await stopped;
  });

  it('closes the connection of a request that was being answered when it began to stop', async () => {
    const socket = await opened();
    const comes = once(answering, 'later');
    ask(socket, '/things/later');
    await comes;
    const stopped = stopListening(app, { windowMs: 100 });
    release();
    expect(await text(socket)).toMatch(CLOSES);
    await stopped;
  });

  it('lets a stream that has begun end whole, however long after the window', async () => {
    const socket = await opened();
    const comes = once(answering, 'raw');
    ask(socket, '/raw');
    const whole = text(socket);
    await comes;
    const stopped = stopListening(app, { windowMs: 50, answering: () => raw.map(({ req }) => req) });
    await pause(300);
    for (const reply of raw.splice(0)) reply.end('data: [DONE]\n\n');
    expect(await whole).toContain('data: [DONE]');
    await stopped;
  });

  it('leaves idle connections alone until the end of the window', async () => {
    const idle = await opened();
    await answer(idle, '/things');
    let closedAfter = -1;
    const began = performance.now();
    idle.once('close', () => (closedAfter = performance.now() - began));
    const closed = once(idle, 'close');
    idle.resume();
    await stopListening(app, { windowMs: 300 });
    await closed;
    expect(closedAfter).toBeGreaterThanOrEqual(290);
  });
});

describe('a listener that is closed', () => {
  const WINDOW_MS = 200;
  /** Runs in the turn of the event loop in which the window ends, before the stop hears of that. */
  async function stopsAfter(last: () => void, windowMs = WINDOW_MS): Promise<void> {
    setTimeout(last, windowMs);
    await stopListening(app, { windowMs, answering: () => raw.map(({ req }) => req) });
  }
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

  it.each([
    ['many wait', 0],
    ['long it takes to take them', 5],
  ])('serves every connection that the system had completed, however %s', async (_, busyMs) => {
    (app.getHttpServer() as Server).on('connection', () => {
      for (const until = performance.now() + busyMs; performance.now() < until;);
    });
    const replies: Promise<string>[] = [];
    await stopsAfter(() => {
      for (let n = 0; n < 200; n++) {
        const socket = connect(port, '127.0.0.1');
        socket.write(request('/things'));
        replies.push(text(socket));
      }
    });
    const statuses = (await Promise.all(replies)).map((reply) => reply.slice(0, 15));
    expect(new Set(statuses)).toEqual(new Set(['HTTP/1.1 200 OK']));
  });

  it('serves a request that came on a kept connection in the last moment', async () => {
    const kept = await Promise.all(Array.from({ length: 20 }, opened));
    for (const socket of kept) await answer(socket, '/things');
    const replies = kept.map((socket) => text(socket));
    await stopsAfter(() => kept.forEach((socket) => ask(socket, '/things')));
    for (const reply of await Promise.all(replies)) expect(reply).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('serves the first request of a connection that was made in the last moment, when it comes', async () => {
    const replies: Promise<string>[] = [];
    await stopsAfter(() => {
      const socket = connect(port, '127.0.0.1');
      replies.push(text(socket));
      setTimeout(() => socket.write(request('/things')), WINDOW_MS / 2);
    }, 1_000);
    expect(await replies[0]).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('waits for no request on connections that are older', async () => {
    const silent = await opened();
    const closed = once(silent.resume(), 'close');
    await pause(WINDOW_MS);
    const began = performance.now();
    await stopListening(app, { windowMs: WINDOW_MS });
    await closed;
    // Long before a request that has not come whole is given up.
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  it('is closed, although connections come without end', async () => {
    const clients = new Set<Socket>();
    let over = false;
    let after = 0;
    const flood = (): void => {
      if (over) return;
      for (let n = 0; n < 5; n++) {
        const socket = connect(port, '127.0.0.1').on('error', () => (after += 1));
        clients.add(socket);
      }
      setImmediate(flood);
    };
    flood();
    const server = app.getHttpServer() as Server;
    const stopped = stopListening(app, { windowMs: 50 });
    await expect.poll(() => server.listening, { timeout: 20_000 }).toBe(false);
    await expect.poll(() => after, { timeout: 20_000 }).toBeGreaterThan(0);
    over = true;
    for (const socket of clients) socket.destroy();
    await stopped;
  });
});

describe('a kept connection', () => {
  it('is told how long it is kept, and is good for longer than the time-outs of a request', async () => {
    const short = await createNestServer(ThingsModule, {
      logger: createLogger({ service: 'test', level: 'silent' }),
      keepAliveMs: 60_000,
      requestTimeoutMs: 300,
    });
    const server = short.getHttpServer() as Server & { headersTimeout: number };
    await short.listen(0, '127.0.0.1');
    server.headersTimeout = 200;
    expect(server.keepAliveTimeout).toBe(60_000);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (const idleMs of [0, 6_000]) {
      // Longer than both, and than the pace at which Node.js looks for them.
      await pause(idleMs);
      const keepAlive = await new Promise((resolve, reject) => {
        const request = httpRequest(
          { port: (server.address() as AddressInfo).port, path: '/things', agent },
          (reply) => {
            reply.resume().once('end', () => resolve(reply.headers['keep-alive']));
          },
        );
        request.once('socket', (socket) => sockets.add(socket));
        request.once('error', reject).end();
      });
      expect(keepAlive).toBe('timeout=60');
    }
    expect(sockets.size).toBe(1);
    agent.destroy();
    await short.close();
  });

  it('is kept for longer than any balancer keeps one, unless it is told otherwise', () => {
    expect((app.getHttpServer() as Server).keepAliveTimeout).toBeGreaterThan(600_000);
  });
});
