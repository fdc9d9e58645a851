import { Inject, Module } from '@nestjs/common';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { registerOutboxGauges } from '../metrics.js';
import { LeakStoreModule } from '../store/store.module.js';
import { LeakRelay } from './leak-relay.js';
import { UnansweredFindings } from './unanswered-findings.js';

/** Sends leaks that could not be revoked at once to key-management over the bus. */
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
