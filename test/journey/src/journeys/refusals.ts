import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { inventedSecret } from '../kit/invented-secret.js';
import { providerEntries } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { chatPath, type CreatedKey } from '../kit/tollgate-client.js';

/** Ways in which a call is refused before any provider hears of it, other than by limits. */
export function refusals(shape: () => Shape): void {
  describe('a refused call', () => {
    const call = (headers: Record<string, string>, fields: object = {}) =>
      shape()
        .client()
        .call({
          method: 'POST',
          path: chatPath,
          headers,
          body: { model: 'support-bot', messages: [{ role: 'user', content: 'x' }], ...fields },
        });

    it('without a credential is 401 missing_api_key', async () => {
      for (const headers of [{}, { authorization: '' }] as Record<string, string>[])
        expectRefusal(await call(headers), 401, 'missing_api_key');
    });

    it('with a credential in no known form is 401 invalid_api_key', async () => {
      const credentials = [
        'Bearer zQ7nonsense',
        'Bearer sk-zQ7short',
        'Basic zQ7dXNlcjpwYXNzd29yZA==',
        `Bearer sk-zQ7${'a'.repeat(47)}`,
        `Bearer sk-zQ7${'é'.repeat(25)}`,
        'Bearer zQ7 and more',
        `Bearer zQ7${'x'.repeat(4_000)}`,
      ];
      for (const authorization of credentials) {
        const reply = await call({ authorization: Buffer.from(authorization).toString('latin1') });
        expectRefusal(reply, 401, 'invalid_api_key');
        expect(reply.text).not.toContain('zQ7');
      }
    });

    it('looks the same whether its key is malformed, unknown or revoked', async () => {
      const revoked = await shape().client().createKey();
      await shape().client().deleteKey(revoked.id);
      const unknown = inventedSecret();
      shape().canaries.keySecrets.add(unknown);
      const replies = await Promise.all(
        [`${unknown.slice(0, -1)}!`, unknown, revoked.secret].map((secret) => shape().client().chat(secret)),
      );
      for (const reply of replies) expectRefusal(reply, 401, 'invalid_api_key');
      expect(new Set(replies.map(anonymous)).size).toBe(1);
    });

    it('with an expired key is 401 expired_api_key', async () => {
      const expiresAt = new Date(Date.now() + 5_000).toISOString();
      const key = await shape().client().createKey({ expires_at: expiresAt });
      expect((await shape().client().chat(key.secret)).status).toBe(200);
      const reply = await waitUntil(
        async () => {
          const each = await shape().client().chat(key.secret);
          return each.status !== 200 && each;
        },
        { what: 'the key to expire', timeoutMs: 20_000 },
      );
      expectRefusal(reply, 401, 'expired_api_key');
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
      expect((await shape().client().getKey(key.id)).state).toBe('expired');
    });

    it('from an address that the key does not allow is 403 ip_not_allowed', async () => {
      const key = await shape()
        .client()
        .createKey({ allowed_ips: ['203.0.113.0/24', '2001:db8::/32'] });
      expectRefusal(
        await shape().client().chat(key.secret, {}, { 'x-forwarded-for': '203.0.113.9' }),
        403,
        'ip_not_allowed',
      );
      const local = await shape()
        .client()
        .createKey({ allowed_ips: ['127.0.0.0/8'] });
      expect((await shape().client().chat(local.secret)).status).toBe(200);
    });

    it('with a key that lacks the scope is 403 access_denied', async () => {
      const key = await shape()
        .client()
        .createKey({ scopes: ['inference:read', 'analytics:read'] });
      expectRefusal(await shape().client().chat(key.secret), 403, 'access_denied');
    });

    it('for a model that the key may not use is 403 model_access_denied', async () => {
      const key = await shape()
        .client()
        .createKey({ models: ['fine-grained'] });
      expectRefusal(await shape().client().chat(key.secret), 403, 'model_access_denied');
      expect((await shape().client().chat(key.secret, { model: 'fine-grained' })).status).toBe(200);
    });

    it('for a model that no pattern of the key stands for is 403, and 200 for one that a pattern does', async () => {
      const client = shape().client();
      const cases: [string[], string[], string[]][] = [
        [['lab-*'], ['lab-1', 'lab-'], ['support-bot', 'fine-grained']],
        [['*'], ['lab-1', 'support-bot', 'fine-grained'], []],
        [['*-bot', 'fine-grained'], ['support-bot', 'fine-grained'], ['lab-1']],
        // The name that the caller writes counts, not the provider's.
        [['gpt-*'], [], ['support-bot', 'lab-1']],
      ];
      for (const [models, allowed, denied] of cases) {
        const { secret } = await client.createKey({ models });
        for (const model of allowed)
          expect((await client.chat(secret, { model })).status, `${models.join()} ${model}`).toBe(200);
        for (const model of denied) expectRefusal(await client.chat(secret, { model }), 403, 'model_access_denied');
      }
    });

    it('for a model that nobody serves is 404 model_not_found', async () => {
      const { secret } = await shape().client().createKey();
      for (const model of ['no-such-model', 'support-bot2', '../v1/models', 'gpt-4o-mini?fail_status=500']) {
        expectRefusal(await shape().client().chat(secret, { model }), 404, 'model_not_found');
      }
    });

    it('reaches no provider and counts as no usage', async () => {
      const client = shape().client();
      const keys = {
        ip: await client.createKey({ allowed_ips: ['203.0.113.1'] }),
        scope: await client.createKey({ scopes: ['analytics:read'] }),
        model: await client.createKey({ models: ['fine-grained'] }),
        poor: await client.createKey({ credit_limit_usd: '0.000000001' }),
      };
      const logged = shape().simulator.log().length;
      const statuses = [];
      for (const stream of [false, true]) {
        for (const key of Object.values(keys)) statuses.push((await client.chat(key.secret, { stream })).status);
        statuses.push((await client.chat(keys.ip.secret, { stream, model: 'no-such-model' })).status);
      }
      expect(statuses).toEqual([403, 403, 403, 402, 403, 403, 403, 403, 402, 403]);
      expect(shape().simulator.log()).toHaveLength(logged);
      // A call that does count is shown after all that came before it.
      const counted = await client.createKey();
      await client.chat(counted.secret);
      await waitUntil(async () => (await client.usage(counted.id)).requests === 1, {
        what: 'the call that counts to be shown',
      });
      for (const key of Object.values(keys)) await expectUnused(key);
    });

    async function expectUnused({ id }: CreatedKey): Promise<void> {
      expect(await shape().client().usage(id)).toEqual({
        requests: 0,
        input_tokens: 0,
        output_tokens: 0,
        cost_usd: '0',
      });
      expect(await shape().client().getKey(id)).toMatchObject({ credit_used_usd: '0', last_used_at: null });
    }

    function expectRefusal(reply: Reply, status: number, code: string): void {
      expect([reply.status, reply.code], reply.text).toEqual([status, code]);
      expect(reply.json()).toEqual({
        error: {
          message: expect.any(String),
          type: expect.any(String),
          param: expect.toSatisfy((param) => param === null || typeof param === 'string'),
          code,
        },
      });
      expect(reply.requestId).not.toBe('');
      expect(providerEntries(shape(), reply.requestId)).toEqual([]);
    }
  });
}

/** Status, headers and body, without what differs from request to request. */
function anonymous({ status, headers, text, requestId }: Reply): string {
  const { date: _, ...rest } = headers;
  return JSON.stringify([status, rest, text]).replaceAll(requestId, 'ID');
}
