import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseBody, parseQuery } from './parse-body.js';
import { Problem } from './problem.js';
import { maySpellUnstorable, unstorableTexts } from './unstorable-text.js';

const anything = z.unknown();
const refused = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error instanceof Problem ? [error.code, error.errors.map(({ path }) => path)] : error;
  }
};
const body = (text: string): unknown => refused(() => parseBody(anything, Buffer.from(text)));

describe('a text that no database can store', () => {
  it.each([
    ['{"name":"a\\u0000"}', 'name'],
    ['{"name":"\\ud800"}', 'name'],
    ['{"name":"\\uDFFF\\uD800"}', 'name'],
    ['{"a":{"b":[1,"\\u0000"]}}', 'a.b[1]'],
    ['{"\\u0000":1}', ''],
    ['{"a":{"\\udead":1}}', 'a'],
    ['{"sk-secret value":"\\u0000"}', '?'],
    ['"\\u0000"', ''],
    ['["\\u0000"]', '[0]'],
    ['{"__proto__":"\\u0000"}', '__proto__'],
  ])('is refused with its path: %s', (text, path) => {
    expect(body(text)).toEqual(['invalid_request', [path]]);
  });
  it.each(['{"name":"\\\\u0000"}', '{"name":"\\ud83d\\ude00"}', '{"name":"😀"}', '{"name":"\\u0001"}', '{}', ''])(
    'is not %s',
    (text) => {
      expect(body(text)).not.toBeInstanceOf(Error);
      expect(body(text)).not.toContain('invalid_request');
    },
  );
  it('is refused in a query, under the name of its parameter', () => {
    expect(refused(() => parseQuery(anything, { q: 'a\0' }))).toEqual(['invalid_request', ['q']]);
    expect(refused(() => parseQuery(anything, { q: ['a', '\ud800'] }))).toEqual(['invalid_request', ['q[1]']]);
  });
  it('is found in a moment however deep it is, and the path stays short', () => {
    const depth = 100_000;
    const deep = `${'{"a":'.repeat(depth)}"\\u0000"${'}'.repeat(depth)}`;
    expect(maySpellUnstorable(deep)).toBe(true);
    const [fault] = unstorableTexts(JSON.parse(deep));
    expect(fault?.path.length).toBeLessThan(100);
  });
  it('is told of at most twenty times', () => {
    expect(unstorableTexts(Array(1_000).fill('\0'))).toHaveLength(20);
  });
});
