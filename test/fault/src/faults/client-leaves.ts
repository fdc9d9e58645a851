import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { costNanoUsd, costOfEntry, type ChatFields } from '@tollgate/journey';
import { expect, it } from 'vitest';
import type { GatewayStage } from '../gateway-stage.js';
import { expectInvariants } from '../invariants.js';
import { eventOf } from '../ledger.js';
import { MarkedCall, untilHeld } from '../marked-call.js';
import { tellMeasured } from '../measured.js';
import { chanceOf, rounds } from '../stage.js';

/** One whose provider ends and reports soon after, and one whose provider goes on for a minute. */
const providers: Record<'reports' | 'goes on', ChatFields> = {
  reports: { simulator: { chunks: 100, completion_tokens: 100, chunk_interval_ms: 25 } },
  'goes on': { max_tokens: 4_000, simulator: { chunks: 3_000, completion_tokens: 3_000, chunk_interval_ms: 20 } },
};

export function clientLeaves(stageOf: () => GatewayStage): void {
  it.concurrent(
    'fault 5: a client that leaves in mid-stream is charged what was used soon after, at most its hold',
    async () => {
      const { shape } = stageOf();
      const chance = chanceOf('fault 5');
      const gateway = shape.gateways.length - 1;
      const leave = async (provider: keyof typeof providers): Promise<{ provider: string; settledAfter: number }> => {
        const key = await shape.client(gateway).createKey({ credit_limit_usd: 1 });
        const call = new MarkedCall({ ...providers[provider], stream: true });
        const stream = await shape.client(gateway).openChat(key.secret, call.fields);
        await stream.until((text) => text.includes('word0'));
        await delay(chance.between(0, 1_500));
        stream.leave();
        const leftAt = performance.now();
        const { complete } = await stream.ended;
        expect(complete).toBe(false);
        const event = await waitUntil(() => eventOf(shape.databaseUrl, stream.requestId), {
          what: 'the call to be booked',
          timeoutMs: 60_000,
          intervalMs: 50,
        });
        await untilHeld(shape, key, 0n);
        const settledAfter = performance.now() - leftAt;
        // The provider is heard for ten seconds more; the rest is what a busy machine takes.
        expect(settledAfter).toBeLessThan(30_000);
        expect(event.outcome).toBe('client_left');
        expect(event.charge > 0n && event.charge <= call.hold, `0 < ${event.charge} ≤ ${call.hold}`).toBe(true);
        const reported = costOfEntry(call.entries(shape)[0]!);
        if (provider === 'reports') expect(event.charge).toBe(reported);
        else
          expect(event).toMatchObject({
            inputTokens: Math.ceil(call.bodyBytes / 4),
            charge: costNanoUsd('gpt-4o-mini', event.inputTokens, event.outputTokens),
          });
        await expectInvariants(shape, [key]);
        return { provider, settledAfter };
      };
      for (const _ of rounds()) {
        const left = await Promise.all([leave('reports'), leave('goes on')]);
        tellMeasured(
          'fault 5: client left in mid-stream',
          Object.fromEntries(
            left.map(({ provider, settledAfter }) => [
              `provider ${provider}: settled after`,
              `${Math.round(settledAfter)} ms`,
            ]),
          ),
        );
      }
    },
  );
}
