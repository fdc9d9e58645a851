import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Secret } from '@tollgate/api-key';
import { createLogger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { routeOf, type Target } from '../choose-route/route-table.js';
import { Exchange, type Journaled } from '../exchange/exchange.js';
import type { Ask } from '../../dialects/ask.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import type { KeyLook } from '../identify-key/look-again.js';
import { RequestLog } from '../exchange/request-log.js';
import { forward } from './forward.js';
import { openai } from '../../providers/openai/openai.js';
import { openProvider, type Provider } from '../../providers/provider.js';

const credential = 'sk-provider/credential-AbCdEf123456';
const price = {
  inputNanoUsdPerMillion: 1n,
  outputNanoUsdPerMillion: 1n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 500,
};

let answer: (reply: ServerResponse) => void;
let upstream: Server;
let gateway: Server;
let provider: Provider;
let exchange: Exchange;
let outcome: string;
let lines: string[];

beforeEach(async () => {
  lines = [];
  upstream = createServer((asked, reply) => asked.resume().on('end', () => answer(reply)));
  gateway = createServer((asked, reply) => void serve(asked, reply));
  for (const server of [upstream, gateway]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  provider = openProvider(
    {
      name: 'p',
      type: 'openai',
      apiVersion: null,
      baseUrl: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`,
      credential: new Secret(credential),
      credentialVariable: 'P',
      allowPrivateNetwork: true,
      timeoutMs: 120_000,
      ceilingField: 'max_tokens',
      streamOptions: true,
      endAtHold: false,
      firstByteTimeoutMs: 120_000,
      connectionsMax: 10,
      allowFields: [],
    },
    openai,
  );
});
afterEach(async () => {
  await Promise.all([provider.pool.destroy(), provider.freshPool.destroy()]);
  for (const server of [upstream, gateway]) {
    server.close();
    server.closeAllConnections();
  }
});

/** A look at a key that never ends. */
const ALIVE = { again: () => undefined, maySend: () => true } as unknown as KeyLook;

/** Calls the provider and completes the reply, without the other steps of the path. */
async function serve(asked: IncomingMessage, reply: ServerResponse): Promise<void> {
  exchange = new Exchange(asked, reply, openAiChat.errors);
  const body = JSON.stringify({ model: 'm', stream: asked.url === '/stream', messages: [] });
  exchange.ask = openAiChat.read(Buffer.from(body)) as Ask;
  const targets = [{ provider, model: 'm', price, nameHeaders: [] }] as unknown as Target[];
  exchange.route = routeOf('m', targets);
  exchange.targets = targets;
  const log = new RequestLog(
    createLogger({ service: 'gateway', level: 'warn', destination: { write: (line) => void lines.push(line) } }),
  );
  const call = await forward(exchange as Journaled, log, ALIVE);
  if (exchange.credentialRepeatedBy !== null) log.credentialRepeated(exchange, exchange.credentialRepeatedBy);
  outcome = call.outcome;
  call.finish();
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(path: '/plain' | '/stream'): Promise<Reply> {
  const asked = request({ port: (gateway.address() as AddressInfo).port, host: '127.0.0.1', path, method: 'POST' });
  asked.end();
  const [reply] = (await once(asked, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of reply) body += String(chunk);
  return { status: reply.statusCode!, headers: reply.headers, body };
}

const completion = (content: string): string =>
  JSON.stringify({
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  });
const event = (content: string, index = 0): string =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index, delta: { content }, finish_reason: null }] })}\n\n`;
const stop = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`;
const contentOf = ({ body }: Reply, index = 0): string =>
  [...body.matchAll(/^data: (\{.*)$/gm)]
    .map((match) => JSON.parse(match[1]!) as { choices?: { index: number; delta?: { content?: string } }[] })
    .flatMap(({ choices }) => choices ?? [])
    .filter((choice) => choice.index === index)
    .map(({ delta }) => delta?.content ?? '')
    .join('');
/** Sends a text in pieces of this many bytes, each as a packet of its own. */
const drip =
  (text: string, bytes: number) =>
  (reply: ServerResponse): void => {
    reply.writeHead(200, { 'content-type': 'text/event-stream' });
    const next = (at: number): void => {
      if (at >= text.length) reply.end();
      else reply.write(text.slice(at, at + bytes), () => setImmediate(next, at + bytes));
    };
    next(0);
  };
const expectAlarm = (): void => {
  expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
    expect.objectContaining({ level: 'error', code: 'credential_repeated', provider: 'p' }),
  );
  expect(lines.join('')).not.toContain('AbCdEf123456');
};

describe('a provider that repeats our credential', () => {
  it.each([400, 404, 409, 413, 422])(
    'has its error of status %i answered as a failure of the provider',
    async (status) => {
      answer = (reply) =>
        reply
          .writeHead(status, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: { message: `you sent authorization: Bearer ${credential}` } }));
      const reply = await ask('/plain');
      expect(reply).toMatchObject({ status: 502, headers: { 'content-type': 'application/json' } });
      expect(JSON.parse(reply.body)).toMatchObject({ error: { code: 'provider_failed' } });
      expect(reply.body).not.toContain(credential);
      expect(outcome).toBe('provider_failed');
      expectAlarm();
    },
  );

  it.each<[string, (told: string) => string | Buffer]>([
    ['half of it', (told) => told.slice(0, Math.ceil(told.length / 2))],
    ['base64', (told) => Buffer.from(`Bearer ${told}`).toString('base64')],
    ['UTF-16', (told) => Buffer.from(told, 'utf16le')],
    ['gzip that is not declared', (told) => gzipSync(told)],
  ])('has an error answered so, too, that tells %s', async (_, spell) => {
    for (const path of ['/plain', '/stream'] as const) {
      answer = (reply) => reply.writeHead(400, { 'content-type': 'text/plain' }).end(spell(credential));
      const reply = await ask(path);
      expect(JSON.parse(reply.body)).toMatchObject({ error: { code: 'provider_failed' } });
      expect(reply.status).toBe(502);
      expectAlarm();
    }
  });

  it('has an error of more than a MiB answered as a failure', async () => {
    answer = (reply) => reply.writeHead(400, { 'content-type': 'text/plain' }).end('x'.repeat(1_048_577));
    expect((await ask('/plain')).status).toBe(502);
    answer = (reply) => reply.writeHead(400, { 'content-type': 'text/plain' }).end('x'.repeat(1_048_576));
    expect((await ask('/plain')).status).toBe(400);
  });

  it('has it masked in a completion, which keeps its length', async () => {
    const body = completion(`the head was: Bearer ${credential}`).replace('sk-provider/', 'sk-provider\\/');
    answer = (reply) => reply.writeHead(200, { 'content-type': `application/json; by=${credential}` }).end(body);
    const reply = await ask('/plain');
    expect(reply).toMatchObject({
      status: 200,
      headers: {
        'content-length': String(body.length),
        'content-type': `application/json; by=${'*'.repeat(credential.length)}`,
      },
    });
    expect(reply.body).toBe(body.replace(credential.replace('/', '\\/'), '*'.repeat(credential.length + 1)));
    expect(outcome).toBe('completed');
    expectAlarm();
  });

  it('has it in no header of a refusal either', async () => {
    answer = (reply) => reply.writeHead(429, { 'retry-after': credential, 'retry-after-ms': '1200' }).end('{}');
    const { status, headers } = await ask('/plain');
    expect(status).toBe(429);
    expect(headers).not.toHaveProperty('retry-after');
    expect(headers['retry-after-ms']).toBe('1200');
  });

  it.each([1, 7, 50, 10_000])('has it masked in an event that comes in packets of %i bytes', async (bytes) => {
    answer = drip(event('one ') + event(`Bearer ${credential} `) + event('two') + stop, bytes);
    const reply = await ask('/stream');
    expect(contentOf(reply)).toBe(`one Bearer ${'*'.repeat(credential.length)} two`);
    expect(reply.body).toMatch(/\[DONE\]\n\n$/);
    expect(outcome).toBe('completed');
    expectAlarm();
  });

  it.each([1, 4, 12, 20])('has its stream ended where it tells it in pieces of %i characters', async (length) => {
    const pieces = credential.match(new RegExp(`.{1,${length}}`, 'g'))!;
    answer = drip(event('one ') + pieces.map((piece) => event(piece)).join('') + event('two') + stop, 10_000);
    const reply = await ask('/stream');
    expect(contentOf(reply)).toMatch(/^one /);
    expect(contentOf(reply).length).toBeLessThan('one '.length + Math.max(credential.length / 2, length) + 1);
    expect(reply.body).toMatch(/"code":"provider_failed"/);
    expect(outcome).toBe('provider_interrupted');
    expectAlarm();
  });

  it('is noticed in each of several choices, whatever comes between the pieces', async () => {
    const pieces = credential.match(/.{1,5}/g)!;
    answer = drip(event('one ') + pieces.map((piece) => event('-', 0) + event(piece, 1)).join('') + stop, 10_000);
    const reply = await ask('/stream');
    expect(contentOf(reply, 1).length).toBeLessThan(credential.length / 2 + 5);
    expect(outcome).toBe('provider_interrupted');
    expectAlarm();
  });

  it('is noticed where the events of a stream have nothing in common but that', async () => {
    const shapes = [
      (piece: string) => ({ choices: [{ index: 0, delta: { content: piece } }] }),
      (piece: string) => ({ choices: [{ delta: { role: 'assistant', content: piece }, index: 0 }] }),
      (piece: string) => ({
        created: piece.length,
        choices: [{ index: 0, delta: { content: [{ type: 'text', text: piece }] } }],
      }),
      (piece: string) => ({ choices: [{ index: 0, text: piece }] }),
    ];
    const pieces = credential.match(/.{1,3}/g)!;
    answer = drip(
      pieces.map((piece, at) => `data: ${JSON.stringify(shapes[at % shapes.length]!(piece))}\n\n`).join('') + stop,
      10_000,
    );
    await ask('/stream');
    expect(outcome).toBe('provider_interrupted');
    expectAlarm();
  });

  it('changes nothing for one that does not', async () => {
    const body = completion('sk-provider/credential is how ours begin, caf\\u00e9');
    answer = (reply) => reply.writeHead(200, { 'content-type': 'application/json' }).end(body);
    expect(await ask('/plain')).toMatchObject({ status: 200, body });
    answer = drip(event('sk-provider') + event('/cred') + event('it and so on') + stop, 10_000);
    expect((await ask('/stream')).body).toBe(event('sk-provider') + event('/cred') + event('it and so on') + stop);
    expect(lines).toEqual([]);
  });
});
