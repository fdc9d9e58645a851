import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { expectInvariants, watchCaps } from '../invariants.js';
import { keysOfAllKinds, Load } from '../load.js';
import { tellMeasured } from '../measured.js';
import { chanceOf, rounds, type ShapeOf } from '../stage.js';

export function usageBillingKilled(shapeOf: ShapeOf): void {
  it('fault 17: usage-billing killed at random: no call stops, no usage is lost or counted twice', async () => {
    const shape = shapeOf();
    const chance = chanceOf('fault 17');
    for (const _ of rounds()) {
      const keys = await keysOfAllKinds(shape);
      const caps = watchCaps(shape, keys);
      const load = new Load(shape, { keys, workers: 4 });
      await load.untilFurther(100, 'a warm start', ({ whole }) => whole);
      // The second time it has to make up for the first, in large transactions.
      for (const longest of [300, 5_000]) {
        await delay(chance.between(0, longest));
        await shape.usageBilling.kill();
        await load.untilFurther(100, 'the gateways go on', ({ whole }) => whole);
        await shape.usageBilling.startAgain();
      }
      await load.untilFurther(50, 'with usage-billing back', ({ whole }) => whole);
      const records = await load.stop();
      const figures = await expectInvariants(shape, keys, { records, caps, withinMs: 60_000 });
      expect(new Set(records.map(({ status }) => status)), 'what callers were answered').toEqual(new Set([200, 402]));
      tellMeasured('fault 17: usage-billing killed twice', figures);
    }
  });
}
