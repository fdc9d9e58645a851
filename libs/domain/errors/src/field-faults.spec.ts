import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldErrors, validate } from './index.js';

const schema = z.strictObject({
  name: z.string().min(1).max(5),
  scopes: z
    .array(z.enum(['read', 'write']))
    .max(2)
    .optional(),
  days: z.int().positive().max(10).optional(),
  limit: z.union([z.number().nonnegative(), z.string().regex(/^\d+$/, 'must be a decimal number')]).optional(),
  at: z.iso.datetime().optional(),
  rates: z.strictObject({ perMinute: z.int().min(1) }).optional(),
});

const errorsOf = (value: unknown) => {
  const result = validate(schema, value);
  return result.kind === 'invalid' ? fieldErrors(result.faults) : [];
};

describe('the faults of a document', () => {
  it('name the field and what it must be, all at once', () => {
    expect(
      errorsOf({ name: 'far too long', scopes: ['read', 'fly'], days: 1.5, rates: { perMinute: 0, perHour: 1 } }),
    ).toEqual([
      { path: 'name', message: 'must have at most 5 characters' },
      { path: 'scopes[1]', message: 'must be one of "read", "write"' },
      { path: 'days', message: 'must be a whole number' },
      { path: 'rates.perMinute', message: 'must be at least 1' },
      { path: 'rates.perHour', message: 'unknown field' },
    ]);
  });
  it('are not about the size of what has another type', () => {
    const schema = z.object({
      events: z
        .array(z.enum(['a', 'b']))
        .min(1)
        .max(2),
    });
    expect(validate(schema, { events: 'a text' })).toEqual({
      kind: 'invalid',
      faults: [{ path: ['events'], message: 'must be a list' }],
    });
  });
  it('say what is missing', () => {
    expect(errorsOf({})).toEqual([{ path: 'name', message: 'is required' }]);
    expect(errorsOf(undefined)).toEqual([{ path: '', message: 'is required' }]);
    expect(errorsOf([])).toEqual([{ path: '', message: 'must be an object' }]);
  });
  it('are those of the branch of a union whose type fits', () => {
    expect(errorsOf({ name: 'a', limit: -1 })).toEqual([{ path: 'limit', message: 'must be at least 0' }]);
    expect(errorsOf({ name: 'a', limit: 'x' })).toEqual([{ path: 'limit', message: 'must be a decimal number' }]);
    expect(errorsOf({ name: 'a', limit: true })).toEqual([{ path: 'limit', message: 'must be a number or a string' }]);
  });
  it('never carry a value, nor a name that is no field name', () => {
    const canary = 'sk-canary0123456789';
    const text = JSON.stringify(
      errorsOf({
        name: [canary],
        scopes: [canary],
        days: canary,
        limit: canary,
        at: canary,
        rates: canary,
        [canary]: 1,
      }),
    );
    expect(text).not.toContain('canary');
    expect(text).toContain('{"path":"?","message":"unknown field"}');
  });
  it('are at most 100', () => {
    expect(
      errorsOf({ name: 'a', ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, i])) }),
    ).toHaveLength(100);
  });
});
