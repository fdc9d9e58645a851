import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { httpKeyManagementApi, httpUsageBillingApi, InternalCallError, InternalHttpClient } from './index.js';

interface Seen {
  path: string;
  authorization: string | undefined;
  body: unknown;
}

let server: Server | undefined;
const seen: Seen[] = [];
const closing: { close(): Promise<void> }[] = [];
const closeLater = <T extends { close(): Promise<void> }>(client: T): T => {
  closing.push(client);
  return client;
};

/** A server that notes what it is asked and answers as told; resolves with its URL. */
async function serve(
  answer: (request: IncomingMessage, reply: ServerResponse) => void,
  host = '127.0.0.1',
): Promise<string> {
  server = createServer((request, reply) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      seen.push({ path: request.url!, authorization: request.headers.authorization, body: JSON.parse(text) });
      answer(request, reply);
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, host, resolve));
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

/**
 * Resolves once connections are refused where a listener was closed: a process that another thread was just starting
 * may have inherited it. Nothing else takes ports of an address like 127.0.0.9, so a test can listen there again.
 */
async function refusing(port: number, host: string): Promise<void> {
  const code = () =>
    new Promise<string | undefined>((resolve) => {
      const socket = connect(port, host, () => resolve(undefined));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.once('close', () => resolve(undefined)).once('connect', () => socket.destroy());
    });
  await expect.poll(code).toBe('ECONNREFUSED');
}

const answering = (status: number, body: unknown) => (_: IncomingMessage, reply: ServerResponse) =>
  void reply.writeHead(status).end(JSON.stringify(body));
const options = (url: string) => ({ url, serviceSecrets: ['canary-secret'] as const, timeoutMs: 30_000 });
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('answered'),
    (error: unknown) => error as InternalCallError,
  );

afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close()));
  seen.length = 0;
  server?.closeAllConnections();
  await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  server = undefined;
});

describe('an internal call', () => {
  it('shows the service secret and gives the reply as its schema has it', async () => {
    const client = closeLater(new InternalHttpClient(options(`${await serve(answering(200, { n: 1 }))}/base/`)));
    expect(await client.call('/internal/x', { a: 1 }, z.strictObject({ n: z.number() }))).toEqual({ n: 1 });
    expect(seen).toEqual([{ path: '/base/internal/x', authorization: 'Bearer canary-secret', body: { a: 1 } }]);
  });
  it('that is refused says so, with the code, without the secret', async () => {
    const client = closeLater(
      new InternalHttpClient(options(await serve(answering(503, { code: 'service_unavailable', detail: 'x' })))),
    );
    const error = await failureOf(client.send('/internal/x', {}));
    expect(error).toMatchObject({
      failure: 'refused',
      refusal: { status: 503, code: 'service_unavailable' },
      message: 'internal call /internal/x: refused with 503 service_unavailable',
    });
    expect(JSON.stringify(error)).not.toContain('canary');
  });
  it('is sent once, even where it fails', async () => {
    const client = closeLater(new InternalHttpClient(options(await serve((request) => request.socket.destroy()))));
    expect(await failureOf(client.send('/internal/x', {}))).toMatchObject({ failure: 'unreachable' });
    expect(seen).toHaveLength(1);
  });
  it('that is refused for its secret is made once more with the other one, which is then shown first', async () => {
    let known = 'old-secret';
    const url = await serve((request, reply) =>
      request.headers.authorization === `Bearer ${known}`
        ? answering(200, { n: 1 })(request, reply)
        : answering(401, { code: 'invalid_service_secret' })(request, reply),
    );
    const client = closeLater(
      new InternalHttpClient({ ...options(url), serviceSecrets: ['new-secret', 'old-secret'] }),
    );
    const shown = async () => {
      seen.length = 0;
      await client.send('/internal/x', {});
      return seen.map(({ authorization }) => authorization!.slice('Bearer '.length));
    };
    expect(await shown()).toEqual(['new-secret', 'old-secret']);
    expect(await shown()).toEqual(['old-secret']);
    known = 'new-secret';
    expect(await shown()).toEqual(['old-secret', 'new-secret']);
    expect(await shown()).toEqual(['new-secret']);
    known = 'third-secret';
    expect(await failureOf(client.send('/internal/x', {}))).toMatchObject({
      refusal: { status: 401, code: 'invalid_service_secret' },
    });
  });
  it('that is refused for anything else is made once, whatever secrets there are', async () => {
    const url = await serve(answering(503, { code: 'service_unavailable' }));
    const client = closeLater(
      new InternalHttpClient({ ...options(url), serviceSecrets: ['new-secret', 'old-secret'] }),
    );
    await failureOf(client.send('/internal/x', {}));
    expect(seen).toHaveLength(1);
  });
  it('that takes too long is given up', async () => {
    const client = closeLater(new InternalHttpClient({ ...options(await serve(() => undefined)), timeoutMs: 50 }));
    expect(await failureOf(client.send('/internal/x', {}))).toMatchObject({ failure: 'timeout' });
  });
  it('whose reply stalls half-way is given up', async () => {
    const client = closeLater(
      new InternalHttpClient({
        ...options(await serve((_, reply) => void reply.writeHead(200).write('{'))),
        timeoutMs: 100,
      }),
    );
    expect(await failureOf(client.send('/internal/x', {}))).toMatchObject({ failure: 'timeout' });
  });
  it('with a reply of another shape fails without quoting it', async () => {
    const client = closeLater(new InternalHttpClient(options(await serve(answering(200, { n: 'canary' })))));
    const error = await failureOf(client.call('/internal/x', {}, z.strictObject({ n: z.number() })));
    expect(error).toMatchObject({ failure: 'malformed_reply' });
    expect(`${error.message} ${String(error.cause)}`).not.toContain('canary');
  });
  it('to nobody is unreachable', async () => {
    const client = closeLater(new InternalHttpClient(options('http://127.0.0.1:1')));
    expect(await failureOf(client.send('/internal/x', {}))).toMatchObject({ failure: 'unreachable' });
  });
});

