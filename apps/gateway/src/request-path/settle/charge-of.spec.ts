import { costBound, type ModelPrice } from '@tollgate/pricing';
import { NO_DETAILS, type TokenUsage } from '@tollgate/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ask } from '../../dialects/ask.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import type { Target } from '../choose-route/route-table.js';
import type { CachedKey } from '../identify-key/cached-key.js';
import { markedUp } from '../exchange/mark-up.js';
import { NO_USAGE } from '../forward/call.js';
import { chargeOf } from './charge-of.js';

const price: ModelPrice = {
  inputNanoUsdPerMillion: 150_000_000n,
  outputNanoUsdPerMillion: 600_000_000n,
  cachedInputNanoUsdPerMillion: 75_000_000n,
  maxOutputTokens: 1_000_000,
  contextTokens: 1_000_000,
};
const NO_MORE = {
  classes: {},
  toolCalls: new Map<string, bigint>(),
  serviceTiers: new Map(),
  speeds: new Map(),
  inferenceGeos: new Map(),
  longContext: [],
};
const ask = openAiChat.read(
  Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(20_000) }] })),
) as Ask;
const keyWith = (markUpMillionths: number) => ({ markUpMillionths }) as CachedKey;
const targetOf = (its: ModelPrice, more: object = {}) =>
  ({ model: 'm', price: its, priceOf: () => null, ...more }) as unknown as Target;
const usage = (inputTokens: number, outputTokens: number, more: Partial<TokenUsage> = {}): TokenUsage => ({
  inputTokens,
  outputTokens,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  ...more,
});
const charged = (target: Target, used: TokenUsage, markUp = 0, holdNanoUsd: bigint | null = null) =>
  chargeOf({ ask, holdNanoUsd, key: keyWith(markUp), reportsInVain: null }, target, used);

describe('the mark-up', () => {
  it('is on the cost before that is rounded: both are rounded up once', () => {
    // One token of 0.0015 USD a million is 1.5 nano-USD, with a fifth more 1.8: both are 2. Rounded twice it were 3.
    const cheap = { ...price, inputNanoUsdPerMillion: 1_500_000n };
    expect(charged(targetOf(cheap), usage(1, 0), 200_000)).toMatchObject({
      costNanoUsd: 2n,
      billableNanoUsd: 2n,
      chargeNanoUsd: 2n,
    });
    expect(charged(targetOf(price), usage(1_000, 500), 50_000)).toMatchObject({
      costNanoUsd: 450_000n,
      billableNanoUsd: 472_500n,
      chargeNanoUsd: 472_500n,
    });
  });
  it('is in the charge up to the hold, and no further', () => {
    expect(charged(targetOf(price), usage(1_000, 500), 50_000, 460_000n)).toMatchObject({
      costNanoUsd: 450_000n,
      billableNanoUsd: 472_500n,
      chargeNanoUsd: 460_000n,
    });
  });
  it('is not told where there is none', () => {
    expect(charged(targetOf(price), usage(1_000, 500))).toMatchObject({
      chargeNanoUsd: 450_000n,
      billableNanoUsd: undefined,
    });
  });
  it('keeps every charge within what was held, at any price, tier and fee', () => {
    const perMillion = fc.bigInt(0n, 90_000_000_000n);
    const times = fc
      .record({ inputThousandths: fc.bigInt(1n, 9_000n), outputThousandths: fc.bigInt(1n, 9_000n) })
      .chain((factor) => fc.bigInt(1n, 9n).map((over) => ({ ...factor, over })));
    const anyPrice = fc.record({
      input: perMillion,
      output: perMillion,
      cached: perMillion,
      fee: fc.bigInt(0n, 10n ** 9n),
      tier: times,
      long: times,
    });
    const anyUse = fc.record({
      inputTokens: fc.nat(2_000),
      outputTokens: fc.nat(2_000),
      cachedInputTokens: fc.nat(2_000),
      tier: fc.constantFrom(null, 'priority', 'default'),
    });
    fc.assert(
      fc.property(anyPrice, anyUse, fc.nat(3_000_000), ({ input, output, cached, fee, tier, long }, used, markUp) => {
        const its: ModelPrice = {
          ...price,
          inputNanoUsdPerMillion: input,
          outputNanoUsdPerMillion: output,
          cachedInputNanoUsdPerMillion: cached,
          more: {
            ...NO_MORE,
            requestNanoUsd: fee,
            serviceTiers: new Map([['priority', tier]]),
            longContext: [{ aboveInputTokens: 1_000, ...long }],
          },
        };
        const { tier: serviceTier, ...tokens } = used;
        const report = usage(used.inputTokens, used.outputTokens, {
          ...tokens,
          details: { ...NO_DETAILS, serviceTier },
        });
        const hold = markedUp(costBound([its], used.inputTokens, used.outputTokens), { key: keyWith(markUp) });
        const { billableNanoUsd, chargeNanoUsd, costNanoUsd } = charged(targetOf(its), report, markUp, hold);
        expect((billableNanoUsd ?? costNanoUsd) <= hold).toBe(true);
        expect(chargeNanoUsd).toBe(billableNanoUsd ?? costNanoUsd);
      }),
    );
  });
});

