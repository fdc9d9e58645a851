import { randomInt, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { startGithubSimulator } from './index.js';

it('reports a leak with a signature that its published key verifies', async () => {
  const received: { body: Buffer; headers: Record<string, unknown> }[] = [];
  const webhook = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ body: Buffer.concat(chunks), headers: request.headers });
      reply.end('[]');
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const github = await startGithubSimulator({
    webhookUrl: () => `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`,
  });
  const reply = await fetch(github.leakUrl, { method: 'POST', body: 'sk-something\n' });
  expect([reply.status, await reply.text()]).toEqual([200, '[]']);
  const {
    public_keys: [key],
  } = (await (await fetch(github.publicKeysUrl)).json()) as { public_keys: { key_identifier: string; key: string }[] };
  const [{ body, headers }] = received as [(typeof received)[number]];
  expect(headers['github-public-key-identifier']).toBe(key!.key_identifier);
  expect(
    verify(
      'sha256',
      body,
      { key: key!.key, dsaEncoding: 'der' },
      Buffer.from(String(headers['github-public-key-signature']), 'base64'),
    ),
  ).toBe(true);
  expect(JSON.parse(body.toString())).toEqual([
    { token: 'sk-something', type: 'tollgate_api_key', url: expect.any(String), source: 'commit' },
  ]);
  expect(Object.keys(github.sign('[]'))).toEqual([
    'content-type',
    'github-public-key-identifier',
    'github-public-key-signature',
  ]);
  expect(github.keyListRequests()).toBe(1);
  expect((await fetch(github.leakUrl, { method: 'POST', body: '' })).status).toBe(400);
  await github.stop();
  webhook.close();
});

/** Starts it on all addresses, at a port below those that systems give to clients, which nobody has taken. */
async function startSomewhere() {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    try {
      return { port, github: await startGithubSimulator({ webhookUrl: () => '', host: '0.0.0.0', port }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

it('listens where it is told, and says an address that this machine reaches', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await expect(startGithubSimulator({ webhookUrl: () => '', host: '127.0.0.1', port })).rejects.toThrow('EADDRINUSE');
  await new Promise((resolve) => other.close(resolve));
  const { github, port: told } = await startSomewhere();
  expect(github.leakUrl).toBe(`http://127.0.0.1:${told}/leak`);
  expect((await fetch(github.publicKeysUrl)).status).toBe(200);
  await github.stop();
});
