import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { expectInvariants, watchCaps } from '../invariants.js';
import { keysOfAllKinds, Load } from '../load.js';
import { tellMeasured } from '../measured.js';
import type { ServerStage } from '../server-stage.js';
import { outageMs, rounds } from '../stage.js';

const lagGoneWithinMs = 60_000;

export function kafkaDown(stageOf: () => ServerStage): void {
  it('fault 16: Kafka down under load: every request is served, no event is lost, the lag goes', async () => {
    const { shape, kafka } = stageOf();
    for (const round of rounds()) {
      const keys = await keysOfAllKinds(shape);
      const caps = watchCaps(shape, keys);
      const load = new Load(shape, { keys, workers: 4 });
      await load.untilFurther(100, 'a warm start', ({ whole }) => whole);
      await kafka.kill();
      const killedAt = performance.now();
      await delay(outageMs(round, 2_000, 60_000));
      await load.untilFurther(
        20,
        'capped and uncapped keys are served without Kafka',
        ({ whole, startedAt }) => whole && startedAt > killedAt,
      );
      await kafka.restart();
      const restartedAt = performance.now();
      const records = await load.stop();
      const figures = await expectInvariants(shape, keys, { records, caps, withinMs: lagGoneWithinMs });
      expect(new Set(records.map(({ status }) => status)), 'what callers were answered').toEqual(new Set([200, 402]));
      const lagGoneAfter = performance.now() - restartedAt;
      expect(lagGoneAfter).toBeLessThan(lagGoneWithinMs);
      tellMeasured('fault 16: Kafka killed and restarted', {
        'down for': `${Math.round(restartedAt - killedAt)} ms`,
        'calls meanwhile': records.filter(({ startedAt }) => startedAt > killedAt && startedAt < restartedAt).length,
        'lag gone after': `${Math.round(lagGoneAfter)} ms`,
        ...figures,
      });
    }
  });
}
