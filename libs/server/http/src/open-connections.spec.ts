import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Server } from 'node:http';
import { Controller, Get, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNestServer } from './nest-server.js';
import { endUnfinished } from './open-connections.js';

let answer: () => void;
@Controller()
class Slow {
  @Get('/slow')
  slow(): Promise<string> {
    return new Promise((resolve) => (answer = () => resolve('{}')));
  }
}
@Module({ controllers: [Slow] })
class SlowModule {}

let app: NestFastifyApplication;
let sockets: Socket[];
beforeEach(async () => {
  sockets = [];
  app = await createNestServer(SlowModule, { logger: createLogger({ service: 'test', level: 'silent' }) });
  await app.listen(0, '127.0.0.1');
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await app.close();
});

async function send(text: string): Promise<Socket> {
  const socket = connect(((app.getHttpServer() as Server).address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.resume();
  await new Promise<void>((resolve) => socket.write(text, () => resolve()));
  return socket;
}

describe('connections at a stop', () => {
  it('are ended where half a head or half a body has come, and kept where a whole request is being answered', async () => {
    const server = app.getHttpServer() as Server;
    const whole = await send('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
    const halves = [
      await send('POST /v1/ch'),
      await send('POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{'),
      await send(''),
    ];
    await expect.poll(() => answer).toBeDefined();
    await expect
      .poll(() => {
        endUnfinished(server, []);
        return halves.every((socket) => socket.destroyed);
      })
      .toBe(true);
    expect(whole.destroyed).toBe(false);
    const answered = once(whole, 'data');
    answer();
    expect(String((await answered)[0])).toContain('200 OK');
  });
});
