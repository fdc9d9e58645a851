import { Inject, Module } from '@nestjs/common';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { registerMailGauges } from '../metrics.js';
import { ScanningMetricsModule } from '../metrics.module.js';
import { MailStore } from '../store/mail-store.js';
import { LeakStoreModule } from '../store/store.module.js';
import { MailRun } from './mail-run.js';

/** Sends mails about leaked keys to the owners. */
@Module({ imports: [ScanningMetricsModule, LeakStoreModule], providers: [MailRun], exports: [MailRun] })
export class OwnerMailModule {
  constructor(@Inject(METRICS_REGISTRY) registry: Registry, mails: MailStore) {
    registerMailGauges(registry, () => mails.waiting());
  }
}
