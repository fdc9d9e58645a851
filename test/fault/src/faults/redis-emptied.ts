import type { CreatedKey } from '@tollgate/journey';
import { expect, it } from 'vitest';
import { expectInvariants, watchCaps } from '../invariants.js';
import { Load, type CallRecord } from '../load.js';
import { tellMeasured } from '../measured.js';
import { rounds, type ShapeOf } from '../stage.js';

export function redisEmptied(shapeOf: ShapeOf): void {
  it('fault 10: Redis killed and restarted empty: capped keys are 503 until credit is rebuilt, others go on, nothing is overspent', async () => {
    for (const _ of rounds()) await emptied(shapeOf);
  });
}

async function emptied(shapeOf: ShapeOf): Promise<void> {
  const shape = shapeOf();
  const client = shape.client();
  const [rich, poor, uncapped] = [
    await client.createKey({ credit_limit_usd: 20 }),
    await client.createKey({ credit_limit_usd: '0.002' }),
    await client.createKey(),
  ];
  const keys = [rich, poor, uncapped];
  const ofKey =
    ({ id }: CreatedKey, status: number) =>
    ({ key, status: seen }: CallRecord) =>
      key.id === id && seen === status;
  const caps = watchCaps(shape, keys);
  const load = new Load(shape, { keys, workers: 8 });
  await load.untilFurther(150, 'a warm start', ({ whole }) => whole);
  await shape.redis.kill();
  const killedAt = performance.now();
  await load.untilFurther(20, 'capped keys are refused', ofKey(rich, 503));
  // After 3 s nothing that a gateway remembers of keys is trusted any more.
  await load.untilFurther(
    20,
    'uncapped keys go on',
    (record) => record.startedAt > killedAt + 4_000 && ofKey(uncapped, 200)(record),
  );
  const restartedAt = performance.now();
  await shape.redis.restart();
  for (const [gateway] of shape.gateways.entries()) {
    await load.untilFurther(
      20,
      `capped keys go on at gateway ${gateway}`,
      (record) => record.gateway === gateway && ofKey(rich, 200)(record),
    );
  }
  await load.untilFurther(5, 'its credit ends', ofKey(poor, 402));
  const records = await load.stop();
  const figures = await expectInvariants(shape, keys, { records, caps });

  expect(answers(records, rich), 'a capped key with credit').toEqual(new Set([200, 503]));
  expect(answers(records, poor), 'a capped key whose credit ends').toEqual(new Set([200, 402, 503]));
  expect(answers(records, uncapped), 'an uncapped key').toEqual(new Set([200]));
  expect(new Set(records.filter(({ status }) => status === 503).map(({ code }) => code))).toEqual(
    new Set(['credit_unavailable']),
  );
  const outages = shape.gateways.map((_, gateway) => firstServed(records, rich, gateway, restartedAt) - restartedAt);
  expect(Math.max(...outages), 'ms from the restart to the first capped call that was served').toBeLessThan(30_000);
  tellMeasured('fault 10: Redis killed and restarted empty', {
    'down for': `${Math.round(restartedAt - killedAt)} ms`,
    'capped keys served after': outages.map((ms) => `${Math.round(ms)} ms`).join(' and '),
    ...figures,
  });
}

function answers(records: readonly CallRecord[], { id }: CreatedKey): Set<number | null> {
  return new Set(records.filter(({ key }) => key.id === id).map(({ status }) => status));
}

/** When the first call of the key that began after the restart was served whole. */
function firstServed(records: readonly CallRecord[], { id }: CreatedKey, gateway: number, after: number): number {
  return Math.min(
    ...records
      .filter(
        (record) => record.gateway === gateway && record.key.id === id && record.whole && record.startedAt >= after,
      )
      .map(({ endedAt }) => endedAt),
  );
}
