import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { costNanoUsd, holdNanoUsd, usd } from '../kit/prices.js';
import { usageOf } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { chatBody, type ChatFields, type TollgateClient } from '../kit/tollgate-client.js';

const measured: ChatFields = { max_tokens: 100, simulator: { prompt_tokens: 100, completion_tokens: 50 } };
const cost = costNanoUsd('gpt-4o-mini', 100, 50);
const hold = holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(measured)), 100);
/** How long is waited for last use and spend in what key-management shows: 5 s is promised to a machine at rest. */
const useLagMsMax = 30_000;

interface Organization {
  readonly credit_limit_usd: string | null;
  readonly credit_used_usd: string | null;
  readonly credit_remaining_usd: string | null;
}

/** What keys spend: the limit of their organisation, and how use is told. */
export function theSpending(shape: () => Shape): void {
  describe("an organisation's credit limit", () => {
    const limitOf = async (client: TollgateClient, body?: object) => {
      const path = `/v1/organizations/${client.organizationId!}`;
      const reply = await client.admin(body === undefined ? 'GET' : 'PATCH', path, body);
      expect(reply.status, reply.text).toBe(200);
      return reply.json<Organization>();
    };

    it('that changes under load admits exactly what it leaves at every gateway, and stops nobody else', async () => {
      const client = await shape().client().newOrganization('Acme');
      const [key, other] = [await client.createKey(), await shape().client().createKey()];
      const gateways = shape().gateways.map((_, at) => shape().client(at));
      let admitted = 0;
      const call = async (gateway: TollgateClient) => {
        const { status } = await gateway.chat(key.secret, measured);
        if (status === 200) admitted += 1;
        return status;
      };
      const callAll = () => Promise.all(gateways.flatMap((gateway) => [1, 2, 3].map(() => call(gateway))));
      const spentIs = (calls: number) =>
        waitUntil(async () => (await client.usage(key.id)).requests === calls, { what: `${calls} calls to be booked` });
      const others = Promise.all(Array.from({ length: 20 }, () => shape().client().chat(other.secret, measured)));

      await callAll();
      expect(admitted).toBe(3 * gateways.length);
      await spentIs(admitted);
      // From none to one below what is used; calls that the change overtakes end, and count.
      expect(await limitOf(client, { credit_limit_usd: usd(cost) })).toMatchObject({
        credit_used_usd: usd(BigInt(admitted) * cost),
        credit_remaining_usd: '0',
      });
      await waitUntil(async () => (await callAll()).every((status) => status === 402), {
        what: 'every gateway to refuse',
      });
      await spentIs(admitted);

      // To more: exactly three calls fit, whichever gateway learns of it first.
      const before = admitted;
      await limitOf(client, { credit_limit_usd: usd(BigInt(before + 2) * cost + hold) });
      await waitUntil(
        async () => {
          await callAll();
          return admitted >= before + 3;
        },
        { what: 'three calls to be admitted' },
      );
      for (let time = 0; time < 3; time++) expect(await callAll()).toEqual(Array(3 * gateways.length).fill(402));
      expect(admitted).toBe(before + 3);
      await spentIs(admitted);
      const used = usd(BigInt(admitted) * cost);
      await waitUntil(async () => (await limitOf(client)).credit_used_usd === used, {
        what: 'the organisation to show what is used',
        timeoutMs: useLagMsMax,
      });

      // To none: everything is admitted.
      expect(await limitOf(client, { credit_limit_usd: null })).toMatchObject({ credit_limit_usd: null });
      await waitUntil(async () => (await callAll()).every((status) => status === 200), {
        what: 'every gateway to admit',
      });
      expect((await others).map(({ status }) => status)).toEqual(Array(20).fill(200));
    });

    it('is the operator’s alone', async () => {
      const client = await shape().client().newOrganization('Acme');
      const { secret } = await client.createKey({ scopes: ['admin'] });
      const path = `/v1/organizations/${client.organizationId!}`;
      const headers = { authorization: `Bearer ${secret}` };
      const reply = await client.call({ method: 'PATCH', path, headers, body: { credit_limit_usd: '1' } });
      expect([reply.status, reply.code]).toEqual([403, 'access_denied']);
    });
  });

  describe('the use of a key', () => {
    it('is told at most 5 s later, for the secret that was used, and leaves its version as it was', async () => {
      const key = await shape().client().createKey();
      const path = `/v1/api-keys/${key.id}`;
      const tag = (await shape().client().admin('GET', path)).header('etag');
      for (let call = 0; call < 2; call++) expect((await shape().client().chat(key.secret)).status).toBe(200);
      await usageOf(shape(), key.id, 2);
      const shown = await waitUntil(
        async () => {
          const reply = await shape().client().admin('GET', path);
          const { secrets } = reply.json<{ secrets: { requests: number; last_used_at: string | null }[] }>();
          return secrets[0]?.requests === 2 && reply;
        },
        { what: 'the use of the secret to be shown', timeoutMs: useLagMsMax },
      );
      expect(shown.header('etag')).toBe(tag);
      const { secrets, last_used_at: lastUsedAt } = shown.json<{
        secrets: { last_used_at: string }[];
        last_used_at: string;
      }>();
      expect(secrets[0]!.last_used_at).toBe(lastUsedAt);
    });
  });
}
