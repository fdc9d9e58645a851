import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { expect, it } from 'vitest';
import type { GatewayStage } from '../gateway-stage.js';
import { expectInvariants } from '../invariants.js';
import { eventOf, resolutionsOf } from '../ledger.js';
import { MarkedCall, untilHeld } from '../marked-call.js';
import { tellMeasured } from '../measured.js';
import { chanceOf, rounds } from '../stage.js';

export function gatewayKilledBeforeFirstByte(stageOf: () => GatewayStage): void {
  it('fault 2: a gateway killed after the intent, before the first byte, charges nothing, and the hold is resolved once', async () => {
    const { shape } = stageOf();
    const chance = chanceOf('fault 2');
    const gateway = shape.gateways[0]!.process;
    const key = await shape.client().createKey({ credit_limit_usd: 1 });
    const resolvedAfter: number[] = [];
    for (const round of rounds()) {
      const call = new MarkedCall({ stream: chance.between(0, 1) === 1, simulator: { fail: 'hang' } });
      const reply = shape
        .client()
        .chat(key.secret, call.fields)
        .catch(() => null);
      const { request_id: requestId } = await call.atProvider(shape);
      await delay(chance.between(0, 300));
      await gateway.kill();
      const killedAt = performance.now();
      expect(await reply).toBeNull();
      // In turn it comes back at once, and stays away until it counts as gone.
      if (round % 2 === 0) await gateway.startAgain();
      await untilHeld(shape, key, 0n, 60_000);
      resolvedAfter.push(performance.now() - killedAt);
      if (round % 2 === 1) await gateway.startAgain();
      const event = await waitUntil(() => eventOf(shape.databaseUrl, requestId!), { what: 'the orphan to be booked' });
      expect(event).toMatchObject({ outcome: 'orphaned', charge: 0n, hold: call.hold });
      const resolutions = await resolutionsOf(shape.databaseUrl, requestId!);
      expect(
        resolutions.filter(({ kind }) => kind === 'post' || kind === 'void'),
        'resolutions',
      ).toHaveLength(1);
      expect(
        resolutions.filter(({ kind, amount }) => kind !== 'void' && amount !== 0n),
        'charges',
      ).toEqual([]);
    }
    const figures = await expectInvariants(shape, [key]);
    tellMeasured('fault 2: gateway killed before the first byte', {
      'hold resolved after': resolvedAfter.map((ms) => `${Math.round(ms)} ms`).join(' and '),
      ...figures,
    });
  });
}
