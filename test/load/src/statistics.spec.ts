import { describe, expect, it } from 'vitest';
import { median, percentile, spreadOf } from './statistics.js';

describe('figures over rounds', () => {
  it('have the middle one as their median, or the mean of two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(spreadOf([100, 20, 30])).toEqual({ median: 30, low: 20, high: 100 });
  });
  it('are not sorted in place', () => {
    const values = [2, 1];
    median(values);
    percentile(values, 0.5);
    expect(values).toEqual([2, 1]);
  });
  it('have percentiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect([0, 0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([1, 50, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
  });
  it('are none without values', () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});
