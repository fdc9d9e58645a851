import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { notAcrossMidnight } from '../kit/not-across-midnight.js';
import { costNanoUsd, holdNanoUsd, usd } from '../kit/prices.js';
import { usageOf } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { chatBody, type ApiKey, type ChatFields, type TollgateClient } from '../kit/tollgate-client.js';

const measured: ChatFields = { max_tokens: 100, simulator: { prompt_tokens: 100, completion_tokens: 50 } };
const cost = costNanoUsd('gpt-4o-mini', 100, 50);
const hold = holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(measured)), 100);
/** The least limit under which so many calls fit, one after the other. */
const roomFor = (calls: number): bigint => BigInt(calls - 1) * cost + hold;

/** Limits that change while their keys are in use. */
export function theChangedLimits(shape: () => Shape): void {
  describe('a limit that changes', () => {
    const clients = (): TollgateClient[] => shape().gateways.map((_, at) => shape().client(at));
    /**
     * Lets so many calls through, one after the other, at one gateway after the other. A call can be refused for the
     * hold of the one before, which is settled a moment after its answer: it is made again.
     */
    async function serves(secret: string, calls: number): Promise<void> {
      const all = clients();
      for (let call = 0; call < calls; call++)
        await waitUntil(async () => (await all[call % all.length]!.chat(secret, measured)).status === 200, {
          what: `call ${call + 1} of ${calls} to be served`,
        });
    }
    /** The same for a key whose calls nothing may refuse. */
    async function servesAtOnce(secret: string, calls: number): Promise<void> {
      const all = clients();
      for (let call = 0; call < calls; call++)
        expect((await all[call % all.length]!.chat(secret, measured)).status).toBe(200);
    }
    async function patch(id: string, fields: Record<string, unknown>): Promise<ApiKey> {
      const reply = await shape().client().admin('PATCH', `/v1/api-keys/${id}`, fields);
      expect(reply.status, reply.text).toBe(200);
      return reply.json();
    }
    const exhausted = async (secret: string): Promise<Reply[]> => {
      const replies = await Promise.all(clients().map((client) => client.chat(secret, measured)));
      expect(replies.map(({ status, code }) => [status, code])).toEqual(replies.map(() => [402, 'quota_exceeded']));
      return replies;
    };

    it('from none to one counts what the key spent before, and the reply says so', async () => {
      const key = await shape().client().createKey();
      const other = await shape().client().createKey();
      await servesAtOnce(key.secret, 3);
      const limited = await patch(key.id, { credit_limit_usd: usd(3n * cost + roomFor(2)) });
      expect(limited).toMatchObject({ credit_used_usd: usd(3n * cost), credit_reset: 'never' });
      await serves(key.secret, 2);
      await exhausted(key.secret);
      await servesAtOnce(other.secret, 2);
    });

    it('under load never lets more through than it has left, and refuses no other key', async () => {
      const key = await shape().client().createKey();
      const other = await shape().client().createKey();
      await servesAtOnce(key.secret, 2);
      const limit = 2n * cost + 5n * hold;
      await patch(key.id, { credit_limit_usd: usd(limit) });
      const at = (call: number): TollgateClient => clients()[call % shape().gateways.length]!;
      const [ofKey, ofOther] = await Promise.all(
        [key, other].map(({ secret }) =>
          Promise.all(Array.from({ length: 20 }, (_, call) => at(call).chat(secret, measured))),
        ),
      );
      expect(ofOther!.map(({ status }) => status)).toEqual(ofOther!.map(() => 200));
      const served = ofKey!.filter(({ status }) => status === 200).length;
      expect(ofKey!.every(({ status }) => status === 200 || status === 402)).toBe(true);
      expect(served).toBeGreaterThanOrEqual(5);
      const { cost_usd: spent } = await usageOf(shape(), key.id, 2 + served);
      expect(spent).toBe(usd(BigInt(2 + served) * cost));
      expect(BigInt(2 + served) * cost).toBeLessThanOrEqual(limit);
    });

    it('to less than is used lets nothing through, and to more exactly what it adds', async () => {
      const key = await shape()
        .client()
        .createKey({ credit_limit_usd: usd(roomFor(2)) });
      await serves(key.secret, 2);
      await exhausted(key.secret);
      expect(await patch(key.id, { credit_limit_usd: usd(cost) })).toMatchObject({ credit_limit_usd: usd(cost) });
      const [refused] = await exhausted(key.secret);
      expect(refused!.text).toContain('The credit limit of the API key has 0 USD left');
      await patch(key.id, { credit_limit_usd: usd(2n * cost + roomFor(1)) });
      await serves(key.secret, 1);
      await exhausted(key.secret);
    });

    it('to none lets everything through, and what was spent meanwhile counts when there is one again', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 0 });
      await exhausted(key.secret);
      await patch(key.id, { credit_limit_usd: null });
      await servesAtOnce(key.secret, 2);
      const limited = await patch(key.id, { credit_limit_usd: usd(2n * cost + roomFor(1)) });
      expect(limited.credit_used_usd).toBe(usd(2n * cost));
      await serves(key.secret, 1);
      await exhausted(key.secret);
    });

    it('that resets counts its cycle, and its refusal says when the next one begins', async () => {
      await notAcrossMidnight();
      const key = await shape().client().createKey();
      await servesAtOnce(key.secret, 1);
      await patch(key.id, { credit_limit_usd: usd(cost + roomFor(1)), credit_reset: 'monthly' });
      await serves(key.secret, 1);
      await exhausted(key.secret);
      for (const { text } of await exhausted(key.secret))
        expect(text).toMatch(/ The limit resets at \d{4}-\d\d-01T00:00:00Z\./);
      // For good it counts the key's whole life, which is this month here.
      await patch(key.id, { credit_reset: 'never' });
      await exhausted(key.secret);
    });
  });
}
