import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { costOfEntry, providerEntry, usageOf } from '../kit/provider-log.js';
import { notAcrossMidnight } from '../kit/not-across-midnight.js';
import { usd } from '../kit/prices.js';
import type { Shape } from '../kit/shape.js';
import { SlowCall } from '../kit/slow-call.js';
import type { ApiKey, CreatedKey, RequestHeaders } from '../kit/tollgate-client.js';
import { eventsOf } from '../kit/sse.js';

/** How soon a change of a key counts at every gateway. */
const WITHIN_MS = 1_000;

/** A setting that is changed, and what requests are answered then. */
interface Change {
  readonly patch: object;
  /** What takes it back. */
  readonly back: object;
  readonly headers?: RequestHeaders;
  readonly answer: readonly [status: number, code: string];
}

const CHANGES: Readonly<Record<string, Change>> = {
  scopes: {
    patch: { scopes: ['analytics:read'] },
    back: { scopes: ['inference:write'] },
    answer: [403, 'access_denied'],
  },
  models: { patch: { models: ['lab-*'] }, back: { models: null }, answer: [403, 'model_access_denied'] },
  networks: { patch: { allowed_ips: ['192.0.2.0/24'] }, back: { allowed_ips: null }, answer: [403, 'ip_not_allowed'] },
  'browser use': {
    patch: { browser_use: 'refused' },
    back: { browser_use: null },
    headers: { origin: 'https://app.example' },
    answer: [403, 'access_denied'],
  },
  'the rate limit': {
    patch: { rate_limits: { requests_per_minute: 1 } },
    back: { rate_limits: { requests_per_minute: null } },
    answer: [429, 'rate_limit_exceeded'],
  },
  'the credit limit': {
    patch: { credit_limit_usd: 0 },
    back: { credit_limit_usd: null },
    answer: [402, 'quota_exceeded'],
  },
};

