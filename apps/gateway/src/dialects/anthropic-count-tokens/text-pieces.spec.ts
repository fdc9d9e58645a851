import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PIECE_LENGTH, piecesOf } from './text-pieces.js';

/** Half of a character does not survive UTF-8. */
const isWhole = (text: string): boolean => Buffer.from(text).toString() === text;

describe('the pieces of a text', () => {
  it('are the whole text, none is too long, and no character is cut in two', () => {
    const part = fc.constantFrom('a', ' ', '\n', '\u{1f600}', 'word ', 'x'.repeat(1_500), '\u4f60');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), fc.integer({ min: 1, max: 900 }), (parts, times) => {
        const text = parts.join('').repeat(times).slice(0, 200_000);
        const pieces = [...piecesOf(text)];
        expect(pieces.join('')).toBe(text);
        for (const piece of pieces) {
          expect(piece.length).toBeLessThanOrEqual(PIECE_LENGTH);
          expect(isWhole(piece) || !isWhole(text)).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });
  it('end before white space where there is any', () => {
    const [first, second] = piecesOf('one two '.repeat(PIECE_LENGTH));
    expect(first).toMatch(/(?:one|two)$/);
    expect(second).toMatch(/^ (?:one|two)/);
  });
});
