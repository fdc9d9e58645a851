import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findRepeatedName } from './repeated-name.js';

describe('a name that an object gives twice', () => {
  it.each([
    ['{"a":1,"a":2}', 1, 8],
    ['{"a":1,\n "\\u0061":2}', 2, 2],
    ['{"a\\/b":1,"a/b":2}', 1, 11],
    ['{"":1,"":2}', 1, 7],
    ['{"__proto__":1,"__proto__":2}', 1, 16],
    ['[{"x":{"a":[1,{"b":"}"}],"a":null}}]', 1, 26],
    ['{"a\\\\":1,"a\\"":2,"a\\\\":3}', 1, 18],
    ['{"a":{"a":[]},"b":"\\"a\\":","a":1}', 1, 28],
  ])('is found where it stands: %s', (text, line, column) => {
    JSON.parse(text);
    expect(findRepeatedName(text)).toEqual({ line, column });
  });

  it.each([
    '{}',
    '[]',
    '"a,\\"a"',
    '{"a":{"a":1},"A":"a"}',
    '["a","a",{"b":"b"}]',
    '{"a":[{"b":1},{"b":1}],"c":"a"}',
    '{"a":"\\\\","b":"\\\\"}',
    '1',
  ])('is not seen in %s', (text) => {
    JSON.parse(text);
    expect(findRepeatedName(text)).toBeNull();
  });

  it('is found exactly where parsing loses one, in random texts', () => {
    const seed = randomInt(2 ** 31);
    let state = seed;
    const next = (bound: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
    // No name is a backslash: JSON.parse of Node.js 26 reads names wrong (`\"` as `\`) once it has read such a one.
    const names = ['"a"', '"\\u0061"', '"b"', '"\\""', '"]"', '"{"', '",:"'];
    const texts = [...names, '"\\\\"', '"\\\\\\""'];
    let fields = 0;
    const field = (depth: number): string => {
      fields += 1;
      return `${names[next(names.length)]}: ${value(depth)}`;
    };
    const value = (depth: number): string => {
      const kind = depth > 3 ? 2 + next(2) : next(4);
      if (kind === 0) {
        return `{${Array.from({ length: next(4) }, () => field(depth + 1)).join(' ,')}}`;
      }
      if (kind === 1) return `[${Array.from({ length: next(4) }, () => value(depth + 1)).join(', ')}]`;
      return kind === 2 ? texts[next(texts.length)]! : '-1.5e3';
    };
    const kept = (parsed: unknown): number =>
      Array.isArray(parsed)
        ? parsed.reduce<number>((sum, each) => sum + kept(each), 0)
        : typeof parsed === 'object' && parsed !== null
          ? Object.values(parsed).reduce<number>((sum, each) => sum + 1 + kept(each), 0)
          : 0;
    for (let round = 0; round < 5_000; round++) {
      fields = 0;
      const text = value(0);
      expect(findRepeatedName(text) !== null, `seed ${seed}: ${text}`).toBe(kept(JSON.parse(text)) < fields);
    }
  });
});
