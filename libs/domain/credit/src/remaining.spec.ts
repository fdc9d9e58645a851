import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { remainingOf } from './remaining.js';

const amount = fc.bigInt(0n, 9_000_000_000_000_000n);

describe('what is left of a limit', () => {
  // After a late final of a gateway that counted as gone, more may be charged and held than the limit.
  it('is the limit without what is charged and held, and never less than nothing', () => {
    fc.assert(
      fc.property(amount, amount, amount, (cap, postedNanoUsd, heldNanoUsd) => {
        const left = cap - postedNanoUsd - heldNanoUsd;
        expect(remainingOf(cap, { postedNanoUsd, heldNanoUsd })).toBe(left > 0n ? left : 0n);
      }),
    );
  });
  it('is not known of what is unlimited', () => {
    expect(remainingOf(null, { postedNanoUsd: 1n, heldNanoUsd: 1n })).toBeNull();
  });
});
