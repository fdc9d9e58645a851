import { hasSecretForm } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import { usageOf } from '../kit/provider-log.js';
import { OneAddress } from '../kit/one-address.js';
import type { Shape } from '../kit/shape.js';
import type { ApiKey } from '../kit/tollgate-client.js';

/** A key from its making to its end, as an administrator sees it. */
export function theKey(shape: () => Shape): void {
  describe('the key', () => {
    it('is made with everything asked for, and shown with its secret in a reply that no cache keeps', async () => {
      const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
      const reply = await shape()
        .client()
        .admin('POST', '/v1/api-keys', {
          name: 'checkout service',
          scopes: ['inference:write', 'analytics:read'],
          expires_at: expiresAt,
          credit_limit_usd: '12.5',
          rate_limits: { requests_per_minute: 60, tokens_per_minute: 100_000, parallel_requests: 4 },
          models: ['support-bot', 'lab-*'],
          allowed_ips: ['10.0.0.0/8', '2001:db8::1'],
        });
      expect(reply.status).toBe(201);
      expect(reply.header('cache-control')).toContain('no-store');
      expect(reply.header('content-type')).toContain('application/json');
      const { secret, ...key } = reply.json<{ secret: string; id: string; created_at: string }>();
      shape().canaries.keySecrets.add(secret);
      expect(key).toMatchObject({
        object: 'api_key',
        name: 'checkout service',
        state: 'active',
        masked_key: `${secret.slice(0, 6)}…${secret.slice(-4)}`,
        scopes: ['inference:write', 'analytics:read'],
        expires_at: expiresAt,
        credit_limit_usd: '12.5',
        credit_used_usd: '0',
        credit_reset: 'never',
        rate_limits: { requests_per_minute: 60, tokens_per_minute: 100_000, parallel_requests: 4 },
        models: ['support-bot', 'lab-*'],
        allowed_ips: ['10.0.0.0/8', '2001:db8::1'],
        groups: [],
        last_used_at: null,
      });
      expect(Math.abs(Date.parse(key.created_at) - Date.now())).toBeLessThan(60_000);
    });

    it('has a secret in the form that scanners know, with a checksum that holds', async () => {
      const { secret } = await shape().client().createKey();
      expect(secret).toMatch(/^sk-[0-9A-Za-z]{50}$/);
      expect(hasSecretForm(secret)).toBe(true);
    });

    it('is unlimited, unexpiring and open to inference where nothing is asked for', async () => {
      const key = await shape().client().createKey({ name: 'bare' });
      expect(key).toMatchObject({
        scopes: ['inference:read', 'inference:write'],
        expires_at: null,
        credit_limit_usd: null,
        models: null,
        allowed_ips: null,
        rate_limits: { requests_per_minute: null, tokens_per_minute: null, parallel_requests: null },
      });
    });

    it('takes money as text and as a number, and shows it as text', async () => {
      for (const [given, shown] of [
        ['5', '5'],
        ['0.000000001', '0.000000001'],
        [0.1, '0.1'],
        [7, '7'],
        ['2.50', '2.5'],
      ] as const) {
        expect((await shape().client().createKey({ credit_limit_usd: given })).credit_limit_usd).toBe(shown);
      }
    });

    it('expires so many days from now', async () => {
      const { expires_at: expiresAt } = await shape().client().createKey({ expires_in_days: 30 });
      expect(Math.abs(Date.parse(expiresAt!) - Date.now() - 30 * 86_400_000)).toBeLessThan(60_000);
    });

    it('is shown alone and in the list without its secret', async () => {
      const client = shape().client();
      const { secret, ...key } = await client.createKey({ name: 'shown' });
      const one = await client.admin('GET', `/v1/api-keys/${key.id}`);
      const list = await client.admin('GET', '/v1/api-keys?limit=100');
      // These two also say who uses the key, and how many routes it may use.
      expect(one.json()).toMatchObject(key);
      expect(list.json()).toMatchObject({ object: 'list' });
      expect(list.json<{ data: ApiKey[] }>().data.find(({ id }) => id === key.id)).toMatchObject(key);
      for (const reply of [one, list]) expect(reply.text).not.toContain(secret.slice(6, -4));
    });

    it('is found in exactly one page of a list that is read in pages', async () => {
      const client = shape().client();
      const made = [];
      for (const name of ['one', 'two', 'three']) made.push((await client.createKey({ name })).id);
      const first = await client.listKeys('?limit=2');
      expect(first.data).toHaveLength(2);
      expect(first.has_more).toBe(true);
      const listed = (await client.allKeys()).map((key) => key.id);
      expect(new Set(listed).size).toBe(listed.length);
      expect(listed).toEqual(expect.arrayContaining(made));
    });

    it('is the same key under its id in any case, with the same sums', async () => {
      const client = shape().client();
      const { id, secret } = await client.createKey();
      await client.chat(secret);
      const totals = await usageOf(shape(), id, 1);
      const capitals = id.toUpperCase();
      // Its use arrives a little later than its charge, and must not come between the two readings.
      await expect.poll(async () => (await client.getKey(id)).secrets[0]?.requests, { timeout: 30_000 }).toBe(1);
      const shown = await client.getKey(id);
      expect(Number(shown.credit_used_usd)).toBeGreaterThan(0);
      expect(await client.getKey(capitals)).toEqual(shown);
      expect(await client.usage(capitals)).toEqual(totals);
      for (const [method, path] of [
        ['POST', `/v1/api-keys/${capitals}/revoke`],
        ['DELETE', `/v1/api-keys/${capitals}`],
      ] as const) {
        const reply = await client.admin(method, path);
        expect([reply.status, reply.json<ApiKey>().credit_used_usd, reply.json<ApiKey>().last_used_at]).toEqual([
          200,
          shown.credit_used_usd,
          shown.last_used_at,
        ]);
      }
      expect(await client.usage(capitals), 'after its end').toEqual(totals);
      expect((await client.chat(secret)).status).toBe(401);
    });

    it('has usage from its making on, and an id that no key ever had has none', async () => {
      const client = shape().client();
      const [idle, deleted] = [await client.createKey(), await client.createKey()];
      await client.deleteKey(deleted.id);
      for (const { id } of [idle, deleted]) expect((await client.usage(id)).requests).toBe(0);
      for (const query of ['', '&from=2026-01-01T00:00:00Z']) {
        const reply = await client.admin('GET', `/v1/usage?api_key_id=00000000-0000-4000-8000-000000000000${query}`);
        expect([reply.status, reply.code]).toEqual([404, 'api_key_not_found']);
      }
    });

    it.each([
      ['inference:read', 403, 403, 403],
      ['inference:write', 200, 403, 403],
      ['analytics:read', 403, 403, 200],
      ['admin', 403, 200, 200],
    ])('may be made with the scope %s alone; what it opens is %i, %i, %i', async (scope, chat, keys, usage) => {
      const client = shape().client();
      const key = await client.createKey({ scopes: [scope] });
      expect(key.scopes).toEqual([scope]);
      expect((await client.chat(key.secret)).status).toBe(chat);
      for (const [path, status] of [
        ['/v1/api-keys', keys],
        ['/v1/usage', usage],
      ] as const) {
        const reply = await client.call({ method: 'GET', path, headers: { authorization: `Bearer ${key.secret}` } });
        expect([reply.status, reply.code], path).toEqual([status, status === 403 ? 'access_denied' : undefined]);
      }
    });

    it('is gone from sight when it is deleted, and the reply says that it is revoked', async () => {
      const client = shape().client();
      const key = await client.createKey();
      const reply = await client.admin('DELETE', `/v1/api-keys/${key.id}`, undefined, {
        'content-type': 'application/json',
      });
      expect(reply.status).toBe(200);
      expect(reply.json()).toMatchObject({ object: 'api_key', id: key.id, state: 'revoked' });
      for (const method of ['GET', 'DELETE']) {
        const again = await client.admin(method, `/v1/api-keys/${key.id}`);
        expect([again.status, again.code]).toEqual([404, 'api_key_not_found']);
      }
      expect((await client.allKeys()).map(({ id }) => id)).not.toContain(key.id);
    });

    it('is not found under an id that nobody has, or that is none', async () => {
      for (const id of ['00000000-0000-4000-8000-000000000000', 'nonsense', '%27%3B--']) {
        const reply = await shape().client().admin('GET', `/v1/api-keys/${id}`);
        expect([reply.status, reply.code, reply.header('content-type')], id).toEqual([
          404,
          'api_key_not_found',
          expect.stringContaining('application/problem+json'),
        ]);
      }
    });

    it('is shown and made only for who may', async () => {
      const client = shape().client();
      const { id, secret } = await client.createKey();
      const calls = [
        ['GET', '/v1/api-keys'],
        ['POST', '/v1/api-keys'],
        ['GET', `/v1/api-keys/${id}`],
        ['DELETE', `/v1/api-keys/${id}`],
        ['GET', `/v1/usage?api_key_id=${id}`],
      ] as const;
      for (const [n, [method, path]] of calls.entries()) {
        const without = await client.call({ method, path });
        expect([without.status, without.code], `${method} ${path}`).toEqual([401, 'missing_credential']);
        const key = await client.call({ method, path, headers: { authorization: `Bearer ${secret}` } });
        expect([key.status, key.code], `${method} ${path}`).toEqual([403, 'access_denied']);
        // Each from an address of its own: wrong credentials of one address soon meet a limit.
        const stranger = new OneAddress(shape().gateways[0]!.url, `127.0.3.${n + 1}`);
        for (const wrong of [`${secret.slice(0, -1)}_`, `${shape().adminSecret}x`, shape().adminSecret.slice(0, -1)]) {
          const reply = await stranger.send({ method, path, headers: { authorization: `Bearer ${wrong}` } });
          expect([reply.status, reply.code], `${method} ${path}`).toEqual([401, 'invalid_credential']);
          expect(reply.text).not.toContain(wrong);
        }
        stranger.close();
      }
      expect((await client.getKey(id)).state).toBe('active');
    });
  });
}
