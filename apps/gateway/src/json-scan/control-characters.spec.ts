import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasControlCharacter } from './control-characters.js';

describe('the search for control characters', () => {
  it('agrees with a look at each byte, for any bytes at any place in memory', () => {
    const usual = fc.integer({ min: 0x20, max: 0xff });
    const byte = fc.oneof(
      { weight: 200, arbitrary: usual },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x1f }) },
    );
    fc.assert(
      fc.property(
        fc.array(byte, { maxLength: 300, size: 'max' }),
        fc.nat(9),
        fc.nat(300),
        fc.nat(300),
        (values, offset, one, other) => {
          const bytes = Buffer.from(new Uint8Array([...Array<number>(offset).fill(0), ...values]).buffer, offset);
          const [start, end] = [Math.min(one, other, bytes.length), Math.min(Math.max(one, other), bytes.length)];
          return hasControlCharacter(bytes, start, end) === bytes.subarray(start, end).some((each) => each < 0x20);
        },
      ),
      { numRuns: 5_000 },
    );
  });
  it('finds a single one at any place of a long range, and none just outside of it', () => {
    const bytes = Buffer.alloc(40_000, 'a');
    for (const at of [100, 101, 102, 103, 16_483, 16_484, 16_485, 20_000, 39_898, 39_899]) {
      bytes[at] = 0x09;
      expect(hasControlCharacter(bytes, 100, 39_900), String(at)).toBe(true);
      bytes[at] = 0x61;
    }
    bytes[99] = bytes[39_900] = 0;
    expect(hasControlCharacter(bytes, 100, 39_900)).toBe(false);
  });
});
