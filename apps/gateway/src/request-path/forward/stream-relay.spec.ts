import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Target } from '../choose-route/route-table.js';
import { Exchange } from '../exchange.js';
import type { CallOutcome } from './call.js';
import { StreamRelay } from './stream-relay.js';

const event = (text: string): Buffer => Buffer.from(`data: {"choices":[{"delta":{"content":"${text}"}}]}\n\n`);
const DONE = Buffer.from('data: [DONE]\n\n');

/** Some turns of the event loop, as bytes that come one after the other take. */
const turns = async (): Promise<void> => {
  for (let n = 0; n < 3; n++) await turn();
};

let server: Server;
let client: Socket;
beforeEach(async () => {
  server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  vi.useRealTimers();
  client.destroy();
  server.close();
  server.closeAllConnections();
});

/** A relay whose upstream is the test, and the client's end of it as text. */
async function relay(): Promise<{ relay: StreamRelay; exchange: Exchange; outcome: Promise<CallOutcome>; arrival: () => Promise<string> }> {
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
  const [request, reply] = (await once(server, 'request')) as [ConstructorParameters<typeof Exchange>[0], ServerResponse];
  const exchange = new Exchange(request, reply);
  const controller = { pause: () => undefined, resume: () => undefined, abort: () => undefined } as unknown as ConstructorParameters<typeof StreamRelay>[2];
  let settle: (outcome: CallOutcome) => void;
  const outcome = new Promise<CallOutcome>((resolve) => (settle = resolve));
  const made = new StreamRelay(exchange, {} as Target, controller, 'text/event-stream', settle!);
  return { relay: made, exchange, outcome, arrival: async () => String((await once(client, 'data'))[0]) };
}

describe('a stream passed through', () => {
  it('has its head at once where no event has come yet', async () => {
    const { arrival } = await relay();
    expect(await arrival()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
  });
  it('has its head and what came with it in one write', async () => {
    const { relay: stream, arrival } = await relay();
    stream.push(event('a'));
    stream.push(event('b'));
    expect(await arrival()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*"a"[^]*"b"/);
  });
  it('gathers what follows faster than can be seen, for five milliseconds at most', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { relay: stream, arrival } = await relay();
    stream.push(event('a'));
    expect(await arrival()).toContain('"a"');
    stream.push(event('b'));
    await turns();
    vi.advanceTimersByTime(4);
    stream.push(event('c'));
    await turns();
    vi.advanceTimersByTime(1);
    expect(await arrival()).toMatch(/^[^]*"b"[^]*"c"/);
    // Slower than that, nothing waits: the clock stands still meanwhile.
    vi.advanceTimersByTime(5);
    stream.push(event('d'));
    expect(await arrival()).toContain('"d"');
  });
  it('makes nobody wait for the rest of the first event', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { relay: stream, arrival } = await relay();
    const whole = event('a');
    stream.push(whole.subarray(0, 20));
    expect(await arrival()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
    stream.push(whole.subarray(20));
    expect(await arrival()).toContain('"a"');
  });
  it('gathers no more than 64 KiB', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { relay: stream, arrival } = await relay();
    stream.push(event('a'));
    await arrival();
    stream.push(event('b'));
    stream.push(event('x'.repeat(64 * 1024)));
    expect(await arrival()).toContain('"b"');
  });
  it('ends at once, whatever it was gathering', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { relay: stream, outcome, arrival } = await relay();
    stream.push(event('a'));
    await arrival();
    const timers = vi.getTimerCount();
    stream.push(event('b'));
    stream.push(DONE);
    stream.end();
    expect(vi.getTimerCount()).toBe(timers);
    (await outcome).finish();
    expect(await arrival()).toMatch(/"b"[^]*\[DONE\]/);
  });
  it('ends only when it is finished, and is counted where nobody reports its usage', async () => {
    const { relay: stream, outcome, arrival } = await relay();
    for (const part of [event(''), event('a'), event('b'), DONE]) stream.push(part);
    stream.end();
    const { finish, ...call } = await outcome;
    expect(call).toMatchObject({ outcome: 'completed', usageSource: 'counted', usage: { outputTokens: 2 } });
    finish();
    expect(await arrival()).toContain('[DONE]');
  });
  it('counts for a client that left what it was sent until then', async () => {
    const { relay: stream, exchange, outcome, arrival } = await relay();
    for (const part of [event(''), event('a'), event('b')]) stream.push(part);
    await arrival();
    expect(exchange.countedOutputTokens).toBe(2);
    const closed = once(exchange.reply, 'close');
    client.destroy();
    await closed;
    for (const part of [event('c'), event('d'), DONE]) stream.push(part);
    stream.end();
    expect(await outcome).toMatchObject({ outcome: 'client_left', usageSource: 'counted', usage: { outputTokens: 2 } });
  });
});
