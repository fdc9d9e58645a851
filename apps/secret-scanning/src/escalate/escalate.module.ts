import { Inject, Module } from '@nestjs/common';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { registerOutboxGauges } from '../metrics.js';
import { LeakStoreModule } from '../store/store.module.js';
import { LeakRelay } from './leak-relay.js';
import { UnansweredFindings } from './unanswered-findings.js';

/** What could not be revoked at once goes to the bus. */
@Module({
  imports: [LeakStoreModule],
  providers: [LeakRelay, UnansweredFindings],
  exports: [LeakRelay, UnansweredFindings],
})
export class EscalateModule {
  constructor(@Inject(METRICS_REGISTRY) registry: Registry, relay: LeakRelay) {
    registerOutboxGauges(registry, () => relay.backlog());
  }
}
