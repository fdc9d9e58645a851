import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { costOfEntry, providerEntries, providerEntry, usageOf } from '../kit/provider-log.js';
import { SlowCall } from '../kit/slow-call.js';
import { eventsOf } from '../kit/sse.js';
import type { Shape } from '../kit/shape.js';
import { usd } from '../kit/prices.js';

/** A key that its owner ends. */
export function theRevoke(shape: () => Shape): void {
  describe('the revoke', () => {
    const everyGateway = () => shape().gateways.map((_, gateway) => shape().client(gateway));

    it('is heard at every gateway, also at those that knew the key well', async () => {
      const key = await shape().client().createKey();
      for (const client of everyGateway())
        for (let call = 0; call < 3; call++) expect((await client.chat(key.secret)).status).toBe(200);
      await shape().client().deleteKey(key.id);
      await waitUntil(
        async () =>
          (await Promise.all(everyGateway().map((client) => client.chat(key.secret)))).every(
            ({ status }) => status === 401,
          ),
        { what: 'every gateway to refuse the key', timeoutMs: 1_000 },
      );
      for (const client of everyGateway()) expect((await client.chat(key.secret)).code).toBe('invalid_api_key');
    });

    it('lets requests that are under way finish, in full and charged in full', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const streams = await Promise.all(
        everyGateway().map((client) =>
          client.openChat(key.secret, { max_tokens: 40, simulator: { chunks: 20, chunk_interval_ms: 30 } }),
        ),
      );
      for (const stream of streams) await stream.until((text) => text.includes('word0'));
      await shape().client().deleteKey(key.id);
      const ended = await Promise.all(streams.map((stream) => stream.ended));
      for (const { complete, text } of ended) {
        expect(complete).toBe(true);
        expect(eventsOf(text).at(-1)?.data).toBe('[DONE]');
      }
      const cost = streams.reduce((sum, stream) => sum + costOfEntry(providerEntry(shape(), stream.requestId)), 0n);
      expect((await usageOf(shape(), key.id, streams.length)).cost_usd).toBe(usd(cost));
    });

    it.each<[string, (id: string) => Promise<unknown>]>([
      ['a revoke', (id) => shape().client().admin('POST', `/v1/api-keys/${id}/revoke`)],
      ['a delete', (id) => shape().client().deleteKey(id)],
    ])(
      'answers a call at once whose body is still on its way, and nothing of it reaches the provider: %s',
      async (_, end) => {
        const key = await shape().client().createKey({ credit_limit_usd: 1 });
        for (const client of everyGateway()) expect((await client.chat(key.secret)).status).toBe(200);
        const calls = await Promise.all(shape().gateways.map(({ url }) => SlowCall.begin(url, key.secret)));
        await end(key.id);
        for (const call of calls) {
          const reply = await call.reply();
          expect([reply.status, reply.code, reply.header('connection')]).toEqual([401, 'invalid_api_key', 'close']);
          expect(providerEntries(shape(), reply.requestId)).toEqual([]);
          call.finish();
          await call.closed();
          call.leave();
        }
        expect((await usageOf(shape(), key.id, shape().gateways.length)).requests).toBe(shape().gateways.length);
      },
    );

    it('is like expiring: a call whose body is still on its way when its key expires is answered then', async () => {
      const key = await shape()
        .client()
        .createKey({ expires_at: new Date(Date.now() + 5_000).toISOString() });
      const calls = await Promise.all(shape().gateways.map(({ url }) => SlowCall.begin(url, key.secret)));
      for (const call of calls) {
        const reply = await call.reply(30_000);
        expect([reply.status, reply.code]).toEqual([401, 'expired_api_key']);
        expect(providerEntries(shape(), reply.requestId)).toEqual([]);
        call.leave();
      }
    });

    it('that does not delete keeps the key in sight, and may be repeated', async () => {
      const key = await shape().client().createKey();
      for (let time = 0; time < 2; time++) {
        const reply = await shape().client().admin('POST', `/v1/api-keys/${key.id}/revoke`);
        expect([reply.status, reply.json()]).toEqual([200, expect.objectContaining({ id: key.id, state: 'revoked' })]);
      }
      expect((await shape().client().getKey(key.id)).state).toBe('revoked');
      expect((await shape().client().chat(key.secret)).code).toBe('invalid_api_key');
    });

    it('of one key leaves the others alone', async () => {
      const [ended, other] = [await shape().client().createKey(), await shape().client().createKey()];
      await shape().client().deleteKey(ended.id);
      for (const client of everyGateway()) expect((await client.chat(other.secret)).status).toBe(200);
    });
  });
}
