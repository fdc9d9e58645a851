import { waitUntil } from '@tollgate/infra';
import { startDistributed, tellOutputs, type DistributedShape } from '@tollgate/journey';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { balancesAtRest, expectExactlyOnce, expectPostedAsEvents, missingEvents, watchCaps } from './invariants.js';
import { eventsIn, postedIn } from './ledger.js';
import { Load } from './load.js';
import { tellMeasured } from './measured.js';

describe('kill -9 of usage-billing under load', () => {
  let shape: DistributedShape;
  beforeAll(async () => { shape = await startDistributed(); });
  afterEach(({ task }) => { if (task.result?.state === 'fail') tellOutputs(shape); });
  afterAll(() => shape?.stop());

  it('stops no call, loses no usage and counts none twice', async () => {
    const client = shape.client();
    const keys = [await client.createKey({ credit_limit_usd: 20 }), await client.createKey({ credit_limit_usd: '0.001' }), await client.createKey()];
    const caps = watchCaps(shape, keys);
    const load = new Load(shape, { keys, workers: 12 });
    await load.untilFurther(200, 'a warm start', ({ whole }) => whole);
    for (let life = 0; life < 2; life++) {
      await shape.usageBilling.kill();
      await load.untilFurther(150, 'the gateways go on', ({ whole }) => whole);
      await shape.usageBilling.startAgain();
      await load.untilFurther(150, 'with usage-billing back', ({ whole }) => whole);
    }
    const records = await load.stop();
    const stoppedAt = performance.now();

    const log = shape.simulator.log();
    await waitUntil(async () => missingEvents(log, await eventsIn(shape.databaseUrl)).length === 0, { what: 'every call to be booked', timeoutMs: 30_000, intervalMs: 100 });
    const bookedIn = performance.now() - stoppedAt;
    await balancesAtRest(shape, keys);
    const events = await eventsIn(shape.databaseUrl);
    const figures = expectExactlyOnce(log, events, records);
    expectPostedAsEvents(await postedIn(shape.databaseUrl), events);
    const { looks, past } = await caps.stop();
    expect(past, 'accounts past their cap').toEqual([]);
    expect(new Set(records.map(({ status }) => status)), 'what callers were answered').toEqual(new Set([200, 402]));
    tellMeasured('kill -9 of usage-billing, twice', { ...figures, 'all booked after': `${Math.round(bookedIn)} ms`, 'looks at the caps': looks });
  });
});
