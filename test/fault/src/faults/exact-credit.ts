import { waitUntil } from '@tollgate/infra';
import { chatBody, costOfEntry, holdNanoUsd, usd, usageOf, waitingAtGate, type ChatFields } from '@tollgate/journey';
import { expect, it } from 'vitest';
import { accountOf, accountsPastTheirCap, balancesAtRest, balancesOf, expectInvariants } from '../invariants.js';
import { tellMeasured } from '../measured.js';
import { rounds, type ShapeOf } from '../stage.js';

const calls = 1_000;
const fitting = 100;
/** Output makes up nearly all of the hold, so a tighter bound of the input could not make room for one call more. */
const fields: ChatFields = { max_tokens: 8_000, simulator: { prompt_tokens: 40, completion_tokens: 25 } };

export function exactCredit(shapeOf: ShapeOf): void {
  it('fault 8: credit for a hundred calls lets through exactly a hundred of a thousand in parallel, over three gateways', async () => {
    const shape = shapeOf();
    expect(shape.gateways).toHaveLength(3);
    for (const _ of rounds()) {
      const hold = holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(fields)), fields.max_tokens!);
      const key = await shape.client().createKey({ credit_limit_usd: usd(hold * BigInt(fitting)) });
      const loggedBefore = shape.simulator.log().at(-1)?.n ?? 0;
      shape.simulator.closeGate();
      const startedAt = performance.now();
      const decided: number[] = [];
      const replies = Array.from({ length: calls }, (_, number) =>
        shape
          .client(number % shape.gateways.length)
          .chat(key.secret, fields)
          .then((reply) => {
            decided.push(reply.status);
            return reply;
          }),
      );
      await waitUntil(async () => decided.length + (await waitingAtGate(shape)) === calls, {
        what: 'every call to be decided',
        timeoutMs: 120_000,
      });
      const decidedIn = performance.now() - startedAt;

      expect(await waitingAtGate(shape), 'calls at the provider').toBe(fitting);
      expect(
        decided.filter((status) => status !== 402),
        'refusals other than 402',
      ).toEqual([]);
      const balances = await balancesOf(shape);
      expect(accountsPastTheirCap(balances, [key])).toEqual([]);
      expect(balances.find(({ accountId }) => accountId === accountOf(key))?.held).toBe(hold * BigInt(fitting));

      shape.simulator.openGate();
      const statuses = (await Promise.all(replies)).map(({ status }) => status);
      const admitted = statuses.filter((status) => status === 200).length;
      expect([admitted, statuses.filter((status) => status === 402).length]).toEqual([fitting, calls - fitting]);

      const entries = shape.simulator.log().filter(({ n }) => n > loggedBefore);
      expect(entries).toHaveLength(fitting);
      const cost = entries.reduce((sum, entry) => sum + costOfEntry(entry), 0n);
      expect((await usageOf(shape, key.id, fitting)).cost_usd).toBe(usd(cost));
      const [balance] = await balancesAtRest(shape, [key]);
      expect(balance).toEqual({ accountId: accountOf(key), ledgerPosted: cost, admissionPosted: cost, held: 0n });
      const figures = await expectInvariants(shape, [key]);
      tellMeasured(`fault 8: ${calls} calls in parallel with credit for ${fitting}`, {
        admitted,
        refused: calls - admitted,
        'all decided in': `${Math.round(decidedIn)} ms`,
        ...figures,
      });
    }
  });
}
