import { Inject, Module } from '@nestjs/common';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { registerOutboxGauges } from '../metrics.js';
import { BillingStoreModule } from '../store/store.module.js';
import { BillingRelay } from './billing-relay.js';

/** The outbox of usage-billing: what must be told once a transaction has committed. */
@Module({ imports: [BillingStoreModule], providers: [BillingRelay], exports: [BillingRelay] })
export class BillingRelayModule {
  constructor(@Inject(METRICS_REGISTRY) registry: Registry, relay: BillingRelay) {
    registerOutboxGauges(registry, () => relay.backlog());
  }
}
