import type { Histogram, Registry } from 'prom-client';

export interface HotHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds in ascending order; a value above the last counts in the bucket `+Inf`. */
  readonly buckets: readonly number[];
}

/** The counts of one set of labels. */
export class HotSeries {
  readonly counts: number[];
  sum = 0;

  constructor(
    readonly labels: Readonly<Record<string, string>>,
    private readonly buckets: readonly number[],
  ) {
    this.counts = new Array<number>(buckets.length + 1).fill(0);
  }

  observe(value: number): void {
    const { buckets } = this;
    let at = 0;
    while (at < buckets.length && value > (buckets[at] ?? Infinity)) at += 1;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
  }
}

interface Value {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * A histogram for the hot path. An observation compares a few numbers and does two additions, on a series that is made
 * beforehand. prom-client's own hashes the labels and allocates several objects for each observation; here that is done
 * only on a scrape.
 */
export class HotHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #buckets: readonly number[];
  readonly #series: HotSeries[] = [];

  constructor(registry: Registry, { name, help, buckets }: HotHistogramOptions) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    // A registry only uses the name and `get` of a metric.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** Makes the series of a set of labels. Call it once for each set, before the first observation. */
  series(labels: Readonly<Record<string, string>> = {}): HotSeries {
    const series = new HotSeries(labels, this.#buckets);
    this.#series.push(series);
    return series;
  }

  /** Returns all series in the form that a registry prints. */
  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Value[] }> {
    const { name, help, type, aggregator } = this;
    return Promise.resolve({
      name,
      help,
      type,
      aggregator,
      values: this.#series.flatMap((series) => this.#valuesOf(series)),
    });
  }

  reset(): void {
    for (const series of this.#series) {
      series.counts.fill(0);
      series.sum = 0;
    }
  }

  #valuesOf({ labels, counts, sum }: HotSeries): Value[] {
    let upTo = 0;
    const buckets = [...this.#buckets, '+Inf'].map((le, at) => {
      upTo += counts[at] ?? 0;
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: upTo };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: upTo },
    ];
  }
}
