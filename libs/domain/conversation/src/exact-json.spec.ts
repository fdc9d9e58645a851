import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, writeJson } from './exact-json.js';
import { words } from './testing/words.js';

/** Numbers as JSON can have them, most of which JavaScript would write in another way. */
const numbers = fc.oneof(
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?$/),
  fc.constantFrom('2512292042121000001', '1e400', '-1e400', '0.1000', '-0', '0', '1.0', '1E5', '0.0000001', '12'),
);

/** Texts of JSON, with white space here and there, and names that are repeated, look like numbers or have escapes. */
const { value: texts } = fc.letrec<{ value: string }>((tie) => {
  const space = fc.constantFrom('', ' ', '\n ');
  const items = fc.array(fc.tuple(space, tie('value')), { maxLength: 4 });
  const name = fc.oneof(fc.constantFrom('a', '0', '__proto__', 'b\\u0061', '\\"', '1.0'), fc.stringMatching(/^[c-z]$/));
  return {
    value: fc.oneof(
      { depthSize: 'small' },
      numbers,
      words.map((text) => JSON.stringify(text)),
      fc.constantFrom('null', 'true', '"1.0"', '": 1e400"', '"\\\\"'),
      items.map((all) => `[${all.map(([gap, text]) => gap + text).join(',')}]`),
      fc
        .array(fc.tuple(name, space, tie('value')), { maxLength: 4 })
        .map((all) => `{${all.map(([key, gap, text]) => `"${key}":${gap}${text}`).join(',')}}`),
    ),
  };
});

/** A value in which each number is told from all others by what it is, as far as JavaScript can. */
const parsed = (text: string): unknown => JSON.parse(text);

/** The value of a text, with each number as it is written. */
function withNumbers(text: string): unknown {
  return JSON.parse(
    text.replace(/("(?:[^"\\]|\\.)*")|(-?[0-9][0-9.eE+-]*)/g, (_found, quoted: string | undefined, number: string) =>
      quoted === undefined ? `"number ${number}"` : `"text ${quoted.slice(1)}`,
    ),
  );
}

describe('JSON that is parsed and written', () => {
  it('has each number as it was, and all else as JSON.stringify writes it', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const list = `[${text}]`;
        const value = parseJson(list);
        expect(value).toEqual(parsed(list));
        expect(withNumbers(writeJson(value))).toEqual(withNumbers(list));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['{"id":2512292042121000001,"a":[1e400,{"b":0.1000}]}'],
    ['{"":-0,"__proto__":{"x":1.0}}'],
    [`{"long":"${'x'.repeat(99)}\\\\","n":9007199254740993}`],
    ['[[[[1E5]]],"1.0",[]]'],
  ])('is the same text: %s', (text) => {
    expect(writeJson(parseJson(text))).toBe(text);
  });

  it('keeps the numbers within an object that stands in another one', () => {
    const { input } = parseJson('{"input":{"id":9007199254740993}}') as { readonly input: unknown };
    expect(writeJson({ type: 'tool_use', input, more: undefined })).toBe(
      '{"type":"tool_use","input":{"id":9007199254740993}}',
    );
    expect(writeJson([undefined, input])).toBe('[null,{"id":9007199254740993}]');
  });

  it('has the last value of a name that is repeated, with nothing of those before it', () => {
    expect(writeJson(parseJson('{"a":1e400,"a":1,"b":{"c":1.0},"b":{"c":"x"}}'))).toBe('{"a":1,"b":{"c":"x"}}');
  });

  it('is refused if there are too many numbers to remember', () => {
    const list = (count: number): string => `[${'1.0,'.repeat(count - 1)}1.0]`;
    expect(() => parseJson(list(250_001))).toThrow(SyntaxError);
    expect(writeJson(parseJson(list(250_000)))).toBe(list(250_000));
    expect(parseJson(`[${'1,'.repeat(250_000)}1]`)).toHaveLength(250_001);
  });

  it('is refused if it cannot be written again', () => {
    const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1.0${'}'.repeat(depth)}`;
    expect(() => parseJson(nested(1_001))).toThrow(SyntaxError);
    expect(writeJson(parseJson(nested(1_000)))).toBe(nested(1_000));
  });
});
