import { setTimeout as delay } from 'node:timers/promises';
import type { CreatedKey } from '@tollgate/journey';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { balancesAtRest, expectInvariants, watchCaps } from '../invariants.js';
import { Load, type CallRecord } from '../load.js';
import { tellMeasured } from '../measured.js';
import { rounds, type ShapeOf } from '../stage.js';

/** Longer than a gateway goes on without a lease that was renewed, which is 10 s. */
const FULL_MS_MIN = 11_000;

export function redisFull(shapeOf: ShapeOf): void {
  it('fault 11: Redis full: capped keys are 503, uncapped go on, keys are made and revoked, what is held is settled, nothing is overspent', async () => {
    for (const _ of rounds()) await filled(shapeOf);
  });
}

async function filled(shapeOf: ShapeOf): Promise<void> {
  const shape = shapeOf();
  const client = shape.client();
  const [rich, uncapped, paced, doomed] = [
    await client.createKey({ credit_limit_usd: 20 }),
    await client.createKey(),
    await client.createKey({ rate_limits: { requests_per_minute: 100_000 } }),
    await client.createKey({ credit_limit_usd: 20 }),
  ];
  const keys = [rich, uncapped, paced, doomed];
  const caps = watchCaps(shape, keys);
  const load = new Load(shape, { keys: [rich, uncapped, paced], workers: 8 });
  await load.untilFurther(150, 'a warm start', ({ whole }) => whole);
  for (const [gateway] of shape.gateways.entries())
    expect((await shape.client(gateway).chat(doomed.secret)).status).toBe(200);

  // Less than it uses at rest: from here on Redis takes on nothing new.
  const redis = new Redis(shape.redis.url);
  await redis.config('SET', 'maxmemory', '1mb');
  const fullAt = performance.now();
  const sinceFull =
    ({ id }: CreatedKey, status: number) =>
    (record: CallRecord) =>
      record.startedAt > fullAt && record.key.id === id && record.status === status;
  await load.untilFurther(20, 'capped keys are refused', sinceFull(rich, 503));
  await load.untilFurther(20, 'uncapped keys go on', sinceFull(uncapped, 200));
  await load.untilFurther(20, 'keys with rate limits go on', sinceFull(paced, 200));

  // A tombstone is a write: the revoke is answered 200 once it is there, and every gateway knows.
  const revokedAt = performance.now();
  const revoked = await client.admin('POST', `/v1/api-keys/${doomed.id}/revoke`, {});
  const revokedMs = performance.now() - revokedAt;
  expect(revoked.status).toBe(200);
  for (const [gateway] of shape.gateways.entries())
    expect((await shape.client(gateway).chat(doomed.secret)).status).toBe(401);
  // A key that is made now can be used now, if it needs no credit.
  const young = await client.createKey();
  expect((await client.chat(young.secret)).status).toBe(200);

  // What was held when Redis became full is settled and given back, though nothing new is taken on.
  const atRest = await balancesAtRest(shape, [rich, doomed]);
  expect(atRest).toHaveLength(2);
  await delay(Math.max(0, fullAt + FULL_MS_MIN - performance.now()));
  await load.untilFurther(20, 'uncapped keys still go on', sinceFull(uncapped, 200));
  // No gateway was taken for gone meanwhile: it would have renewed no lease, and its calls would count as orphans.
  expect(await redis.hlen('tollgate:gateways')).toBe(shape.gateways.length);

  await redis.config('SET', 'maxmemory', '0');
  const roomAt = performance.now();
  for (const [gateway] of shape.gateways.entries()) {
    await load.untilFurther(
      20,
      `capped keys go on at gateway ${gateway}`,
      (record) => record.gateway === gateway && record.startedAt > roomAt && sinceFull(rich, 200)(record),
    );
  }
  redis.disconnect();
  const records = await load.stop();
  const figures = await expectInvariants(shape, keys, { records, caps });

  const answers = ({ id }: CreatedKey): Set<number | null> =>
    new Set(records.filter(({ key }) => key.id === id).map(({ status }) => status));
  expect(answers(rich), 'a capped key').toEqual(new Set([200, 503]));
  expect(answers(uncapped), 'an uncapped key').toEqual(new Set([200]));
  expect(answers(paced), 'a key with a limit of requests').toEqual(new Set([200]));
  expect(new Set(records.filter(({ status }) => status === 503).map(({ code }) => code))).toEqual(
    new Set(['credit_unavailable']),
  );
  tellMeasured('fault 11: Redis full', {
    'full for': `${Math.round(roomAt - fullAt)} ms`,
    'a revoke meanwhile': `${Math.round(revokedMs)} ms`,
    ...figures,
  });
}
