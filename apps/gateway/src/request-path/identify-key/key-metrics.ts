import type { KeySnapshot } from '@tollgate/api-key';
import type { KeyChangeListener, KeySnapshotReader } from '@tollgate/key-snapshots';
import { Counter, Histogram, registerGauge, type Registry } from '@tollgate/telemetry';
import type { KeyCache } from './key-cache.js';

const PROPAGATION_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
/** Bounds the metric: a follower that never received anything has an infinite age. */
const AGE_SECONDS_MAX = 3_600;

/** Registers metrics of the sources of keys, and of the age of the last message about changes. */
export function registerKeyMetrics(
  registry: Registry,
  keys: Pick<KeyCache, 'counts'>,
  snapshots: Pick<KeySnapshotReader, 'ageMs'>,
): void {
  new Counter({
    name: 'tollgate_gateway_key_answers_total',
    help: 'Keys identified, by the source of the answer',
    labelNames: ['layer'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [layer, count] of Object.entries(keys.counts)) this.inc({ layer }, count as number);
    },
  });
  registerGauge(
    registry,
    'tollgate_gateway_key_changes_age_seconds',
    'Seconds since the last message about changes of keys',
    () => Math.min(snapshots.ageMs() / 1_000, AGE_SECONDS_MAX),
  );
}

/** Counts the changes of keys that arrive. The composer of a gateway registers it as a follower of changes. */
export class KeyChangeMeter implements KeyChangeListener {
  readonly #propagation: Histogram;
  readonly #gaps: Counter;

  constructor(registry: Registry) {
    this.#propagation = new Histogram({
      name: 'tollgate_gateway_revoke_propagation_seconds',
      help: 'Time from the announcement of a tombstone to its arrival here',
      buckets: PROPAGATION_SECONDS,
      registers: [registry],
    });
    this.#gaps = new Counter({
      name: 'tollgate_gateway_key_change_gaps_total',
      help: 'How often changes of keys may have been missed, so that all cached keys were dropped',
      registers: [registry],
    });
  }

  changed({ state }: KeySnapshot, heardAfterMs?: number): void {
    if (state === 'revoked' && heardAfterMs !== undefined) this.#propagation.observe(heardAfterMs / 1_000);
  }

  forget(): void {
    // A change that cannot be read does not count as a revoke.
  }

  gap(): void {
    this.#gaps.inc();
  }
}
