import { waitUntil } from '@tollgate/infra';
import { startDistributed, tellOutputs, type DistributedShape } from '@tollgate/journey';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { balancesAtRest, expectExactlyOnce, expectPostedAsEvents, missingEvents, watchCaps } from './invariants.js';
import { eventsIn, postedIn } from './ledger.js';
import { Load, type CallRecord } from './load.js';
import { tellMeasured } from './measured.js';

describe('kill -9 of Redis under load, and its restart without its data', () => {
  let shape: DistributedShape;
  beforeAll(async () => { shape = await startDistributed(); });
  afterEach(({ task }) => { if (task.result?.state === 'fail') tellOutputs(shape); });
  afterAll(() => shape?.stop());

  it('answers capped keys 503 until credit is rebuilt, leaves others alone, and neither overspends nor loses usage', async () => {
    const client = shape.client();
    const [rich, poor, uncapped] = [await client.createKey({ credit_limit_usd: 20 }), await client.createKey({ credit_limit_usd: '0.004' }), await client.createKey()];
    const keys = [rich, poor, uncapped];
    const ofKey = (id: string, status: number) => ({ key, status: seen }: CallRecord) => key.id === id && seen === status;
    const caps = watchCaps(shape, keys);
    const load = new Load(shape, { keys, workers: 12 });
    await load.untilFurther(200, 'a warm start', ({ whole }) => whole);
    await shape.redis.kill();
    const killedAt = performance.now();
    await load.untilFurther(20, 'capped keys are refused', ofKey(rich.id, 503));
    // After 3 s nothing that a gateway remembers of keys is trusted any more.
    await load.untilFurther(20, 'uncapped keys go on', (record) => record.startedAt > killedAt + 4_000 && ofKey(uncapped.id, 200)(record));
    const restartedAt = performance.now();
    await shape.redis.restart();
    for (const [gateway] of shape.gateways.entries()) {
      await load.untilFurther(20, `capped keys go on at gateway ${gateway}`, (record) => record.gateway === gateway && ofKey(rich.id, 200)(record));
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

    expect(answers(records, rich.id), 'a capped key with credit').toEqual(new Set([200, 503]));
    expect(answers(records, poor.id), 'a capped key whose credit ends').toEqual(new Set([200, 402, 503]));
    expect(answers(records, uncapped.id), 'an uncapped key').toEqual(new Set([200]));
    expect(new Set(records.filter(({ status }) => status === 503).map(({ code }) => code))).toEqual(new Set(['credit_unavailable']));
    const outages = shape.gateways.map((_, gateway) => firstServed(records, rich.id, gateway, restartedAt) - restartedAt);
    expect(Math.max(...outages), 'ms from the restart to the first capped call that was served').toBeLessThan(10_000);
    tellMeasured('Redis killed and restarted empty', {
      ...figures, 'down for': `${Math.round(restartedAt - killedAt)} ms`, 'capped keys served after': outages.map((ms) => `${Math.round(ms)} ms`).join(' and '), 'looks at the caps': looks,
    });
  });
});

function answers(records: readonly CallRecord[], keyId: string): Set<number | null> {
  return new Set(records.filter(({ key }) => key.id === keyId).map(({ status }) => status));
}

/** When the first call of the key that began after the restart was served whole. */
function firstServed(records: readonly CallRecord[], keyId: string, gateway: number, after: number): number {
  return Math.min(...records.filter((record) => record.gateway === gateway && record.key.id === keyId && record.whole && record.startedAt >= after).map(({ endedAt }) => endedAt));
}