/** What keys are given when they are made and afterwards, seen at the gateways. */
export function theSettings(shape: () => Shape): void {
  describe('the settings', () => {
    const everyGateway = () => shape().gateways.map((_, gateway) => shape().client(gateway));
    const patch = async (id: string, fields: object) => {
      const reply = await shape().client().admin('PATCH', `/v1/api-keys/${id}`, fields);
      expect(reply.status, reply.text).toBe(200);
      return reply.json<ApiKey & { credit_remaining_usd: string | null }>();
    };
    const action = async (id: string, name: 'disable' | 'enable' | 'revoke') => {
      const reply = await shape().client().admin('POST', `/v1/api-keys/${id}/${name}`);
      return [reply.status, reply.code ?? reply.json<ApiKey>().state] as const;
    };
    const answers = (key: CreatedKey, headers?: RequestHeaders) =>
      Promise.all(
        everyGateway().map(async (client) => {
          const { status, code } = await client.chat(key.secret, {}, headers);
          return [status, code] as const;
        }),
      );
    const everywhere = (key: CreatedKey, answer: readonly [number, string | undefined], headers?: RequestHeaders) =>
      waitUntil(
        async () => (await answers(key, headers)).every(([status, code]) => status === answer[0] && code === answer[1]),
        {
          what: `every gateway to answer ${answer.join(' ')}`,
          timeoutMs: WITHIN_MS,
        },
      );

    it.each(Object.keys(CHANGES))('of a key count at every gateway within a second of the change: %s', async (what) => {
      const change = CHANGES[what]!;
      const key = await shape().client().createKey();
      await everywhere(key, [200, undefined], change.headers);
      await patch(key.id, change.patch);
      await everywhere(key, change.answer, change.headers);
      await patch(key.id, change.back);
      await everywhere(key, [200, undefined], change.headers);
    });

    it('give a key that has expired a later end, and it is served again', async () => {
      const key = await shape().client().createKey();
      const end = Date.now() + 2_000;
      await patch(key.id, { expires_at: new Date(end).toISOString() });
      await waitUntil(() => Date.now() >= end, { what: 'the end of the key' });
      await everywhere(key, [401, 'expired_api_key']);
      await patch(key.id, { expires_in_days: 1 });
      await everywhere(key, [200, undefined]);
    });

    it.each(['never', 'daily', 'weekly', 'monthly'])(
      'of a first limit count what the key was charged in its cycle before, with the reset %s: nothing is left until it is raised',
      async (reset) => {
        await notAcrossMidnight();
        const key = await shape().client().createKey();
        await shape().client().chat(key.secret);
        const { cost_usd: used } = await usageOf(shape(), key.id, 1);
        const limited = await patch(key.id, { credit_limit_usd: '0.000000001', credit_reset: reset });
        expect(limited).toMatchObject({ credit_used_usd: used, credit_remaining_usd: '0', credit_reset: reset });
        await everywhere(key, [402, 'quota_exceeded']);
        expect(Number((await patch(key.id, { credit_limit_usd: 1 })).credit_remaining_usd)).toBeLessThan(1);
        await everywhere(key, [200, undefined]);
      },
    );

    it('that change while a call is under way leave it as it began, in full and charged in full', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const stream = await shape()
        .client()
        .openChat(key.secret, { max_tokens: 40, simulator: { chunks: 20, chunk_interval_ms: 30 } });
      await stream.until((text) => text.includes('word0'));
      await patch(key.id, { credit_limit_usd: 0, models: ['lab-*'], rate_limits: { parallel_requests: 1 } });
      const { complete, text } = await stream.ended;
      expect([complete, eventsOf(text).at(-1)?.data]).toEqual([true, '[DONE]']);
      const cost = costOfEntry(providerEntry(shape(), stream.requestId));
      expect((await usageOf(shape(), key.id, 1)).cost_usd).toBe(usd(cost));
      await everywhere(key, [403, 'model_access_denied']);
    });

    it('of a disabled key are kept: it is refused like a revoked one, and served again once it is enabled', async () => {
      const key = await shape()
        .client()
        .createKey({ models: ['support-bot'] });
      await everywhere(key, [200, undefined]);
      for (let time = 0; time < 2; time++) {
        const calls = await Promise.all(shape().gateways.map(({ url }) => SlowCall.begin(url, key.secret)));
        expect(await action(key.id, 'disable')).toEqual([200, 'disabled']);
        for (const call of calls) {
          const reply = await call.reply();
          expect([reply.status, reply.code]).toEqual([401, 'invalid_api_key']);
          call.leave();
        }
        await everywhere(key, [401, 'invalid_api_key']);
        // Each gateway remembers by now that the secret is refused.
        expect(await answers(key)).toEqual(shape().gateways.map(() => [401, 'invalid_api_key']));
        expect(await action(key.id, 'enable')).toEqual([200, 'active']);
        await everywhere(key, [200, undefined]);
      }
      expect(await action(key.id, 'disable')).toEqual([200, 'disabled']);
      expect(await action(key.id, 'revoke')).toEqual([200, 'revoked']);
      for (const name of ['enable', 'disable'] as const)
        expect(await action(key.id, name)).toEqual([409, 'api_key_ended']);
      await everywhere(key, [401, 'invalid_api_key']);
    });

    it('of a project key open no inference, and its reply has both halves', async () => {
      const client = shape().client();
      const project = (await client.admin('POST', '/v1/projects', { name: 'tracing of journeys' })).json<{
        id: string;
      }>();
      const reply = await client.admin('POST', `/v1/projects/${project.id}/api-keys`, { name: 'sdk' });
      expect(reply.status).toBe(201);
      const key = reply.json<CreatedKey & { public_key: string }>();
      shape().canaries.keySecrets.add(key.secret);
      expect(key).toMatchObject({ type: 'project', public_key: expect.stringMatching(/^pk-/) as string, scopes: [] });
      await everywhere(key, [403, 'access_denied']);
      expect((await client.chat(key.secret)).text).toContain('project key');
      await client.deleteKey(key.id);
      await everywhere(key, [401, 'invalid_api_key']);
      expect((await client.admin('DELETE', `/v1/projects/${project.id}`)).status).toBe(200);
    });
  });
}
