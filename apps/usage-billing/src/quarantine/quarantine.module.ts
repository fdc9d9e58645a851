import { Inject, Module } from '@nestjs/common';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { BillingAuditModule } from '../audit/audit.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { registerQuarantineGauge } from '../metrics.js';
import { BillingMetricsModule } from '../metrics.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { QuarantineController } from './quarantine.controller.js';
import { QuarantinedEvents } from './quarantined-events.js';
import { ReplayEvent } from './replay-event.js';

/** The gauge counts no further. */
const COUNTED_MAX = 10_000;

/** The operator's list of usage events that are not booked. */
@Module({
  imports: [BillingAuditModule, BillingMetricsModule, BillingStoreModule, LedgerModule],
  controllers: [QuarantineController],
  providers: [QuarantinedEvents, ReplayEvent],
})
export class QuarantineModule {
  constructor(@Inject(METRICS_REGISTRY) registry: Registry, events: QuarantinedEvents) {
    registerQuarantineGauge(registry, () => events.open(COUNTED_MAX));
  }
}
