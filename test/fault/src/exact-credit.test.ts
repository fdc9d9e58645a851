import { waitUntil } from '@tollgate/infra';
import { chatBody, costOfEntry, holdNanoUsd, startDistributed, usd, usageOf, type ChatFields, type DistributedShape } from '@tollgate/journey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountOf, accountsPastTheirCap, balancesAtRest, balancesOf, waitingAtGate } from './invariants.js';
import { tellMeasured } from './measured.js';

const calls = 1_000;
const fitting = 100;
/** Output makes up nearly all of the hold, so a tighter bound of the input could not make room for one call more. */
const fields: ChatFields = { max_tokens: 8_000, simulator: { prompt_tokens: 40, completion_tokens: 25 } };

describe('credit for a hundred calls', () => {
  let shape: DistributedShape;
  beforeAll(async () => { shape = await startDistributed(); });
  afterAll(() => shape?.stop());

  it('lets through exactly a hundred of a thousand in parallel over two gateways', async () => {
    const hold = holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(fields)), fields.max_tokens!);
    const key = await shape.client().createKey({ credit_limit_usd: usd(hold * BigInt(fitting)) });
    shape.simulator.closeGate();
    const startedAt = performance.now();
    const decided: number[] = [];
    const replies = Array.from({ length: calls }, (_, number) =>
      shape.client(number % shape.gateways.length).chat(key.secret, fields).then((reply) => { decided.push(reply.status); return reply; }));
    await waitUntil(async () => decided.length + (await waitingAtGate(shape)) === calls, { what: 'every call to be decided', timeoutMs: 60_000 });
    const decidedIn = performance.now() - startedAt;

    expect(await waitingAtGate(shape), 'calls at the provider').toBe(fitting);
    expect(decided.filter((status) => status !== 402), 'refusals other than 402').toEqual([]);
    const balances = await balancesOf(shape);
    expect(accountsPastTheirCap(balances, [key])).toEqual([]);
    expect(balances.find(({ accountId }) => accountId === accountOf(key))?.held).toBe(hold * BigInt(fitting));

    shape.simulator.openGate();
    const statuses = (await Promise.all(replies)).map(({ status }) => status);
    const admitted = statuses.filter((status) => status === 200).length;
    expect([admitted, statuses.filter((status) => status === 402).length]).toEqual([fitting, calls - fitting]);

    const entries = shape.simulator.log();
    expect(entries).toHaveLength(fitting);
    const cost = entries.reduce((sum, entry) => sum + costOfEntry(entry), 0n);
    expect((await usageOf(shape, key.id, fitting)).cost_usd).toBe(usd(cost));
    const [balance] = await balancesAtRest(shape, [key]);
    expect(balance).toEqual({ accountId: accountOf(key), ledgerPosted: cost, admissionPosted: cost, held: 0n });
    tellMeasured(`${calls} calls in parallel with credit for ${fitting}`, { admitted, refused: calls - admitted, 'all decided in': `${Math.round(decidedIn)} ms` });
  });
});
