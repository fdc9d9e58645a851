import { setTimeout as delay } from 'node:timers/promises';
import { eventsOf } from '@tollgate/journey';
import { expect, it } from 'vitest';
import type { GatewayStage } from '../gateway-stage.js';
import { expectInvariants } from '../invariants.js';
import type { CallRecord } from '../load.js';
import { tellMeasured } from '../measured.js';
import { chanceOf, rounds } from '../stage.js';

const streams = 200;

export function gatewayStopped(stageOf: () => GatewayStage): void {
  it.concurrent(`fault 4: SIGTERM with ${streams} open streams: all end, no final is lost`, async () => {
    const { shape } = stageOf();
    const chance = chanceOf('fault 4');
    const gateway = shape.gateways[0]!.process;
    const key = await shape.client().createKey({ credit_limit_usd: 20 });
    const records: CallRecord[] = [];
    const stoppedIn: number[] = [];
    for (const _ of rounds()) {
      const open = await Promise.all(
        Array.from({ length: streams }, () =>
          shape.client().openChat(key.secret, {
            max_tokens: 60,
            simulator: { chunks: 30, chunk_interval_ms: chance.between(30, 80) },
          }),
        ),
      );
      await delay(chance.between(0, 500));
      const termAt = performance.now();
      const exit = await gateway.askToStop();
      stoppedIn.push(performance.now() - termAt);
      expect(exit).toEqual({ code: 0, signal: null });
      const ends = await Promise.all(open.map(({ ended }) => ended));
      ends.forEach(({ complete, text }, number) => {
        const whole = complete && eventsOf(text).at(-1)?.data === '[DONE]';
        records.push({
          gateway: 0,
          key,
          status: 200,
          requestId: open[number]!.requestId,
          code: null,
          whole,
          startedAt: termAt,
          endedAt: performance.now(),
        });
      });
      expect(
        records.filter(({ whole }) => !whole),
        'streams that broke off',
      ).toEqual([]);
      await gateway.startAgain();
    }
    const figures = await expectInvariants(shape, [key], { records });
    tellMeasured(`fault 4: SIGTERM with ${streams} open streams`, {
      'gone after': stoppedIn.map((ms) => `${Math.round(ms)} ms`).join(' and '),
      ...figures,
    });
  });
}
