import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { mailsIn } from '../kit/mailbox.js';
import { providerEntries } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { SlowCall } from '../kit/slow-call.js';

const REFUSED_WITHIN_MS = 1_000;

/** A key that gets a new secret while its callers still have the one before. */
export function theRotation(shape: () => Shape): void {
  describe('the rotation', () => {
    const statuses = (secret: string) =>
      Promise.all(shape().gateways.map(async (_, gateway) => (await shape().client(gateway).chat(secret)).status));
    const all = (status: number) => shape().gateways.map(() => status);
    const refusedEverywhere = (secret: string) =>
      waitUntil(async () => (await statuses(secret)).every((status) => status === 401), {
        what: 'every gateway to refuse the former secret',
        timeoutMs: REFUSED_WITHIN_MS,
      });
    const finish = (id: string) => shape().client().admin('POST', `/v1/api-keys/${id}/finish-rotation`);

    it('lets both secrets work, shows who still uses the former one, and ends it on demand', async () => {
      const key = await shape().client().createKey({ name: 'rotated' });
      expect(await statuses(key.secret)).toEqual(all(200));
      const { secret, id } = await shape().client().rotateKey(key.id);
      expect(id).toBe(key.id);
      expect([await statuses(secret), await statuses(key.secret)]).toEqual([all(200), all(200)]);
      const gateways = shape().gateways.length;
      const { secrets } = await waitUntil(
        async () => {
          const shown = await shape().client().getKey(key.id);
          return shown.secrets.map(({ requests }) => requests).join() === `${2 * gateways},${gateways}` && shown;
        },
        { what: 'the uses of both secrets to be shown', timeoutMs: 20_000 },
      );
      expect(secrets.map(({ id }) => id)[0]).toBe(key.id);
      expect(secrets.map(({ addresses }) => addresses?.map(({ address }) => address))).toEqual([
        ['127.0.0.1'],
        ['127.0.0.1'],
      ]);
      const done = await finish(key.id);
      expect(done.status, done.text).toBe(200);
      await refusedEverywhere(key.secret);
      for (const [gateway] of shape().gateways.entries()) {
        const reply = await shape().client(gateway).chat(key.secret);
        expect([reply.status, reply.code, providerEntries(shape(), reply.requestId)]).toEqual([
          401,
          'invalid_api_key',
          [],
        ]);
      }
      expect(await statuses(secret)).toEqual(all(200));
      expect(await shape().client().getKey(key.id)).toMatchObject({ state: 'active' });
    });

    it('without a grace period ends the former secret at once', async () => {
      const key = await shape().client().createKey();
      expect(await statuses(key.secret)).toEqual(all(200));
      const { secret } = await shape().client().rotateKey(key.id, { grace_period_seconds: 0 });
      await refusedEverywhere(key.secret);
      expect(await statuses(secret)).toEqual(all(200));
    });

    it('ends the former secret with its grace period: a call whose body is on its way is answered then', async () => {
      const key = await shape().client().createKey();
      const { secret } = await shape().client().rotateKey(key.id, { grace_period_seconds: 5 });
      const calls = await Promise.all(shape().gateways.map(({ url }) => SlowCall.begin(url, key.secret)));
      for (const call of calls) {
        const reply = await call.reply(30_000);
        expect([reply.status, reply.code]).toEqual([401, 'invalid_api_key']);
        expect(providerEntries(shape(), reply.requestId)).toEqual([]);
        call.leave();
      }
      expect(await statuses(key.secret)).toEqual(all(401));
      expect(await statuses(secret)).toEqual(all(200));
    });

    it('leaves the key one rate and one credit, whichever secret is used', async () => {
      const key = await shape()
        .client()
        .createKey({ rate_limits: { requests_per_minute: 2 }, credit_limit_usd: 1 });
      const { secret } = await shape().client().rotateKey(key.id);
      const client = shape().client();
      expect([(await client.chat(key.secret)).status, (await client.chat(secret)).status]).toEqual([200, 200]);
      for (const each of [key.secret, secret]) expect((await client.chat(each)).status).toBe(429);
    });

    it('ends with its key: neither secret works once the key is revoked', async () => {
      const key = await shape().client().createKey();
      const { secret } = await shape().client().rotateKey(key.id);
      expect([await statuses(key.secret), await statuses(secret)]).toEqual([all(200), all(200)]);
      await shape().client().deleteKey(key.id);
      for (const each of [key.secret, secret]) await refusedEverywhere(each);
    });

    it('lets a leak of the former secret end that one alone: its calls are cut off, and the owner is told', async () => {
      const key = await shape().client().createKey({ name: 'rotated and leaked' });
      const { secret } = await shape().client().rotateKey(key.id);
      const open = (each: string) =>
        Promise.all(
          shape().gateways.map((_, gateway) =>
            shape()
              .client(gateway)
              .openChat(each, { max_tokens: 400, simulator: { chunks: 200, chunk_interval_ms: 50 } }),
          ),
        );
      const [former, present] = [await open(key.secret), await open(secret)];
      for (const stream of [...former, ...present]) await stream.until((text) => text.includes('word0'));
      const body = JSON.stringify([
        { token: key.secret, type: 'tollgate_api_key', url: 'https://github.com/octocat/hello', source: 'commit' },
      ]);
      const reply = await shape()
        .client()
        .call({
          method: 'POST',
          path: '/webhooks/github/secret-scanning',
          headers: shape().github.sign(body),
          body,
        });
      expect([reply.status, reply.json<{ label: string }[]>()[0]?.label]).toEqual([200, 'true_positive']);
      for (const stream of former) expect((await stream.ended).text).not.toContain('[DONE]');
      for (const stream of present) expect((await stream.ended).text).toContain('[DONE]');
      await refusedEverywhere(key.secret);
      expect(await statuses(secret)).toEqual(all(200));
      expect(await shape().client().getKey(key.id)).toMatchObject({
        state: 'active',
        secrets: [{ end_reason: 'leaked' }, { end_reason: null }],
      });
      const mail = await waitUntil(
        () => mailsIn(shape().mailFolder).find((text) => text.includes('rotated and leaked')),
        { what: 'the mail about the former secret' },
      );
      expect(mail).toContain(shape().ownerEmail);
      expect(mail).toContain('The key lives on');
      expect(mail).not.toContain(key.secret.slice(6, -4));
    });
  });
}
