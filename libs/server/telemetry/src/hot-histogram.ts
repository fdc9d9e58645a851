import type { Histogram, Registry } from 'prom-client';

export interface HotHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, growing; what is above the last counts as infinite. */
  readonly buckets: readonly number[];
}

/** Where one kind of observation is counted. */
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
    while (at < buckets.length && value > buckets[at]!) at += 1;
    this.counts[at]! += 1;
    this.sum += value;
  }
}

interface Value {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * A histogram for what every request does: an observation compares a few numbers and adds two, and its series are made
 * beforehand. prom-client's own hashes the labels and makes several objects each time; here that waits for the scrape.
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
    // Of a metric a registry asks no more than its name and `get`.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** Makes a series; once for each set of labels, before there is anything to observe. */
  series(labels: Readonly<Record<string, string>> = {}): HotSeries {
    const series = new HotSeries(labels, this.#buckets);
    this.#series.push(series);
    return series;
  }

  /** All series in the form that registries print. */
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
      upTo += counts[at]!;
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: upTo };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: upTo },
    ];
  }
}
