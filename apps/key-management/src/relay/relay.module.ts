import { Inject, Module } from '@nestjs/common';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { registerOutboxGauges, registerStoreUsedGauge } from '../metrics.js';
import { KeyTimesModule } from '../keys/key-times.module.js';
import { KeyMetricsModule } from '../metrics.module.js';
import { MailsModule } from '../sign-in/mails/mails.module.js';
import { SignInModule } from '../sign-in/sign-in.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { Heartbeat } from './heartbeat.js';
import { KeyLifecycle } from './key-lifecycle.js';
import { KeyRelay } from './key-relay.js';

/** Delivers committed changes to the gateways and the bus, and sends the gateways a heartbeat each second. */
@Module({
  imports: [KeyMetricsModule, KeyStoreModule, KeyTimesModule, MailsModule, SignInModule],
  providers: [Heartbeat, KeyLifecycle, KeyRelay],
  exports: [KeyRelay],
})
export class RelayModule {
  constructor(
    @Inject(METRICS_REGISTRY) registry: Registry,
    @Inject(KEY_SNAPSHOT_WRITER) snapshots: Pick<KeySnapshotWriter, 'storeUsed'>,
    relay: KeyRelay,
  ) {
    registerOutboxGauges(registry, () => relay.backlog());
    registerStoreUsedGauge(registry, () => snapshots.storeUsed());
  }
}
