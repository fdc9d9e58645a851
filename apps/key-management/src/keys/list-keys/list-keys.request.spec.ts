import { randomUUID } from 'node:crypto';
import { validate } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { formerPosition, keyPages, listKeysRequest } from './list-keys.request.js';

const read = (query: object) => validate(listKeysRequest, query);

describe('a request for a page of keys', () => {
  it('asks for 20 from the newest on, unless it says otherwise', () => {
    expect(read({})).toEqual({ kind: 'valid', value: { limit: 20 } });
    expect(read({ limit: '100', cursor: 'c' })).toEqual({ kind: 'valid', value: { limit: 100, cursor: 'c' } });
  });
  it.each([
    { limit: '0' },
    { limit: '101' },
    { limit: '1.5' },
    { limit: ['1', '2'] },
    { cursor: '' },
    { cursor: ['a', 'b'] },
    { cursor: 'x'.repeat(1_025) },
    { after: '' },
    { cursor: 'a', after: 'b' },
    { page: '2' },
  ])('is refused as %o', (query) => {
    expect(read(query)).toMatchObject({ kind: 'invalid' });
  });
  it('takes no cursor that somebody has made of what PostgreSQL does not store', () => {
    const [pages, asked, id] = [
      keyPages({ by: 'name', descending: false }),
      { organizationId: 'default' },
      randomUUID(),
    ];
    const cursorOf = (name: string): string => pages.cursorOf([name, id], asked);
    expect(pages.positionOf(cursorOf('a name'), asked)).toEqual(['a name', id]);
    expect(() => pages.positionOf(cursorOf('a\u0000name'), asked)).toThrow();
  });
  it('still reads the cursors of release 0.1.0, and no others as such', () => {
    const former = (position: string): string => Buffer.from(position).toString('base64url');
    expect(formerPosition(former('42'))).toBe(42n);
    for (const text of ['x', former('-1'), former('0'), former('1e3'), former('1234567890123456789'), '.'])
      expect(formerPosition(text)).toBeNull();
  });
});