describe('the services behind it', () => {
  it('key-management verifies and revokes', async () => {
    const digest = 'a'.repeat(64);
    const item = { digest, outcome: 'unknown', key: null };
    const api = closeLater(
      httpKeyManagementApi(
        options(
          await serve((request, reply) =>
            answering(200, request.url === '/internal/keys/verify' ? { snapshot: null } : { items: [item] })(
              request,
              reply,
            ),
          ),
        ),
      ),
    );
    expect(await api.verifyKey(digest)).toEqual({ snapshot: null, organization: null });
    expect(await api.revokeLeakedKeys({ origin: 'github', digests: [digest] })).toEqual([item]);
    expect(seen.map(({ path, body }) => [path, body])).toEqual([
      ['/internal/keys/verify', { digest }],
      ['/internal/leaked-keys/revoke', { origin: 'github', digests: [digest] }],
    ]);
  });
  it('are asked which keys are known', async () => {
    const api = closeLater(
      httpKeyManagementApi(options(await serve(answering(200, { apiKeyIds: ['k'], addedLater: 1 })))),
    );
    expect(await api.knownKeys('o', ['k', 'l'])).toEqual(['k']);
    expect(seen).toMatchObject([
      { path: '/internal/keys/known', body: { organizationId: 'o', apiKeyIds: ['k', 'l'] } },
    ]);
  });
  it('usage-billing registers, is asked for journals, opens epochs and tells spending', async () => {
    const api = closeLater(
      httpUsageBillingApi(
        options(
          await serve((request, reply) =>
            request.url!.endsWith('by-key') || request.url!.endsWith('claim')
              ? answering(200, { spending: [], owner: 'gone' })(request, reply)
              : void reply.writeHead(204).end(),
          ),
        ),
      ),
    );
    await api.registerGateway({ instanceId: 'i', journalId: 'j' });
    expect(await api.claimJournal({ journalId: 'j' })).toEqual({ owner: 'gone' });
    await api.shippedJournal({ journalId: 'j' });
    await api.openCreditEpoch({ organizationId: 'o' });
    expect(await api.spendingByKey('o', ['k'])).toEqual([]);
    expect(seen.map(({ path }) => path)).toEqual([
      '/internal/gateways/register',
      '/internal/journals/claim',
      '/internal/journals/shipped',
      '/internal/credit-epochs/open',
      '/internal/spending/by-key',
    ]);
  });
});

