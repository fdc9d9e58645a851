import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool, type Dispatcher } from 'undici';

/**
 * The floor that the gateway is held against: the cheapest honest proxy we know in Node.js. It passes a request on
 * and its answer back, and checks, counts and writes down nothing.
 *
 * Arguments: origin of the upstream.
 */
const origin = process.argv[2];
if (origin === undefined) throw new Error('the origin of the upstream is missing');
const pool = new Pool(origin, { connections: 2_048, pipelining: 1 });

class PassThrough implements Dispatcher.DispatchHandler {
  constructor(private readonly response: ServerResponse) {}

  onRequestStart(): void {
    // undici asks for it.
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    const head = ['content-type', String(headers['content-type'])];
    const length = headers['content-length'];
    if (typeof length === 'string') head.push('content-length', length);
    this.response.writeHead(status, head);
    // As of any proxy that streams: the head does not wait for the first bytes of the body.
    if (length === undefined) this.response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.response.write(chunk)) return;
    controller.pause();
    this.response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.response.end();
  }

  onResponseError(): void {
    if (this.response.headersSent) this.response.destroy();
    else this.response.writeHead(502).end();
  }
}

function passOn(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    pool.dispatch(
      {
        path: request.url ?? '/',
        method: 'POST',
        headers: ['content-type', 'application/json', 'authorization', 'Bearer provider-credential-of-the-load'],
        body: parts.length === 1 ? parts[0]! : Buffer.concat(parts),
      },
      new PassThrough(response),
    );
  });
  request.on('error', () => undefined);
}

const server = createServer({ noDelay: true, keepAliveTimeout: 600_000 }, passOn);
server.listen(0, '127.0.0.1', () =>
  console.log(`floor proxy at http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
