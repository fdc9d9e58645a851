import type { Admission } from '@tollgate/admission';
import type { SettleItem } from '@tollgate/credit';
import { readUsage } from '@tollgate/usage';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../journal/journal.js';
import { JournaledRequest } from '../../journal/journaled-request.js';
import type { Journaled } from '../exchange/exchange.js';
import type { CallOutcome } from '../forward/call.js';
import type { Ask } from '../../dialects/ask.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { judgeUsage } from '../usage/judge-usage.js';
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
const answered = { arrivedAt: 0, firstByteAt: 0, answeredAt: 0, reply: { headersSent: false } };

type Outcome = CallOutcome['outcome'];
type Source = CallOutcome['usageSource'];

async function settled(outcome: Outcome, usageSource: Source, openEnded = true): Promise<SettleItem> {
  const items: SettleItem[] = [];
  const admission = { settle: (item: SettleItem) => void items.push(item) } as unknown as Admission;
  const journaled = { organizationId: 'o' };
  const taken = { admitted: true, settled: false, openEnded, holdNanoUsd: null, reportsInVain: null };
  const exchange = {
    requestId: 'r',
    ...plain,
    ...answered,
    ...taken,
    journaled,
    eventHead: '',
  } as unknown as Journaled;
  const usage = { inputTokens: 10, outputTokens: 40, cachedInputTokens: 0, reasoningTokens: 0 };
  const target = { price, eventPart: '' };
  const ended = { outcome, usageSource, ...(usageSource === 'none' && { owesNothing: true }) };
  const call = { target, usage, ...ended, finish: () => undefined } as unknown as CallOutcome;
  await settle(journal, admission, () => undefined)(exchange, call);
  await settle(journal, admission, () => undefined)(exchange, call);
  expect(items).toHaveLength(1);
  return items[0]!;
}

