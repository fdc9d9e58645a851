import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonFault } from './json-fault.js';

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe('the place where a text stops being JSON', () => {
  it.each([
    ['', 1, 1],
    ['{', 1, 2],
    ['{"a": 1,}', 1, 9],
    ['{"a" 1}', 1, 6],
    ['{a: 1}', 1, 2],
    ['[1, 2', 1, 6],
    ['[1,]', 1, 4],
    ['{"a": nul}', 1, 7],
    ['{"a": 01}', 1, 8],
    ['{}\n}', 2, 1],
    ['{\n  "a": "x\n"}', 2, 8],
    ['"a\\x"', 1, 1],
    ['{"a": 1]', 1, 8],
    ["{'a': 1}", 1, 2],
  ])('%j: line %i, column %i', (text, line, column) => {
    expect(findJsonFault(text)).toEqual({ line, column });
  });
  it('is nowhere in JSON, however deep', () => {
    expect(findJsonFault('  {"a": [1, -2.5e+3, "\\u00e9\\"", true, false, null, {}, []]}  ')).toBeNull();
    expect(findJsonFault('['.repeat(100_000) + ']'.repeat(100_000))).toBeNull();
  });
  it('is not looked for where it lies too deep, and found at once where there are millions', () => {
    expect(findJsonFault('['.repeat(100_000))).toBeNull();
    expect(findJsonFault('x '.repeat(2_000_000))).toEqual({ line: 1, column: 1 });
  });
  it('exists exactly where JSON.parse refuses', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'true',
      'null',
      ' ',
      '\n',
      '\\',
      '\u0001',
      'x',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        expect(findJsonFault(text) === null).toBe(parses(text));
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, at) => {
        expect(findJsonFault(json)).toBeNull();
        const cut = json.slice(0, at % (json.length + 1));
        expect(findJsonFault(cut) === null).toBe(parses(cut));
      }),
    );
  });
});
