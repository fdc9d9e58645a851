import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openai } from './openai/openai.js';
import { openProvider, type Provider } from './provider.js';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
let server: Server;
let provider: Provider;
afterEach(async () => {
  await Promise.all([provider.pool.destroy(), provider.freshPool.destroy()]);
  server.close();
});

/** A provider whose answer to each request of a connection is given by the test. */
async function serve(answer: (socket: Socket, request: number) => void): Promise<void> {
  server = createServer((socket) => {
    let requests = 0;
    socket.on('data', (bytes) => {
      if (bytes.includes('POST ')) answer(socket, ++requests);
    });
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  provider = openProvider(
    {
      name: 'p',
      type: 'openai',
      apiVersion: null,
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
      credential: null,
      credentialVariable: null,
      allowPrivateNetwork: true,
      timeoutMs: 60_000,
      firstByteTimeoutMs: 60_000,
      connectionsMax: 8,
      ceilingField: 'max_tokens',
      streamOptions: true,
      endAtHold: false,
      allowFields: [],
    },
    openai,
  );
}

/** Resolves when the connection can be used again. */
const call = async (): Promise<string> => {
  const { body } = await provider.pool.request({ path: '/', method: 'POST', body: '{}' });
  const text = await body.text();
  while (provider.pool.stats.free < provider.pool.stats.connected) await turn();
  return text;
};

describe('a connection to a provider', () => {
  it.each<[string, readonly string[]]>([
    ['one', [`HTTP/1.1 100 Continue\r\n\r\n${OK}`]],
    ['two with headers', [`HTTP/1.1 100 Continue\r\nx-a: b\r\n\r\nHTTP/1.0 100 Go On\r\n\r\n${OK}`]],
    ['one of its own', ['HTTP/1.1 100 Continue\r\n\r\n', OK]],
    ['one that is cut', ['HTT', 'P/1.1 100 Cont', 'inue\r\n\r', `\n${OK}`]],
    ['one behind others', [`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${OK}`]],
  ])('takes interim replies that nobody asked for: %s', async (_, pieces) => {
    await serve((socket) => {
      void (async () => {
        for (const piece of pieces) {
          socket.write(piece);
          // Meant to make each piece a segment of its own; the test does not depend on it.
          await pause(5);
        }
      })();
    });
    expect([await call(), await call()]).toEqual(['{}', '{}']);
  });
  it('changes no body that looks like an interim reply', async () => {
    const body = 'HTTP/1.1 100 Continue\r\n\r\n';
    await serve((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
      setImmediate(() => socket.write(body));
    });
    expect(await call()).toBe(body);
  });
  it.each<[string, (socket: Socket) => void]>([
    ['closed', (socket) => socket.end()],
    ['reset', (socket) => socket.resetAndDestroy()],
  ])('that is %s at its second request, without a byte, is known as dead', async (_, end) => {
    await serve((socket, request) => (request === 1 ? socket.write(OK) : end(socket)));
    expect(await call()).toBe('{}');
    await expect(call()).rejects.toMatchObject({ code: 'ERR_DEAD_CONNECTION' });
  });
  it('that dies at its first request, or after a byte of an answer, is not', async () => {
    await serve((socket) => socket.resetAndDestroy());
    await expect(call()).rejects.not.toMatchObject({ code: 'ERR_DEAD_CONNECTION' });
    await Promise.all([provider.pool.destroy(), provider.freshPool.destroy()]);
    server.close();
    await serve((socket, request) => (request === 1 ? socket.write(OK) : socket.end('HTTP/1.1 2')));
    expect(await call()).toBe('{}');
    await expect(call()).rejects.not.toMatchObject({ code: 'ERR_DEAD_CONNECTION' });
  });
});
