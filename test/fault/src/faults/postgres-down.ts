import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { expect, it } from 'vitest';
import { expectInvariants, watchCaps } from '../invariants.js';
import { keysOfAllKinds, Load } from '../load.js';
import { tellMeasured } from '../measured.js';
import type { ServerStage } from '../server-stage.js';
import { REFUSING_CHANGES } from '../refusing-changes.js';
import { outageMs, rounds } from '../stage.js';

export function postgresDown(stageOf: () => ServerStage): void {
  it('fault 21: Postgres killed and restarted: known keys are served, a revoke is not answered 200, nothing is lost', async () => {
    const { shape, postgres } = stageOf();
    for (const round of rounds()) {
      const keys = await keysOfAllKinds(shape);
      const doomed = await shape.client().createKey();
      const rotating = await shape.client().createKey();
      const { secret: present } = await shape.client().rotateKey(rotating.id);
      const caps = watchCaps(shape, keys);
      const load = new Load(shape, { keys, workers: 4 });
      await load.untilFurther(100, 'a warm start', ({ whole }) => whole);
      await postgres.kill();
      const killedAt = performance.now();
      const answered = await Promise.all(REFUSING_CHANGES.map(({ make }) => make(shape.client(), doomed.id)));
      for (const [at, { status }] of answered.entries())
        expect(status, `${REFUSING_CHANGES[at]!.what} without Postgres`).toBeGreaterThanOrEqual(500);
      const finish = () => shape.client().admin('POST', `/v1/api-keys/${rotating.id}/finish-rotation`);
      for (const { status } of [await finish(), await shape.client().admin('POST', `/v1/api-keys/${doomed.id}/rotate`)])
        expect(status, 'a rotation, or its end, without Postgres').toBeGreaterThanOrEqual(500);
      await delay(Math.max(0, killedAt + outageMs(round, 2_500, 30_000) - performance.now()));
      await load.untilFurther(
        50,
        'known keys are served',
        ({ whole, startedAt }) => whole && startedAt > killedAt + 2_000,
      );
      await postgres.restart();
      const restartedAt = performance.now();
      const revoked = await waitUntil(
        async () => {
          const { status } = await shape.client().admin('DELETE', `/v1/api-keys/${doomed.id}`);
          return status === 200;
        },
        { what: 'the revoke to be answered 200', timeoutMs: 60_000 },
      );
      expect(revoked).toBe(true);
      for (const [gateway] of shape.gateways.entries())
        await waitUntil(async () => (await shape.client(gateway).chat(doomed.secret)).status === 401, {
          what: 'the key to be refused',
          timeoutMs: 1_000,
        });
      expect((await finish()).status).toBe(200);
      for (const [gateway] of shape.gateways.entries()) {
        await waitUntil(async () => (await shape.client(gateway).chat(rotating.secret)).status === 401, {
          what: 'the former secret to be refused',
          timeoutMs: 1_000,
        });
        expect((await shape.client(gateway).chat(present)).status).toBe(200);
      }
      const revokedAfter = performance.now() - restartedAt;
      const records = await load.stop();
      const figures = await expectInvariants(shape, keys, { records, caps, withinMs: 60_000 });
      expect(new Set(records.map(({ status }) => status)), 'what callers were answered').toEqual(new Set([200, 402]));
      tellMeasured('fault 21: Postgres killed and restarted', {
        'down for': `${Math.round(restartedAt - killedAt)} ms`,
        'calls meanwhile': records.filter(({ startedAt }) => startedAt > killedAt && startedAt < restartedAt).length,
        'changes meanwhile answered': answered.map(({ status }) => status).join(', '),
        'revoked after': `${Math.round(revokedAfter)} ms`,
        ...figures,
      });
    }
  });
}
