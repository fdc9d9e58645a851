import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { waitUntil } from '@tollgate/infra';
import { expect, it } from 'vitest';
import { startStandalone } from './kit/standalone.js';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
/** What a balancer writes of a client, and of its own health checks. */
const ofClient = (address: string) => {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return Buffer.from(`${SIGNATURE}2111000c${octets.join('')}c000020142bd01bb`, 'hex');
};
const OF_HEALTH_CHECK = Buffer.from(`${SIGNATURE}20000000`, 'hex');

interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly requestId: string;
}

it('under the PROXY protocol the client of the header is the client for lists, usage and the audit trail, and nobody comes without one', async () => {
  const shape = await startStandalone({ environment: { TOLLGATE_PROXY_PROTOCOL: 'v2' } });
  const { url } = shape.gateways[0]!;
  const call = (header: Buffer | null, method: string, path: string, bearer: string, body?: object): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(
        url + path,
        {
          method,
          headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
          createConnection: ({ host, port }) => {
            const socket = connect({ host: host ?? '127.0.0.1', port: Number(port) });
            if (header !== null) socket.write(header);
            return socket;
          },
        },
        (reply) =>
          void textOf(reply).then(
            (text) =>
              resolve({
                status: reply.statusCode ?? 0,
                body: JSON.parse(text) as unknown,
                requestId: String(reply.headers['x-request-id']),
              }),
            reject,
          ),
      );
      request.once('error', reject).end(body && JSON.stringify(body));
    });
  const [client, other] = [ofClient('198.51.100.7'), ofClient('198.51.100.8')];
  const made = await call(client, 'POST', '/v1/api-keys', shape.adminSecret, {
    name: 'a key',
    allowed_ips: ['198.51.100.7'],
  });
  const { id, secret } = made.body as { id: string; secret: string };
  const chat = (header: Buffer | null) =>
    call(header, 'POST', '/v1/chat/completions', secret, {
      model: 'support-bot',
      messages: [{ role: 'user', content: 'hi' }],
      max_tokens: 10,
    });
  const served = await chat(client);
  expect(served.status).toBe(200);
  expect((await chat(other)).status).toBe(403);
  expect((await chat(OF_HEALTH_CHECK)).status).toBe(403);
  await expect(chat(null)).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(call(null, 'GET', '/healthz', 'x')).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect((await call(OF_HEALTH_CHECK, 'GET', '/healthz', 'x')).status).toBe(200);

  const text = async (path: string) => JSON.stringify((await call(client, 'GET', path, shape.adminSecret)).body);
  await waitUntil(async () => (await text(`/v1/api-keys/${id}`)).includes('"198.51.100.7"'), {
    what: 'the key to say where it was used from',
    timeoutMs: 20_000,
  });
  await waitUntil(
    async () =>
      (await text(`/v1/usage/events?request_id=${served.requestId}`)).includes('"client_address":"198.51.100.7"'),
    { what: 'the call to be booked with its client', timeoutMs: 20_000 },
  );
  expect(await text('/v1/audit-logs')).toContain('"address":"198.51.100.7"');
  await shape.stop();
});
