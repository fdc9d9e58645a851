import { describe, expect, it } from 'vitest';
import { DAYS, DAYS_WITH_EVENTS, PART, type Book } from './usage-books.js';
import { partsOf, placeOf, usageDifferences, type BookRow } from './usage-differences.js';

const DAY_MS = 86_400_000;
const DAY = Date.UTC(2026, 10, 20);

/** A row of each book, all of which say the same, but for those that are changed; null for no row. */
function rowsOf(
  books: readonly Book[],
  changed: Readonly<Record<string, Partial<BookRow> | null>> = {},
  deleted: BookRow['deleted'] = null,
): BookRow[] {
  return books.flatMap(({ name: book }): BookRow[] => {
    const isAmount = book === 'transfer';
    const isOfKeys = book === 'key_usage_day';
    if (changed[book] === null) return [];
    return [
      {
        book,
        start: new Date(DAY),
        requests: isAmount ? null : '3',
        input_tokens: isAmount || isOfKeys ? null : '30',
        output_tokens: isAmount || isOfKeys ? null : '40',
        cost_nano_usd: isAmount || isOfKeys ? null : '9',
        charge_nano_usd: '7',
        deleted,
        ...changed[book],
      },
    ];
  });
}
const found = (...[books, changed, deleted]: Parameters<typeof rowsOf>) =>
  usageDifferences(rowsOf(books, changed, deleted), books, DAY_MS).map(
    ({ book, sums, chargeNanoUsd, hasChargeNanoUsd }) => [book, sums.join(), Number(chargeNanoUsd - hasChargeNanoUsd)],
  );
const ALL = 'requests,input_tokens,output_tokens,cost_nano_usd,charge_nano_usd';

describe('usageDifferences', () => {
  it('finds nothing where all books say the same, and where there is nothing', () => {
    for (const { books } of [DAYS, DAYS_WITH_EVENTS, PART]) expect(found(books)).toEqual([]);
    expect(usageDifferences([], DAYS.books, DAY_MS)).toEqual([]);
  });

  it('finds the book that says other than most others, by which of its sums, and by how much', () => {
    const { books } = DAYS_WITH_EVENTS;
    for (const { name } of books.filter((book) => book.name !== 'transfer')) {
      expect(found(books, { [name]: { charge_nano_usd: '12' } }), name).toEqual([[name, 'charge_nano_usd', -5]]);
      expect(found(books, { [name]: { requests: '2' } }), name).toEqual([[name, 'requests', 0]]);
      const isOfKeys = name === 'key_usage_day';
      expect(found(books, { [name]: null }), name).toEqual([[name, isOfKeys ? 'requests,charge_nano_usd' : ALL, 7]]);
    }
  });

  it('finds an event that is gone once, although its transfer is not read either, in a day and in a part of it', () => {
    const gone = { requests: '2', charge_nano_usd: '3' };
    for (const { books } of [DAYS_WITH_EVENTS, PART])
      expect(found(books, { usage_event: gone, transfer: { charge_nano_usd: '3' } })).toEqual([
        ['usage_event', 'requests,charge_nano_usd', 4],
      ]);
    expect(found(PART.books, { transfer: { charge_nano_usd: '3' } })).toEqual([['transfer', 'charge_nano_usd', 4]]);
  });

  it('does not compare what is deleted, up to a day after', () => {
    const { books } = DAYS_WITH_EVENTS;
    const changed = { usage_event: null, transfer: null, 'usage_minute.full': null, 'usage_series.total.60': null };
    const before = (ms: number) => new Date(ms).toISOString();
    const deleted = (ms: number) => ({ event: before(ms), minute: before(ms), hour: before(ms) });
    expect(found(books, changed, deleted(DAY - DAY_MS + 1))).toEqual([]);
    expect(found(books, changed, deleted(DAY - DAY_MS)).map(([book]) => book)).toEqual([
      'usage_series.total.60',
      'usage_minute.full',
      'usage_event',
    ]);
    expect(found(books, { ...changed, 'usage_day.full': null }, deleted(DAY))).toEqual([['usage_day.full', ALL, 7]]);
  });

  it('says nothing of costs that were cut where they were summed up', () => {
    const { books } = DAYS;
    const cost = '9000000000000000000';
    expect(found(books, { 'usage_hour.full': { cost_nano_usd: cost } })).toEqual([]);
  });

  it('says where a book is wrong', () => {
    expect(['usage_event', 'transfer', 'usage_day.full', 'key_usage_day'].map(placeOf)).toEqual([
      'event',
      'transfers',
      'usage',
      'usage',
    ]);
  });
});

describe('partsOf', () => {
  const day = { fromMs: DAY, toMs: DAY + DAY_MS };
  const quarter = (n: number, events: number) => ({ atMs: DAY + n * 900_000, events });

  it('leaves no gap, also where no quarter is known, and divides no quarter', () => {
    expect(partsOf(day, [], 10)).toEqual([{ ...day, events: 0 }]);
    const parts = partsOf(day, [quarter(2, 4), quarter(3, 6), quarter(8, 50), quarter(90, 1)], 10);
    expect(parts.map(({ fromMs, toMs, events }) => [(fromMs - DAY) / 900_000, (toMs - DAY) / 900_000, events])).toEqual(
      [
        [0, 8, 10],
        [8, 90, 50],
        [90, 96, 1],
      ],
    );
  });
});
