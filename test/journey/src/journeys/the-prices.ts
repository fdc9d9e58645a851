import { describe, expect, it } from 'vitest';
import { usageOf } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';

/** Models whose prices nobody wrote down. */
export function thePrices(shape: () => Shape): void {
  describe('a price that nobody wrote down', () => {
    it('is the known one, for keys with a limit and without', async () => {
      const keys = [await shape().client().createKey(), await shape().client().createKey({ credit_limit_usd: 1 })];
      for (const key of keys) {
        const reply = await shape()
          .client()
          .chat(key.secret, { model: 'known-model', simulator: { prompt_tokens: 1_000, completion_tokens: 100 } });
        expect(reply.status, reply.text).toBe(200);
        // gpt-4.1-mini at OpenAI: 0.40 and 1.60 USD a million.
        expect(await usageOf(shape(), key.id, 1)).toMatchObject({ cost_usd: '0.00056' });
      }
    });

    it('of a model that nobody knows stops keys with a limit, and is told as unknown to others', async () => {
      const limited = await shape().client().createKey({ credit_limit_usd: 1 });
      const refused = await shape().client().chat(limited.secret, { model: 'model-of-tomorrow' });
      expect(refused.status).toBe(400);
      expect(refused.code).toBe('unpriced_model');
      expect((await shape().client().getKey(limited.id)).credit_used_usd).toBe('0');
      const free = await shape().client().createKey();
      const served = await shape()
        .client()
        .chat(free.secret, { model: 'model-of-tomorrow', simulator: { prompt_tokens: 1_000, completion_tokens: 100 } });
      expect(served.status, served.text).toBe(200);
      expect(await usageOf(shape(), free.id, 1)).toMatchObject({ requests: 1, input_tokens: 1_000, cost_usd: '0' });
    });
  });
}
