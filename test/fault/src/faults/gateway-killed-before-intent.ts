import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { GatewayStage } from '../gateway-stage.js';
import { expectInvariants } from '../invariants.js';
import { MarkedCall, untilHeld } from '../marked-call.js';
import { tellMeasured } from '../measured.js';
import { chanceOf, rounds } from '../stage.js';

export function gatewayKilledBeforeIntent(stageOf: () => GatewayStage): void {
  it('fault 1: a gateway killed before the intent is journaled has called no provider, and its hold goes', async () => {
    const { shape, redisOfGateway0 } = stageOf();
    const chance = chanceOf('fault 1');
    const gateway = shape.gateways[0]!.process;
    const key = await shape.client().createKey({ credit_limit_usd: 1 });
    const goneAfter: number[] = [];
    for (const round of rounds()) {
      expect((await shape.client().chat(key.secret)).status).toBe(200);
      const call = new MarkedCall();
      // Redis sets the hold aside, and the gateway never hears of it: this is as far as the request gets.
      redisOfGateway0.set('replies_held');
      const reply = shape
        .client()
        .chat(key.secret, call.fields)
        .then(
          ({ status }) => status,
          () => null,
        );
      const held = untilHeld(shape, key, call.hold);
      held.catch(() => undefined);
      // On a busy machine the hold may be seen only after the gateway has given up, which it does after a second.
      await Promise.race([held, reply]);
      await delay(chance.between(0, 150));
      await gateway.kill();
      const killedAt = performance.now();
      redisOfGateway0.set('open');
      expect([null, 503]).toContain(await reply);
      // In turn it stays away until it counts as gone, and comes back at once.
      if (round % 2 === 1) await gateway.startAgain();
      await untilHeld(shape, key, 0n, 60_000);
      goneAfter.push(performance.now() - killedAt);
      expect(call.entries(shape), 'calls at the provider').toEqual([]);
      if (round % 2 === 0) await gateway.startAgain();
    }
    const figures = await expectInvariants(shape, [key]);
    tellMeasured('fault 1: gateway killed before the intent', {
      'hold gone after': goneAfter.map((ms) => `${Math.round(ms)} ms`).join(' and '),
      ...figures,
    });
  });
}
