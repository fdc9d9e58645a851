import { describe, expect, it } from 'vitest';
import { costBound, costOf, type ModelPrice } from './index.js';

const price: ModelPrice = {
  inputNanoUsdPerMillion: 150_000_000n,
  outputNanoUsdPerMillion: 600_000_000n,
  cachedInputNanoUsdPerMillion: 75_000_000n,
  maxOutputTokens: 16_384,
  contextTokens: 128_000,
};

describe('the cost of a call', () => {
  it('is exact: 1,000 in at 0.15 USD and 500 out at 0.60 USD a million is 0.00045 USD', () => {
    expect(costOf(price, { inputTokens: 1_000, outputTokens: 500, cachedInputTokens: 0, reasoningTokens: 0 })).toBe(
      450_000n,
    );
  });
  it('counts cached input at its own price', () => {
    expect(costOf(price, { inputTokens: 1_000, outputTokens: 0, cachedInputTokens: 400, reasoningTokens: 0 })).toBe(
      120_000n,
    );
  });
  it('rounds a fraction of a nano-USD up', () => {
    expect(
      costOf(
        { ...price, inputNanoUsdPerMillion: 1n },
        { inputTokens: 1, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 },
      ),
    ).toBe(1n);
  });
  it('is never above the bound of its tokens, whatever part of them was cached', () => {
    const dear = { ...price, cachedInputNanoUsdPerMillion: 300_000_000n };
    for (const cachedInputTokens of [0, 1, 999, 1_000]) {
      const cost = costOf(dear, { inputTokens: 1_000, outputTokens: 64, cachedInputTokens, reasoningTokens: 0 });
      expect(cost <= costBound([price, dear], 1_000, 64)).toBe(true);
    }
  });
});
