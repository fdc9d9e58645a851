import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ephemeral range of Linux (32768–60999) and macOS (49152–65535): a client that reconnects to a
 * killed server on an ephemeral port may be given that very port, connect to itself, and hold it.
 */
const lowestPort = 15_000;
const highestPort = 32_000;
const given = new Set<number>();

/** A loopback port nobody listens on, not given out before by this process. Another process may still take it first. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(lowestPort, highestPort);
    if (!given.has(port) && (await canListen(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port found between ${lowestPort} and ${highestPort}`);
}

/** Whether a server's output says that its port was taken, in the words of PostgreSQL, Redis, Java, Node or Docker. */
export function saysAddressInUse(output: string): boolean {
  return /address (is )?already in use|address in use|EADDRINUSE|port is already allocated/i.test(output);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
