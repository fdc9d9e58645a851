import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Target } from '../choose-route/route-table.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { Exchange, type Journaled } from '../exchange/exchange.js';
import { InFlight } from '../exchange/in-flight.js';
import { StreamRelay, type RelayEnd } from './stream-relay.js';

const event = (text: string): Buffer => Buffer.from(`data: {"choices":[{"delta":{"content":" ${text}"}}]}\n\n`);
const EMPTY = Buffer.from('data: {"choices":[{"delta":{"content":""}}]}\n\n');
const DONE = Buffer.from('data: [DONE]\n\n');

/** Waits some turns of the event loop, as between bytes that arrive one after the other. */
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

/** A relay whose upstream is the test, with the text that the client received. */
async function relay(path = '/v1/chat/completions', fields: object = {}, more: object = {}) {
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`);
  const [request, reply] = (await once(server, 'request')) as [
    ConstructorParameters<typeof Exchange>[0],
    ServerResponse,
  ];
  const body = Buffer.from(JSON.stringify({ model: 'm', stream: true, ...fields }));
  const ask = Object.assign(openAiChat.read(body), { inputTokensEstimate: 3 });
  const exchange = Object.assign(new Exchange(request, reply, openAiChat.errors), { ask }) as Exchange as Journaled;
  const abort = vi.fn();
  const controller = { pause: () => undefined, resume: () => undefined, abort } as unknown as ConstructorParameters<
    typeof StreamRelay
  >[2];
  let end: (end: RelayEnd) => void;
  const ended = new Promise<RelayEnd>((resolve) => (end = resolve));
  const target = { nameHeaders: [], provider: { timeoutMs: 10_000, endAtHold: false }, ...more } as unknown as Target;
  const made = new StreamRelay(exchange, target, controller, 'text/event-stream', end!);
  const outcome = ended.then((how) => {
    if (how.kind !== 'streamed') throw new Error(`the stream was ${how.kind}`);
    return how.outcome;
  });
  outcome.catch(() => undefined);
  return { relay: made, exchange, abort, ended, outcome, arrival: async () => String((await once(client, 'data'))[0]) };
}

describe('a stream passed through', () => {
  it('sends nothing before the first part of a completion', async () => {
    const { relay: stream, exchange, arrival } = await relay();
    stream.push(Buffer.from(': PROCESSING\n\n'));
    await turns();
    expect(exchange.reply.headersSent).toBe(false);
    stream.push(event('one'));
    expect(await arrival()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n[^]*PROCESSING[^]*one"/);
  });
  it.each<[string, readonly string[], number]>([
    ['an error', ['data: {"error":{"code":429}}\n\n'], 429],
    ['no event', [], 502],
    ['comments alone', [': a\n\n', ': b\n\n'], 502],
    ['[DONE] alone', ['data: [DONE]\n\n'], 502],
    ['half an event that is no JSON', ['data: upstream conn'], 502],
  ])('is no answer where there is %s in it', async (_, chunks, status) => {
    const { relay: stream, exchange, ended } = await relay();
    for (const chunk of chunks) stream.push(Buffer.from(chunk));
    stream.end();
    expect(await ended).toMatchObject({ kind: 'rejected', error: { status } });
    expect(exchange.reply.headersSent).toBe(false);
  });
  it('is no answer where it breaks before its first part, and says which time was over', async () => {
    const broken = await relay();
    broken.relay.push(Buffer.from(': a\n\n'));
    broken.relay.fail(new Error('reset'));
    expect(await broken.ended).toMatchObject({ kind: 'failed', error: { message: 'reset' } });
    client.destroy();
    const late = await relay();
    late.relay.abort('timed_out');
    late.relay.fail(new Error('timed_out'));
    expect(await late.ended).toEqual({ kind: 'aborted', why: 'timed_out', report: null });
  });
  it('tells its client that it is alive after 15 silent seconds, between events, once it has begun and until it ends', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { relay: stream, exchange, outcome, arrival } = await relay();
    const silent = (ms: number): void => {
      vi.advanceTimersByTime(ms);
      stream.keepAlive(performance.now());
    };
    const received: string[] = [];
    client.setEncoding('latin1').on('data', (text: string) => void received.push(text));
    silent(60_000);
    expect(exchange.reply.headersSent).toBe(false);
    stream.push(event('one'));
    await arrival();
    silent(14_999);
    // Half an event has arrived, which the client was not sent.
    stream.push(event('two').subarray(0, 20));
    await turns();
    silent(1);
    silent(14_999);
    expect(await arrival()).toContain(': keep-alive\n\n');
    silent(1);
    await arrival();
    vi.advanceTimersByTime(5);
    stream.push(event('two').subarray(20));
    await arrival();
    expect(received.join('').match(/\n: keep-alive/g)).toHaveLength(2);
    stream.push(DONE);
    await turns();
    vi.advanceTimersByTime(5);
    const { finish, ...call } = await outcome;
    silent(60_000);
    expect(call).toMatchObject({ outcome: 'completed', usage: { outputTokens: 2 } });
    finish();
    silent(60_000);
    await arrival();
    expect(received.join('').match(/\n: keep-alive/g)).toHaveLength(2);
    expect(received.join('').replace(/[0-9a-f]+\r\n|\r\n/g, '')).toMatch(
      /one"[^]*: keep-alive\n\n: keep-alive\n\ndata: [^]*two"[^]*\[DONE\]/,
    );
  });
  it.each([
    [
      'that the provider tells',
      [Buffer.from('data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":5}}\n\n')],
      5,
    ],
    ['that is counted', [], 1],
  ] as const)(
    'tells a client of OpenRouter the usage %s with the charge, before the end',
    async (_how, told, tokens) => {
      const { relay: stream, exchange, outcome } = await relay('/api/v1/chat/completions');
      const received: string[] = [];
      client.setEncoding('utf8').on('data', (text: string) => void received.push(text));
      for (const chunk of [event('one'), ...told, DONE]) stream.push(chunk);
      stream.end();
      const { finish } = await outcome;
      expect(received.join('')).not.toContain('"usage"');
      exchange.chargeNanoUsd = 1_500_000n;
      const over = once(exchange.reply, 'finish');
      finish();
      await over;
      await turns();
      const text = received.join('');
      const usage = JSON.parse(/"usage":(\{.*?\})\}/.exec(text.replaceAll('\r\n', ''))![1]!) as object;
      expect(usage).toMatchObject({ completion_tokens: tokens, cost: 0.0015 });
      expect(text).toMatch(/one"[^]*"usage"[^]*\[DONE\][^]*x-tollgate-cost-usd: 0\.0015/);
    },
  );
  it('is interrupted where it ends with neither a reason to finish nor [DONE], and says so', async () => {
    const { relay: stream, outcome, arrival } = await relay();
    stream.push(event('one'));
    stream.end();
    const { finish, ...call } = await outcome;
    expect(call).toMatchObject({
      outcome: 'provider_interrupted',
      usageSource: 'counted',
      usage: { inputTokens: 3, outputTokens: 1 },
    });
    finish();
    expect(await arrival()).toMatch(/one"[^]*"code":"provider_failed"/);
  });
  it.each([
    ['breaks off', [event('one')], 502],
    [
      'ends with an error',
      [event('one'), Buffer.from('data: {"error":{"message":"Sorry","code":"slow_down"}}\n\n')],
      503,
    ],
  ])('tells a client of OpenRouter that it %s in a chunk that its SDK takes', async (_how, pieces, code) => {
    const { relay: stream, outcome, arrival } = await relay('/api/v1/chat/completions');
    for (const piece of pieces) stream.push(piece);
    stream.end();
    (await outcome).finish();
    const failures = [...(await arrival()).matchAll(/^data: (\{.*"error":.*)$/gm)];
    expect(failures.map((found) => JSON.parse(found[1]!) as unknown)).toMatchObject([
      { object: 'chat.completion.chunk', choices: [{ finish_reason: 'error' }], error: { code } },
    ]);
  });
  it('ends its reply at [DONE], and gives the provider a moment to end its own', async () => {
    const { relay: stream, exchange, outcome, abort } = await relay();
    stream.push(event('one'));
    await turns();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    stream.push(Buffer.concat([DONE, event('late')]));
    await turns();
    vi.advanceTimersByTime(10);
    (await outcome).finish();
    expect(exchange.reply.writableEnded).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(abort).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(abort).toHaveBeenCalledOnce();
  });
  it.each<[string, readonly Buffer[]]>([
    ['in the same bytes', [Buffer.concat([event('one'), DONE, event('late'), DONE])]],
    ['in bytes of their own', [event('one'), DONE, event('late'), Buffer.from('data: {"error":"late"}\n\n')]],
    [
      'as the rest of a cut event',
      [
        event('one'),
        Buffer.from('data: [DONE]\n\ndata: {"choices":[{"delta":{"cont'),
        Buffer.from('ent":"late"}}]}\n\n'),
      ],
    ],
  ])('passes on nothing behind [DONE] %s, and gives the provider up, also of a leaked key', async (_how, chunks) => {
    for (const leaks of [false, true]) {
      const { relay: stream, exchange, outcome, abort } = await relay();
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const inFlight = new InFlight();
      (exchange as Exchange).key = { snapshot: { apiKeyId: 'key' } } as Exchange['key'];
      inFlight.add(exchange);
      const received: string[] = [];
      client.setEncoding('latin1').on('data', (text: string) => void received.push(text));
      const closed = once(client, 'close');
      for (const chunk of chunks) {
        stream.push(chunk);
        await turns();
        vi.advanceTimersByTime(10);
        await turns();
      }
      const { finish, ...call } = await outcome;
      expect(call).toMatchObject({ outcome: 'completed', usage: { outputTokens: 1 } });
      if (leaks) inFlight.endKey({ apiKeyId: 'key', version: 2, reason: 'leaked', digests: [] });
      // While the usage is being journaled, and after the reply has ended.
      stream.push(event('late'));
      finish();
      stream.push(event('late'));
      await turns();
      if (leaks) inFlight.endKey({ apiKeyId: 'key', version: 2, reason: 'leaked', digests: [] });
      vi.advanceTimersByTime(1_500);
      expect(abort).toHaveBeenCalledOnce();
      stream.fail(new Error('the connection outlived its stream'));
      await turns();
      exchange.request.socket.end();
      await closed;
      expect(received.join('')).toMatch(/one"[^]*\[DONE\]/);
      expect(received.join('')).not.toMatch(/late|error/);
      vi.useRealTimers();
    }
  });
  it("keeps the provider's connection where that ends its reply too", async () => {
    const { relay: stream, outcome, abort } = await relay();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    stream.push(event('one'));
    stream.push(DONE);
    await turns();
    (await outcome).finish();
    stream.end();
    vi.advanceTimersByTime(10_000);
    expect(abort).not.toHaveBeenCalled();
  });
  it('has its head and what came with it in one write', async () => {
    const { relay: stream, arrival } = await relay();
    stream.push(event('one'));
    stream.push(event('two'));
    expect(await arrival()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*one"[^]*two"/);
  });
  it('gathers what follows faster than can be seen, for five milliseconds at most', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { relay: stream, arrival } = await relay();
    stream.push(event('one'));
    expect(await arrival()).toContain('one"');
    stream.push(event('two'));
    await turns();
    vi.advanceTimersByTime(4);
    stream.push(event('three'));
    await turns();
    vi.advanceTimersByTime(1);
    expect(await arrival()).toMatch(/^[^]*two"[^]*three"/);
    // Parts that arrive more slowly are not gathered; meanwhile the mocked clock stands still.
    vi.advanceTimersByTime(5);
    stream.push(event('four'));
    expect(await arrival()).toContain('four"');
  });
  it('gathers no more than 64 KiB', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { relay: stream, arrival } = await relay();
    stream.push(event('one'));
    await arrival();
    stream.push(event('two'));
    stream.push(event('x'.repeat(64 * 1024)));
    expect(await arrival()).toContain('two"');
  });
  it('ends at once, whatever it was gathering', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { relay: stream, outcome, arrival } = await relay();
    stream.push(event('one'));
    await arrival();
    const timers = vi.getTimerCount();
    stream.push(event('two'));
    stream.push(DONE);
    stream.end();
    expect(vi.getTimerCount()).toBe(timers);
    (await outcome).finish();
    expect(await arrival()).toMatch(/two"[^]*\[DONE\]/);
  });
  it('ends only when it is finished, and is counted where nobody reports its usage', async () => {
    const { relay: stream, outcome, arrival } = await relay();
    for (const part of [EMPTY, event('one'), event('two'), DONE]) stream.push(part);
    stream.end();
    const { finish, ...call } = await outcome;
    expect(call).toMatchObject({ outcome: 'completed', usageSource: 'counted', usage: { outputTokens: 2 } });
    finish();
    expect(await arrival()).toContain('[DONE]');
  });
  it.each<[string, string | undefined, string, string | null]>([
    ['as it was asked for', 'priority', '', 'priority'],
    ['as its events say', 'priority', ',"service_tier":"default"', null],
    ['as its events say, also unasked', undefined, ',"service_tier":"priority"', 'priority'],
    ['as usual', undefined, '', null],
  ])('is charged, if it breaks off, as served %s', async (_how, asked, told, served) => {
    const { relay: stream, exchange, outcome, arrival } = await relay(undefined, { service_tier: asked });
    expect(stream.usedSoFar()).toBeNull();
    stream.push(Buffer.from(`data: {"choices":[{"delta":{"content":"one"}}]${told}}\n\n`));
    await arrival();
    const used = stream.usedSoFar()!;
    expect(used).toMatchObject({ usageSource: 'counted', usage: { inputTokens: 3, outputTokens: 1 } });
    expect(used.usage.details?.serviceTier ?? null).toBe(served);
    stream.fail(new Error('broken'));
    const { target, outcome: how, usage, usageSource } = await outcome;
    expect({ target, usage, usageSource }).toEqual(used);
    expect(how).toBe('provider_interrupted');
    expect(exchange.providerCall).toBeNull();
  });
  it('is ended at its hold by the price of the tier that serves it', async () => {
    const price = {
      inputNanoUsdPerMillion: 1_000_000n,
      outputNanoUsdPerMillion: 1_000_000n,
      cachedInputNanoUsdPerMillion: null,
      more: {
        classes: {},
        toolCalls: new Map(),
        serviceTiers: new Map([['priority', { inputThousandths: 2_000n, outputThousandths: 2_000n }]]),
        speeds: new Map(),
        inferenceGeos: new Map(),
        longContext: [],
      },
    };
    const provider = { timeoutMs: 10_000, endAtHold: true };
    for (const [tier, isEnded] of [
      ['priority', true],
      ['default', false],
    ] as const) {
      const {
        relay: stream,
        exchange,
        abort,
        arrival,
      } = await relay(undefined, { service_tier: tier }, { price, provider });
      // Three tokens of input and two of output.
      exchange.holdNanoUsd = 10n;
      stream.push(event('one'));
      stream.push(event('two'));
      await arrival();
      expect(abort.mock.calls.length > 0).toBe(isEnded);
      client.destroy();
    }
  });
  it('counts for a client that left what it was sent until then', async () => {
    const { relay: stream, exchange, outcome, arrival } = await relay();
    for (const part of [EMPTY, event('one'), event('two')]) stream.push(part);
    await arrival();
    expect(exchange.providerCall?.deliveredTokens()).toBe(2);
    const closed = once(exchange.reply, 'close');
    client.destroy();
    await closed;
    exchange.clientLeft = true;
    stream.clientLeft();
    for (const part of [event('three'), event('four'), DONE]) stream.push(part);
    stream.end();
    expect(await outcome).toMatchObject({ outcome: 'client_left', usageSource: 'counted', usage: { outputTokens: 2 } });
  });
  it.each([
    ['opened', 1, 'provider_interrupted'],
    ['not opened yet', 0, 'aborted'],
  ])('whose event does not end is ended at 16 MiB, where it has %s', async (_, opening, how) => {
    const { relay: stream, abort, ended } = await relay();
    client.resume();
    if (opening === 1) stream.push(event('a'));
    const part = Buffer.alloc(64 * 1024, 'x');
    let pushed = 0;
    while (abort.mock.calls.length === 0 && pushed < 20 * 1024 * 1024) {
      stream.push(part);
      pushed += part.length;
      if (pushed % (1024 * 1024) === 0) await turn();
    }
    expect(pushed).toBeLessThanOrEqual(17 * 1024 * 1024);
    expect(abort).toHaveBeenCalledOnce();
    // Bytes that arrive while the connection is being closed are dropped.
    for (let n = 0; n < 1_000; n++) stream.push(part);
    await turns();
    expect(abort).toHaveBeenCalledOnce();
    stream.fail(new Error('aborted'));
    const end = await ended;
    expect(end).toMatchObject(
      how === 'aborted'
        ? { kind: 'aborted', why: 'oversized' }
        : { kind: 'streamed', broken: 'oversized', outcome: { outcome: how, usage: { outputTokens: 1 } } },
    );
  });
  it('passes on large events that end, and comments without end', async () => {
    const { relay: stream, exchange, outcome, abort } = await relay();
    client.resume();
    const taken = async (): Promise<void> => {
      await turn();
      if (exchange.reply.writableNeedDrain) await once(exchange.reply, 'drain');
    };
    const image = event('x'.repeat(12 * 1024 * 1024));
    stream.push(event('a'));
    for (let at = 0; at < image.length; at += 1024 * 1024) {
      stream.push(image.subarray(at, at + 1024 * 1024));
      await taken();
    }
    for (let n = 0; n < 300; n++) {
      stream.push(Buffer.from(`: ${'c'.repeat(64 * 1024)}\n\n`));
      await taken();
    }
    // Waiting for the client leaves no listeners behind, however often it happens.
    expect(exchange.reply.listenerCount('close')).toBeLessThan(5);
    stream.push(DONE);
    stream.end();
    expect(await outcome).toMatchObject({ outcome: 'completed' });
    expect(abort).not.toHaveBeenCalled();
  });
});
