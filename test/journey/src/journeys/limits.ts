import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { costNanoUsd, holdNanoUsd, usd } from '../kit/prices.js';
import { providerEntries, usageOf } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { chatBody, type ChatFields } from '../kit/tollgate-client.js';

const usedPerCall = { prompt_tokens: 100, completion_tokens: 50 };
const costPerCall = costNanoUsd('gpt-4o-mini', 100, 50);
/** A body of well over 36 bytes, so that its hold covers the 100 tokens of input. */
const measured: ChatFields = { max_tokens: 100, simulator: usedPerCall };
const hold = holdOf(measured);

/** Credit and rate limits. */
export function limits(shape: () => Shape): void {
  describe('a limit', () => {
    it('of credit can be spent as soon as the key is made, and to its very end', async () => {
      const key = await shape()
        .client()
        .createKey({ credit_limit_usd: usd(hold) });
      const first = await shape().client().chat(key.secret, measured);
      expect(first.status, first.text).toBe(200);
      for (const { url } of shape().gateways) {
        const reply = await clientOf(url).chat(key.secret, measured);
        expect([reply.status, reply.code]).toEqual([402, 'quota_exceeded']);
        expect(reply.json()).toMatchObject({ error: { type: 'insufficient_quota' } });
        expect(providerEntries(shape(), reply.requestId)).toEqual([]);
      }
    });

    it('of credit below what a call may cost lets none through', async () => {
      const key = await shape()
        .client()
        .createKey({ credit_limit_usd: usd(costNanoUsd('gpt-4o-mini', 0, 100)) });
      expect((await shape().client().chat(key.secret, measured)).status).toBe(402);
      const free = await shape().client().createKey({ credit_limit_usd: 0 });
      expect((await shape().client().chat(free.secret, measured)).status).toBe(402);
    });

    it('of credit lets through exactly the calls that fit, one after the other', async () => {
      const key = await shape()
        .client()
        .createKey({ credit_limit_usd: usd(hold + 4n * costPerCall) });
      const statuses: number[] = [];
      for (let call = 0; call < 7; call++) statuses.push((await shape().client().chat(key.secret, measured)).status);
      expect(statuses).toEqual([200, 200, 200, 200, 200, 402, 402]);
      const totals = await usageOf(shape(), key.id, 5);
      expect(totals).toEqual({ requests: 5, input_tokens: 500, output_tokens: 250, cost_usd: usd(5n * costPerCall) });
      expect((await shape().client().getKey(key.id)).credit_used_usd).toBe(usd(5n * costPerCall));
    });

    it('of credit is never passed, even where the provider reports more than was held', async () => {
      const excessive: ChatFields = { ...measured, simulator: { prompt_tokens: 90_000, completion_tokens: 50 } };
      const key = await shape()
        .client()
        .createKey({ credit_limit_usd: usd(holdOf(excessive)) });
      expect((await shape().client().chat(key.secret, excessive)).status).toBe(200);
      const { cost_usd: cost } = await usageOf(shape(), key.id, 1);
      expect([cost, (await shape().client().getKey(key.id)).credit_used_usd]).toEqual([
        usd(holdOf(excessive)),
        usd(holdOf(excessive)),
      ]);
    });

    it('of requests per minute is told on each reply, and beyond it is 429 with the time to wait', async () => {
      const { secret } = await shape()
        .client()
        .createKey({ rate_limits: { requests_per_minute: 2 } });
      const replies = [];
      for (let call = 0; call < 3; call++) replies.push(await shape().client().chat(secret));
      expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect(
        replies.map((reply) => [
          reply.header('x-ratelimit-limit-requests'),
          reply.header('x-ratelimit-remaining-requests'),
        ]),
      ).toEqual([
        ['2', '1'],
        ['2', '0'],
        ['2', '0'],
      ]);
      for (const reply of replies)
        expect(reply.header('x-ratelimit-reset-requests')).toMatch(/^(\d+h)?(\d+m)?(\d+(\.\d+)?s)?(\d+ms)?$/);
      const [refused] = replies.slice(-1);
      expect(refused!.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } });
      const [seconds, milliseconds] = [
        Number(refused!.header('retry-after')),
        Number(refused!.header('retry-after-ms')),
      ];
      expect(milliseconds).toBeGreaterThan(0);
      expect(milliseconds).toBeLessThanOrEqual(30_000);
      expect(seconds).toBe(Math.ceil(milliseconds / 1_000));
      expect(providerEntries(shape(), refused!.requestId)).toEqual([]);
    });

    it('of tokens per minute counts what a call may use, and then what it has used', async () => {
      const { secret } = await shape()
        .client()
        .createKey({ rate_limits: { tokens_per_minute: 2_000 } });
      const greedy = await shape()
        .client()
        .openChat(secret, {
          max_tokens: 1_900,
          simulator: { completion_tokens: 20, chunks: 10, chunk_interval_ms: 400 },
        });
      expect(greedy.status).toBe(200);
      const meanwhile = await shape().client().chat(secret, { max_tokens: 1_900 });
      expect([meanwhile.status, meanwhile.code]).toEqual([429, 'rate_limit_exceeded']);
      expect(meanwhile.header('x-ratelimit-limit-tokens')).toBe('2000');
      await greedy.ended;
      const afterwards = await shape().client().chat(secret, { max_tokens: 1_000 });
      expect(afterwards.status, afterwards.text).toBe(200);
    });

    it('of tokens per minute holds for calls that name no ceiling, and learns from their answers', async () => {
      // The model may answer with more than all of it.
      const { secret } = await shape()
        .client()
        .createKey({ rate_limits: { tokens_per_minute: 10_000 } });
      const clients = shape().gateways.map(({ url }) => clientOf(url));
      const answer = { simulator: { completion_tokens: 50 } };
      const slow = { simulator: { ...answer.simulator, chunks: 10, chunk_interval_ms: 400 } };
      const open = await clients[0]!.openChat(secret, slow);
      expect(open.status).toBe(200);
      const meanwhile = await clients.at(-1)!.chat(secret);
      expect([meanwhile.status, meanwhile.code]).toEqual([429, 'rate_limit_exceeded']);
      expect(Number(meanwhile.header('retry-after-ms'))).toBeLessThanOrEqual(60_000);
      await open.ended;
      const answered = async () => (await clients[0]!.chat(secret, answer)).status === 200;
      await waitUntil(answered, { what: 'the rest to be given back', timeoutMs: 20_000 });
      const many = [...clients, ...clients, ...clients];
      const later = await Promise.all(many.map((client) => client.chat(secret, answer)));
      expect(later.map(({ status }) => status)).toEqual(later.map(() => 200));
    });

    it('of parallel requests holds over all gateways, until one of them ends', async () => {
      const key = await shape()
        .client()
        .createKey({ rate_limits: { parallel_requests: 1 } });
      const underway = await shape()
        .client()
        .openChat(key.secret, { simulator: { chunks: 20, chunk_interval_ms: 200 } });
      expect(underway.status).toBe(200);
      for (const { url } of shape().gateways) {
        const second = await clientOf(url).chat(key.secret);
        expect([second.status, second.code]).toEqual([429, 'rate_limit_exceeded']);
      }
      await underway.ended;
      for (const { url } of shape().gateways) {
        await waitUntil(async () => (await clientOf(url).chat(key.secret)).status === 200, {
          what: 'the place to be free again',
          timeoutMs: 20_000,
        });
      }
    });

    const clientOf = (url: string) => shape().client(shape().gateways.findIndex((gateway) => gateway.url === url));
  });
}

/** What a call with these fields holds; they name 100 tokens of output. */
function holdOf(fields: ChatFields): bigint {
  return holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(fields)), 100);
}
