import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { queryDatabase } from '@tollgate/journey';
import { waitUntil } from '@tollgate/infra';
import { expectInvariants, watchCaps } from '../invariants.js';
import { keysOfAllKinds, Load } from '../load.js';
import { tellMeasured } from '../measured.js';
import type { ServerStage } from '../server-stage.js';
import { chanceOf, outageMs, rounds } from '../stage.js';

/** The session of a consumer that was killed lasts this long. */
const SHORT_MS = 15_000;
const PROMISED_MS = 120_000;
const BETWEEN_MS = 10_000;
const QUARANTINED_WITHIN_MS = 60_000;

export function twoUsageBillings(stageOf: () => ServerStage): void {
  it('faults 17 to 20 with two usage-billings: each is killed or stopped in turns, poison comes, offsets are deleted: every call is booked once', async () => {
    const { shape, startSecondUsageBilling, publishUsage, misplaceOffsets } = stageOf();
    const chance = chanceOf('two usage-billings');
    const second = await startSecondUsageBilling();
    try {
      for (const round of rounds()) {
        const keys = await keysOfAllKinds(shape);
        const caps = watchCaps(shape, keys);
        const load = new Load(shape, { keys, workers: 4 });
        await load.untilFurther(100, 'a warm start', ({ whole }) => whole);
        const until = performance.now() + outageMs(round, SHORT_MS, PROMISED_MS);
        let changes = 0;
        let slowest = 0;
        while (performance.now() < until) {
          // The group is balanced anew each time: by a member that is gone without a word, or that says so.
          const one = changes % 2 === 0 ? second : shape.usageBilling;
          await delay(chance.between(0, 2_000));
          if (chance.between(0, 1) === 0) await one.kill();
          else await one.stop();
          slowest = Math.max(slowest, await untilQuarantined(shape.databaseUrl, publishUsage));
          await one.startAgain();
          changes += 1;
          await delay(Math.min(BETWEEN_MS, Math.max(0, until - performance.now())));
        }
        await Promise.all([second.stop(), shape.usageBilling.stop()]);
        await load.untilFurther(20, 'calls while nobody books', ({ whole }) => whole);
        await misplaceOffsets('deleted');
        await Promise.all([second.startAgain(), shape.usageBilling.startAgain()]);
        const records = await load.stop();
        const figures = await expectInvariants(shape, keys, { records, caps, withinMs: 60_000 });
        expect(new Set(records.map(({ status }) => status)), 'what callers were answered').toEqual(new Set([200, 402]));
        expect(changes).toBeGreaterThan(0);
        tellMeasured('faults 17 to 20 with two usage-billings', {
          'changes of the group': changes,
          'poison quarantined after at most': `${Math.round(slowest)} ms`,
          ...figures,
        });
      }
    } finally {
      await second.stop();
    }
  });
}

/** Publishes poison among what the gateways publish, and resolves with the milliseconds until it is in quarantine. */
async function untilQuarantined(databaseUrl: string, publish: (value: string) => Promise<void>): Promise<number> {
  const text = `poison ${performance.now()}`;
  await publish(text);
  const publishedAt = performance.now();
  await waitUntil(
    async () =>
      (
        await queryDatabase(databaseUrl, `SELECT 1 FROM billing.quarantine WHERE value = convert_to($1, 'UTF8')`, [
          text,
        ])
      ).length === 1,
    { what: 'poison to be quarantined', timeoutMs: QUARANTINED_WITHIN_MS },
  );
  return performance.now() - publishedAt;
}
