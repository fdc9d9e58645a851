import { describe, expect, it } from 'vitest';
import { Chance } from './chance.js';

describe('chance', () => {
  const numbers = (seed: number, name: string) => {
    const chance = new Chance(seed, name);
    return Array.from({ length: 1_000 }, () => chance.between(10, 19));
  };

  it('is the same for the same seed and fault, and another for others', () => {
    expect(numbers(7, 'fault 1')).toEqual(numbers(7, 'fault 1'));
    expect(numbers(7, 'fault 1')).not.toEqual(numbers(8, 'fault 1'));
    expect(numbers(7, 'fault 1')).not.toEqual(numbers(7, 'fault 2'));
  });

  it('takes every number of the range, and none beside it', () => {
    expect([...new Set(numbers(7, 'fault 1'))].sort()).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });
});
