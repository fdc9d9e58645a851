import { shareCalls } from '@tollgate/periodic';
import { Gauge, type Registry } from 'prom-client';

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface AskedGauge<Answer> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly samples: (answer: Answer) => readonly Sample[];
}

/** A scrape waits no longer than this for a store that does not answer. */
const ASK_MS_MAX = 1_000;

/**
 * Gauges of what a store knows: it is asked once a scrape for all of them. Where it does not answer in a second, or
 * refuses, they have no value in that scrape; the others have theirs.
 */
export function registerAskedGauges<Answer>(
  registry: Registry,
  ask: () => Promise<Answer>,
  gauges: readonly AskedGauge<Answer>[],
): void {
  // A scrape asks all gauges of a registry in one turn: they share the answer.
  const answer = shareCalls(() => withinTime(ask));
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

function withinTime<Answer>(ask: () => Promise<Answer>): Promise<Answer | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), ASK_MS_MAX);
    ask()
      .then(resolve, () => resolve(null))
      .finally(() => clearTimeout(timer));
  });
}
