import type { KeySnapshotReader } from '@tollgate/key-snapshots';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Journal } from './journal/journal.js';
import type { Shipper } from './journal/shipper.js';
import type { KeyCache } from './request-path/identify-key/key-cache.js';
import type { InFlight } from './request-path/in-flight.js';

interface Measured {
  readonly inFlight: InFlight;
  readonly journal: Journal;
  readonly keys: KeyCache;
  readonly shipper: Shipper;
  readonly snapshots: KeySnapshotReader;
}

/** Registers what is worth watching of a gateway; returns what counts a request's outcome (a usage outcome or an error code). */
export function registerMetrics(registry: Registry, { inFlight, journal, keys, shipper, snapshots }: Measured): (outcome: string) => void {
  const registers = [registry];
  const requests = new Counter({ name: 'tollgate_gateway_requests_total', help: 'Inference requests by how they ended', labelNames: ['outcome'], registers });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  gauge('tollgate_gateway_requests_in_flight', 'Inference requests under way', () => inFlight.size);
  gauge('tollgate_gateway_journal_bytes', 'Bytes of the journal on disk', () => journal.counts().bytes);
  gauge('tollgate_gateway_ship_lag_seconds', 'How long usage has been waiting to be acknowledged by the bus', () => shipper.lagMs() / 1_000);
  gauge('tollgate_gateway_key_changes_age_seconds', 'How far behind the knowledge of key changes may be', () => Math.min(snapshots.ageMs(), 3_600_000) / 1_000);
  new Gauge({
    name: 'tollgate_gateway_key_answers',
    help: 'Keys identified since the start, by where the answer came from',
    labelNames: ['layer'],
    registers,
    collect() {
      for (const [layer, count] of Object.entries(keys.counts)) this.set({ layer }, count);
    },
  });
  const cells = new Map<string, ReturnType<typeof requests.labels>>();
  return (outcome) => {
    let cell = cells.get(outcome);
    if (cell === undefined) {
      cell = requests.labels(outcome);
      cells.set(outcome, cell);
    }
    cell.inc();
  };
}
