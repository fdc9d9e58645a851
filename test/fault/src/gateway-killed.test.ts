import { join } from 'node:path';
import { waitUntil } from '@tollgate/infra';
import { startDistributed, startStandalone, tellOutputs, type CreatedKey, type DistributedShape, type Shape, type StandaloneShape } from '@tollgate/journey';
import { startEmbeddedPostgres } from '@tollgate/postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { balancesAtRest, expectExactlyOnce, expectNothingHeld, expectPostedAsEvents, missingEvents, watchCaps } from './invariants.js';
import { eventsIn, postedIn } from './ledger.js';
import { Load } from './load.js';
import { tellMeasured } from './measured.js';

describe('kill -9 of a gateway under load', () => {
  let shape: DistributedShape;
  beforeAll(async () => { shape = await startDistributed(); });
  afterEach(({ task }) => { if (task.result?.state === 'fail') tellOutputs(shape); });
  afterAll(() => shape?.stop());

  it('loses no usage and counts none twice, charges what was delivered, and leaves nothing held', async () => {
    const keys = await keysOfAllKinds(shape);
    const caps = watchCaps(shape, keys);
    const load = new Load(shape, { keys, workers: 12 });
    await load.untilFurther(200, 'a warm start', ({ whole }) => whole);
    for (let life = 0; life < 2; life++) {
      await shape.gateways[0]!.process.kill();
      await load.untilFurther(100, 'the other gateway goes on', ({ whole, gateway }) => whole && gateway === 1);
      await shape.gateways[0]!.process.startAgain();
      await load.untilFurther(100, 'the killed gateway serves again', ({ whole, gateway }) => whole && gateway === 0);
    }
    const records = await load.stop();

    const log = shape.simulator.log();
    await waitUntil(async () => missingEvents(log, await eventsIn(shape.databaseUrl)).length === 0, { what: 'every call to be booked', timeoutMs: 20_000, intervalMs: 200 });
    await balancesAtRest(shape, keys);
    const events = await eventsIn(shape.databaseUrl);
    const figures = expectExactlyOnce(log, events, records);
    expectPostedAsEvents(await postedIn(shape.databaseUrl), events);
    const { looks, past } = await caps.stop();
    expect(past, 'accounts past their cap').toEqual([]);
    tellMeasured('kill -9 of a gateway, twice', { ...figures, 'looks at the caps': looks });
  });
});

describe('kill -9 of the standalone under load', () => {
  let shape: StandaloneShape;
  beforeAll(async () => { shape = await startStandalone(); });
  afterEach(({ task }) => { if (task.result?.state === 'fail') tellOutputs(shape); });
  afterAll(() => shape?.stop());

  it('loses no usage and counts none twice, charges what was delivered, and leaves nothing held', async () => {
    const keys = await keysOfAllKinds(shape);
    const load = new Load(shape, { keys, workers: 12 });
    await load.untilFurther(200, 'a warm start', ({ whole }) => whole);
    await shape.process.kill();
    await load.untilFurther(10, 'nobody answers', ({ status }) => status === null);
    const seenBefore = shape.simulator.log().length;
    await shape.process.startAgain();
    const usedWhenReady = (await Promise.all(keys.map((key) => shape.client().usage(key.id)))).reduce((sum, { requests }) => sum + requests, 0);
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
      tellMeasured('kill -9 of the standalone', { ...expectExactlyOnce(log, events, records), 'requests booked when it was ready again': usedWhenReady });
      expectPostedAsEvents(await postedIn(database.url), events);
    } finally {
      await database.close();
    }
  });
});

/** One with much credit first, one whose credit ends under the load, one without a limit. */
async function keysOfAllKinds(shape: Shape): Promise<CreatedKey[]> {
  const client = shape.client();
  return [await client.createKey({ credit_limit_usd: 20 }), await client.createKey({ credit_limit_usd: '0.001' }), await client.createKey()];
}
