import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { expectInvariants } from '../invariants.js';
import { tellMeasured } from '../measured.js';
import { RefusalPoller } from '../refusal-poller.js';
import { REFUSING_CHANGES } from '../refusing-changes.js';
import type { ServerStage } from '../server-stage.js';
import { chanceOf, outageMs, rounds } from '../stage.js';

const boundMs = 5_000;
/** What a gateway asks on the connection on which it follows key changes, and nowhere else. */
const followsChanges = /xread|xrevrange/i;

export function keyChangesCut(stageOf: () => ServerStage): void {
  it('fault 13: with its stream of key changes cut, a gateway refuses a key that was ended, disabled or changed, and a secret that ended, within 5 s', async () => {
    const { shape, redisOfGateway1 } = stageOf();
    const chance = chanceOf('fault 13');
    const deaf = shape.client(1);
    const lateness: number[] = [];
    for (const round of rounds()) {
      const revoke = async (): Promise<void> => {
        const key = await shape.client().createKey();
        const change = REFUSING_CHANGES[chance.between(0, REFUSING_CHANGES.length - 1)]!;
        const pollers = shape.gateways.map(
          (_, gateway) => new RefusalPoller(shape.client(gateway), key.secret, false, change.status),
        );
        await Promise.all(pollers.map((poller) => poller.seenAlive));
        await delay(chance.between(0, 300));
        expect((await change.make(shape.client(), key.id)).status, change.what).toBe(200);
        const answeredAt = performance.now();
        for (const poller of pollers) lateness.push(await latenessOf(poller, answeredAt));
        expect((await deaf.chat(key.secret)).status, change.what).toBe(change.status);
      };
      // The same for one secret of a key that lives on.
      const finishRotation = async (): Promise<void> => {
        const key = await shape.client().createKey();
        const { secret } = await shape.client().rotateKey(key.id);
        const pollers = shape.gateways.map((_, gateway) => new RefusalPoller(shape.client(gateway), key.secret));
        await Promise.all(pollers.map((poller) => poller.seenAlive));
        const { status } = await shape.client().admin('POST', `/v1/api-keys/${key.id}/finish-rotation`);
        expect(status).toBe(200);
        const answeredAt = performance.now();
        for (const poller of pollers) lateness.push(await latenessOf(poller, answeredAt));
        expect((await deaf.chat(key.secret)).status).toBe(401);
        expect((await deaf.chat(secret)).status, 'the present secret').toBe(200);
      };
      const living = await shape.client().createKey();
      expect((await deaf.chat(living.secret)).status).toBe(200);
      const disabled = await shape.client().createKey();
      await shape.client().admin('POST', `/v1/api-keys/${disabled.id}/disable`);
      expect((await deaf.chat(disabled.secret)).status).toBe(401);

      const how = (['cut', 'silent', 'replies_held'] as const)[chance.between(0, 2)]!;
      redisOfGateway1.set(how, followsChanges);
      const cutAt = performance.now();
      // Up to 3 s after the cut the gateway believes what it remembers: the worst time for a revoke.
      await delay(chance.between(0, 1_500));
      await Promise.all([revoke(), finishRotation()]);
      await delay(Math.max(0, cutAt + outageMs(round, 3_500, 60_000) - performance.now()));
      expect((await deaf.chat(living.secret)).status, 'a living key, which is verified at key-management now').toBe(
        200,
      );
      await Promise.all([revoke(), finishRotation()]);
      await shape.client().admin('POST', `/v1/api-keys/${disabled.id}/enable`);
      expect((await deaf.chat(disabled.secret)).status, 'a key that was enabled meanwhile').toBe(200);
      redisOfGateway1.set('open');
      await Promise.all([revoke(), finishRotation()]);
    }
    expect(Math.max(...lateness), 'ms from the 200 of a revoke to the last call that was served').toBeLessThan(boundMs);
    const figures = await expectInvariants(shape, []);
    tellMeasured('fault 13: stream of key changes cut', {
      'served for the last time after': `${Math.round(Math.max(...lateness))} ms`,
      ...figures,
    });
  });
}

/** How long after the answer to a change the last call began that the key was not refused; 0 where none did. */
async function latenessOf(poller: RefusalPoller, answeredAt: number): Promise<number> {
  await poller.refusedAt;
  return Math.max(0, poller.seenAliveAt! - answeredAt);
}
