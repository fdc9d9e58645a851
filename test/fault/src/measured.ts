/** The value below which this part of the values lies (nearest rank). Throws for no values. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (found === undefined) throw new RangeError('there is no percentile of nothing');
  return found;
}

/** Prints what a fault measured, in one line. */
export function tellMeasured(what: string, figures: Readonly<Record<string, number | string>>): void {
  const text = Object.entries(figures)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value * 10) / 10 : value}`)
    .join(', ');
  console.log(`measured: ${what}: ${text}`);
}

/** Median, 99th percentile and maximum of milliseconds. */
export function spread(values: readonly number[]): Record<'p50' | 'p99' | 'max', string> {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return { p50: ms(percentile(values, 0.5)), p99: ms(percentile(values, 0.99)), max: ms(Math.max(...values)) };
}
