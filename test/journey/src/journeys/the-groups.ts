import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { providerEntries } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import type { TollgateClient } from '../kit/tollgate-client.js';

/** Groups of keys, the routes that they open, and what explains a refusal. */
export function theGroups(shape: () => Shape): void {
  describe('the groups', () => {
    const everyGateway = () => shape().gateways.map((_, gateway) => shape().client(gateway));
    const model = 'any-closed';

    async function changed(method: string, path: string, body?: object): Promise<{ id: string }> {
      const reply = await shape().client().admin(method, path, body);
      expect([200, 201], `${method} ${path}: ${reply.text}`).toContain(reply.status);
      return reply.json();
    }
    let groups = 0;
    const newGroup = async (): Promise<string> =>
      (await changed('POST', '/v1/groups', { name: `a group of the journeys ${++groups}` })).id;
    const ofGroup = (group: string, route: string) => `/v1/groups/${group}/routes/${encodeURIComponent(route)}`;
    const inGroup = (group: string, key: string) => `/v1/groups/${group}/keys/${key}`;
    /** Waits until every gateway answers the key so; a change is known within a second. */
    async function everywhere(secret: string, status: number, of = model): Promise<void> {
      const answers = (clients: readonly TollgateClient[]) =>
        Promise.all(clients.map(async (client) => (await client.chat(secret, { model: of })).status));
      await waitUntil(async () => (await answers(everyGateway())).every((each) => each === status), {
        what: `every gateway to answer ${status}`,
        timeoutMs: 1_000,
      });
    }

    it('open a route to their keys: who joins may use it, who leaves may not, at every gateway', async () => {
      const [key, other] = [await shape().client().createKey(), await shape().client().createKey()];
      const group = await newGroup();
      await changed('PUT', ofGroup(group, model));
      await everywhere(key.secret, 403);
      await changed('PUT', inGroup(group, key.id));
      await everywhere(key.secret, 200);
      await everywhere(other.secret, 403);
      await changed('DELETE', inGroup(group, key.id));
      await everywhere(key.secret, 403);
      const refused = await shape().client().chat(key.secret, { model });
      expect([refused.status, refused.code]).toEqual([403, 'route_access_denied']);
      expect(refused.text).toContain('is open to groups only, and this API key is in no group that has the route');
      expect(refused.text).toContain(`\\"${model}\\"`);
      expect(refused.text).not.toContain('a group of the journeys');
      expect(providerEntries(shape(), refused.requestId)).toEqual([]);
    });

    it('open and close a route to all their keys by one change, and close it with their end', async () => {
      const keys = [await shape().client().createKey(), await shape().client().createKey()];
      const [group, second] = [await newGroup(), await newGroup()];
      for (const key of keys) await changed('PUT', inGroup(group, key.id));
      await changed('PUT', inGroup(second, keys[1]!.id));
      for (const each of [group, second]) await changed('PUT', ofGroup(each, model));
      for (const key of keys) await everywhere(key.secret, 200);
      await changed('DELETE', ofGroup(group, model));
      await everywhere(keys[0]!.secret, 403);
      await everywhere(keys[1]!.secret, 200);
      await changed('PUT', ofGroup(group, model));
      await everywhere(keys[0]!.secret, 200);
      await changed('DELETE', `/v1/groups/${group}`);
      await everywhere(keys[0]!.secret, 403);
      await everywhere(keys[1]!.secret, 200);
      await changed('DELETE', `/v1/groups/${second}`);
      await everywhere(keys[1]!.secret, 403);
    });

    it('leave a call under way to the rules that it began with', async () => {
      const key = await shape().client().createKey();
      const group = await newGroup();
      await changed('PUT', ofGroup(group, model));
      await changed('PUT', inGroup(group, key.id));
      await everywhere(key.secret, 200);
      const streams = await Promise.all(
        everyGateway().map((client) =>
          client.openChat(key.secret, { model, simulator: { chunks: 20, chunk_interval_ms: 30 } }),
        ),
      );
      for (const stream of streams) await stream.until((text) => text.includes('word0'));
      await changed('DELETE', `/v1/groups/${group}`);
      for (const { complete } of await Promise.all(streams.map((stream) => stream.ended))) expect(complete).toBe(true);
      await everywhere(key.secret, 403);
    });

    it.each([
      'any-Closed',
      'any-closed ',
      'any-closed.',
      'any-closed/',
      'any-%63losed',
      'any-closed-2025-01-31',
      'any-closed:latest',
      'any-ｃlosed',
      'any-сlosed',
      'any-\u200bclosed',
      'any-x/any-closed',
    ])('close what they open under any form of its name: %j', async (form) => {
      const key = await shape().client().createKey();
      const refused = await shape().client().chat(key.secret, { model: form });
      expect([refused.status, refused.code]).toEqual([403, 'route_access_denied']);
      expect((await shape().client().chat(key.secret, { model: 'any-other' })).status).toBe(200);
    });

    it('and the key’s list of models must both allow a route', async () => {
      const listed = await shape()
        .client()
        .createKey({ models: ['any-other'] });
      const group = await newGroup();
      await changed('PUT', ofGroup(group, model));
      await changed('PUT', inGroup(group, listed.id));
      await waitUntil(
        async () => (await shape().client().chat(listed.secret, { model })).code === 'model_access_denied',
        {
          what: 'the list of models to refuse alone',
          timeoutMs: 1_000,
        },
      );
    });

    it('are shown with their routes, for the configuration and for a key', async () => {
      const key = await shape().client().createKey();
      const group = await newGroup();
      await changed('PUT', ofGroup(group, model));
      await changed('PUT', inGroup(group, key.id));
      const data = async (path: string) =>
        (await shape().client().admin('GET', path)).json<{ data: { name: string; groups: { id: string }[] }[] }>().data;
      const shown = (await data('/v1/routes?limit=100')).find(({ name }) => name === model);
      expect(shown).toMatchObject({ access: 'groups', configured: true });
      expect(shown?.groups.map(({ id }) => id)).toContain(group);
      const own = (await data(`/v1/api-keys/${key.id}/routes?limit=100`)).find(({ name }) => name === model);
      expect(own?.groups.map(({ id }) => id)).toEqual([group]);
      expect((await shape().client().getKey(key.id)).groups).toEqual([group]);
    });
  });

  describe('an explanation', () => {
    const chat = '/v1/chat/completions';
    it('says what the gateways do, for keys and calls of every kind', async () => {
      const client = shape().client();
      const group = (await client.admin('POST', '/v1/groups', { name: 'explained' })).json<{ id: string }>().id;
      await client.admin('PUT', `/v1/groups/${group}/routes/any-closed`);
      const [plain, member, revoked] = [await client.createKey(), await client.createKey(), await client.createKey()];
      expect((await client.admin('PUT', `/v1/groups/${group}/keys/${member.id}`)).status).toBe(200);
      expect((await client.admin('POST', `/v1/api-keys/${revoked.id}/revoke`)).status).toBe(200);
      const keys = [
        plain,
        member,
        revoked,
        await client.createKey({ models: ['support-*'] }),
        await client.createKey({ allowed_ips: ['203.0.113.0/24'] }),
        await client.createKey({ scopes: ['analytics:read'] }),
        await client.createKey({ credit_limit_usd: 0 }),
      ];
      const models = ['support-bot', 'any-closed', 'ANY-CLOSED', 'any-Closed', 'any-other', 'no-such-model'];
      const seen = new Set<string | null>();
      for (const key of keys)
        for (const model of models) {
          const explained = await client.admin('POST', `/v1/api-keys/${key.id}/explain`, {
            model,
            ip: '127.0.0.1',
            endpoint: chat,
          });
          const { passes, code } = explained.json<{ passes: boolean; code: string | null }>();
          seen.add(code);
          const what = `${key.name} ${JSON.stringify({ model, models: key.models, scopes: key.scopes })}`;
          for (const gateway of everyGateway()) {
            const answered = await gateway.chat(key.secret, { model });
            expect([answered.status === 200, answered.status === 200 ? null : answered.code], what).toEqual([
              passes,
              code,
            ]);
          }
        }
      expect([...seen].map(String).sort()).toEqual([
        'access_denied',
        'invalid_api_key',
        'ip_not_allowed',
        'model_access_denied',
        'model_not_found',
        'null',
        'quota_exceeded',
        'route_access_denied',
      ]);
    });
    const everyGateway = () => shape().gateways.map((_, gateway) => shape().client(gateway));
  });
}