describe('a report of more than the request can have used', () => {
  const named = openAiChat.read(
    Buffer.from(JSON.stringify({ model: 'm', max_tokens: 900, messages: [{ role: 'user', content: 'Hello' }] })),
  ) as Ask;
  /** An image costs more, so the hold of a limited key has room for more text than the ceiling allows. */
  const drawing = { ...price, more: { ...NO_MORE, classes: { imageOutput: 30_000_000_000n } } } as ModelPrice;
  const ample = costBound([drawing], 16_384, 900);

  it.each<[string, TokenUsage, number]>([
    ['more output than its ceiling', usage(100, 5_000), 900],
    ['as much output as its ceiling', usage(100, 900), 900],
    ['less output', usage(100, 10), 10],
    ['more input than its body explains', usage(100_000, 10), 10],
    ['more of both', usage(100_000, 5_000), 900],
    ['thought in more output', usage(100, 5_000, { reasoningTokens: 4_000 }), 900],
    ['output beyond what any answer has', usage(100, 20_000_000), 900],
  ])('is charged alike to every key: %s', (_what, report, outputTokens) => {
    const owed = usage(Math.min(report.inputTokens, 16_384), outputTokens);
    const { costNanoUsd } = charged(targetOf(drawing), owed);
    for (const markUp of [0, 50_000]) {
      const charges = [null, ample * 10n, markedUp(ample, { key: keyWith(markUp) })].map((holdNanoUsd) =>
        chargeOf({ ask: named, holdNanoUsd, key: keyWith(markUp), reportsInVain: null }, targetOf(drawing), report),
      );
      expect(new Set(charges.map(({ chargeNanoUsd }) => chargeNanoUsd)).size).toBe(1);
      expect(charges[0]?.chargeNanoUsd).toBe(costNanoUsd + (costNanoUsd * BigInt(markUp)) / 1_000_000n);
    }
  });

  it('is charged up to the hold where that is less', () => {
    const { chargeNanoUsd } = chargeOf(
      { ask: named, holdNanoUsd: 7n, key: keyWith(0), reportsInVain: null },
      targetOf(drawing),
      usage(100, 5_000),
    );
    expect(chargeNanoUsd).toBe(7n);
  });
});

