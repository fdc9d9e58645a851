import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { usd } from '../kit/prices.js';
import { costOfEntry, providerEntry, usageLagMsMax } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';

interface EventList {
  readonly object: 'list';
  readonly data: readonly Record<string, unknown>[];
}

/** What was booked for one request, found by the id that its reply carried. */
export function theUsageEvent(shape: () => Shape): void {
  describe('the usage event', () => {
    const find = async (requestId: string) =>
      (await shape().client().admin('GET', `/v1/usage/events?request_id=${requestId}`)).json<EventList>();
    const booked = (requestId: string) =>
      waitUntil(
        async () => {
          const { data } = await find(requestId);
          return data.length === 1 && data[0]!;
        },
        { what: 'the usage event to be found', timeoutMs: usageLagMsMax },
      );

    it('is found by the id of its request in any case, with what was charged and why', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: '5' });
      const reply = await shape().client().chat(key.secret, { stream: true, max_tokens: 20 });
      const cost = usd(costOfEntry(providerEntry(shape(), reply.requestId)));
      const event = await booked(reply.requestId);
      expect(event).toMatchObject({
        object: 'usage_event',
        request_id: reply.requestId,
        api_key_id: key.id,
        outcome: 'completed',
        route: 'support-bot',
        provider: 'simulator',
        model: 'gpt-4o-mini',
        stream: true,
        usage_source: 'provider',
        cost_usd: cost,
        charge_usd: cost,
        charge_reason: 'provider_reported',
        charge_explanation: expect.any(String),
        platform_loss_usd: '0',
        accounts: [{ account_id: `key:${key.id}`, cap_usd: '5' }],
      });
      const lines = event['price_lines'] as { class: string; cost_usd: string }[];
      expect(lines.map((line) => line.class)).toEqual(expect.arrayContaining(['text_input', 'text_output']));
      const nanoUsd = lines.map((line) => Math.round(Number(line.cost_usd) * 1e9));
      expect(nanoUsd.reduce((sum, each) => sum + each, 0)).toBe(Math.round(Number(cost) * 1e9));
      expect(Number(event['hold_usd'])).toBeGreaterThan(Number(cost));
      expect((await shape().client().getKey(key.id)).credit_used_usd).toBe(cost);
      expect(await find(reply.requestId.toUpperCase())).toEqual({
        object: 'list',
        data: [event],
        has_more: false,
        next_cursor: null,
      });
    });

    it('says why nothing was charged', async () => {
      const key = await shape().client().createKey();
      const reply = await shape()
        .client()
        .chat(key.secret, { simulator: { fail_status: 500 } });
      expect(await booked(reply.requestId)).toMatchObject({
        outcome: 'provider_failed',
        charge_usd: '0',
        charge_reason: 'nothing_owed',
        hold_usd: null,
      });
    });

    it('is none of a refused call', async () => {
      const client = shape().client();
      const [denied, allowed] = [await client.createKey({ models: ['fine-grained'] }), await client.createKey()];
      const refused = await client.chat(denied.secret);
      // What comes after it is booked after it.
      await booked((await client.chat(allowed.secret)).requestId);
      expect(await find(refused.requestId)).toEqual({ object: 'list', data: [], has_more: false, next_cursor: null });
    });

    it('is shown only for who may read usage, and by one request id', async () => {
      const path = '/v1/usage/events';
      const { secret } = await shape()
        .client()
        .createKey({ scopes: ['inference:read', 'inference:write'] });
      const wrong = await shape()
        .client()
        .call({ method: 'GET', path, headers: { authorization: `Bearer ${secret}` } });
      expect([wrong.status, wrong.code]).toEqual([403, 'access_denied']);
      for (const query of ['', '?request_id=', '?request_id=nonsense', '?request_id=1&request_id=2']) {
        const reply = await shape()
          .client()
          .admin('GET', path + query);
        expect([reply.status, reply.code], query).toEqual([400, 'invalid_request']);
        expect(
          reply.json<{ errors: { path: string }[] }>().errors.map((error) => error.path),
          query,
        ).toEqual(['request_id']);
      }
    });
  });
}
