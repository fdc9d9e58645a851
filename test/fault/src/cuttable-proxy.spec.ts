import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CuttableProxy } from './cuttable-proxy.js';

describe('a proxy that can be cut', () => {
  let heard: string[];
  let proxy: CuttableProxy;
  let url: string;
  const clients: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (text) => {
      heard.push(String(text));
      socket.write(`re: ${String(text)}`);
    });
  });

  beforeEach(async () => {
    heard = [];
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await CuttableProxy.start();
    url = proxy.towards(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.stop();
    server.close();
    await once(server, 'close');
  });

  async function client(): Promise<Socket> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
    clients.push(socket);
    socket.on('error', () => undefined);
    await Promise.race([once(socket, 'connect').catch(() => undefined), closed(socket)]);
    return socket;
  }
  const closed = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
  const asked = async (socket: Socket, text: string): Promise<string> => {
    const reply = once(socket, 'data').then(([data]) => String(data));
    socket.write(text);
    return Promise.race([reply, closed(socket).then(() => 'closed')]);
  };
  /** What comes within a moment, where nothing is to come. */
  const askedInVain = (socket: Socket, text: string): Promise<string> =>
    Promise.race([asked(socket, text), delay(100).then(() => 'nothing')]);

  it('passes bytes on', async () => {
    expect(await asked(await client(), 'hello')).toBe('re: hello');
  });

  it('cuts what is connected, and what connects', async () => {
    const before = await client();
    await asked(before, 'hello');
    const end = closed(before);
    proxy.set('cut');
    await end;
    const after = await client();
    if (!after.closed) await closed(after);
    expect(heard).toEqual(['hello']);
  });

  it('holds back what is said while it is silent, and lets it through afterwards', async () => {
    const socket = await client();
    proxy.set('silent');
    expect(await askedInVain(socket, 'one')).toBe('nothing');
    expect(heard).toEqual([]);
    const late = once(socket, 'data');
    proxy.set('open');
    expect(await late).toEqual(['re: one']);
  });

  it('can hold back the replies alone', async () => {
    const socket = await client();
    proxy.set('replies_held');
    const reply = askedInVain(socket, 'one');
    await expect.poll(() => heard).toEqual(['one']);
    expect(await reply).toBe('nothing');
  });

  it('can pick the connections whose client says something', async () => {
    const [reader, writer] = [await client(), await client()];
    await asked(reader, 'xread');
    proxy.set('silent', /xread/);
    expect(await askedInVain(reader, 'again')).toBe('nothing');
    expect(await asked(writer, 'hset')).toBe('re: hset');
    const newcomer = await client();
    expect(await askedInVain(newcomer, 'xread')).toBe('nothing');
    expect(heard).toEqual(['xread', 'hset']);
  });
});
