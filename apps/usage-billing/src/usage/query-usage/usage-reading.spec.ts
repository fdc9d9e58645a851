import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketBounds } from './bucket-bounds.js';
import type { PartSource, Span } from './usage-parts.js';
import { usageReading, type UsageReading } from './usage-reading.js';

const ms = (text: string): number => Date.parse(text);
const LENGTHS: Partial<Record<PartSource, number>> = {
  minute: 60_000,
  quarter: 900_000,
  hour: 3_600_000,
  six_hours: 21_600_000,
  day: 86_400_000,
};
const YEAR = [ms('2026-01-01T00:00Z'), ms('2027-01-01T00:00Z')] as const;

/** Source, number of spans and number of rows of all that is read. */
function readOf({ parts, edges }: UsageReading): [PartSource, number, number][] {
  return [...parts, ...edges].map(({ source, spans }) => {
    const length = (spans as readonly Span[]).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
    return [source, spans.length, length / (LENGTHS[source] ?? 1)];
  });
}

/** How often each moment counts in a bucket: once in its own, and in no other. */
function countsIn(reading: UsageReading, bucket: number, at: number): number {
  const { starts, parts, edges } = reading;
  const inSpan = ({ fromMs, toMs }: Span): boolean => at >= fromMs && at < toMs;
  const whole = parts.filter(({ spans }) => spans.some(inSpan)).length;
  const isIn = at >= starts[bucket - 1]! && at < (starts[bucket] ?? Infinity);
  return edges
    .flatMap(({ spans }) => spans.filter(inSpan))
    .reduce(
      (sum, { bound, factor }) => sum + (bound === bucket ? factor : bound === bucket - 1 ? -factor : 0),
      isIn ? whole : 0,
    );
}

describe('what the sums of buckets are read from', () => {
  it('days of a zone are days of UTC, with the hours at both ends', () => {
    const bounds = bucketBounds(ms('2026-01-01T00:00+01:00'), ms('2027-01-01T00:00+01:00'), 'day', 'Europe/Berlin')!;
    expect(readOf(usageReading(bounds, {}))).toEqual([
      ['day', 1, 365],
      ['hour', 366, 366 + 210],
    ]);
  });
  it('a zone far from UTC takes six hours, and one that is off the hour quarter-hours as well', () => {
    const bounds = bucketBounds(ms('2026-01-01T00:00+05:45'), ms('2027-01-01T00:00+05:45'), 'day', 'Asia/Kathmandu')!;
    expect(readOf(usageReading(bounds, {}))).toEqual([
      ['day', 1, 365],
      ['six_hours', 366, 366],
      ['quarter', 366, 366],
    ]);
  });
  it('so are those of a year up to now, the last of which is a part of a day', () => {
    const bounds = bucketBounds(ms('2026-01-01T00:00+01:00'), ms('2026-12-30T00:30+01:00'), 'day', 'Europe/Berlin')!;
    expect(readOf(usageReading(bounds, {}))).toEqual([
      ['day', 1, 363],
      ['hour', 364, 364 + 210],
      ['quarter', 1, 2],
    ]);
  });
  it('a year of another zone is twelve months, with the hours at its ends', () => {
    const bounds = [ms('2026-01-01T00:00-08:00'), ms('2027-01-01T00:00-08:00')];
    expect(readOf(usageReading(bounds, {})).map(([source, spans]) => [source, spans])).toEqual([
      ['month', 1],
      ['six_hours', 2],
      ['hour', 2],
    ]);
  });
  it('nothing is taken away where rows begin and end with the buckets', () => {
    const days = bucketBounds(...YEAR, 'day', 'UTC')!;
    expect(readOf(usageReading(days, {}))).toEqual([['day', 1, 365]]);
    expect(usageReading([-Infinity, Infinity], {}).edges).toEqual([]);
  });
  it('a few hours are read as hours', () => {
    const bounds = [ms('2026-03-01T10:00Z'), ms('2026-03-01T14:00Z')];
    expect(readOf(usageReading(bounds, {}))).toEqual([['hour', 1, 4]]);
  });
  it('edges are events where the hours are deleted', () => {
    const bounds = bucketBounds(ms('2026-01-01T00:00+01:00'), ms('2026-01-05T00:00+01:00'), 'day', 'Europe/Berlin')!;
    const kept = { minute: Infinity, quarter: Infinity, hour: Infinity, six_hours: Infinity };
    expect(readOf(usageReading(bounds, kept)).map(([source, spans]) => [source, spans])).toEqual([
      ['day', 1],
      ['event', 5],
    ]);
  });

  it('F1, F2: each moment counts once in its bucket and in no other, by whole rows that are kept', () => {
    const moment = fc.integer({ min: ms('2024-01-01T00:00Z'), max: ms('2027-01-01T00:00Z') });
    const rounded = fc
      .tuple(moment, fc.constantFrom(1, 60_000, 900_000, 3_600_000, 86_400_000))
      .map(([at, unit]) => Math.floor(at / unit) * unit);
    const zoned = fc
      .record({
        fromMs: moment,
        days: fc.integer({ min: 1, max: 70 }),
        zone: fc.constantFrom('Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/Los_Angeles'),
        interval: fc.constantFrom('day' as const, 'month' as const),
      })
      .map(({ fromMs, days, zone, interval }) => bucketBounds(fromMs, fromMs + days * 86_400_000, interval, zone)!);
    const odd = fc.uniqueArray(rounded, { minLength: 2, maxLength: 5 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(fc.oneof(zoned, odd), moment, moment, (bounds, minute, hour) => {
        const kept: Partial<Record<PartSource, number>> = { minute, quarter: hour, hour, six_hours: hour };
        const reading = usageReading(bounds, kept);
        const spans = [...reading.parts, ...reading.edges].flatMap(({ source, spans: all }) =>
          (all as readonly Span[]).map((span) => ({ source, ...span })),
        );
        for (const { source, fromMs, toMs } of spans) {
          expect(fromMs).toBeLessThan(toMs);
          const length = LENGTHS[source];
          if (length !== undefined) expect([fromMs % length, toMs % length]).toEqual([0, 0]);
          expect(fromMs).toBeGreaterThanOrEqual(kept[source] ?? -Infinity);
        }
        const probes = [...bounds, ...spans.flatMap(({ fromMs, toMs }) => [fromMs, toMs])].flatMap((at) => [
          at - 1,
          at,
        ]);
        for (const at of new Set(probes))
          for (let bucket = 1; bucket < bounds.length; bucket++) {
            const expected = at >= bounds[bucket - 1]! && at < bounds[bucket]! ? 1 : 0;
            if (countsIn(reading, bucket, at) !== expected) expect([at, bucket, reading]).toEqual(expected);
          }
      }),
      { numRuns: 60 },
    );
  });
});
