import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketBounds } from './bucket-bounds.js';
import { usageParts, type KeptSince, type PartSource } from './usage-parts.js';

const ms = (text: string): number => Date.parse(text);
const LENGTHS: Partial<Record<PartSource, number>> = {
  minute: 60_000,
  quarter: 900_000,
  hour: 3_600_000,
  six_hours: 21_600_000,
  day: 86_400_000,
};

/** All spans in their order, as texts. */
function spansOf(bounds: readonly number[], kept: KeptSince = {}): string[] {
  return usageParts(bounds, kept)
    .flatMap(({ source, spans }) => spans.map((span) => ({ source, ...span })))
    .sort((one, other) => one.fromMs - other.fromMs)
    .map(({ source, fromMs, toMs }) => `${source} ${textOf(fromMs)} ${textOf(toMs)}`);
}
const textOf = (at: number): string => (Number.isFinite(at) ? new Date(at).toISOString().slice(0, 19) : String(at));

describe('the parts that a period is read from', () => {
  it('are the longest rows that fit, and events where no row does', () => {
    expect(spansOf([ms('2026-01-30T23:44:59.500Z'), ms('2026-03-02T00:00:00Z')])).toEqual([
      'event 2026-01-30T23:44:59 2026-01-30T23:45:00',
      'quarter 2026-01-30T23:45:00 2026-01-31T00:00:00',
      'day 2026-01-31T00:00:00 2026-02-01T00:00:00',
      'month 2026-02-01T00:00:00 2026-03-01T00:00:00',
      'day 2026-03-01T00:00:00 2026-03-02T00:00:00',
    ]);
  });
  it('are months where a period has no beginning and no end', () => {
    expect(spansOf([-Infinity, Infinity])).toEqual(['month -Infinity Infinity']);
    expect(spansOf([-Infinity, ms('2026-03-01T00:01:00Z')])).toEqual([
      'month -Infinity 2026-03-01T00:00:00',
      'minute 2026-03-01T00:00:00 2026-03-01T00:01:00',
    ]);
  });
  it('are events where the rows are deleted', () => {
    const kept = { minute: ms('2026-03-01T00:10:00Z'), quarter: -Infinity, hour: -Infinity };
    expect(spansOf([ms('2026-03-01T00:05:00Z'), ms('2026-03-01T00:12:00Z')], kept)).toEqual([
      'event 2026-03-01T00:05:00 2026-03-01T00:10:00',
      'minute 2026-03-01T00:10:00 2026-03-01T00:12:00',
    ]);
  });
  it('adjoin as one', () => {
    const days = bucketBounds(ms('2026-01-01T00:00Z'), ms('2026-02-01T00:00Z'), 'day', 'UTC')!;
    expect(spansOf(days)).toEqual(['day 2026-01-01T00:00:00 2026-02-01T00:00:00']);
  });

  it('cover each moment of a bucket once, by rows that lie in it as a whole', () => {
    const moment = fc.integer({ min: ms('2024-01-01T00:00Z'), max: ms('2027-01-01T00:00Z') });
    const rounded = fc.tuple(moment, fc.constantFrom(1, 60_000, 900_000, 3_600_000, 86_400_000)).map(
      ([at, unit]) => Math.floor(at / unit) * unit,
    ); // prettier-ignore
    const period = fc.tuple(fc.uniqueArray(rounded, { minLength: 2, maxLength: 6 }), moment, moment);
    fc.assert(
      fc.property(period, ([moments, minute, hour]) => {
        const bounds = moments.sort((one, other) => one - other);
        const kept = { minute, quarter: hour, hour, six_hours: hour };
        const spans = usageParts(bounds, kept)
          .flatMap(({ source, spans: all }) => all.map((span) => ({ source, ...span })))
          .sort((one, other) => one.fromMs - other.fromMs);
        expect(spans[0]!.fromMs).toBe(bounds[0]);
        expect(spans.at(-1)!.toMs).toBe(bounds.at(-1));
        for (let n = 1; n < spans.length; n++) expect(spans[n]!.fromMs).toBe(spans[n - 1]!.toMs);
        for (const { source, fromMs, toMs } of spans) {
          if (source === 'event') continue;
          const length = LENGTHS[source];
          if (length === undefined) expect(new Date(fromMs).getUTCDate() + new Date(toMs).getUTCDate()).toBe(2);
          else expect([fromMs % length, toMs % length]).toEqual([0, 0]);
          expect(fromMs).toBeGreaterThanOrEqual((kept as KeptSince)[source] ?? -Infinity);
          // A bound within a span lies between two of its rows.
          for (const bound of bounds)
            if (bound > fromMs && bound < toMs && length !== undefined) expect(bound % length).toBe(0);
        }
      }),
    );
  });
});
