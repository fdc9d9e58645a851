import type { KeySnapshot } from '@tollgate/api-key';
import type { KeyChangeListener, KeySnapshotReader } from '@tollgate/key-snapshots';
import { Counter, Histogram, registerGauge, type Registry } from '@tollgate/telemetry';
import type { KeyCache } from './key-cache.js';

const PROPAGATION_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
/** A follower that never heard anything has an infinite age. */
const AGE_SECONDS_MAX = 3_600;

/** Registers where keys are known from, and how far behind that knowledge may be. */
export function registerKeyMetrics(
  registry: Registry,
  keys: Pick<KeyCache, 'counts'>,
  snapshots: Pick<KeySnapshotReader, 'ageMs'>,
): void {
  new Counter({
    name: 'tollgate_gateway_key_answers_total',
    help: 'Keys identified, by where the answer came from',
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
    'How far behind the knowledge of key changes may be',
    () => Math.min(snapshots.ageMs() / 1_000, AGE_SECONDS_MAX),
  );
}

/** Counts what is heard of changes of keys: whoever composes the gateway lets it follow them. */
export class KeyChangeMeter implements KeyChangeListener {
  readonly #propagation: Histogram;
  readonly #gaps: Counter;

  constructor(registry: Registry) {
    this.#propagation = new Histogram({
      name: 'tollgate_gateway_revoke_propagation_seconds',
      help: 'From the moment a tombstone is announced to the moment it is heard here',
      buckets: PROPAGATION_SECONDS,
      registers: [registry],
    });
    this.#gaps = new Counter({
      name: 'tollgate_gateway_key_change_gaps_total',
      help: 'Times that changes of keys may have been missed, and all that was remembered was dropped',
      registers: [registry],
    });
  }

  changed({ state }: KeySnapshot, heardAfterMs?: number): void {
    if (state === 'revoked' && heardAfterMs !== undefined) this.#propagation.observe(heardAfterMs / 1_000);
  }

  forget(): void {
    // A change that cannot be read here counts as no revoke.
  }

  gap(): void {
    this.#gaps.inc();
  }
}
