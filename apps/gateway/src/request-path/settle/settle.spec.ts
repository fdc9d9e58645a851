import type { Admission } from '@tollgate/admission';
import type { SettleItem } from '@tollgate/credit';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../journal/journal.js';
import type { Journaled } from '../exchange/exchange.js';
import type { CallOutcome } from '../forward/call.js';
import type { Ask } from '../../dialects/ask.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { settle } from './settle.js';

const journal = { takeNumber: () => 1, append: () => Promise.resolve(true) } as unknown as Journal;
const price = {
  inputNanoUsdPerMillion: 0n,
  outputNanoUsdPerMillion: 0n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 500,
  contextTokens: 100_000,
};
const bodyOf = (fields: object) => {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields }));
  return { ask: openAiChat.read(body) as Ask };
};
const plain = bodyOf({});

type Outcome = CallOutcome['outcome'];
type Source = CallOutcome['usageSource'];

async function settled(outcome: Outcome, usageSource: Source, openEnded = true): Promise<SettleItem> {
  const items: SettleItem[] = [];
  const admission = { settle: (item: SettleItem) => void items.push(item) } as unknown as Admission;
  const journaled = { organizationId: 'o' };
  const taken = { admitted: true, settled: false, openEnded, holdNanoUsd: null };
  const exchange = { requestId: 'r', ...plain, ...taken, journaled, eventHead: '' } as unknown as Journaled;
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
    const end = settle(
      journal,
      { settle: () => undefined } as unknown as Admission,
      (_exchange, _target, loss) => void losses.push(loss),
    );
    const taken = { admitted: true, settled: false, openEnded: false, holdNanoUsd: 30n };
    const journaled = { organizationId: 'o' };
    const exchange = { requestId: 'r', ...plain, ...taken, journaled, eventHead: '' } as unknown as Journaled;
    const dear = { ...price, outputNanoUsdPerMillion: 1_000_000n };
    const usage = { inputTokens: 0, outputTokens: 40, cachedInputTokens: 0, reasoningTokens: 0 };
    const call = {
      target: { price: dear, eventPart: '' },
      outcome: 'completed',
      usage,
      usageSource: 'provider',
      finish: () => undefined,
    } as unknown as CallOutcome;
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

describe('the charge of a call', () => {
  /** 10 nano-USD for each token of input, 100 for output. */
  const dear = { ...price, inputNanoUsdPerMillion: 10_000_000n, outputNanoUsdPerMillion: 100_000_000n };

  /** Cost, charge, and the tokens of input and output in the event. */
  async function charged(holdNanoUsd: bigint | null, reported: object, fields: object = {}, prices = dear) {
    const finals: string[] = [];
    const items: SettleItem[] = [];
    const losses: unknown[] = [];
    const append = (...record: unknown[]) => Promise.resolve(finals.push(String(record[3])));
    const written = { takeNumber: () => 1, append } as unknown as Journal;
    const admission = { settle: (item: SettleItem) => void items.push(item) } as unknown as Admission;
    const taken = { admitted: true, settled: false, openEnded: true, holdNanoUsd };
    const journaled = { organizationId: 'o' };
    const exchange = { requestId: 'r', ...bodyOf(fields), ...taken, journaled, eventHead: '{' } as unknown as Journaled;
    const usage = { inputTokens: 10, outputTokens: 20, cachedInputTokens: 0, reasoningTokens: 0, ...reported };
    const target = { model: 'm', price: prices, eventPart: '"x":0' };
    const call = { target, outcome: 'completed', usage, usageSource: 'provider' } as unknown as CallOutcome;
    const onLoss = (_exchange: unknown, _target: unknown, loss: bigint, told: unknown) =>
      void losses.push([loss, told]);
    await settle(written, admission, onLoss)(exchange, call);
    const { costNanoUsd, chargeNanoUsd, inputTokens, outputTokens } = JSON.parse(finals[0]!) as Record<string, unknown>;
    const tokens = Number(inputTokens) + Number(outputTokens);
    expect(items).toMatchObject([{ chargeNanoUsd: BigInt(chargeNanoUsd as string), tokens }]);
    const loss = BigInt(costNanoUsd as string) - BigInt(chargeNanoUsd as string);
    expect(losses).toEqual(loss === 0n ? [] : [[loss, usage]]);
    return [costNanoUsd, chargeNanoUsd, inputTokens, outputTokens];
  }

  it('is its cost where that is plausible', async () => {
    expect(await charged(null, {})).toEqual(['2100', '2100', 10, 20]);
  });
  it('is the hold where there is one, and the event tells the tokens that can be', async () => {
    expect(await charged(50n, {})).toEqual(['2100', '50', 10, 20]);
    expect(await charged(50n, { outputTokens: 1e9 })).toEqual(['100000000100', '50', 10, 5_000]);
  });
  it('is never what nobody can have used: the rest is told as a loss, once, with what was reported', async () => {
    expect(await charged(null, { outputTokens: 1e9 })).toEqual(['100000000100', '500100', 10, 5_000]);
    expect(await charged(null, { inputTokens: 1e9 })).toEqual(['10000002000', '165840', 16_384, 20]);
  });
  it('can be booked at the dearest price that a list may have', async () => {
    const dearest = { ...dear, outputNanoUsdPerMillion: 9_999_999_999_999_999n };
    expect(await charged(null, { inputTokens: 0, outputTokens: 1e9 }, { max_tokens: 1 }, dearest)).toEqual([
      '9000000000000000000',
      '10000000000',
      0,
      5_000,
    ]);
  });
  it('is at most the ceiling that the request named, whose output is told all the same', async () => {
    expect(await charged(null, { outputTokens: 400 }, { max_tokens: 5, n: 2 })).toEqual(['40100', '1100', 10, 400]);
  });
});
