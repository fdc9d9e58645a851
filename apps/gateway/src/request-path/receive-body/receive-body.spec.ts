import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BodyBudget } from '@tollgate/http';
import { OpenRequest } from '../open-requests/open-request.js';
import type { Exchange } from '../exchange/exchange.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
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

/** Sends as much of a request as the test gives, and returns its exchange. */
async function sent(head: string, body: string | Buffer): Promise<Exchange> {
  socket.write(Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n`), Buffer.from(body)]));
  const { value } = await requests.next();
  return { request: (value as [IncomingMessage])[0], isToldCost: false } as unknown as Exchange;
}
const receive = receiveBody(BYTES_MAX, openAiChat);

const coded = (coding: string, body: Buffer) =>
  sent(`content-encoding: ${coding}\r\ncontent-length: ${body.length}`, body);

describe('the body of a request', () => {
  it('is read in pieces, and its fields are found', async () => {
    const whole = '{"model":"m","stream":true}';
    const exchange = await sent(`content-length: ${whole.length}`, whole.slice(0, 9));
    const answer = receive(exchange);
    socket.write(whole.slice(9));
    expect(await answer).toBeUndefined();
    expect(exchange.ask).toMatchObject({ model: 'm', stream: true, showUsage: false });
  });
  const noModelNames = ['"w-\\u0000"', '"m\\ud83d"', '"\\n"', '""', '1'];
  it.each(noModelNames)('is refused where its model could not be booked: %s', async (model) => {
    const body = `{"model":${model}}`;
    const refusal = await receive(await sent(`content-length: ${body.length}`, body));
    expect(refusal).toMatchObject({ code: 'invalid_request', param: 'model' });
  });
  it('may be empty, and is no JSON then', async () => {
    expect(await receive(await sent('content-length: 0', ''))).toMatchObject({ code: 'invalid_json' });
  });
  it('is refused at once when it says that it is above its bound', async () => {
    expect(await receive(await sent(`content-length: ${BYTES_MAX + 1}`, ''))).toMatchObject({ code: 'body_too_large' });
  });
  it('is refused above its bound when it comes in chunks', async () => {
    expect(
      await receive(
        await sent('transfer-encoding: chunked', `${(BYTES_MAX + 1).toString(16)}\r\n${'x'.repeat(BYTES_MAX + 1)}\r\n`),
      ),
    ).toMatchObject({ code: 'body_too_large' });
  });
  it('is read without its content coding, and counts decoded', async () => {
    const whole = Buffer.from('{"model":"m","messages":[]}');
    for (const [coding, body] of [
      ['gzip', gzipSync(whole)],
      ['ZSTD', zstdCompressSync(whole)],
      ['identity', whole],
      ['', whole],
      ['gzip, zstd', zstdCompressSync(gzipSync(whole))],
    ] as const) {
      const exchange = await coded(coding, body);
      expect(await receive(exchange), coding).toBeUndefined();
      expect(exchange.ask).toMatchObject({ model: 'm', body: whole, inputTokensEstimate: 7 });
    }
  });
  it('is refused above its bound once it is decoded, and at once when what is coded is far above it', async () => {
    const refusal = { code: 'body_too_large', message: 'The body may have at most 64 bytes once it is decoded.' };
    expect(await receive(await coded('gzip', gzipSync(Buffer.alloc(BYTES_MAX + 1, 'x'))))).toMatchObject(refusal);
    expect(await receive(await sent('content-encoding: gzip\r\ncontent-length: 2000', ''))).toMatchObject({
      code: 'body_too_large',
    });
  });
  it('is refused with the codings that can be read where its own is unknown, before it has arrived', async () => {
    const refusal = await receive(await sent('content-encoding: zQ7canary\r\ncontent-length: 30', ''));
    expect(refusal).toMatchObject({
      code: 'unsupported_media_type',
      headers: ['accept-encoding', 'gzip, deflate, br, zstd'],
    });
    expect(refusal!.message).toContain('Content-Encoding');
    expect(JSON.stringify(refusal)).not.toContain('canary');
  });
  it('is refused with the name of the coding that it does not have', async () => {
    for (const body of [
      Buffer.from('{"model":"m"}'),
      gzipSync('{"model":"m"}').subarray(0, -1),
      Buffer.concat([gzipSync('{"model":"m"}'), Buffer.from('}')]),
    ]) {
      const refusal = await receive(await coded('gzip', body));
      expect(refusal).toMatchObject({ code: 'invalid_json' });
      expect(refusal!.message).toContain('not valid gzip');
    }
  });
  it('may be empty whatever coding it names, and is no JSON then', async () => {
    for (const body of [Buffer.alloc(0), gzipSync('')])
      expect(await receive(await coded('gzip', body))).toMatchObject({
        code: 'invalid_json',
        message: expect.stringContaining('byte 0') as unknown,
      });
  });
  it('ends when the client breaks off while it is decoded', async () => {
    const exchange = await sent(
      'content-encoding: gzip\r\ncontent-length: 30',
      gzipSync('{"model":"m"}').subarray(0, 12),
    );
    const answer = receive(exchange);
    socket.destroy();
    expect(await answer).toMatchObject({ code: 'request_timeout' });
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
      await new Promise((resolve) =>
        exchange.request.socket.closed ? resolve(null) : exchange.request.socket.once('close', resolve),
      );
      expect(await receive(exchange)).toMatchObject({ code: 'request_timeout' });
      socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    }
  });
  it('takes room by what it says, or as it grows, and above that is refused before it is kept', async () => {
    const whole = Buffer.from(`{"model":"m","messages":[],"padding":"${'x'.repeat(6_000)}"}`);
    const roomy = receiveBody(100_000, openAiChat);
    for (const [head, body] of [
      [`content-length: ${whole.length}`, whole],
      ['transfer-encoding: chunked', `${whole.length.toString(16)}\r\n${whole.toString()}\r\n0\r\n\r\n`],
      [`content-encoding: gzip\r\ncontent-length: ${gzipSync(whole).length}`, gzipSync(whole)],
    ] as const) {
      const receiveWithin = async (budget: BodyBudget, key: BodyBudget) => {
        const openRequest = new OpenRequest(
          { apiKeyId: 'k', requests: 0, undecided: 0, bodies: key },
          budget.open(key),
          budget,
        );
        return roomy(Object.assign(await sent(head, body), { openRequest }));
      };
      const [budget, key] = [new BodyBudget(10_000), new BodyBudget(8_000, 8_000)];
      expect(await receiveWithin(budget, key), head).toBeUndefined();
      expect([budget.bytes, key.bytes]).toEqual([whole.length, whole.length]);
      expect(await receiveWithin(budget, new BodyBudget(8_000, 8_000)), head).toMatchObject({ code: 'server_busy' });
      const refusal = await receiveWithin(new BodyBudget(10_000), key);
      expect(refusal, head).toMatchObject({
        code: 'rate_limit_exceeded',
        message: expect.stringContaining('bodies') as unknown,
      });
    }
  });
  it.each([
    '{"include_usage":false,"include_usage":true}',
    '{"include_usage":true,"Include_Usage":false}',
    '{"includeUsage":false}',
    '{"incl\\u0075de_usage":true}',
    '{"a":[{}],"INCLUDE_USAGE":1}',
    '{"a" : 1 , "include_uſage" : 1}',
  ])('has one reading of whether the usage of a stream is asked for: %s', async (options) => {
    const body = `{"model":"m","stream":true,"stream_options":${options}}`;
    expect(
      await receiveBody(1_000, openAiChat)(await sent(`content-length: ${Buffer.byteLength(body)}`, body)),
    ).toMatchObject({
      code: 'invalid_request',
      param: 'stream_options.include_usage',
    });
  });
  it('may ask for the usage of a stream beside other options', async () => {
    for (const options of [
      '{}',
      '{ }',
      '{"include_usage":true}',
      '{"include_obfuscation":false,"include_usage":true,"x":{"Include_Usage":1}}',
      'null',
    ]) {
      const body = `{"model":"m","stream":true,"stream_options":${options}}`;
      const exchange = await sent(`content-length: ${body.length}`, body);
      expect(await receiveBody(1_000, openAiChat)(exchange)).toBeUndefined();
      expect(exchange.ask).toMatchObject({ showUsage: options.includes('"include_usage"') });
    }
  });
  it('is read in steps where it is large, and refused or taken as a small one is', async () => {
    const large = (field: string) =>
      `{"model":"m",${field},"messages":[{"role":"user","content":"${'x'.repeat(600_000)}"}]}`;
    for (const [body, refusal] of [
      [large('"stream":true'), undefined],
      [large('"stream":1'), { param: 'stream' }],
      [large('"MODEL":"x"'), { param: 'model' }],
      [`${large('"stream":true')}}`, { code: 'invalid_json' }],
    ] as const) {
      const exchange = await sent(`content-length: ${body.length}`, body);
      const outcome = await receiveBody(1_000_000, openAiChat)(exchange);
      if (refusal === undefined) {
        expect(outcome).toBeUndefined();
        expect(exchange.ask).toMatchObject({
          model: 'm',
          stream: true,
          inputTokensEstimate: Math.ceil(body.length / 4),
        });
      } else expect(outcome).toMatchObject(refusal);
    }
  });
});