describe('the end of a call', () => {
  it.each([
    ['that holds credit settles once its final is written', 30n, true, [], ['settle']],
    ['whose final cannot be written keeps its hold until it is, and gives back its place', 30n, false, [], ['leave']],
    ['that holds no credit settles at once', null, true, ['settle'], ['settle']],
  ])('%s', async (_, holdNanoUsd, isWritten, before, after) => {
    const told: string[] = [];
    const admission = { settle: () => told.push('settle'), leave: () => told.push('leave') } as unknown as Admission;
    let answer: (isWritten: boolean) => void = () => undefined;
    const append = () => new Promise<boolean>((resolve) => (answer = resolve));
    const taken = { admitted: true, settled: false, openEnded: false, holdNanoUsd, reportsInVain: null };
    const onSettled = [() => told.push('told')];
    const journaled = new JournaledRequest('r', 'o');
    const exchange = { requestId: 'r', ...plain, ...answered, ...taken, journaled, eventHead: '', onSettled };
    const usage = { inputTokens: 10, outputTokens: 40, cachedInputTokens: 0, reasoningTokens: 0 };
    const call = { target: { price, eventPart: '' }, outcome: 'completed', usage, usageSource: 'provider' };
    const journal = { takeNumber: () => 1, append } as unknown as Journal;
    const end = settle(journal, admission, () => undefined);
    const ended = end(exchange as unknown as Journaled, call as unknown as CallOutcome);
    await new Promise(setImmediate);
    expect(told.filter((each) => each !== 'told')).toEqual(before);
    answer(isWritten);
    await ended;
    expect(told).toEqual([...after, 'told']);
    journaled.end();
    expect(told.filter((each) => each === 'settle')).toHaveLength(1);
  });

  it('tells once what it cost beyond its hold', async () => {
    const losses: bigint[] = [];
    const end = settle(
      journal,
      { settle: () => undefined } as unknown as Admission,
      (_exchange, _target, loss) => void losses.push(loss),
    );
    const taken = { admitted: true, settled: false, openEnded: false, holdNanoUsd: 30n, reportsInVain: null };
    const journaled = new JournaledRequest('r', 'o');
    const exchange = {
      requestId: 'r',
      ...plain,
      ...answered,
      ...taken,
      journaled,
      eventHead: '',
    } as unknown as Journaled;
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
    const taken = { admitted: true, settled: false, openEnded: true, holdNanoUsd, reportsInVain: null };
    const journaled = new JournaledRequest('r', 'o');
    const exchange = {
      requestId: 'r',
      ...bodyOf(fields),
      ...answered,
      ...taken,
      journaled,
      eventHead: '{',
    } as unknown as Journaled;
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

describe('the event of a call that used more than text', () => {
  const perMillion = (dollars: number) => BigInt(dollars * 1e9);
  const claude = {
    inputNanoUsdPerMillion: perMillion(5),
    outputNanoUsdPerMillion: perMillion(25),
    cachedInputNanoUsdPerMillion: perMillion(0.5),
    maxOutputTokens: 64_000,
    contextTokens: 1_000_000,
    more: {
      classes: { cacheWrite5m: perMillion(6.25), cacheWrite1h: perMillion(10) },
      toolCalls: new Map([['web_search', perMillion(10)]]),
      serviceTiers: new Map(),
      speeds: new Map([['fast', { inputThousandths: 6_000n, outputThousandths: 6_000n }]]),
      inferenceGeos: new Map(),
      longContext: [{ aboveInputTokens: 272_000, inputThousandths: 2_000n, outputThousandths: 1_500n }],
    },
  };
  const advisor = { ...claude, inputNanoUsdPerMillion: perMillion(10), outputNanoUsdPerMillion: perMillion(50) };
  const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }];
  const cached = {
    input_tokens: 3,
    cache_creation_input_tokens: 12_304,
    cache_read_input_tokens: 0,
    output_tokens: 10,
  };

  async function ended(reported: object, holdNanoUsd: bigint | null = null) {
    const finals: string[] = [];
    const append = (...record: unknown[]) => Promise.resolve(finals.push(String(record[3])));
    const items: SettleItem[] = [];
    const admission = { settle: (item: SettleItem) => void items.push(item) } as unknown as Admission;
    const taken = { admitted: true, settled: false, openEnded: false, holdNanoUsd, reportsInVain: null };
    // The body names an image by its address, so the model may have read its whole context.
    const asked = bodyOf({ messages: image });
    const journaled = new JournaledRequest('r', 'o');
    const exchange = {
      requestId: 'r',
      ...asked,
      ...answered,
      ...taken,
      journaled,
      eventHead: '{',
    } as unknown as Journaled;
    const priceOf = (model: string) => (model === 'advisor' ? advisor : null);
    const target = { model: 'm', price: claude, priceOf, eventPart: '"x":0' };
    const { usage, usageSource } = judgeUsage(readUsage(reported), { inputTokens: 1, outputTokens: 1 }, false);
    const call = { target, outcome: 'completed', usage, usageSource } as unknown as CallOutcome;
    const journal = { takeNumber: () => 1, append } as unknown as Journal;
    await settle(journal, admission, () => undefined)(exchange, call);
    const event = JSON.parse(finals[0]!) as Record<string, unknown>;
    const lines = event['priceLines'] as { nanoUsd: string }[];
    expect(lines.reduce((sum, { nanoUsd }) => sum + BigInt(nanoUsd), 0n)).toBe(BigInt(event['costNanoUsd'] as string));
    expect(exchange.chargeNanoUsd).toBe(BigInt(event['chargeNanoUsd'] as string));
    expect(items).toMatchObject([{ chargeNanoUsd: exchange.chargeNanoUsd }]);
    return event;
  }

  it.each<[string, object, bigint, object]>([
    [
      'a write to a cache',
      cached,
      3n * 5_000n + 12_304n * 6_250n + 10n * 25_000n,
      { inputTokens: 12_307, textInputTokens: 3, cacheWrite5mTokens: 12_304, cachedInputTokens: 0 },
    ],
    [
      'writes for an hour, for five minutes, and for no time that is told',
      {
        input_tokens: 1,
        output_tokens: 1,
        cache_creation_input_tokens: 5_000,
        cache_creation: { ephemeral_5m_input_tokens: 500, ephemeral_1h_input_tokens: 4_000 },
      },
      5_000n + 25_000n + 4_000n * 10_000n + 1_000n * 6_250n,
      { cacheWrite5mTokens: 1_000, cacheWrite1hTokens: 4_000 },
    ],
    [
      'a compaction and an advisor',
      {
        input_tokens: 23_000,
        output_tokens: 1_000,
        iterations: [
          { type: 'compaction', input_tokens: 180_000, output_tokens: 3_500 },
          { type: 'message', input_tokens: 23_000, output_tokens: 1_000 },
          { type: 'advisor_message', model: 'advisor', input_tokens: 100, output_tokens: 10 },
        ],
      },
      203_000n * 5_000n + 4_500n * 25_000n + 100n * 10_000n + 10n * 50_000n,
      {
        inputTokens: 23_000,
        passes: [
          expect.objectContaining({ kind: 'compaction', model: null, textInputTokens: 180_000 }),
          expect.objectContaining({ kind: 'advisor_message', model: 'advisor', textOutputTokens: 10 }),
        ],
      },
    ],
    [
      'a dearer speed and a tool',
      { input_tokens: 100, output_tokens: 10, speed: 'fast', server_tool_use: { web_search_requests: 2 } },
      6n * (100n * 5_000n + 10n * 25_000n) + 20_000_000n,
      { speedServed: 'fast', toolCalls: [{ tool: 'web_search', calls: 2 }] },
    ],
    [
      'a long context',
      { input_tokens: 300_000, output_tokens: 100 },
      300_000n * 10_000n + 100n * 37_500n,
      { textInputTokens: 300_000 },
    ],
    [
      'an answer of another model',
      {
        input_tokens: 2,
        output_tokens: 10,
        iterations: [
          { type: 'message', model: 'm', input_tokens: 2, output_tokens: 5 },
          { type: 'fallback_message', model: 'advisor', input_tokens: 2, output_tokens: 10 },
        ],
      },
      2n * 10_000n + 10n * 50_000n,
      { modelServed: 'advisor', passes: [] },
    ],
  ])('has its classes and its cost: %s', async (_what, reported, cost, fields) => {
    expect(await ended(reported)).toMatchObject({
      ...fields,
      usageSource: 'provider',
      costNanoUsd: `${cost}`,
      chargeNanoUsd: `${cost}`,
    });
  });

  it('is charged no more than the hold, whatever it used', async () => {
    const event = await ended({ ...cached, speed: 'fast', server_tool_use: { web_search_requests: 5 } }, 1_000n);
    expect(event).toMatchObject({ chargeNanoUsd: '1000' });
    expect(BigInt(event['costNanoUsd'] as string)).toBeGreaterThan(1_000n);
  });

  it('is charged what such a call can have used where there is no hold', async () => {
    const absurd = {
      input_tokens: 1,
      output_tokens: 1,
      server_tool_use: { web_search_requests: 1_000_000_000 },
      iterations: [{ type: 'compaction', input_tokens: 1_000_000_000, output_tokens: 1_000_000_000 }],
    };
    const event = await ended(absurd);
    const most = 5_000n + 25_000n + 1_000n * 10_000_000n + 1_000_000n * 10_000n + 640_000n * 37_500n;
    expect(event).toMatchObject({ chargeNanoUsd: `${most}` });
  });
});
