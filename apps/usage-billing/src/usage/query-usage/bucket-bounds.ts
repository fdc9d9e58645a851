/** The length of a bucket of a series; hours, days and months are those of the caller's time zone. */
export const INTERVALS = ['minute', 'hour', 'day', 'month'] as const;
export type Interval = (typeof INTERVALS)[number];

/** The most buckets of one series: a week of minutes, more than a year of hours. */
export const BUCKETS_MAX = 10_080;

/**
 * The bounds of the buckets of `[fromMs, toMs)`, in milliseconds since 1970: the first is `fromMs`, the last `toMs`,
 * and each pair of neighbours is one bucket, so the buckets tile the period. The bounds within are where an hour, a day
 * or a month of the zone begins: a day has 23 or 25 hours where the clocks change, and an hour that comes twice is two
 * buckets. Null if there are more than `BUCKETS_MAX`.
 */
export function bucketBounds(
  fromMs: number,
  toMs: number,
  interval: Interval,
  timeZone: string,
): readonly number[] | null {
  const bounds = [fromMs];
  for (let at = fromMs; at < toMs; bounds.push(at)) {
    if (bounds.length > BUCKETS_MAX) return null;
    at = Math.min(toMs, nextStart(at, interval, timeZone));
  }
  return bounds;
}

const LENGTHS_MS = { minute: 60_000, hour: 3_600_000 } as const;

/** The first moment after `atMs` at which an interval of the zone begins. */
function nextStart(atMs: number, interval: Interval, timeZone: string): number {
  const at = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
  if (interval === 'minute') return nextMultiple(atMs, LENGTHS_MS.minute, 0);
  if (interval === 'hour') {
    const nextMs = nextMultiple(atMs, LENGTHS_MS.hour, at.offsetNanoseconds / 1e6);
    const next = Temporal.Instant.fromEpochMilliseconds(nextMs).toZonedDateTimeISO(timeZone);
    if (next.offsetNanoseconds === at.offsetNanoseconds) return nextMs;
    // Where the clocks change by half an hour, the hour may end there.
    return Math.min(nextMs, at.getTimeZoneTransition('next')?.epochMilliseconds ?? nextMs);
  }
  const first = interval === 'day' ? at : at.with({ day: 1 });
  const date = first.toPlainDate().add(interval === 'day' ? { days: 1 } : { months: 1 });
  return startOfDay(date, timeZone, atMs);
}

/** The first moment of a day, or of the next one that the zone has: Samoa left out a day. */
function startOfDay(date: Temporal.PlainDate, timeZone: string, afterMs: number): number {
  for (let day = date; ; day = day.add({ days: 1 })) {
    const startMs = day.toZonedDateTime({ timeZone }).epochMilliseconds;
    if (startMs > afterMs) return startMs;
  }
}

/** The first moment after `atMs` that is a multiple of the length on a clock that is ahead of UTC by `offsetMs`. */
function nextMultiple(atMs: number, lengthMs: number, offsetMs: number): number {
  return (Math.floor((atMs + offsetMs) / lengthMs) + 1) * lengthMs - offsetMs;
}
