import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '@tollgate/api-key';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openai } from './openai/openai.js';
import { openProvider } from './provider.js';

const server = createServer((_request, reply) => reply.end('{}'));
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

const config = (host: string, allowPrivateNetwork: boolean) => ({
  name: 'p',
  type: 'openai' as const,
  apiVersion: null,
  baseUrl: `http://${host}:${(server.address() as AddressInfo).port}/v1`,
  credential: new Secret('provider-credential'),
  credentialVariable: 'P',
  allowPrivateNetwork,
  timeoutMs: 1_000,
  ceilingField: 'max_tokens' as const,
  streamOptions: true,
  endAtHold: false,
  allowFields: [],
  firstByteTimeoutMs: 1_000,
  connectionsMax: 8,
});

describe('a provider', () => {
  it('cannot be on a private address, named or resolved, unless the configuration says so', async () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const provider = openProvider(config(host, false), openai);
      await expect(provider.pool.request({ path: '/', method: 'GET' })).rejects.toMatchObject({
        code: 'ERR_PRIVATE_ADDRESS',
      });
      await provider.pool.destroy();
    }
    const allowed = openProvider(config('127.0.0.1', true), openai);
    expect((await allowed.pool.request({ path: '/', method: 'GET' })).statusCode).toBe(200);
    await allowed.pool.destroy();
  });
});
