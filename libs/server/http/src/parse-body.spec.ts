import { describe, expect, it } from 'vitest';
import { z } from 'zod';
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
