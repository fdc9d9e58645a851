import { describe, expect, it } from 'vitest';
import { percentile, spread } from './measured.js';

describe('percentiles', () => {
  it('are by nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, i) => 200 - i);
    expect(percentile(values, 0.5)).toBe(100);
    expect(percentile(values, 0.99)).toBe(198);
    expect(percentile([7], 0.99)).toBe(7);
    expect(spread(values)).toEqual({ p50: '100.0 ms', p99: '198.0 ms', max: '200.0 ms' });
  });

  it('need a value', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});
