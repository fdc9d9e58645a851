/** Microseconds of a monotonic clock. Values can only be compared within this process. */
export function monotonicUs(): number {
  return (performance.timeOrigin + performance.now()) * 1_000;
}