describe('the most that a call is charged', () => {
  it('is 9,000,000 USD, whatever a provider reports, whatever it costs, and with any mark-up', () => {
    const amounts = fc.bigInt(0n, 10_000_000_000_000_000n);
    fc.assert(
      fc.property(
        fc.record({ input: amounts, output: amounts, markUp: fc.nat(1_000_000_000) }),
        fc.nat(1_000_000_000),
        fc.nat(1_000_000_000),
        fc.option(fc.bigInt(0n, 9_000_000_000_000_000n)),
        ({ input, output, markUp }, inputTokens, outputTokens, holdNanoUsd) => {
          const dear = { ...price, inputNanoUsdPerMillion: input, outputNanoUsdPerMillion: output };
          const { costNanoUsd, chargeNanoUsd, billableNanoUsd } = charged(
            targetOf(dear),
            usage(inputTokens, outputTokens),
            markUp,
            holdNanoUsd,
          );
          expect(chargeNanoUsd).toBeLessThanOrEqual(holdNanoUsd ?? 9_000_000_000_000_000n);
          expect(chargeNanoUsd).toBeLessThanOrEqual(billableNanoUsd ?? costNanoUsd);
        },
      ),
      { numRuns: 300, examples: [[{ input: 9_999_999_000_000_000n, output: 0n, markUp: 0 }, 950_000, 0, null]] },
    );
  });
  it('is what a call of a key without a limit is charged that costs more', () => {
    const dear = { ...price, inputNanoUsdPerMillion: 9_999_999_000_000_000n };
    const long = { ...ask, inputTokensAllowed: 1_000_000 } as Ask;
    const exchange = { ask: long, holdNanoUsd: null, key: keyWith(0), reportsInVain: null };
    expect(chargeOf(exchange, targetOf(dear), usage(950_000, 0))).toMatchObject({
      costNanoUsd: 9_499_999_050_000_000n,
      chargeNanoUsd: 9_000_000_000_000_000n,
    });
  });
});

describe('a call without an answer', () => {
  it('costs no fee for the request if nothing was reported of it', () => {
    const withFee = { ...price, more: { ...NO_MORE, requestNanoUsd: 5n } };
    const exchange = { ask, holdNanoUsd: null, key: keyWith(0), reportsInVain: null };
    expect(chargeOf(exchange, targetOf(withFee), NO_USAGE, true)).toMatchObject({
      costNanoUsd: 0n,
      chargeNanoUsd: 0n,
      billableNanoUsd: undefined,
    });
  });
  it('leaves the lines out where what was reported is absurd, as it would be of an answer', () => {
    const dear = { ...price, inputNanoUsdPerMillion: 90_000_000_000_000_000n };
    const reportsInVain = [{ target: targetOf(dear), usage: usage(1_000_000_000, 0) }];
    const exchange = { ask, holdNanoUsd: null, key: keyWith(0), reportsInVain };
    expect(chargeOf(exchange, targetOf(price), usage(1_000, 500))).toMatchObject({
      costNanoUsd: 9_000_000_000_000_000_000n,
      chargeNanoUsd: 450_000n,
      billableNanoUsd: 450_000n,
      priceLines: '[]',
    });
  });
});

describe('what has no price', () => {
  it('costs nothing that anybody could name, and says so', () => {
    const zero = {
      ...price,
      inputNanoUsdPerMillion: 0n,
      outputNanoUsdPerMillion: 0n,
      cachedInputNanoUsdPerMillion: null,
    };
    expect(charged(targetOf(zero, { unpriced: true }), usage(10, 10))).toMatchObject({
      costNanoUsd: 0n,
      unpriced: true,
    });
    // A configured 0 is a price.
    expect(charged(targetOf(zero), usage(10, 10))).toMatchObject({ costNanoUsd: 0n, unpriced: undefined });
  });
  it.each([
    ['sound that was heard', { audioInputTokens: 40 }],
    ['an image that was seen', { imageInputTokens: 40 }],
    ['sound from a cache', { cachedAudioInputTokens: 40 }],
    ['sound that was spoken', { audioOutputTokens: 40 }],
    ['an image that was drawn', { imageOutputTokens: 40 }],
    ['a call of a tool', { toolCalls: { file_search: 1 } }],
  ])('is %s, which is not charged as text', (_what, details) => {
    const used = usage(100, 100, { cachedInputTokens: 40, details: { ...NO_DETAILS, ...details } });
    const { costNanoUsd, unpriced, priceLines } = charged(targetOf(price), used);
    expect(unpriced).toBe(true);
    const lines = JSON.parse(priceLines) as { nanoUsd: string }[];
    expect(lines.reduce((sum, { nanoUsd }) => sum + BigInt(nanoUsd), 0n)).toBe(costNanoUsd);
    expect(
      costNanoUsd < charged(targetOf(price), usage(100, 100, { cachedInputTokens: 40 })).costNanoUsd ||
        'toolCalls' in details,
    ).toBe(true);
  });
});
