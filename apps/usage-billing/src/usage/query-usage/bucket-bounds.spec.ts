import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketBounds, BUCKETS_MAX, INTERVALS, type Interval } from './bucket-bounds.js';

const ZONES = Intl.supportedValuesOf('timeZone');
const QUARTER_MS = 900_000;
const ms = (text: string): number => Date.parse(text);
const bounds = (from: string, to: string, interval: Interval, zone: string): string[] =>
  bucketBounds(ms(from), ms(to), interval, zone)!.map((at) => new Date(at).toISOString().replace(/:00\.000Z$/, 'Z'));

/** The wall clock of a zone, by an implementation of its own. */
function wallClock(zone: string): (at: number) => { date: string; minute: string } {
  const format = new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  return (at) => {
    const [date = '', time = ''] = format.format(at).split(' ');
    return { date, minute: time.slice(3, 5) };
  };
}

describe('the buckets of a series', () => {
  it.each<[string, string, string, Interval, string, string[]]>([
    [
      'F1: a day of 23 hours',
      '2026-03-28T23:00Z',
      '2026-03-30T22:00Z',
      'day',
      'Europe/Berlin',
      ['2026-03-28T23:00Z', '2026-03-29T22:00Z', '2026-03-30T22:00Z'],
    ],
    [
      'F1: a day of 25 hours',
      '2026-10-24T22:00Z',
      '2026-10-26T23:00Z',
      'day',
      'Europe/Berlin',
      ['2026-10-24T22:00Z', '2026-10-25T23:00Z', '2026-10-26T23:00Z'],
    ],
    [
      'F1: an hour that comes twice',
      '2026-11-01T04:00Z',
      '2026-11-01T08:00Z',
      'hour',
      'America/New_York',
      ['2026-11-01T04:00Z', '2026-11-01T05:00Z', '2026-11-01T06:00Z', '2026-11-01T07:00Z', '2026-11-01T08:00Z'],
    ],
    [
      'F2: a zone of 45 minutes',
      '2026-05-01T00:00Z',
      '2026-05-03T00:00Z',
      'day',
      'Asia/Kathmandu',
      ['2026-05-01T00:00Z', '2026-05-01T18:15Z', '2026-05-02T18:15Z', '2026-05-03T00:00Z'],
    ],
    [
      'F2: clocks that change by half an hour',
      '2026-10-03T14:30Z',
      '2026-10-03T18:00Z',
      'hour',
      'Australia/Lord_Howe',
      ['2026-10-03T14:30Z', '2026-10-03T15:30Z', '2026-10-03T16:00Z', '2026-10-03T17:00Z', '2026-10-03T18:00Z'],
    ],
    [
      'F1: months of a zone, not of UTC',
      '2026-01-31T23:00Z',
      '2026-04-01T00:00Z',
      'month',
      'Europe/Berlin',
      ['2026-01-31T23:00Z', '2026-02-28T23:00Z', '2026-03-31T22:00Z', '2026-04-01T00:00Z'],
    ],
    [
      'a day that a zone left out',
      '2011-12-29T10:00Z',
      '2011-12-31T10:00Z',
      'day',
      'Pacific/Apia',
      ['2011-12-29T10:00Z', '2011-12-30T10:00Z', '2011-12-31T10:00Z'],
    ],
  ])('%s', (_, from, to, interval, zone, expected) => {
    expect(bounds(from, to, interval, zone)).toEqual(expected);
  });

  it('tile the period in every zone, begin where its clock says so, and can be cut out of quarter-hours', () => {
    const period = fc.tuple(
      fc.integer({ min: ms('2015-01-01T00:00Z'), max: ms('2032-01-01T00:00Z') }),
      fc.constantFrom(...ZONES),
      fc.constantFrom(...INTERVALS),
      fc.integer({ min: 1, max: 40 }),
    );
    const lengths = { minute: 60_000, hour: 3_600_000, day: 86_400_000, month: 31 * 86_400_000 };
    fc.assert(
      fc.property(period, ([from, zone, interval, count]) => {
        const to = from + count * lengths[interval];
        const all = bucketBounds(from, to, interval, zone)!;
        expect([all[0], all.at(-1)]).toEqual([from, to]);
        const clock = wallClock(zone);
        for (let n = 1; n < all.length; n++) expect(all[n]).toBeGreaterThan(all[n - 1]!);
        for (const at of all.slice(1, -1)) {
          const [before, now] = [clock(at - 1), clock(at)];
          if (interval === 'day') expect(now.date > before.date, `${zone} ${at}`).toBe(true);
          if (interval === 'month') expect(now.date.slice(0, 7) > before.date.slice(0, 7), `${zone} ${at}`).toBe(true);
          if (interval !== 'minute') expect(at % QUARTER_MS, `${zone} ${at}`).toBe(0);
        }
        if (interval !== 'day') return;
        // No day begins within a bucket: the date is the same in all of it.
        for (let n = 1; n < all.length; n++) expect(clock(all[n]! - 1).date).toBe(clock(all[n - 1]!).date);
      }),
      { numRuns: 400 },
    );
  });

  it('are days of every zone over the changes of its clocks', () => {
    for (const zone of ZONES) {
      const all = bucketBounds(ms('2026-01-01T00:00Z'), ms('2027-01-01T00:00Z'), 'day', zone)!;
      for (let n = 2; n < all.length - 1; n++)
        expect([zone, (all[n]! - all[n - 1]!) / 1_800_000]).toEqual([
          zone,
          expect.toBeOneOf([44, 46, 47, 48, 49, 50, 52]),
        ]);
    }
  });

  it('are bounded', () => {
    expect(bucketBounds(0, BUCKETS_MAX * 60_000, 'minute', 'UTC')).toHaveLength(BUCKETS_MAX + 1);
    expect(bucketBounds(0, BUCKETS_MAX * 60_000 + 1, 'minute', 'UTC')).toBeNull();
  });
  it('are none of a period without length', () => {
    expect(bucketBounds(5, 5, 'hour', 'UTC')).toEqual([5]);
  });
});
