import { registerGauge, type Registry } from '@tollgate/telemetry';
import type { Journal } from './journal.js';
import type { Shipper } from './shipper.js';

/** Registers gauges of the journal's size on disk and of the finals that the bus has not acknowledged. */
export function registerJournalMetrics(registry: Registry, journal: Journal, shipper: Shipper): void {
  registerGauge(
    registry,
    'tollgate_gateway_journal_bytes',
    'Bytes of the journal on disk',
    () => journal.counts().bytes,
  );
  registerGauge(
    registry,
    'tollgate_gateway_journal_age_seconds',
    'Age of the oldest segment of the journal',
    () => journal.counts().ageMs / 1_000,
  );
  registerGauge(
    registry,
    'tollgate_gateway_journal_damaged_bytes',
    'Bytes of the journal that are no valid record, found since the start',
    () => journal.counts().damagedBytes,
  );
  registerGauge(
    registry,
    'tollgate_gateway_journal_unshipped_records',
    'Finals in the journal that the bus has not acknowledged',
    () => shipper.unshipped(),
  );
  registerGauge(
    registry,
    'tollgate_gateway_ship_lag_seconds',
    'How long usage has been waiting to be acknowledged by the bus',
    () => shipper.lagMs() / 1_000,
  );
}
