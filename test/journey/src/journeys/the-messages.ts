import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { usd } from '../kit/prices.js';
import { bodySentUpstream, providerEntries, providerEntry, usageOf } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';

const paths = ['/v1/messages', '/api/v1/messages'] as const;
const model = 'claude-opus-4-8';
const hello = [{ role: 'user', content: 'Hello' }];
/** Nano-USD of a token, as the price entry of the model has them. */
const INPUT = 5_000n,
  OUTPUT = 25_000n,
  CACHED = 500n,
  WRITE = 6_250n,
  WRITE_1H = 10_000n,
  SEARCH = 10_000_000n;
/** A black picture of 8,000 by 8,000 pixels has few bytes, and many tokens. */
const PICTURE = Buffer.concat([
  Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x1f\x40\0\0\x1f\x40\x01', 'latin1'),
  Buffer.alloc(64),
]).toString('base64');

/** Anthropic's Messages as callers see them, and what they cost. */
export function theMessages(shape: () => Shape): void {
  const post = (secret: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
    shape()
      .client()
      .call({
        method: 'POST',
        path,
        headers: { 'x-api-key': secret, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
  const ask = (secret: string, fields: object = {}, headers: Record<string, string> = {}): Promise<Reply> =>
    post(secret, paths[0], { model, max_tokens: 20, messages: hello, ...fields }, headers);
  const count = (secret: string, fields: object = {}): Promise<Reply> =>
    post(secret, `${paths[0]}/count_tokens?beta=true`, { model, messages: hello, ...fields });
  const error = (reply: Reply) => reply.json<{ error: { type: string; message: string } }>().error;

  describe('messages', () => {
    it('reach the provider in the bytes of the caller, with our credential and the version of the caller', async () => {
      const { secret } = await shape().client().createKey();
      const body = `{ "max_tokens":7,\n"messages":[{"content":"caf\\u00e9","role":"user"}],\t"model" : "${model}" }`;
      for (const path of paths) {
        const version = { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'effort-2025-11-24', cookie: 'a=b' };
        const reply = await post(secret, `${path}?beta=true`, body, version);
        expect(reply.status, reply.text).toBe(200);
        expect(reply.json()).toMatchObject({ type: 'message', role: 'assistant', model });
        expect(reply.header('request-id')).toBe(reply.requestId);
        expect(await bodySentUpstream(shape(), reply.requestId)).toBe(body);
        const { headers, path: asked } = providerEntry(shape(), reply.requestId);
        expect(asked).toBe('/v1/messages');
        expect(headers).toMatchObject({
          'x-api-key': `[present] …${shape().providerCredential.slice(-4)}`,
          'anthropic-version': '2023-06-01',
          'anthropic-beta': 'effort-2025-11-24',
        });
        expect(headers).not.toHaveProperty('authorization');
        expect(headers).not.toHaveProperty('cookie');
      }
      const plain = await ask(secret);
      expect(providerEntry(shape(), plain.requestId).headers).toMatchObject({ 'anthropic-version': '2023-06-01' });
    });

    it('are streamed by their own events', async () => {
      const { secret } = await shape().client().createKey();
      const reply = await ask(secret, { stream: true });
      expect(reply.header('content-type')).toMatch(/^text\/event-stream/);
      const events = [...reply.text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name!);
      expect(events[0]).toBe('message_start');
      expect(events.slice(-2)).toEqual(['message_delta', 'message_stop']);
      expect(reply.text.endsWith('\n\n')).toBe(true);
    });

    it('cost each class of input at its own price, plain and streamed alike, and a search its fee', async () => {
      const simulator = {
        prompt_tokens: 20_000,
        cached_tokens: 10_000,
        cache_write_tokens: 5_000,
        cache_write_1h_tokens: 4_000,
        completion_tokens: 17,
        web_searches: 2,
      };
      const tools = [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }];
      const fees = 2n * SEARCH;
      const cost = 1_000n * INPUT + 10_000n * CACHED + 5_000n * WRITE + 4_000n * WRITE_1H + 17n * OUTPUT + fees;
      const key = await shape().client().createKey({ credit_limit_usd: 100 });
      for (const stream of [false, true]) {
        const reply = await ask(key.secret, { simulator, tools, stream });
        expect(reply.status, reply.text).toBe(200);
      }
      expect(await usageOf(shape(), key.id, 2)).toEqual({
        requests: 2,
        input_tokens: 40_000,
        output_tokens: 34,
        cost_usd: usd(2n * cost),
      });
    });

    it('with pictures are served to a key with a limit, which must cover what a picture can cost', async () => {
      const source = { type: 'base64', media_type: 'image/png', data: PICTURE };
      const messages = [{ role: 'user', content: [{ type: 'image', source }] }];
      const body = JSON.stringify({ model, max_tokens: 20, messages });
      // 4,784 tokens for the picture, a token for each other byte, and 64 for the template, at the dearest class.
      const hold = BigInt(body.length - PICTURE.length + 64 + 4_784) * WRITE_1H + 20n * OUTPUT;
      const poor = await shape()
        .client()
        .createKey({ credit_limit_usd: usd(hold - 1n) });
      const refused = await post(poor.secret, paths[0], body);
      expect([refused.status, error(refused).type]).toEqual([402, 'billing_error']);
      const key = await shape()
        .client()
        .createKey({ credit_limit_usd: usd(hold) });
      const reply = await post(key.secret, paths[0], body);
      expect(reply.status, reply.text).toBe(200);
    });

    it('need a ceiling, whatever the key', async () => {
      for (const limit of [null, 1]) {
        const { secret } = await shape().client().createKey({ credit_limit_usd: limit });
        const reply = await ask(secret, { max_tokens: undefined });
        expect([reply.status, error(reply).type]).toEqual([400, 'invalid_request_error']);
        expect(error(reply).message).toContain('max_tokens');
        expect(providerEntries(shape(), reply.requestId)).toEqual([]);
      }
    });

    it.each<[string, object, RegExp]>([
      [
        'a search without a limit',
        { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
        /tools\[0\]\.max_uses/,
      ],
      ['another model', { fallbacks: [{ model: 'claude-haiku-4-5' }] }, /fallbacks/],
      ['an advisor', { tools: [{ type: 'advisor_20260301', name: 'a', model, max_uses: 1 }] }, /tools\[0\]\.model/],
      ['a file of the provider', { system: [{ type: 'document', source: { type: 'file', file_id: 'f' } }] }, /file_id/],
      ['a container', { container: 'container_1' }, /container/],
    ])('are refused for a key with a limit, by the name of the field: %s', async (_what, fields, names) => {
      const { secret } = await shape().client().createKey({ credit_limit_usd: 1 });
      const reply = await ask(secret, fields);
      expect([reply.status, error(reply).type]).toEqual([400, 'invalid_request_error']);
      expect(error(reply).message).toMatch(names);
      expect(providerEntries(shape(), reply.requestId)).toEqual([]);
    });

    it('are not sent a feature that can change the price, and one that nobody knows is left out for a limit', async () => {
      const { secret } = await shape().client().createKey({ credit_limit_usd: 1 });
      const dearer = await ask(secret, {}, { 'anthropic-beta': 'effort-2025-11-24,fast-mode-2026-02-01' });
      expect([dearer.status, error(dearer).message]).toEqual([400, expect.stringContaining('fast-mode-2026-02-01')]);
      const unknown = await ask(secret, {}, { 'anthropic-beta': 'dream-2027-01-01' });
      expect([unknown.status, unknown.header('x-tollgate-left-out')]).toEqual([
        200,
        'anthropic-beta: dream-2027-01-01',
      ]);
      expect(providerEntry(shape(), unknown.requestId).headers).not.toHaveProperty('anthropic-beta');
    });

    it.each([
      ['a key that is not known', 401, 'authentication_error', {}],
      ['a model that is not known', 404, 'not_found_error', { model: 'nothing' }],
      ['JSON that is cut off', 400, 'invalid_request_error', '{"model":'],
    ] as const)('are refused in their own shape for %s', async (what, status, type, fields) => {
      const { secret } = await shape().client().createKey();
      const credential = what.startsWith('a key') ? 'sk-no-such-key' : secret;
      const reply =
        typeof fields === 'string' ? await post(credential, paths[0], fields) : await ask(credential, fields);
      expect([reply.status, reply.json()]).toEqual([
        status,
        { type: 'error', error: { type, message: expect.any(String) as string }, request_id: reply.requestId },
      ]);
    });

    it.each([
      [{ fail_status: 500 }, 502, 'api_error'],
      [{ fail_status: 429 }, 429, 'rate_limit_error'],
      [{ fail_status: 529 }, 529, 'overloaded_error'],
      [{ fail: 'html' }, 502, 'api_error'],
    ])('cost nothing where the provider fails: %j', async (simulator, status, type) => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      for (const stream of [false, true]) {
        const reply = await ask(key.secret, { simulator, stream });
        expect([reply.status, error(reply).type]).toEqual([status, type]);
      }
      expect(await usageOf(shape(), key.id, 2)).toMatchObject({ requests: 2, cost_usd: '0' });
    });

    it('that break off in mid-stream end with an event that clients know, and cost what was delivered', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      for (const fail of ['reset_mid_stream', 'error_mid_stream', 'end_mid_stream']) {
        const reply = await ask(key.secret, { stream: true, simulator: { fail, fail_after_chunks: 3 } });
        expect(reply.status).toBe(200);
        expect(reply.text.match(/^event: error\ndata: \{"type":"error",/gm)).toHaveLength(1);
        expect(reply.text).not.toContain('message_stop');
      }
      const { output_tokens: output, cost_usd: cost } = await usageOf(shape(), key.id, 3);
      expect(output).toBeGreaterThan(0);
      expect(cost).not.toBe('0');
    });
  });

  describe('a count of tokens', () => {
    it('is made by Anthropic, and costs nothing', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: '0.000001' });
      const reply = await count(key.secret, { system: 'be kind' });
      expect([reply.status, reply.json()]).toEqual([200, { input_tokens: expect.any(Number) as number }]);
      expect(providerEntry(shape(), reply.requestId).path).toBe('/v1/messages/count_tokens');
      expect(await usageOf(shape(), key.id, 1)).toEqual({
        requests: 1,
        input_tokens: 0,
        output_tokens: 0,
        cost_usd: '0',
      });
    });

    it('is made by us for a model of another provider, without a call', async () => {
      const { secret } = await shape().client().createKey();
      const few = await count(secret, { model: 'support-bot' });
      const tools = [{ name: 'f', description: 'word '.repeat(200), input_schema: { type: 'object' } }];
      const many = await count(secret, { model: 'support-bot', tools });
      expect([few.status, many.status]).toEqual([200, 200]);
      const tokens = (reply: Reply): number => reply.json<{ input_tokens: number }>().input_tokens;
      expect(tokens(few)).toBeGreaterThan(0);
      expect(tokens(many) - tokens(few)).toBeGreaterThan(200);
      expect(providerEntries(shape(), many.requestId)).toEqual([]);
    });
  });
}
