import type { Admission } from '@tollgate/admission';
import { Gauge, HotHistogram, registerGauge, type Registry } from '@tollgate/telemetry';
import type { CreditEpochs } from './credit-epochs.js';

const BATCH_ITEMS = [1, 2, 4, 8, 16, 32, 64, 127];

/** Registers metrics of the store of credit and rates, and of organisations without a usable epoch. */
export function registerAdmissionMetrics(registry: Registry, admission: Admission, epochs: CreditEpochs): void {
  registerGauge(
    registry,
    'tollgate_gateway_settle_lag_seconds',
    'How long the oldest settlement has been waiting for the store',
    () => admission.settleLagMs() / 1_000,
  );
  const batches = new HotHistogram(registry, {
    name: 'tollgate_gateway_admission_batch_items',
    help: 'Reservations and settlements in one call to the store',
    buckets: BATCH_ITEMS,
  }).series();
  admission.onBatch((items) => batches.observe(items));
  new Gauge({
    name: 'tollgate_gateway_organizations_without_epoch',
    help: 'Organisations whose capped requests found no usable credit epoch in the last 30 s',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, count] of epochs.unusable()) this.set({ state }, count);
    },
  });
}
