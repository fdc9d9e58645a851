import { expect, it } from 'vitest';
import { isUnusual } from './unusual-spend.js';

const USD = 1_000_000_000n;

it.each<[string, bigint, bigint, boolean, boolean]>([
  ['three times the usual', 30n * USD, 10n * USD, true, false],
  ['more than three times the usual', 30n * USD + 1n, 10n * USD, true, true],
  ['much of a key that nobody knows', 100n * USD, 0n, false, false],
  ['the floor, of a key that slept for weeks', USD, 0n, true, true],
  ['less than the floor', USD - 1n, 0n, true, false],
])('%s', (_what, spentNanoUsd, usualNanoUsd, known, unusual) => {
  expect(isUnusual({ spentNanoUsd, usualNanoUsd, known }, USD)).toBe(unusual);
});

it('is never nothing, whatever the floor', () => {
  expect(isUnusual({ spentNanoUsd: 0n, usualNanoUsd: 0n, known: true }, 0n)).toBe(false);
});
