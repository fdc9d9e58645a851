import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { usd } from '../kit/prices.js';
import {
  bodySentUpstream,
  costOfEntry,
  providerEntries,
  providerEntry,
  totalsOf,
  usageOf,
} from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';

const paths = ['/v1/embeddings', '/api/v1/embeddings'] as const;
const model = 'vectors';

/** Embeddings as the caller sees them, and what they cost. */
export function theEmbeddings(shape: () => Shape): void {
  const ask = (secret: string, fields: object = {}, path: string = paths[0]): Promise<Reply> =>
    shape()
      .client()
      .call({
        method: 'POST',
        path,
        headers: { authorization: `Bearer ${secret}` },
        body: JSON.stringify({ model, input: 'Hello', ...fields }),
      });

  describe('embeddings', () => {
    it.each(['/v1', '/api/v1'] as const)(
      'are answered to the official SDK at %s, which asks for base64',
      async (base) => {
        const { secret } = await shape().client().createKey();
        const openai = shape().client().openai(secret, base);
        const vectors = await openai.embeddings.create({ model, input: ['one', 'two'], dimensions: 5 });
        expect(vectors.data.map(({ embedding, index }) => [index, embedding.length])).toEqual([
          [0, 5],
          [1, 5],
        ]);
        expect(vectors.model).toBe('text-embedding-3-small');
        const floats = await openai.embeddings.create({
          model,
          input: ['one', 'two'],
          dimensions: 5,
          encoding_format: 'float',
        });
        expect(floats.data.map(({ embedding }) => embedding)).toEqual(vectors.data.map(({ embedding }) => embedding));
      },
    );

    it('reach the provider in the bytes of the caller but for the model', async () => {
      const { secret } = await shape().client().createKey();
      const body = '{ "input":\n["caf\\u00e9", "\\ud83d\\ude00"],\t"model" : "vectors", "user":"u" ,"dimensions":4 }';
      for (const path of paths) {
        const reply = await shape()
          .client()
          .call({ method: 'POST', path, headers: { authorization: `Bearer ${secret}` }, body });
        expect(reply.status, reply.text).toBe(200);
        expect(await bodySentUpstream(shape(), reply.requestId)).toBe(
          body.replace('"vectors"', '"text-embedding-3-small"'),
        );
        expect(providerEntry(shape(), reply.requestId)).toMatchObject({
          path: '/v1/embeddings',
          model: 'text-embedding-3-small',
        });
      }
    });

    it('cost what the provider reports at the price of the model, in one event each', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const calls = [
        {},
        { input: ['one', 'two', 'three'] },
        { input: [1, 2, 3, 4] },
        { input: [[1], [2, 3]], encoding_format: 'base64' },
      ];
      const entries = [];
      for (const fields of calls) {
        const reply = await ask(key.secret, fields);
        expect(reply.status, reply.text).toBe(200);
        entries.push(providerEntry(shape(), reply.requestId));
      }
      const expected = totalsOf(entries);
      expect(expected.output_tokens).toBe(0);
      expect(await usageOf(shape(), key.id, calls.length)).toEqual(expected);
      expect((await shape().client().getKey(key.id)).credit_used_usd).toBe(expected.cost_usd);
    });

    it('are counted by us where the provider reports nothing: tokens exactly, text by its bytes', async () => {
      const key = await shape().client().createKey();
      const simulator = { omit_usage: true };
      await ask(key.secret, { input: [7, 8, 9], simulator });
      expect(await usageOf(shape(), key.id, 1)).toMatchObject({ input_tokens: 3, output_tokens: 0 });
      await ask(key.secret, { input: 'x'.repeat(398), simulator });
      expect(await usageOf(shape(), key.id, 2)).toMatchObject({ input_tokens: 103, output_tokens: 0 });
    });

    it('are held for by their input alone', async () => {
      // 0.02 USD a million tokens: 20 nano-USD a token, and 64 tokens come on top.
      const key = await shape()
        .client()
        .createKey({ credit_limit_usd: usd(20n * (64n + 4n)) });
      const simulator = { omit_usage: true };
      expect((await ask(key.secret, { input: [1, 2, 3, 4, 5], simulator })).code).toBe('quota_exceeded');
      const reply = await ask(key.secret, { input: [1, 2, 3, 4], simulator });
      expect(reply.status, reply.text).toBe(200);
      expect(await usageOf(shape(), key.id, 1)).toMatchObject({ input_tokens: 4, cost_usd: usd(80n) });
    });

    it('never cost more than was held, whatever the provider reports', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const reply = await ask(key.secret, { input: [1, 2], simulator: { prompt_tokens: 1_000_000 } });
      expect(reply.status).toBe(200);
      const { credit_used_usd: used } = await usageOf(shape(), key.id, 1).then(() => shape().client().getKey(key.id));
      expect(used).toBe(usd(20n * 66n));
    });

    it.each([
      ['a key that is not known', 401, 'invalid_api_key', {}],
      ['a model that is not known', 404, 'model_not_found', { model: 'nothing' }],
      ['JSON that names another address', 400, 'invalid_request', { api_base: 'https://x.example' }],
      ['a field given in another case', 400, 'invalid_request', { Input: 'x' }],
    ])('are refused for %s, without a call', async (what, status, code, fields) => {
      const { secret } = await shape().client().createKey();
      const reply = await ask(what.startsWith('a key') ? 'sk-no-such-key' : secret, fields);
      expect([reply.status, reply.code]).toEqual([status, code]);
      expect(reply.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
      expect(providerEntries(shape(), reply.requestId)).toEqual([]);
    });

    it('of a key with a limit are text or tokens, in fields that are known', async () => {
      const { secret } = await shape().client().createKey({ credit_limit_usd: 1 });
      for (const [fields, param] of [
        [{ input: [{ text: 'a' }] }, 'input'],
        [{ messages: [] }, 'messages'],
        [{ from_the_future: 1 }, 'from_the_future'],
      ] as const) {
        const reply = await ask(secret, fields);
        expect(reply.json()).toMatchObject({ error: { code: 'unbounded_cost', param } });
        expect(providerEntries(shape(), reply.requestId)).toEqual([]);
      }
    });

    it('need the scope, the model and the method of the endpoint', async () => {
      const client = shape().client();
      const reader = await client.createKey({ scopes: ['inference:read'] });
      expect((await ask(reader.secret)).code).toBe('access_denied');
      const other = await client.createKey({ models: ['support-bot'] });
      expect((await ask(other.secret)).code).toBe('model_access_denied');
      for (const path of paths) {
        const reply = await client.call({ method: 'GET', path });
        expect([reply.status, reply.code, reply.header('allow')]).toEqual([405, 'method_not_allowed', 'POST']);
      }
    });

    it('tell what is left of the limits of a key', async () => {
      const key = await shape()
        .client()
        .createKey({ rate_limits: { requests_per_minute: 10, tokens_per_minute: 1_000 } });
      const reply = await ask(key.secret, { input: [1, 2, 3] });
      expect(reply.status, reply.text).toBe(200);
      expect(reply.header('x-ratelimit-remaining-requests')).toBe('9');
      expect(reply.header('x-ratelimit-remaining-tokens')).toBe('997');
    });

    it.each([
      [{ fail_status: 500 }, 502, 'provider_failed'],
      [{ fail_status: 429 }, 429, 'provider_overloaded'],
      [{ fail: 'reset_before_first_byte' }, 502, 'provider_failed'],
      [{ fail: 'reset_mid_stream' }, 502, 'provider_failed'],
    ])('cost nothing where the provider fails: %j', async (simulator, status, code) => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const reply = await ask(key.secret, { simulator });
      expect([reply.status, reply.code]).toEqual([status, code]);
      expect(await usageOf(shape(), key.id, 1)).toMatchObject({ requests: 1, cost_usd: '0' });
    });
  });

  describe('a provider of type azure', () => {
    const chat = (secret: string, fields: object) =>
      shape()
        .client()
        .chat(secret, fields as Record<string, unknown>);

    it.each([
      ['azure-bot', '/openai/deployments/gpt-4o-mini/chat/completions', 'api-version=2024-10-21'],
      ['azure-v1-bot', '/openai/v1/chat/completions', ''],
    ])('is asked for a chat, plain and streamed: %s', async (bot, path, query) => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const plain = await chat(key.secret, { model: bot, max_tokens: 5 });
      expect(plain.status, plain.text).toBe(200);
      const streamed = await chat(key.secret, { model: bot, max_tokens: 5, stream: true });
      expect(streamed.text).toContain('prompt_filter_results');
      expect(streamed.text.trimEnd().endsWith('data: [DONE]')).toBe(true);
      const entries = [plain, streamed].map(({ requestId }) => providerEntry(shape(), requestId));
      for (const entry of entries) {
        expect(entry).toMatchObject({ path, query, model: 'gpt-4o-mini', outcome: 'answered' });
        expect(entry.headers['api-key']).toBe(`[present] …${shape().providerCredential.slice(-4)}`);
        expect(entry.headers).not.toHaveProperty('authorization');
      }
      expect(await usageOf(shape(), key.id, 2)).toEqual(totalsOf(entries));
    });

    it.each([
      ['azure-vectors', '/openai/deployments/text-embedding-3-small/embeddings', 'api-version=2024-10-21'],
      ['azure-v1-vectors', '/openai/v1/embeddings', ''],
    ])('is asked for embeddings: %s', async (vectors, path, query) => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const reply = await ask(key.secret, { model: vectors, input: ['a', 'b'] });
      expect(reply.status, reply.text).toBe(200);
      const entry = providerEntry(shape(), reply.requestId);
      expect(entry).toMatchObject({ path, query, model: 'text-embedding-3-small' });
      expect(await usageOf(shape(), key.id, 1)).toMatchObject({ cost_usd: usd(costOfEntry(entry)) });
    });

    it('has failed where a deployment of ours is not there, and says so of one that the caller named', async () => {
      const { secret } = await shape().client().createKey();
      const simulator = { fail_status: 404 };
      expect((await chat(secret, { model: 'azure-bot', simulator })).code).toBe('provider_failed');
      expect((await chat(secret, { model: 'deployed-x', simulator })).status).toBe(404);
      expect((await chat(secret, { model: 'support-bot', simulator })).status).toBe(404);
    });

    it('takes the name of a deployment that the caller chooses for one segment of a path', async () => {
      const { secret } = await shape().client().createKey();
      const reply = await chat(secret, { model: 'deployed-../../v1/chat' });
      expect(providerEntry(shape(), reply.requestId).path).toBe(
        '/openai/deployments/deployed-..%2F..%2Fv1%2Fchat/chat/completions',
      );
    });
  });
}
