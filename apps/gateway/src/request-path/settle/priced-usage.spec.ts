import { costOf, pricedCall, priceLines, withMarkUp, type ModelPrice } from '@tollgate/pricing';
import { NO_DETAILS, type TokenUsage } from '@tollgate/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COST_NANO_USD_MAX, pricedUsage } from './priced-usage.js';

const none = () => null;
/** The lines as `priceLines` makes them, in the form of an event. */
const linesOf = (price: ModelPrice, usage: TokenUsage) =>
  priceLines(price, usage).map(({ nanoUsdPerMillion, nanoUsd, ...line }) => ({
    ...line,
    nanoUsdPerMillion: `${nanoUsdPerMillion}`,
    nanoUsd: `${nanoUsd}`,
  }));

describe('a priced usage', () => {
  it('has the exact cost, and the lines that add up to it, whether or not its numbers fit a double', () => {
    const perMillion = fc.oneof(fc.bigInt(0n, 10n ** 9n), fc.bigInt(0n, 10n ** 15n));
    const tokens = fc.oneof(fc.nat(10), fc.nat(200_000), fc.nat(1_000_000_000));
    fc.assert(
      fc.property(perMillion, perMillion, fc.option(perMillion), tokens, tokens, tokens, tokens, (...numbers) => {
        const [input, output, cached, inputTokens, outputTokens, cachedInputTokens, reasoningTokens] = numbers;
        const price: ModelPrice = {
          inputNanoUsdPerMillion: input,
          outputNanoUsdPerMillion: output,
          cachedInputNanoUsdPerMillion: cached,
          maxOutputTokens: 1,
          contextTokens: 1,
        };
        const usage = { inputTokens, outputTokens, cachedInputTokens, reasoningTokens };
        const { costNanoUsd, linesText, millionths } = pricedUsage(price, usage, none);
        const cost = costOf(price, usage);
        if (cost > COST_NANO_USD_MAX) {
          expect([costNanoUsd, linesText]).toEqual([COST_NANO_USD_MAX, '[]']);
          return;
        }
        expect(costNanoUsd).toBe(cost);
        const lines = JSON.parse(linesText) as object[];
        // A line names neither its own model nor a tool that is none.
        expect(lines.map((line) => ({ model: null, tool: null, ...line }))).toEqual(linesOf(price, usage));
        const long = pricedUsage(price, { ...usage, details: NO_DETAILS }, none);
        expect(long).toMatchObject({ costNanoUsd, linesText, unpriced: false });
        expect(BigInt(millionths)).toBe(pricedCall(price, usage).millionths);
        expect(withMarkUp(BigInt(millionths), 0)).toBe(cost);
      }),
    );
  });
});
