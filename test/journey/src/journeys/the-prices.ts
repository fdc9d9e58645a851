import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { usd } from '../kit/prices.js';
import { usageLagMsMax, usageOf } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { chatBody, type ChatFields, type TollgateClient } from '../kit/tollgate-client.js';

/** How long is waited until a gateway knows of prices; a machine that is not busy takes two seconds. */
const knownWithinMs = 30_000;
const measured: ChatFields = {
  model: 'known-model',
  max_tokens: 100,
  simulator: { prompt_tokens: 1_000, completion_tokens: 100 },
};

/** Models whose prices nobody wrote down, and prices of one organisation alone. */
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
      expect([served.header('x-tollgate-cost-usd'), served.header('x-tollgate-unpriced')]).toEqual([undefined, 'true']);
      const path = `/v1/usage/events?request_id=${served.requestId}`;
      const { data } = (await shape().client().admin('GET', path)).json<{
        data: readonly { price_lines: object[] }[];
      }>();
      expect(data).toMatchObject([{ unpriced: true, cost_usd: null, charge_usd: '0' }]);
      expect(data[0]!.price_lines[0]).toMatchObject({ quantity: 1_000, usd_per_million: null, cost_usd: null });
    });

    it('is told as no cost where a caller is told the cost in each answer, streamed or not', async () => {
      const { secret } = await shape().client().createKey();
      const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
      for (const stream of [false, true]) {
        const body = { model: 'model-of-tomorrow', stream, messages: [{ role: 'user', content: 'Hello' }] };
        const reply = await shape().client().call({ method: 'POST', path: '/api/v1/chat/completions', headers, body });
        expect([reply.status, reply.text.includes('"usage":{')], reply.text).toEqual([200, true]);
        expect(reply.text).not.toContain('"cost"');
        expect(reply.header('x-tollgate-unpriced')).toBe('true');
      }
    });
  });

  describe('the own prices of an organisation', () => {
    it('are held and charged at every gateway, with its mark-up, named by its events, and are nobody else’s', async () => {
      const client = await shape().client().newOrganization('Negotiated');
      const path = `/v1/organizations/${client.organizationId!}`;
      const set = async (prices: object[]) => {
        const reply = await client.admin('PUT', `${path}/prices`, { prices });
        expect(reply.status, reply.text).toBe(200);
        return reply.json<{ price_version: string }>().price_version;
      };
      // 1,000 × 2 and 100 × 5 USD a million are 0.0025 USD, and a tenth of that more.
      const own = { provider: 'known', model: 'gpt-4.1-mini', input_usd_per_million: '2', output_usd_per_million: '5' };
      const cost = '0.00275';
      expect((await client.admin('PUT', `${path}/billing`, { markup_percent: 10 })).status).toBe(200);
      const version = await set([own]);
      const hold = usd(markedUp((BigInt(Buffer.byteLength(chatBody(measured))) + 64n) * 2_000n + 100n * 5_000n));
      const justEnough = await client.createKey({ credit_limit_usd: hold });
      // Enough at the price of all, and less than its answer alone may cost at this one.
      const tooLittle = await client.createKey({ credit_limit_usd: '0.0005' });
      const key = await client.createKey();
      for (const [at] of shape().gateways.entries()) {
        const gateway = shape().client(at);
        await waitUntil(async () => (await eventOf(client, await served(gateway, key.secret)))?.cost === cost, {
          what: `the gateway ${at} to charge the price of the organisation`,
          timeoutMs: knownWithinMs + usageLagMsMax,
        });
      }
      const event = await eventOf(client, await served(shape().client(), key.secret));
      expect(event).toMatchObject({ cost, version });
      expect(event?.lines).toEqual([
        ['2', '0.002'],
        ['5', '0.0005'],
      ]);
      expect((await shape().client().chat(tooLittle.secret, measured)).status).toBe(402);
      expect((await shape().client().chat(justEnough.secret, measured)).status).toBe(200);

      const stranger = await shape().client().createKey();
      const theirs = await eventOf(shape().client(), await served(shape().client(), stranger.secret));
      expect(theirs?.cost).toBe('0.00056');
      expect(version.startsWith(`${theirs?.version}-`)).toBe(true);
      const kept = await client.admin('GET', `/v1/prices/versions/${version}`);
      expect(kept.json<{ prices: object[] }>().prices[0]).toMatchObject({ origin: 'organization', ...own });

      expect(await set([])).toBe(theirs?.version);
      await waitUntil(
        async () => (await eventOf(client, await served(shape().client(), key.secret)))?.version === theirs?.version,
        { what: 'the prices of all to count again', timeoutMs: knownWithinMs + usageLagMsMax },
      );
    });

    it('are known to the explanation of a key: a model that has one is served where credit is limited', async () => {
      const client = await shape().client().newOrganization('Negotiated for tomorrow');
      const limited = await client.createKey({ credit_limit_usd: '1' });
      const tomorrow = { model: 'model-of-tomorrow' };
      const explained = async () => {
        const reply = await client.admin('POST', `/v1/api-keys/${limited.id}/explain`, tomorrow);
        return reply.json<{ passes: boolean | null; code: string | null }>();
      };
      expect(await explained()).toMatchObject({ passes: false, code: 'unpriced_model' });
      const usd = { input_usd_per_million: '2', output_usd_per_million: '5' };
      const prices = [{ provider: 'known', ...tomorrow, ...usd, context_tokens: 1_000, max_output_tokens: 100 }];
      const set = await client.admin('PUT', `/v1/organizations/${client.organizationId!}/prices`, { prices });
      expect(set.status, set.text).toBe(200);
      await waitUntil(async () => (await explained()).passes === true, {
        what: 'the explanation to know the price',
        timeoutMs: knownWithinMs,
      });
      await waitUntil(async () => (await shape().client().chat(limited.secret, tomorrow)).status === 200, {
        what: 'the model to be served',
        timeoutMs: knownWithinMs,
      });
    });

    const markedUp = (nanoUsd: bigint) => (nanoUsd * 11n + 9n) / 10n;

    /** The id of a request that was served. */
    async function served(gateway: TollgateClient, secret: string): Promise<string> {
      const reply = await gateway.chat(secret, measured);
      expect(reply.status, reply.text).toBe(200);
      return reply.requestId;
    }

    /** What a request was charged, once it is booked. */
    async function eventOf(client: TollgateClient, requestId: string) {
      const event = await waitUntil(
        async () => {
          const reply = await client.admin('GET', `/v1/usage/events?request_id=${requestId}`);
          return reply.json<{ data: UsageEvent[] }>().data[0] ?? false;
        },
        { what: 'the event of a request', timeoutMs: usageLagMsMax },
      );
      return {
        cost: event.charge_usd,
        version: event.price_version,
        lines: event.price_lines.map((line) => [line.usd_per_million, line.cost_usd]),
      };
    }
  });
}

interface UsageEvent {
  readonly charge_usd: string;
  readonly price_version: string;
  readonly price_lines: readonly { readonly usd_per_million: string; readonly cost_usd: string }[];
}
