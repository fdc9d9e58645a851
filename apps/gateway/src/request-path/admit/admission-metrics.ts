import type { Admission } from '@tollgate/admission';
import { Counter, Gauge, HotHistogram, registerGauge, type Registry } from '@tollgate/telemetry';
import type { AccountLoads } from './account-loads.js';
import type { CreditEpochs } from './credit-epochs.js';

const BATCH_ITEMS = [1, 2, 4, 8, 16, 32, 64, 127];

/**
 * Registers metrics of the store of credit and rates, of organisations without a usable epoch, and of loads of
 * accounts.
 */
export function registerAdmissionMetrics(
  registry: Registry,
  admission: Admission,
  epochs: CreditEpochs,
  loads: Pick<AccountLoads, 'counts'>,
): void {
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
  new Counter({
    name: 'tollgate_gateway_account_loads_total',
    help: 'Accounts that usage-billing was asked to load, by the outcome',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(loads.counts)) this.inc({ outcome }, count as number);
    },
  });
}
