import type { Admission } from '@tollgate/admission';
import type { SettleItem } from '@tollgate/credit';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../journal/journal.js';
import type { Exchange } from '../exchange.js';
import type { CallOutcome } from '../forward/call.js';
import { settle } from './settle.js';

const journal = { takeNumber: () => 1, append: () => Promise.resolve(true) } as unknown as Journal;
const price = {
  inputNanoUsdPerMillion: 0n,
  outputNanoUsdPerMillion: 0n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 500,
};

type Outcome = CallOutcome['outcome'];
type Source = CallOutcome['usageSource'];

async function settled(outcome: Outcome, usageSource: Source, openEnded = true): Promise<SettleItem> {
  const items: SettleItem[] = [];
  const admission = { settle: (item: SettleItem) => void items.push(item) } as unknown as Admission;
  const journaled = { organizationId: 'o' };
  const taken = { admitted: true, settled: false, openEnded, holdNanoUsd: null };
  const exchange = { requestId: 'r', ...taken, journaled, eventHead: '' } as unknown as Exchange;
  const usage = { inputTokens: 10, outputTokens: 40, cachedInputTokens: 0, reasoningTokens: 0 };
  const target = { price, eventPart: '' };
  const call = { target, outcome, usage, usageSource, finish: () => undefined } as unknown as CallOutcome;
  await settle(journal, admission, () => undefined)(exchange, call);
  await settle(journal, admission, () => undefined)(exchange, call);
  expect(items).toHaveLength(1);
  return items[0]!;
}

describe('the end of a call', () => {
  it('tells once what it cost beyond its hold', async () => {
    const losses: bigint[] = [];
    const end = settle(journal, { settle: () => undefined } as unknown as Admission, (_exchange, _target, loss) => void losses.push(loss));
    const exchange = { requestId: 'r', admitted: true, settled: false, openEnded: false, holdNanoUsd: 30n, journaled: { organizationId: 'o' }, eventHead: '' } as unknown as Exchange;
    const dear = { ...price, outputNanoUsdPerMillion: 1_000_000n };
    const usage = { inputTokens: 0, outputTokens: 40, cachedInputTokens: 0, reasoningTokens: 0 };
    const call = { target: { price: dear, eventPart: '' }, outcome: 'completed', usage, usageSource: 'provider', finish: () => undefined } as unknown as CallOutcome;
    await end(exchange, call);
    await end(exchange, call);
    expect(losses).toEqual([10n]);
  });

  it('tells the tokens that it used, and how long its answer was where it is whole', async () => {
    expect(await settled('completed', 'provider')).toMatchObject({ tokens: 50, answerTokens: 40 });
    expect(await settled('completed', 'counted')).toMatchObject({ tokens: 50, answerTokens: 40 });
    expect(await settled('client_left', 'provider')).toMatchObject({ tokens: 50, answerTokens: 40 });
  });
  it('tells no answer of a call that broke off, that came to nothing, or that named a ceiling', async () => {
    expect(await settled('client_left', 'counted')).toMatchObject({ tokens: 50, answerTokens: null });
    expect(await settled('provider_interrupted', 'counted')).toMatchObject({ tokens: 50, answerTokens: null });
    for (const outcome of ['provider_failed', 'provider_refused', 'revoked'] as const) {
      expect(await settled(outcome, 'none')).toMatchObject({ tokens: 0, answerTokens: null });
    }
    expect(await settled('completed', 'provider', false)).toMatchObject({ tokens: 50, answerTokens: null });
  });
});
