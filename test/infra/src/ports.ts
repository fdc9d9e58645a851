import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from './processes.js';

/**
 * Below the ephemeral range of Linux (32768–60999) and macOS (49152–65535): a client that reconnects to a
 * killed server on an ephemeral port may be given that very port, connect to itself, and hold it.
 */
const lowestPort = 15_000;
const highestPort = 32_000;

/** A file for each port that was given out, with the id of the process to which it was given. */
export const givenPorts = join(tmpdir(), `tollgate-test-ports-${process.getuid?.() ?? 'all'}`);

/**
 * A loopback port nobody listens on, given to no other process of tests that is still there. A server takes its port
 * seconds after it was given, on a busy machine, and several processes of tests ask for ports at the same time.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(lowestPort, highestPort);
    if (reservePort(port) && (await canListen(port))) return port;
  }
  throw new Error(`no free port found between ${lowestPort} and ${highestPort}`);
}

/** Whether this process may have the port. One whose process is gone can be had at the next call. */
export function reservePort(port: number): boolean {
  const file = join(givenPorts, String(port));
  mkdirSync(givenPorts, { recursive: true });
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (isLeft(file)) rmSync(file, { force: true });
    return false;
  }
}

/** Whether the process that the file names is gone. An empty file is being written. */
function isLeft(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return pid > 0 && !isRunning(pid);
  } catch {
    return false;
  }
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
