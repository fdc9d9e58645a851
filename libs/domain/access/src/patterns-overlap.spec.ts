import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patternsOverlap } from './patterns-overlap.js';
import { matchesWildcard } from './wildcard.js';

/** All texts of two letters that are long enough to tell two patterns of four characters apart. */
const TEXTS = Array.from({ length: 9 }, (_, length) =>
  Array.from({ length: 2 ** length }, (_text, bits) => bits.toString(2).padStart(length, '0').slice(0, length)),
).flat();

describe('two patterns', () => {
  it.each([
    ['gpt-*', '*-mini', true],
    ['gpt-4o', 'gpt-*', true],
    ['gpt-4o', 'gpt-4o', true],
    ['gpt-4o', 'gpt-5', false],
    ['gpt-*', 'claude-*', false],
    ['*', 'x', true],
    ['*', '', true],
    ['a*b', 'b*a', false],
  ])('%s and %s: %s', (one, other, overlap) => {
    expect(patternsOverlap(one, other)).toBe(overlap);
    expect(patternsOverlap(other, one)).toBe(overlap);
  });
  it('overlap exactly if some text matches both', () => {
    const pattern = fc.string({ unit: fc.constantFrom('0', '1', '*'), maxLength: 4 });
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const found = TEXTS.some((text) => matchesWildcard(one, text) && matchesWildcard(other, text));
        expect(patternsOverlap(one, other)).toBe(found);
      }),
    );
  });
});
