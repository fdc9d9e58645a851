import fc from 'fast-check';
import { expect, it } from 'vitest';
import { countNodes } from './json-size.js';

const nodesOf = (value: unknown): number => {
  if (typeof value === 'string') return 1;
  // The digits after a minus sign are a number, and so are those of a negative exponent.
  if (typeof value === 'number') return String(value).includes('e-') ? 2 : 1;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce((sum, [, each]) => sum + nodesOf(each) + (Array.isArray(value) ? 0 : 1), 1);
};

it('counts the texts, numbers, objects and lists of whatever JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
      expect(countNodes(Buffer.from(JSON.stringify(value, null, indent)), Infinity)).toBe(nodesOf(value));
    }),
  );
});

it('stops at the most that is of use, and passes over escaped quotes', () => {
  expect(countNodes(Buffer.from(JSON.stringify(Array.from({ length: 50 }, () => []))), 10)).toBe(11);
  expect(countNodes(Buffer.from('{"a\\"b":"\\\\"}'), 100)).toBe(3);
  expect(countNodes(Buffer.from('["'), 100)).toBe(2);
});
