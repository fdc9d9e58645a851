import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { costNanoUsd } from '@tollgate/journey';
import { expect, it } from 'vitest';
import { lastProgressOf } from '../gateway-journal.js';
import type { GatewayStage } from '../gateway-stage.js';
import { expectInvariants } from '../invariants.js';
import { eventOf, resolutionsOf } from '../ledger.js';
import { MarkedCall } from '../marked-call.js';
import { tellMeasured } from '../measured.js';
import { chanceOf, rounds } from '../stage.js';

export function gatewayKilledMidStream(stageOf: () => GatewayStage): void {
  it('fault 3: a gateway killed in mid-stream charges what its last journaled progress says', async () => {
    const { shape } = stageOf();
    const chance = chanceOf('fault 3');
    const gateway = shape.gateways[0]!;
    const key = await shape.client().createKey({ credit_limit_usd: 1 });
    const charged: string[] = [];
    for (const _ of rounds()) {
      const call = new MarkedCall({
        stream: true,
        max_tokens: 800,
        simulator: { chunks: 800, completion_tokens: 800, chunk_interval_ms: 20 },
      });
      const stream = await shape.client().openChat(key.secret, call.fields);
      await stream.until((text) => text.includes('word0'));
      // Progress is journaled each second, and later on a busy machine.
      await waitUntil(() => (lastProgressOf(gateway, stream.requestId) ?? 0) > 0, { what: 'progress to be journaled' });
      await delay(chance.between(0, 1_500));
      await gateway.process.kill();
      expect((await stream.ended).complete).toBe(false);
      const progress = lastProgressOf(gateway, stream.requestId);
      await gateway.process.startAgain();
      const event = await waitUntil(() => eventOf(shape.databaseUrl, stream.requestId), {
        what: 'the orphan to be booked',
      });
      const inputTokens = Math.ceil(call.bodyBytes / 4);
      expect(progress, 'journaled progress').toBeGreaterThan(0);
      const charge = costNanoUsd('gpt-4o-mini', inputTokens, progress!);
      expect(event).toMatchObject({ outcome: 'orphaned', inputTokens, outputTokens: progress, charge });
      expect(await resolutionsOf(shape.databaseUrl, stream.requestId)).toEqual([{ kind: 'post', amount: charge }]);
      charged.push(`${progress} tokens of ${call.entries(shape)[0]!.chunks_sent} chunks`);
    }
    const figures = await expectInvariants(shape, [key]);
    tellMeasured('fault 3: gateway killed in mid-stream', { charged: charged.join(' and '), ...figures });
  });
}
