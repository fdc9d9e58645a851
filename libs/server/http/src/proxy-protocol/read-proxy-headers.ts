import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { LogSampler, type Logger } from '@tollgate/telemetry';
import { readProxyHeader, type ProxiedClient } from './proxy-header.js';

/** A balancer sends the header with its first packet. A connection that has not sent it whole by then is closed. */
const HEADER_MS_MAX = 5_000;

export interface ProxyHeaderOptions {
  readonly logger: Logger;
  /** Default 5,000. */
  readonly headerMsMax?: number;
}

/**
 * Makes a server read a header of the PROXY protocol, version 2, at the beginning of each connection, before HTTP. The
 * client that it names is the connection's peer from then on (`remoteAddress`), for everything that looks at it. A
 * connection that begins otherwise is closed without an answer: nobody knows who its client is. Call it before others
 * hear of the server's connections and before it listens.
 *
 * Node.js has no such reader. The packages that have one were last changed years ago, take a header for granted to come
 * in one piece, or guess whether there is one.
 */
export function readProxyHeaders(server: Server, { logger, headerMsMax = HEADER_MS_MAX }: ProxyHeaderOptions): void {
  const serveConnection = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const sampler = new LogSampler();
  const close = (socket: Socket, reason: string): void => {
    socket.destroy();
    const suppressed = sampler.take(reason);
    if (suppressed === -1) return;
    logger.warn(
      { peer: socket.remoteAddress, reason, ...(suppressed > 0 && { suppressed }) },
      'a connection without a good header of the PROXY protocol was closed',
    );
  };
  server.on('connection', (socket: Socket) => {
    awaitHeader(socket, headerMsMax, {
      closed: (reason) => close(socket, reason),
      whole: (client) => {
        if (client !== null) standFor(socket, client);
        for (const serve of serveConnection) serve.call(server, socket);
        // What came behind the header was put back, and waits.
        socket.resume();
      },
    });
  });
}

interface Outcome {
  whole(client: ProxiedClient | null): void;
  closed(reason: string): void;
}

function awaitHeader(socket: Socket, msMax: number, { whole, closed }: Outcome): void {
  const chunks: Buffer[] = [];
  let received = 0;
  let needed = 1;
  const over = (): void => {
    clearTimeout(late);
    socket.off('data', read);
    socket.off('end', ended);
  };
  const ended = (): void => {
    over();
    socket.destroy();
  };
  const read = (chunk: Buffer): void => {
    chunks.push(chunk);
    received += chunk.length;
    if (received < needed) return;
    const start = Buffer.concat(chunks, received);
    chunks.splice(0, chunks.length, start);
    const reading = readProxyHeader(start);
    switch (reading.kind) {
      case 'more':
        needed = reading.bytes;
        return;
      case 'fault':
        over();
        return closed(reading.fault);
      case 'whole':
        over();
        socket.pause();
        if (received > reading.bytes) socket.unshift(start.subarray(reading.bytes));
        return whole(reading.client);
    }
  };
  const late = setTimeout(() => {
    over();
    closed('it has not come whole in time');
  }, msMax).unref();
  // A peer that resets its connection here has not asked for anything; later, HTTP hears of it.
  socket.once('error', () => clearTimeout(late));
  socket.once('close', () => clearTimeout(late));
  socket.on('data', read);
  socket.on('end', ended);
}

/** Everything that asks the connection for its peer gets the client. */
function standFor(socket: Socket, { address, port, family }: ProxiedClient): void {
  Object.defineProperties(socket, {
    remoteAddress: { value: address, configurable: true },
    remotePort: { value: port, configurable: true },
    remoteFamily: { value: family, configurable: true },
  });
}
