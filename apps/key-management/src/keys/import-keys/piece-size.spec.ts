import { expect, it } from 'vitest';
import { PieceSize } from './piece-size.js';

it('a piece grows to 500 keys while they are written fast, and shrinks at once when they are not', () => {
  const size = new PieceSize();
  const sizes: number[] = [];
  for (const msPerKey of [0.05, 0.05, 0.05, 0.05, 0.2, 0.2, 10, 10, 0.05]) {
    size.took(size.keys, size.keys * msPerKey);
    sizes.push(size.keys);
  }
  expect(sizes).toEqual([200, 400, 500, 500, 200, 200, 10, 10, 20]);
});
