import { USAGE_RECORDED_V1_FIELDS } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { compileFields } from './compile-fields.js';

describe('fields of an event as JSON', () => {
  it('are written by their kinds, in the order of the table', () => {
    const write = compileFields(USAGE_RECORDED_V1_FIELDS, 'request');
    const request = { requestId: 'r', stream: false, startedAt: 1_795_190_400_000, clientAddress: 'a"\\\u2028`${1}' };
    expect(JSON.parse(`{${write({ ...request, holdNanoUsd: 7n })}}`)).toEqual({
      ...request,
      holdNanoUsd: '7',
      startedAt: '2026-11-20T16:00:00.000Z',
    });
    expect(write({ ...request, clientAddress: '', holdNanoUsd: null })).toBe(
      '"requestId":"r","stream":false,"holdNanoUsd":null,"startedAt":"2026-11-20T16:00:00.000Z","clientAddress":""',
    );
  });
  it('are left out, with their comma, where a field that may be absent is undefined', () => {
    const fields = {
      one: { source: 'end', kind: 'count', schema: z.int(), optional: false },
      two: { source: 'end', kind: 'id', schema: z.string().optional(), optional: true },
      three: { source: 'end', kind: 'flag', schema: z.boolean(), optional: false },
    } as const;
    const write = compileFields(fields, 'end');
    expect(write({ one: 1, two: 'a`${b}"', three: true })).toBe('"one":1,"two":"a`${b}\\"","three":true');
    expect(write({ one: 1, two: undefined, three: true })).toBe('"one":1,"three":true');
    expect(() => compileFields({ two: fields.two }, 'end')).toThrow('cannot be the first');
  });
  it('are the same where some of them are fixed', () => {
    const fields = {
      one: { source: 'end', kind: 'count', schema: z.int(), optional: false },
      two: { source: 'end', kind: 'text', schema: z.string(), optional: false },
      three: { source: 'end', kind: 'countOrNull', schema: z.int().nullable(), optional: false },
      four: { source: 'end', kind: 'jsonText', schema: z.array(z.int()), optional: false },
    } as const;
    const text = 'a`${one}\\n"';
    const all = { one: 1, two: text, three: null, four: '[1,2]' };
    const written = compileFields(fields, 'end')(all);
    expect(JSON.parse(`{${written}}`)).toEqual({ ...all, four: [1, 2] });
    expect(compileFields(fields, 'end', { two: text, three: null })({ one: 1, four: '[1,2]' })).toBe(written);
    expect(compileFields(fields, 'end', all)({})).toBe(written);
  });
  it('are left out where they are fixed at their usual value, and nowhere else', () => {
    const fields = {
      one: { source: 'end', kind: 'count', schema: z.int(), optional: false, usual: 0 },
      two: { source: 'end', kind: 'json', schema: z.array(z.int()), optional: false, usual: [] },
      three: { source: 'end', kind: 'flag', schema: z.boolean(), optional: false },
      four: { source: 'end', kind: 'countOrNull', schema: z.int().nullable(), optional: false, usual: null },
    } as const;
    expect(compileFields(fields, 'end', { one: 0, two: [], four: null })({ three: true })).toBe('"three":true');
    expect(compileFields(fields, 'end', { one: 1, two: [2], four: 0 })({ three: true })).toBe(
      '"one":1,"two":[2],"three":true,"four":0',
    );
    expect(compileFields(fields, 'end')({ one: 0, two: [], three: true, four: null })).toBe(
      '"one":0,"two":[],"three":true,"four":null',
    );
  });
  it('have names of letters and digits alone', () => {
    for (const name of ['a"b', 'a`', '${a}', 'a.b', 'A', '']) {
      const fields = { [name]: { source: 'end', kind: 'count', schema: z.int(), optional: false } } as const;
      expect(() => compileFields(fields, 'end'), name).toThrow('cannot be the name');
    }
  });
});
