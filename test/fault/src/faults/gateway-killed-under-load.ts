import { setTimeout as delay } from 'node:timers/promises';
import { it } from 'vitest';
import { expectInvariants, watchCaps } from '../invariants.js';
import { keysOfAllKinds, Load } from '../load.js';
import { tellMeasured } from '../measured.js';
import { chanceOf, rounds, type ShapeOf } from '../stage.js';

export function gatewayKilledUnderLoad(shapeOf: ShapeOf): void {
  it('faults 1 to 3, under load: a gateway killed at random loses no usage, counts none twice, and leaves nothing held', async () => {
    const shape = shapeOf();
    const chance = chanceOf('faults 1 to 3');
    const keys = await keysOfAllKinds(shape);
    const caps = watchCaps(shape, keys);
    const load = new Load(shape, { keys, workers: 4 });
    await load.untilFurther(100, 'a warm start', ({ whole }) => whole);
    for (const _ of [...rounds(), ...rounds()]) {
      await delay(chance.between(0, 300));
      await shape.gateways[0]!.process.kill();
      await load.untilFurther(60, 'another gateway goes on', ({ whole, gateway }) => whole && gateway === 1);
      await shape.gateways[0]!.process.startAgain();
      await load.untilFurther(60, 'the killed gateway serves again', ({ whole, gateway }) => whole && gateway === 0);
    }
    const records = await load.stop();
    const figures = await expectInvariants(shape, keys, { records, caps });
    tellMeasured('faults 1 to 3 under load: gateway killed twice a round', figures);
  });
}