describe('the reply of a later release', () => {
  const digest = 'a'.repeat(64);
  const snapshot = {
    apiKeyId: 'k',
    organizationId: 'o',
    version: 1,
    digests: [digest],
    state: 'revoked',
    reason: 'revoked',
  };
  it('is read without what it adds', async () => {
    const api = closeLater(
      httpKeyManagementApi(
        options(await serve(answering(200, { snapshot: { ...snapshot, addedLater: { x: 1 } }, addedLater: 1 }))),
      ),
    );
    expect(await api.verifyKey(digest)).toEqual({ snapshot, organization: null });
  });
  it('about a key in an unknown state is no answer, so that the key is neither let in nor called invalid', async () => {
    const api = closeLater(
      httpKeyManagementApi(options(await serve(answering(200, { snapshot: { ...snapshot, state: 'paused' } })))),
    );
    expect(await failureOf(api.verifyKey(digest))).toMatchObject({ failure: 'malformed_reply' });
  });
  it('about many keys costs only those that cannot be read', async () => {
    const [readable, unreadable] = [
      { digest, outcome: 'unknown', key: null },
      { digest: 'b'.repeat(64), outcome: 'quarantined', key: null },
    ];
    const keys = closeLater(
      httpKeyManagementApi(
        options(
          await serve((request, reply) =>
            answering(
              200,
              request.url!.startsWith('/internal/leaked')
                ? { items: [unreadable, readable] }
                : { spending: [{ apiKeyId: 'k' }] },
            )(request, reply),
          ),
        ),
      ),
    );
    expect(await keys.revokeLeakedKeys({ origin: 'github', digests: [digest, unreadable.digest] })).toEqual([readable]);
    const billing = closeLater(
      httpUsageBillingApi(options(`http://127.0.0.1:${(server!.address() as AddressInfo).port}`)),
    );
    expect(await billing.spendingByKey('o', ['k'])).toEqual([]);
  });
});

describe('a call that nobody takes', () => {
  it('is made again where the connection was refused, and reaches the service once', async () => {
    const url = await serve(answering(200, { n: 1 }), '127.0.0.9');
    const { port, hostname } = new URL(url);
    server!.closeAllConnections();
    await new Promise<void>((resolve) => server!.close(() => resolve()));
    await refusing(Number(port), hostname);
    const client = closeLater(new InternalHttpClient(options(url)));
    const reply = client.call('/internal/x', {}, z.object({ n: z.number() }));
    setTimeout(() => server!.listen(Number(port), hostname), 20);
    expect(await reply).toEqual({ n: 1 });
    expect(seen).toHaveLength(1);
  });

  it('fails after a moment where nobody comes to listen', async () => {
    const client = closeLater(new InternalHttpClient(options('http://127.0.0.1:1')));
    expect(await failureOf(client.send('/internal/x', {}))).toMatchObject({ failure: 'unreachable' });
  });

  it('is not made again where it may have been taken', async () => {
    const url = await serve((request) => void request.socket.destroy());
    const client = closeLater(new InternalHttpClient(options(url)));
    expect(await failureOf(client.send('/internal/x', {}))).toMatchObject({ failure: 'unreachable' });
    expect(seen).toHaveLength(1);
  });
});

describe('a kept connection', () => {
  it.each([
    [60_000, 1],
    [3_000, 2],
    [1_000, 2],
  ])('is used no longer than the server keeps it: %i ms', async (keepAliveTimeout, connections) => {
    const url = await serve(answering(200, {}));
    server!.keepAliveTimeout = keepAliveTimeout;
    let opened = 0;
    server!.on('connection', () => (opened += 1));
    const client = closeLater(new InternalHttpClient(options(url)));
    await client.send('/internal/x', {});
    // The client stops two seconds before the server would.
    await pause(1_300);
    await client.send('/internal/x', {});
    expect(opened).toBe(connections);
  });
});
