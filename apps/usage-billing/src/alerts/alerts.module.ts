import { Inject, Module } from '@nestjs/common';
import { CREDIT_THRESHOLD_CROSSED_V1 } from '@tollgate/contracts';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { BillingAuditModule } from '../audit/audit.module.js';
import { registerAlertMailGauges } from '../metrics.js';
import { OwnersModule } from '../owners/owners.module.js';
import { BillingRelay } from '../relay/billing-relay.js';
import { BillingRelayModule } from '../relay/relay.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { AlertSettingsStore } from './alert-settings.js';
import { AlertStore } from './alert-store.js';
import { AlertsController } from './alerts.controller.js';
import { AlertMailStore } from './mail-alerts/alert-mail-store.js';
import { MailAlerts } from './mail-alerts/mail-alerts.js';
import { LimitsChangedController } from './watch-limits/limits-changed.controller.js';
import { WatchLimits } from './watch-limits/watch-limits.js';
import { WatchRefusals } from './watch-refusals/watch-refusals.js';
import { WatchSpending } from './unusual-spend/watch-spending.js';

/** Tells people how much of their credit is used. The ledger raises the alerts about limits as it books. */
@Module({
  imports: [BillingAuditModule, BillingRelayModule, BillingStoreModule, OwnersModule],
  controllers: [AlertsController, LimitsChangedController],
  providers: [AlertMailStore, AlertSettingsStore, AlertStore, MailAlerts, WatchLimits, WatchRefusals, WatchSpending],
})
export class AlertsModule {
  constructor(@Inject(METRICS_REGISTRY) registry: Registry, mails: AlertMailStore, relay: BillingRelay) {
    relay.publishes(CREDIT_THRESHOLD_CROSSED_V1);
    registerAlertMailGauges(registry, () => mails.waiting());
  }
}
