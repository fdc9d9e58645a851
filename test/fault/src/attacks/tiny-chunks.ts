import { createConnection } from 'node:net';
import { chatBody, chatPath } from '@tollgate/journey';
import { expect, it } from 'vitest';
import type { AttackStage } from '../attack-stage.js';
import { residentMb } from '../health-probe.js';
import { tellMeasured } from '../measured.js';

const requests = 6;
const chunksEach = 250_000;
/** As a buffer a byte took some 500: these bodies, 750 MB. */
const growthMbMax = 300;

/** A body takes the memory of its bytes, in whatever chunks its sender cuts it. */
export function tinyChunks(stageOf: () => AttackStage): void {
  it.each<[string, string, (secret: string) => string, number]>([
    ['a call', chatPath, (secret) => `authorization: Bearer ${secret}`, 200],
    [
      'a webhook that nobody signed',
      '/webhooks/github/secret-scanning',
      () => 'github-public-key-identifier: none\r\ngithub-public-key-signature: none',
      401,
    ],
    ['a refused call', chatPath, () => 'authorization: Bearer none', 401],
  ])('%s in chunks of a byte takes no more memory than its bytes', async (name, path, headersOf, status) => {
    const { shape } = stageOf();
    const { secret } = await shape.client().createKey();
    const { url, process } = shape.gateways[0]!;
    const body = inSingleBytes(chatBody({}).padEnd(chunksEach));
    const head =
      `POST ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\n${headersOf(secret)}\r\n` +
      'content-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n';
    const before = residentMb(process.pid);
    let most = before;
    const looking = setInterval(() => {
      most = Math.max(most, residentMb(process.pid));
    }, 20);
    try {
      const statuses = await Promise.all(
        Array.from({ length: requests }, () => send(url, Buffer.concat([Buffer.from(head), body]))),
      );
      expect(statuses).toEqual(Array<number>(requests).fill(status));
    } finally {
      clearInterval(looking);
    }
    tellMeasured(`${shape.name}: ${name} in chunks of a byte`, { 'memory grown by': `${most - before} MB` });
    expect(most - before).toBeLessThan(growthMbMax);
  });
}

function inSingleBytes(body: string): Buffer {
  return Buffer.from(`${[...body].map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`);
}

/** Sends it all, and resolves with the status of what comes back; 0 where nothing does. */
function send(url: string, bytes: Buffer): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let received = '';
    const socket = createConnection(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (part) => {
      received += part.toString('latin1');
    });
    // Who is refused by the head may find the connection closed before the body is sent.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0)));
  });
}
