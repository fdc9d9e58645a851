import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readAmount, usdAmount } from './amount-fields.js';
import { parseBody, parseQuery } from './parse-body.js';
import { Problem } from './problem.js';

const schema = z.strictObject({ name: z.string().max(4).optional(), limit: z.number().nonnegative().optional() });
const problemFrom = (run: () => unknown): Problem => {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('no problem');
};

describe('a body', () => {
  it('is read from its bytes', () => {
    expect(parseBody(schema, Buffer.from('{"name":"a"}'))).toEqual({ name: 'a' });
    expect(parseBody(schema, Buffer.from('\ufeff{"name":"é"}'))).toEqual({ name: 'é' });
  });
  it('that is absent or empty is an empty object', () => {
    expect(parseBody(schema, undefined)).toEqual({});
    expect(parseBody(schema, Buffer.alloc(0))).toEqual({});
  });
  it('that is no JSON is refused with the place, without its content', () => {
    const problem = problemFrom(() => parseBody(schema, Buffer.from('{"name": sk-canary}')));
    expect(problem.code).toBe('invalid_json');
    expect(problem.detail).toBe('The body is not valid JSON: line 1, column 10.');
  });
  it('that is no UTF-8 is refused', () => {
    expect(problemFrom(() => parseBody(schema, Buffer.from([0x22, 0xff, 0x22]))).detail).toBe(
      'The body is not valid UTF-8.',
    );
  });
  it('that breaks its schema is refused with every field', () => {
    const problem = problemFrom(() => parseBody(schema, Buffer.from('{"name":"canary","limit":-1,"x":1}')));
    expect(problem.code).toBe('invalid_request');
    expect(problem.errors).toEqual([
      { path: 'name', message: 'must have at most 4 characters' },
      { path: 'limit', message: 'must be at least 0' },
      { path: 'x', message: 'unknown field' },
    ]);
  });
  describe('with an amount of USD that is a number', () => {
    const amounts = z.strictObject({ amount_usd: usdAmount(0n).transform(readAmount), limit: z.number().optional() });
    const read = (text: string) => parseBody(amounts, Buffer.from(`{"amount_usd": ${text}, "limit": 1e3}`));
    it.each([
      ['5', 5_000_000_000n],
      ['0.1', 100_000_000n],
      ['1.0', 1_000_000_000n],
      ['0.000000001', 1n],
      ['8388608.5', 8_388_608_500_000_000n],
      ['8388608.000000001', 8_388_608_000_000_001n],
      ['8999999.999999999', 8_999_999_999_999_999n],
      ['9000000', 9_000_000_000_000_000n],
    ])('reads %s exactly', (text, amount_usd) => expect(read(text)).toEqual({ amount_usd, limit: 1_000 }));
    it.each([
      '1e3',
      '1E3',
      '0.1e1',
      '1e-7',
      '-0',
      '-1',
      '5.000000000000000000001',
      '1.00000000000000000009',
      '1.0000000000',
      '9000000.000000001',
      '1e400',
    ])('refuses %s, and names the field and its bounds', (text) =>
      expect(problemFrom(() => read(text)).errors).toEqual([
        { path: 'amount_usd', message: 'must be an amount in USD from 0 to 9000000 with at most 9 decimals' },
      ]),
    );
  });
  it('cannot reach prototypes', () => {
    expect(problemFrom(() => parseBody(schema, Buffer.from('{"__proto__":{"name":"a"}}'))).errors).toEqual([
      { path: '__proto__', message: 'unknown field' },
    ]);
  });
});

describe('a query', () => {
  it('is read as its schema has it', () => {
    const query = z.strictObject({ limit: z.coerce.number<string>().int().min(1).max(100).default(20) });
    expect(parseQuery(query, { limit: '5' })).toEqual({ limit: 5 });
    expect(parseQuery(query, Object.create(null))).toEqual({ limit: 20 });
    expect(problemFrom(() => parseQuery(query, { limit: '500', other: 'x' })).errors).toEqual([
      { path: 'limit', message: 'must be at most 100' },
      { path: 'other', message: 'unknown field' },
    ]);
  });
});
