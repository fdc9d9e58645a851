import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Body, Controller, Get, Module, Post, UseGuards } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SERVICE_SECRETS, ServiceGuard, BodyBudget, createNestServer, guardHeads } from './index.js';

/** A quarter of it, 4 MiB, is for these bodies, and of that three quarters for large ones: three of a MiB. */
const BUDGET_BYTES = 16 * 1_048_576;
const LARGE = 1_000_000;

@Controller('v1/things')
@UseGuards(ServiceGuard)
class ThingsController {
  @Post()
  create(@Body() body: Buffer | undefined) {
    return { bytes: body?.length ?? 0 };
  }
  @Post('waiting')
  wait() {
    return new Promise<object>((resolve) => answers.push(() => resolve({})));
  }
  @Get()
  list() {
    return {};
  }
}
const answers: (() => void)[] = [];

@Controller('v1/things-of-others')
class OthersController {
  @Post()
  create() {
    return {};
  }
}

@Module({
  controllers: [ThingsController, OthersController],
  providers: [{ provide: SERVICE_SECRETS, useValue: ['admin-secret'] }, ...guardHeads('/v1/things', ServiceGuard)],
})
class ThingsModule {}

let app: NestFastifyApplication;
let budget: BodyBudget;
let port: number;
const sockets: Socket[] = [];
beforeEach(async () => {
  budget = new BodyBudget(BUDGET_BYTES);
  app = await createNestServer(ThingsModule, {
    logger: createLogger({ service: 'test', level: 'silent' }),
    bodyBudget: budget,
  });
  await app.listen(0, '127.0.0.1');
  ({ port } = app.getHttpServer().address() as AddressInfo);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const answer of answers.splice(0)) answer();
  await app.close();
});

/** A connection that has sent so much of a request, and what has come back so far. */
class Sending {
  readonly socket = connect(port, '127.0.0.1').on('error', () => undefined);
  text = '';
  constructor(path: string, headers: string, body: string | Buffer = '') {
    sockets.push(this.socket);
    this.socket.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    this.socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n`);
    if (body.length > 0) this.socket.write(body);
  }
  async until(text: RegExp): Promise<string> {
    while (!text.test(this.text)) await once(this.socket, 'data');
    return this.text;
  }
}
const AUTHORIZED = 'authorization: Bearer admin-secret\r\n';
const length = (bytes: number) => `content-length: ${bytes}`;

describe('a request that is refused by its head', () => {
  it.each([
    ['no secret', '/v1/things', '', /^HTTP\/1.1 401 [^]*"invalid_service_secret"/],
    ['a wrong secret', '/v1/things', 'authorization: Bearer wrong\r\n', /^HTTP\/1.1 401 [^]*"invalid_service_secret"/],
    [
      'a wrong secret at another spelling of the path',
      '/v1/%74hings?a=b',
      'authorization: Bearer wrong\r\n',
      /^HTTP\/1.1 401 /,
    ],
    ['no path', '/v1/nothing', '', /^HTTP\/1.1 404 /],
    ['another method', '/healthz', '', /^HTTP\/1.1 405 /],
  ])('is answered before a byte of its body has come: %s', async (_name, path, head, answer) => {
    await new Sending(path, head + length(LARGE)).until(answer);
    const expecting = new Sending(path, `${head}expect: 100-continue\r\n${length(LARGE)}`);
    expect(await expecting.until(/\r\n\r\n/)).toMatch(answer);
    expect(expecting.text).toMatch(/connection: close/i);
    expect(budget.bytes).toBe(0);
  });
  it('is only one below the path of the guard', async () => {
    await new Sending('/v1/things-of-others', length(2), '{}').until(/^HTTP\/1.1 201 /);
  });
  it('may send its body all the same, and the next request on the connection is served', async () => {
    const refused = new Sending('/v1/things', length(3_000_000), Buffer.alloc(3_000_000, 'x'));
    await refused.until(/^HTTP\/1.1 401 [^]*"invalid_service_secret"/);
    refused.socket.write(`POST /v1/things HTTP/1.1\r\nhost: x\r\n${AUTHORIZED}${length(2)}\r\n\r\n{}`);
    await refused.until(/HTTP\/1.1 201 [^]*"bytes":2/);
  });
});

describe('a client that waits to be asked for its body', () => {
  it('is asked once it may send it, and its connection is kept', async () => {
    const sending = new Sending('/v1/things', `${AUTHORIZED}expect: 100-continue\r\n${length(2)}`);
    await sending.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    sending.socket.write('{}');
    expect(await sending.until(/"bytes":2/)).toMatch(/HTTP\/1.1 201 /);
    expect(sending.text).not.toMatch(/connection: close/i);
  });
  it('is not asked for one that is too large, or has no room', async () => {
    const head = `${AUTHORIZED}expect: 100-continue\r\n`;
    expect(await new Sending('/v1/things', head + length(2 * 1_048_576)).until(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 413 /);
    budget.open().grow(BUDGET_BYTES * 0.75);
    expect(await new Sending('/v1/things', head + length(LARGE)).until(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 503 /);
  });
});

describe('bodies together', () => {
  it('take no more room than there is, and those above it are 503 at once', async () => {
    for (let body = 0; body < 3; body++) new Sending('/v1/things', AUTHORIZED + length(LARGE), '{');
    await expect.poll(() => budget.bytes).toBe(3 * LARGE);
    const refused = await new Sending('/v1/things', AUTHORIZED + length(LARGE)).until(/\}$/);
    expect(refused).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 1\r\n[^]*"code":"server_busy"/);
    budget.add(BUDGET_BYTES - budget.bytes);
    await new Sending('/v1/things', AUTHORIZED + length(2), '{}').until(/^HTTP\/1.1 201 /);
    await new Sending('/v1/things', `${AUTHORIZED}content-length: 0`).until(/^HTTP\/1.1 201 /);
  });
  it('take room as they grow where their size is not told', async () => {
    for (let body = 0; body < 2; body++) new Sending('/v1/things', AUTHORIZED + length(LARGE), '{');
    const growing = new Sending('/v1/things', `${AUTHORIZED}transfer-encoding: chunked`, chunk(600_000));
    await expect.poll(() => budget.bytes).toBe(2 * LARGE + 600_000);
    const other = new Sending('/v1/things', `${AUTHORIZED}transfer-encoding: chunked`, chunk(600_000));
    await other.until(/^HTTP\/1.1 503 /);
    growing.socket.write('0\r\n\r\n');
    await growing.until(/"bytes":600000/);
  });
  it('give their room back when they are answered, and when their sender leaves', async () => {
    const [left, waiting] = [
      new Sending('/v1/things', AUTHORIZED + length(LARGE), '{'),
      new Sending('/v1/things/waiting', AUTHORIZED + length(70_000), Buffer.alloc(70_000, ' ')),
    ];
    await expect.poll(() => [budget.bytes, answers.length]).toEqual([LARGE + 70_000, 1]);
    left.socket.destroy();
    await expect.poll(() => budget.bytes).toBe(70_000);
    answers.pop()!();
    await waiting.until(/^HTTP\/1.1 201 /);
    await expect.poll(() => budget.bytes).toBe(0);
  });
});

function chunk(bytes: number): string {
  return `${bytes.toString(16)}\r\n${' '.repeat(bytes)}\r\n`;
}
