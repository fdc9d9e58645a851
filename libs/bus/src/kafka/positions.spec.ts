import { describe, expect, it } from 'vitest';
import { handledAll, positions } from './positions.js';

const ends = positions([{ partition: 0, low: '0', high: '10' }, { partition: 1, low: '0', high: '0' }, { partition: 2, low: '7', high: '7' }]);

describe('handledAll', () => {
  it('is true when each partition that holds messages was handled to its end', () => {
    expect(handledAll(ends, new Map([[0, 10n]]))).toBe(true);
    expect(handledAll(ends, new Map([[0, 11n], [2, 3n]]))).toBe(true);
  });
  it('is false while one is behind or unknown', () => {
    expect(handledAll(ends, new Map([[0, 9n]]))).toBe(false);
    expect(handledAll(ends, new Map())).toBe(false);
  });
});
