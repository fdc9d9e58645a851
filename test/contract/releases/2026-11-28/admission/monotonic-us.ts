/** Microseconds of the clock that nobody sets: for what is known in this process alone. */
export function monotonicUs(): number {
  return (performance.timeOrigin + performance.now()) * 1_000;
}
