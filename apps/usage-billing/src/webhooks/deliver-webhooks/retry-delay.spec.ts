import { expect, it } from 'vitest';
import { retryDelay } from './retry-delay.js';

const DAY_MS = 86_400_000;

it('grows from seconds to hours', () => {
  expect([1, 2, 3, 4, 8, 50].map((attempt) => retryDelay(attempt, 0))).toEqual([
    5_000, 30_000, 120_000, 600_000, 14_400_000, 14_400_000,
  ]);
});

it('is tried for a day, and a last time when that ends', () => {
  let [age, attempts] = [0, 0];
  for (let delay = retryDelay(1, 0); delay !== null; delay = retryDelay(attempts + 1, age)) {
    age += delay;
    attempts += 1;
  }
  expect(age).toBe(DAY_MS);
  expect(attempts).toBeGreaterThan(10);
  expect(retryDelay(1, DAY_MS)).toBeNull();
});
