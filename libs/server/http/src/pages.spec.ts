import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listOf, newestFirst, Pages } from './pages.js';
import { Problem } from './problem.js';

const PAGES = new Pages('things', newestFirst(z.uuid()));
const MOMENT = '2026-11-28T09:30:00.123456Z';
const ID = '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab';
const asked = { organizationId: 'one', filters: { state: 'active', q: undefined } };
const cursor = PAGES.cursorOf([MOMENT, ID], asked);

const refusal = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error instanceof Problem ? { code: error.code, errors: error.errors } : error;
  }
};
const NOT_OURS = {
  code: 'invalid_request',
  errors: [{ path: 'cursor', message: 'must be the next_cursor of the page before, with the same filters' }],
};

describe('a cursor', () => {
  it('gives its position back to the last digit', () => {
    expect(PAGES.positionOf(cursor, asked)).toEqual([MOMENT, ID]);
    expect(PAGES.positionOf(undefined, asked)).toBeNull();
  });
  it('does not depend on the order of filters, nor on those that were not given', () => {
    const filters = { b: 1, a: 'x', c: undefined };
    const text = PAGES.cursorOf([MOMENT, ID], { organizationId: 'one', filters });
    expect(PAGES.positionOf(text, { organizationId: 'one', filters: { a: 'x', b: 1 } })).toEqual([MOMENT, ID]);
  });
  it.each([
    ['of another organisation', { ...asked, organizationId: 'two' }],
    ['of the whole installation', { ...asked, organizationId: null }],
    ['with other filters', { ...asked, filters: { state: 'revoked' } }],
    ['with more filters', { ...asked, filters: { state: 'active', q: '' } }],
    ['without filters', { organizationId: 'one' }],
  ])('is refused for a list %s', (_what, other) => {
    expect(refusal(() => PAGES.positionOf(cursor, other))).toEqual(NOT_OURS);
  });
  it('is refused by another list', () => {
    expect(refusal(() => new Pages('others', newestFirst(z.uuid())).positionOf(cursor, asked))).toEqual(NOT_OURS);
  });
  it.each([
    ['no text', ''],
    ['no cursor', 'nonsense!'],
    ['a NUL', '\0'],
    ['a former cursor', Buffer.from('42').toString('base64url')],
    ['a cursor without its check', cursor.split('.')[0] ?? ''],
    ['something behind it', `${cursor}x`],
    ['padding', `${cursor}=`],
    ['a prototype', `${Buffer.from('{"__proto__":[]}').toString('base64url')}.x`],
  ])('is refused as %s', (_what, text) => {
    expect(refusal(() => PAGES.positionOf(text, asked))).toEqual(NOT_OURS);
  });
  it('is refused with any character changed', () => {
    fc.assert(
      fc.property(fc.nat(cursor.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
        const text = cursor.slice(0, at) + character + cursor.slice(at + 1);
        if (text !== cursor) expect(refusal(() => PAGES.positionOf(text, asked))).toEqual(NOT_OURS);
      }),
      { numRuns: 2_000 },
    );
  });
  it.each([
    ['2026-02-30T09:30:00.123456Z', ID],
    ['2026-11-28T24:00:00.000000Z', ID],
    ['+275760-09-13T00:00:00.000000Z', ID],
    ['0000-01-01T00:00:00.000000Z', ID],
    ['2026-11-28T09:30:00.123Z', ID],
    [MOMENT, 'x'],
    [MOMENT, `${ID}'`],
    [MOMENT],
    [],
  ])('made by somebody who knows how, with what the database could not read (%s, %s), is refused', (...position) => {
    const forged = PAGES.cursorOf(position as [string, string], asked);
    expect(refusal(() => PAGES.positionOf(forged, asked))).toEqual(NOT_OURS);
  });
});

describe('a page', () => {
  const rows = [1, 2, 3].map((n) => ({ n, at: MOMENT, id: ID.replace(/.$/, String(n)) }));
  const page = (limit: number) => PAGES.page(rows, limit, asked, ({ at, id }) => [at, id]);

  it('has no cursor when nothing comes behind it', () => {
    expect(listOf(page(3), ({ n }) => n)).toEqual({
      object: 'list',
      data: [1, 2, 3],
      has_more: false,
      next_cursor: null,
    });
  });
  it('ends with the item that its cursor names', () => {
    const { data, has_more, next_cursor } = listOf(page(2), ({ n }) => n);
    expect({ data, has_more }).toEqual({ data: [1, 2], has_more: true });
    expect(PAGES.positionOf(next_cursor ?? '', asked)).toEqual([MOMENT, rows[1]?.id]);
  });
});
