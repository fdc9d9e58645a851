import { expect, it } from 'vitest';
import { eventsIn } from '../ledger.js';
import { expectInvariants } from '../invariants.js';
import { tellMeasured } from '../measured.js';
import type { ServerStage } from '../server-stage.js';
import { faultOptions } from '../run-options.js';
import { rounds } from '../stage.js';

const callsMeanwhile = 60;

export function offsetsLost(stageOf: () => ServerStage): void {
  it('fault 20: the offsets of the consumer group deleted: usage-billing resumes from Postgres and skips nothing', async () => {
    const { shape, misplaceOffsets } = stageOf();
    const key = await shape.client().createKey({ credit_limit_usd: 20 });
    for (const _ of rounds()) {
      for (const how of faultOptions.long ? (['deleted', 'at the end'] as const) : (['deleted'] as const)) {
        expect((await shape.client().chat(key.secret)).status).toBe(200);
        expect(await shape.usageBilling.stop()).toEqual({ code: 0, signal: null });
        const statuses = await Promise.all(
          Array.from(
            { length: callsMeanwhile },
            async (_, number) => (await shape.client(number % 2).chat(key.secret, { max_tokens: 60 })).status,
          ),
        );
        expect(new Set(statuses)).toEqual(new Set([200]));
        const bookedBefore = (await eventsIn(shape.databaseUrl)).length;
        await misplaceOffsets(how);
        const startedAt = performance.now();
        await shape.usageBilling.startAgain();
        const figures = await expectInvariants(shape, [key]);
        expect((await eventsIn(shape.databaseUrl)).length).toBeGreaterThanOrEqual(bookedBefore + callsMeanwhile);
        tellMeasured(`fault 20: group offsets ${how}`, {
          'all booked after': `${Math.round(performance.now() - startedAt)} ms`,
          ...figures,
        });
      }
    }
  });
}
