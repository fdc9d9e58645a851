import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../exchange.js';
import { receiveBody } from './receive-body.js';

const BYTES_MAX = 64;
let server: Server;
let requests: AsyncIterator<[IncomingMessage]>;
let socket: Socket;
beforeEach(async () => {
  const arrived: [IncomingMessage][] = [];
  server = createServer((request) => void arrived.push([request])).listen(0, '127.0.0.1');
  await once(server, 'listening');
  requests = {
    next: async () => {
      while (arrived.length === 0) await once(server, 'request');
      return { done: false, value: arrived.shift()! };
    },
  };
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
});
afterEach(() => {
  socket.destroy();
  server.closeAllConnections();
  server.close();
});

/** What a client sends, as far as it gets, and the exchange it begins. */
async function sent(head: string, body: string): Promise<Exchange> {
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n${body}`);
  const { value } = await requests.next();
  return { request: (value as [IncomingMessage])[0] } as unknown as Exchange;
}
const receive = receiveBody(BYTES_MAX);

describe('the body of a request', () => {
  it('is read in pieces, and its fields are found', async () => {
    const whole = '{"model":"m","stream":true}';
    const exchange = await sent(`content-length: ${whole.length}`, whole.slice(0, 9));
    const answer = receive(exchange);
    socket.write(whole.slice(9));
    expect(await answer).toBeUndefined();
    expect(exchange).toMatchObject({ model: 'm', stream: true, showUsage: false });
  });
  it('may be empty, and is no JSON then', async () => {
    expect(await receive(await sent('content-length: 0', ''))).toMatchObject({ code: 'invalid_json' });
  });
  it('is refused at once when it says that it is above its bound', async () => {
    expect(await receive(await sent(`content-length: ${BYTES_MAX + 1}`, ''))).toMatchObject({ code: 'body_too_large' });
  });
  it('is refused above its bound when it comes in chunks', async () => {
    expect(await receive(await sent('transfer-encoding: chunked', `${(BYTES_MAX + 1).toString(16)}\r\n${'x'.repeat(BYTES_MAX + 1)}\r\n`))).toMatchObject({ code: 'body_too_large' });
  });
  it('ends when the client breaks off', async () => {
    const exchange = await sent('content-length: 30', '{"model"');
    const answer = receive(exchange);
    socket.destroy();
    expect(await answer).toMatchObject({ code: 'request_timeout' });
  });
  it('ends when the client has broken off before anybody listened', async () => {
    for (const body of ['', '{"model"', '{"model":"m"}']) {
      const exchange = await sent('content-length: 13', body);
      socket.destroy();
      await new Promise((resolve) => (exchange.request.socket.closed ? resolve(null) : exchange.request.socket.once('close', resolve)));
      expect(await receive(exchange)).toMatchObject({ code: 'request_timeout' });
      socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    }
  });
});
