import { describe, expect, it } from 'vitest';
import { positions, unhandled } from './positions.js';

const ends = positions([
  { partition: 0, low: '0', high: '10' },
  { partition: 1, low: '0', high: '0' },
  { partition: 2, low: '7', high: '7' },
]);

describe('unhandled', () => {
  it('is nothing when each partition that holds messages was handled to its end', () => {
    expect(unhandled(ends, new Map([[0, 10n]]))).toBe(0);
    expect(
      unhandled(
        ends,
        new Map([
          [0, 11n],
          [2, 3n],
        ]),
      ),
    ).toBe(0);
  });
  it('counts what lies between, from the oldest message that is there', () => {
    expect(unhandled(ends, new Map([[0, 9n]]))).toBe(1);
    expect(unhandled(ends, new Map())).toBe(10);
    expect(unhandled(positions([{ partition: 0, low: '4', high: '10' }]), new Map([[0, 2n]]))).toBe(6);
  });
});
