import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '@tollgate/api-key';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anthropic } from './anthropic/anthropic.js';
import { openai } from './openai/openai.js';
import { azure } from './azure/azure.js';
import { compatible } from './compatible/compatible.js';
import { openProvider, openProviders } from './provider.js';

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
  timeoutMs: 60_000,
  ceilingField: 'max_tokens' as const,
  streamOptions: true,
  endAtHold: false,
  allowFields: [],
  firstByteTimeoutMs: 60_000,
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
  it('sends its credential in the header of its type, and looks for it in answers whatever that is', () => {
    const azureConfig = { ...config('127.0.0.1', true), type: 'azure' as const, apiVersion: 'x' };
    const [asOpenAi, asAzure] = [openProvider(config('127.0.0.1', true), openai), openProvider(azureConfig, azure)];
    expect(asOpenAi.headers.slice(-2)).toEqual(['authorization', 'Bearer provider-credential']);
    expect(asAzure.headers.slice(-2)).toEqual(['api-key', 'provider-credential']);
    expect(asAzure.headers).not.toContain('authorization');
    for (const { mask } of [asOpenAi, asAzure]) {
      expect(mask?.isIn(Buffer.from('{"error":"api-key: provider-credential"}'))).toBe(true);
      expect(mask?.mask('api-key: provider-credential')).toBe(`api-key: ${'*'.repeat('provider-credential'.length)}`);
    }
  });
  it('sends the headers of its entry, which win over those of the caller and of its type', () => {
    const headers = [
      { name: 'openai-organization', value: new Secret('org-1') },
      { name: 'x-team', value: new Secret('a b') },
      { name: 'x-unset', value: null, variable: 'UNSET' },
    ];
    const provider = openProvider({ ...config('127.0.0.1', true), headers }, openai);
    expect(provider.headers.slice(6)).toEqual([
      ...['openai-organization', 'org-1', 'x-team', 'a b'],
      ...['authorization', 'Bearer provider-credential'],
    ]);
    const raw = ['OpenAI-Organization', 'org-2', 'OpenAI-Project', 'p', 'X-Team', 'c'];
    expect(provider.callerHeaders(raw, { isCapped: true, allowBetas: [] })).toEqual({
      sent: ['openai-project', 'p'],
      leftOut: ['openai-organization: org-2'],
    });
    const versioned = openProvider(
      { ...config('127.0.0.1', true), headers: [{ name: 'anthropic-version', value: new Secret('2026-10-21') }] },
      anthropic,
    );
    expect(versioned.defaultHeaders).not.toContain('anthropic-version');
    expect(
      versioned.callerHeaders(['anthropic-version', '2023-06-01'], { isCapped: true, allowBetas: [] }),
    ).toMatchObject({ leftOut: ['anthropic-version: 2023-06-01'] });
  });
  it('is asked at the paths of its entry, below its base URL', () => {
    const paths = { embeddings: '/embed?v=2', 'responses/compact': '/compact' };
    const provider = openProvider({ ...config('127.0.0.1', true), paths }, openai);
    expect(provider.pathOf('/embeddings', 'm')).toBe('/v1/embed?v=2');
    expect(provider.pathOf('/responses/compact', 'm')).toBe('/v1/compact');
    expect(provider.pathOf('/chat/completions', 'm')).toBe('/v1/chat/completions');
  });
  it('takes our fields as its type is presumed to, where its entry says nothing', () => {
    const saysNothing = { ...config('127.0.0.1', true), ceilingField: null, streamOptions: null };
    expect(openProvider(saysNothing, openai).injectedFields.of('m').ceilingField).toBe('max_completion_tokens');
    expect(openProvider(saysNothing, compatible).injectedFields.of('m').ceilingField).toBe('max_tokens');
    expect(openProvider(config('127.0.0.1', true), openai).injectedFields.of('m').ceilingField).toBe('max_tokens');
  });
  it('is opened for each entry, whatever its type', () => {
    const anthropic = { ...config('127.0.0.1', true), name: 'a', type: 'anthropic' as const };
    const [first, second] = [...openProviders([anthropic, config('127.0.0.1', true)]).values()];
    expect([first?.dialects.has('anthropic-messages'), second?.dialects.has('anthropic-messages')]).toEqual([
      true,
      false,
    ]);
  });
});
