import { join } from 'node:path';
import { startStandalone, type StandaloneShape } from '@tollgate/journey';
import { startEmbeddedPostgres } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectExactlyOnce, expectNothingHeld, expectPostedAsEvents } from './invariants.js';
import { eventsIn, postedIn } from './ledger.js';
import { keysOfAllKinds, Load } from './load.js';
import { tellMeasured } from './measured.js';
import { reportFaults } from './stage.js';

describe('kill -9 of the standalone under load', () => {
  let shape: StandaloneShape;
  beforeAll(async () => {
    shape = await startStandalone({ underLoad: true });
  });
  reportFaults(() => (shape === undefined ? undefined : { shape }));
  afterAll(() => shape?.stop());

  it('loses no usage and counts none twice, charges what was delivered, and leaves nothing held', async () => {
    const keys = await keysOfAllKinds(shape);
    const load = new Load(shape, { keys, workers: 12 });
    await load.untilFurther(200, 'a warm start', ({ whole }) => whole);
    await shape.process.kill();
    await load.untilFurther(10, 'nobody answers', ({ status }) => status === null);
    const seenBefore = shape.simulator.log().length;
    await shape.process.startAgain();
    const usedWhenReady = (await Promise.all(keys.map((key) => shape.client().usage(key.id)))).reduce(
      (sum, { requests }) => sum + requests,
      0,
    );
    expect(usedWhenReady, 'requests booked when it is ready').toBeGreaterThanOrEqual(seenBefore);
    await load.untilFurther(100, 'it serves again', ({ whole }) => whole);
    const records = await load.stop();
    await expectNothingHeld(shape, keys[0]!);

    const exit = await shape.process.stop();
    expect(exit).toEqual({ code: 0, signal: null });
    const log = shape.simulator.log();
    const database = await startEmbeddedPostgres(join(shape.dataFolder, 'postgres'));
    try {
      const events = await eventsIn(database.url);
      tellMeasured('kill -9 of the standalone', {
        ...expectExactlyOnce(log, events, records),
        'requests booked when it was ready again': usedWhenReady,
      });
      expectPostedAsEvents(await postedIn(database.url), events);
    } finally {
      await database.close();
    }
  });
});
