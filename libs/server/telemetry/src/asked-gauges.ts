import { inTime, shareCalls } from '@tollgate/periodic';
import { Gauge, type Registry } from 'prom-client';

/** One value of a gauge, with its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A gauge whose values are computed from the answer of a store. */
export interface AskedGauge<Answer> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly samples: (answer: Answer) => readonly Sample[];
}

/** The longest that a scrape waits for a store. */
const ASK_MS_MAX = 1_000;

/**
 * Registers gauges that query a store: `ask` is called once on each scrape for all of them. If it takes longer than a
 * second, or rejects, these gauges have no value in that scrape; other metrics are not affected.
 */
export function registerAskedGauges<Answer>(
  registry: Registry,
  ask: () => Promise<Answer>,
  gauges: readonly AskedGauge<Answer>[],
): void {
  // A scrape collects all gauges of a registry in the same turn of the event loop, so they share one answer.
  const answer = shareCalls(() => inTime(ask(), ASK_MS_MAX, () => null).catch(() => null));
  for (const { name, help, labelNames = [], samples } of gauges) {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const given = await answer();
        this.reset();
        if (labelNames.length === 0) this.remove();
        if (given !== null) for (const { labels, value } of samples(given)) this.set({ ...labels }, value);
      },
    });
  }
}
