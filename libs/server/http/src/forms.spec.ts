import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isForm, parseForm } from './forms.js';
import { Problem } from './problem.js';

const schema = z.strictObject({ name: z.string(), note: z.string().default('none') });
const FORM = { url: '/auth?a=1', headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } };
const parse = (body: unknown, request = FORM) => {
  try {
    return parseForm(schema, body, request);
  } catch (error) {
    return error instanceof Problem ? [error.code, ...error.errors.map(({ path }) => path)] : error;
  }
};

describe('a plain form', () => {
  it('is taken at the paths of pages that work without scripts, and nowhere else', () => {
    expect(isForm(FORM)).toBe(true);
    for (const url of ['/v1/sessions', '/auth/', '/auth/x', '/AUTH', '/']) expect(isForm({ ...FORM, url })).toBe(false);
    for (const type of ['application/json', 'multipart/form-data', 'application/x-www-form-urlencodedx', undefined])
      expect(isForm({ url: '/auth', headers: { 'content-type': type } })).toBe(false);
  });

  it('has the fields of its schema, decoded', () => {
    expect(parse(Buffer.from('name=a+b%20c%26d&note=%C3%A9'))).toEqual({ name: 'a b c&d', note: 'é' });
    expect(parse(Buffer.from('name='))).toEqual({ name: '', note: 'none' });
  });

  it.each([
    ['a field twice', 'name=a&name=b', ['invalid_request', 'name']],
    ['an unknown field', 'name=a&admin=1', ['invalid_request', 'admin']],
    ['a field of a prototype', 'name=a&__proto__=b', ['invalid_request', '__proto__']],
    ['no field', '', ['invalid_request', 'name']],
    ['NUL', 'name=%00', ['invalid_request', 'name']],
  ])('is refused with %s', (_, body, expected) => {
    expect(parse(Buffer.from(body))).toEqual(expected);
  });

  it('is neither JSON nor bytes that are no text', () => {
    expect(parse(Buffer.from('{}'), { url: '/auth', headers: { 'content-type': 'application/json' } })).toEqual([
      'unsupported_media_type',
    ]);
    expect(parse(Buffer.from([0x6e, 0xff]))).toEqual(['invalid_request']);
    expect(parse(undefined)).toEqual(['invalid_request', 'name']);
  });
});
