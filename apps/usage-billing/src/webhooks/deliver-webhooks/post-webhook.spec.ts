import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebhookHttp } from './post-webhook.js';

const servers: Server[] = [];
const clients: WebhookHttp[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function receiver(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function client(allowPrivateNetwork = true, timeoutMs = 30_000): WebhookHttp {
  const made = new WebhookHttp({ allowPrivateNetwork, timeoutMs });
  clients.push(made);
  return made;
}

describe('an attempt to deliver', () => {
  it('sends the bytes and the headers, and says what came of it', async () => {
    const got: { headers: NodeJS.Dict<string | string[]>; body: string; url: string | undefined }[] = [];
    const url = await receiver((request, reply) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        got.push({ headers: request.headers, body, url: request.url });
        reply.writeHead(204).end();
      });
    });
    const attempt = await client().post(`${url}/hook?a=b`, { 'webhook-id': 'msg_1' }, '{"name":"Zoë"}');
    expect(attempt).toMatchObject({ status: 204, error: null });
    expect(attempt.durationMs).toBeGreaterThanOrEqual(0);
    expect(got).toMatchObject([{ body: '{"name":"Zoë"}', url: '/hook?a=b' }]);
    expect(got[0]!.headers).toMatchObject({ 'webhook-id': 'msg_1', 'content-type': 'application/json' });
  });

  it('G4: follows no redirect', async () => {
    let inside = 0;
    const secret = await receiver((_request, reply) => {
      inside += 1;
      reply.end('secret of the inside');
    });
    for (const status of [301, 302, 303, 307, 308]) {
      const url = await receiver((_request, reply) => reply.writeHead(status, { location: secret }).end());
      expect(await client().post(url, {}, '{}')).toMatchObject({ status, error: 'redirect' });
    }
    expect(inside).toBe(0);
  });

  it.each([400, 404, 410, 429, 500, 503])('has failed with a status of %i', async (status) => {
    const url = await receiver((_request, reply) => reply.writeHead(status).end('why'));
    expect(await client().post(url, {}, '{}')).toMatchObject({ status, error: 'http_status' });
  });

  it('ends in its time, whether the receiver is silent or talks on', async () => {
    const silent = await receiver(() => undefined);
    expect(await client(true, 200).post(silent, {}, '{}')).toMatchObject({ status: null, error: 'timeout' });
    const slow = await receiver((_request, reply) => {
      reply.writeHead(500);
      reply.write('a');
    });
    // Time enough for the status to come.
    expect(await client(true, 3_000).post(slow, {}, '{}')).toMatchObject({ status: 500, error: 'http_status' });
  });

  it('does not read an answer without end', async () => {
    let written = 0;
    const url = await receiver((_request, reply) => {
      reply.writeHead(200);
      const write = (): void => {
        while (!reply.destroyed && written < 50_000_000) {
          written += 65_536;
          if (!reply.write(Buffer.alloc(65_536))) return void reply.once('drain', write);
        }
        reply.end();
      };
      write();
    });
    expect(await client().post(url, {}, '{}')).toMatchObject({ status: 200, error: null });
    expect(written).toBeLessThan(50_000_000);
  });

  it('has failed where nobody listens', async () => {
    expect(await client().post('http://127.0.0.1:1', {}, '{}')).toMatchObject({
      status: null,
      error: 'connection_failed',
    });
  });

  it.each([
    'https://127.0.0.1:1/',
    'https://[::1]:1/',
    'https://[::ffff:127.0.0.1]:1/',
    'https://localhost:1/',
    'http://127.0.0.1:1/',
  ])('G4: connects to no address inside, as %s', async (url) => {
    expect(await client(false).post(url, {}, '{}')).toMatchObject({ status: null, error: 'private_address' });
  });
});
