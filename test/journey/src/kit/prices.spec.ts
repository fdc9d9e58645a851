import { describe, expect, it } from 'vitest';
import { costNanoUsd, holdNanoUsd, nanoUsd, usd } from './prices.js';

describe('the oracle of prices', () => {
  it('multiplies tokens by prices exactly', () => {
    expect(costNanoUsd('gpt-4o-mini', 1_000, 500)).toBe(150_000n + 300_000n);
  });

  it('rounds a fraction of a nano-USD up', () => {
    expect(costNanoUsd('gpt-4.1-nano', 1, 0)).toBe(13n); // 12.3
    expect(costNanoUsd('gpt-4.1-nano', 10, 0)).toBe(123n);
    expect(costNanoUsd('gpt-4.1-nano', 0, 0)).toBe(0n);
  });

  it('prices every model that a route with a pattern can name, and none that has no price', () => {
    expect(costNanoUsd('any-closed', 3, 5)).toBe(13_000n);
    expect(costNanoUsd('deployed-bot', 3, 5)).toBe(13_000n);
    for (const model of ['gpt-4o', 'gpt-4o-mini-2', 'any', 'toString'])
      expect(() => costNanoUsd(model, 1, 1), model).toThrow(RangeError);
  });

  it('holds the bytes of the body and 64 as input tokens', () => {
    expect(holdNanoUsd('gpt-4o-mini', 136, 1_000)).toBe(200n * 150n + 600_000n);
  });

  it('reads and writes decimal USD', () => {
    for (const text of ['0', '0.000123', '12', '0.000000001', '9000000.5']) expect(usd(nanoUsd(text))).toBe(text);
    expect(() => nanoUsd('1e-7')).toThrow(RangeError);
    expect(() => nanoUsd('0.0000000001')).toThrow(RangeError);
  });
});
