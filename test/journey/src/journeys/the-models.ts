import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { providerEntries, usageOf } from '../kit/provider-log.js';
import { eventsOf } from '../kit/sse.js';
import type { Shape } from '../kit/shape.js';

interface Listed {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** What a key may call, by which names, and what a reply says of its call. */
export function theModels(shape: () => Shape): void {
  const get = (secret: string, path: string, headers: Record<string, string> = {}) =>
    shape()
      .client()
      .call({ method: 'GET', path, headers: { authorization: `Bearer ${secret}`, ...headers } });
  const idsOf = (list: { data: readonly Listed[] }) => list.data.map(({ id }) => id);

  describe('the models of a key', () => {
    it('are listed to the official SDK, and each is found by its name', async () => {
      const { secret } = await shape().client().createKey();
      const sdk = shape().client().openai(secret);
      const ids: string[] = [];
      for await (const { id, object } of sdk.models.list()) {
        expect(object).toBe('model');
        ids.push(id);
      }
      expect(ids).toContain('support-bot');
      // The route is open to groups alone.
      expect(ids).not.toContain('any-closed');
      expect(await sdk.models.retrieve('support-bot')).toMatchObject({ id: 'support-bot', object: 'model' });
      expect(await sdk.models.retrieve('simulator/gpt-4o-mini')).toMatchObject({ id: 'simulator/gpt-4o-mini' });
    });

    it('are those of its list alone', async () => {
      const { secret } = await shape()
        .client()
        .createKey({ models: ['support-bot', 'fine-*', 'any-closed'] });
      const list = (await get(secret, '/v1/models?client_version=1')).json<{ data: Listed[]; models: unknown }>();
      expect([idsOf(list), list.models]).toEqual([['fine-grained', 'support-bot'], []]);
      expect((await get(secret, '/v1/models/vectors')).code).toBe('model_access_denied');
      expect((await get(secret, '/v1/models/any-closed')).code).toBe('route_access_denied');
      expect((await get(secret, '/v1/models/nothing')).code).toBe('model_not_found');
    });

    it('come in pages of Anthropic, and with the prices of OpenRouter, to those who ask there', async () => {
      const { secret } = await shape().client().createKey();
      const anthropic = { 'anthropic-version': '2023-06-01' };
      const whole = idsOf((await get(secret, '/v1/models?limit=1000', anthropic)).json());
      const paged: string[] = [];
      for (let after = ''; ;) {
        const page = (await get(secret, `/v1/models?limit=2${after}`, anthropic)).json<{
          data: Listed[];
          has_more: boolean;
          last_id: string;
        }>();
        paged.push(...idsOf(page));
        after = `&after_id=${encodeURIComponent(page.last_id)}`;
        if (!page.has_more) break;
      }
      expect(paged).toEqual(whole);
      const { data } = (await get(secret, '/api/v1/models')).json<{ data: Listed[] }>();
      expect(idsOf({ data })).toEqual(whole);
      expect(data[0]).toMatchObject({ pricing: { prompt: expect.stringMatching(/^0\.\d+$/) as unknown } });
    });

    it('are told to nobody whose key is refused elsewhere, and cost nothing', async () => {
      const writer = await shape()
        .client()
        .createKey({ scopes: ['inference:write'] });
      expect((await get(writer.secret, '/v1/models')).code).toBe('access_denied');
      const far = await shape()
        .client()
        .createKey({ allowed_ips: ['192.0.2.0/24'] });
      expect((await get(far.secret, '/v1/models')).code).toBe('ip_not_allowed');
      expect((await get('sk-nonsense', '/v1/models')).code).toBe('invalid_api_key');
      const reader = await shape()
        .client()
        .createKey({ scopes: ['inference:read'] });
      const reply = await get(reader.secret, '/v1/models');
      expect(reply.status).toBe(200);
      expect(providerEntries(shape(), reply.requestId)).toEqual([]);
      expect((await shape().client().usage(reader.id)).requests).toBe(0);
      await shape().client().deleteKey(reader.id);
      expect((await get(reader.secret, '/v1/models')).code).toBe('invalid_api_key');
    });
  });

  describe('a model', () => {
    it.each([
      ['support-bot', 'support-bot', 'simulator'],
      ['simulator/gpt-4o-mini', 'support-bot', 'simulator'],
      ['azure/gpt-4o-mini', 'azure-bot', 'azure'],
      ['gpt-4.1-nano', 'fine-grained', 'simulator'],
      ['any-gpt-4o-2024-11-20', 'any-*', 'simulator'],
      ['simulator/any-claude-latest', 'any-*', 'simulator'],
    ])('is called as %s, through the route %s', async (model, route, provider) => {
      const { secret } = await shape().client().createKey();
      const reply = await shape().client().chat(secret, { model });
      expect(reply.status, reply.text).toBe(200);
      expect(reply.header('x-tollgate-route')).toBe(route);
      expect(reply.header('x-tollgate-provider')).toBe(provider);
      const explained = await shape()
        .client()
        .createKey({ models: [route] });
      expect((await shape().client().chat(explained.secret, { model })).status).toBe(200);
      expect((await shape().client().chat(explained.secret, { model: 'in-a-hurry' })).code).toBe('model_access_denied');
    });

    it.each(['nobody/gpt-4o-mini', 'simulator/', 'simulator/nothing', 'Simulator/gpt-4o-mini', '*', 'simulator/*'])(
      'is called by no other name: %s',
      async (model) => {
        const { secret } = await shape().client().createKey();
        const reply = await shape().client().chat(secret, { model });
        expect([reply.status, reply.code]).toEqual([404, 'model_not_found']);
      },
    );

    it('stays closed to a key by each of its names', async () => {
      const { secret } = await shape().client().createKey();
      for (const model of ['any-closed', 'simulator/any-closed'])
        expect((await shape().client().chat(secret, { model })).code).toBe('route_access_denied');
    });
  });

  describe('a reply', () => {
    it('says what the call is charged', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const plain = await shape().client().chat(key.secret);
      expect(Number(plain.header('x-tollgate-overhead-ms'))).toBeGreaterThan(0);
      const { cost_usd } = await usageOf(shape(), key.id, 1);
      expect(plain.header('x-tollgate-cost-usd')).toBe(cost_usd);
      expect(plain.json<{ usage: object }>().usage).not.toHaveProperty('cost');
    });

    it.each([false, true])('has the cost in its usage below /api/v1: streamed %s', async (stream) => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const reply = await shape()
        .client()
        .call({
          method: 'POST',
          path: '/api/v1/chat/completions',
          headers: { authorization: `Bearer ${key.secret}` },
          body: { model: 'support-bot', stream, messages: [{ role: 'user', content: 'Hello' }] },
        });
      const told = stream
        ? (JSON.parse(eventsOf(reply.text).at(-2)!.data) as { usage: { cost: number } })
        : reply.json<{ usage: { cost: number } }>();
      const { cost_usd } = await usageOf(shape(), key.id, 1);
      expect(told.usage.cost).toBe(Number(cost_usd));
    });

    it('has the cost of a stream in a trailer', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const reply = await new Promise<IncomingMessage>((resolve, reject) => {
        httpRequest(
          `${shape().gateways[0]!.url}/v1/chat/completions`,
          { method: 'POST', headers: { authorization: `Bearer ${key.secret}` } },
          resolve,
        )
          .on('error', reject)
          .end('{"model":"support-bot","stream":true,"messages":[{"role":"user","content":"Hello"}]}');
      });
      expect([reply.headers['x-tollgate-route'], reply.headers.trailer]).toEqual([
        'support-bot',
        'x-tollgate-cost-usd',
      ]);
      expect(await text(reply)).toContain('[DONE]');
      const { cost_usd } = await usageOf(shape(), key.id, 1);
      expect(reply.trailers['x-tollgate-cost-usd']).toBe(cost_usd);
    });
  });
}
