import { HISTOGRAM_DIGITS, LATENCY_BOUNDS_MS } from '../roll-ups/roll-up-columns.js';

/** The upper bound of the last bucket, which has none: a call that takes longer is shown as this long. */
const LAST_BOUND_MS = LATENCY_BOUNDS_MS.at(-1)! * 2;

/**
 * The milliseconds that `percent` of the calls of a histogram took at most, between the bounds of a bucket by its
 * share; null if it has no samples. Histograms are merged by adding their numbers, as percentiles cannot be.
 */
export function latencyPercentile(histogram: string | null, percent: number): number | null {
  const counts = countsOf(histogram ?? '0');
  const samples = counts.reduce((sum, count) => sum + count, 0);
  if (samples === 0) return null;
  let rest = (samples * percent) / 100;
  const bucket = counts.findIndex((count) => {
    if (count > 0 && rest <= count) return true;
    rest -= count;
    return false;
  });
  const at = bucket === -1 ? counts.length - 1 : bucket;
  const [low, high] = [LATENCY_BOUNDS_MS[at - 1] ?? 0, LATENCY_BOUNDS_MS[at] ?? LAST_BOUND_MS];
  return Math.round(low + (high - low) * Math.min(1, rest / counts[at]!));
}

/** The samples in each bucket, up to the last one with any. */
function countsOf(histogram: string): number[] {
  const counts: number[] = [];
  for (let end = histogram.length; end > 0; end -= HISTOGRAM_DIGITS)
    counts.push(Number(histogram.slice(Math.max(0, end - HISTOGRAM_DIGITS), end)));
  return counts;
}
