import { validate } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { cursorOf, listKeysRequest } from './list-keys.request.js';

const read = (query: object) => validate(listKeysRequest, query);

describe('a request for a page of keys', () => {
  it('asks for 20 from the newest on, unless it says otherwise', () => {
    expect(read({})).toEqual({ kind: 'valid', value: { limit: 20 } });
    expect(read({ limit: '100', after: cursorOf(42n) })).toEqual({ kind: 'valid', value: { limit: 100, after: 42n } });
  });
  it.each([
    { limit: '0' },
    { limit: '101' },
    { limit: '1.5' },
    { limit: ['1', '2'] },
    { after: 'x' },
    { after: '' },
    { after: cursorOf(-1n) },
    { page: '2' },
  ])('is refused as %o', (query) => {
    expect(read(query)).toMatchObject({ kind: 'invalid' });
  });
});
