import { Inject, Module } from '@nestjs/common';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { USAGE_TOPICS } from '@tollgate/contracts';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { registerBillingGauges } from '../metrics.js';
import { BillingMetricsModule } from '../metrics.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { BookUsage } from './book-usage/book-usage.js';
import { ScreenEvents } from './book-usage/screen-events.js';
import { SettleHolds } from './book-usage/settle-holds.js';
import { UsageRecordedController } from './book-usage/usage-recorded.controller.js';
import { CarriedHolds } from './carry-holds/carried-holds.js';
import { ReleaseCarriedHolds } from './carry-holds/release-carried-holds.js';
import { CompareUsage } from './compare-usage/compare-usage.js';
import { UsageCheckStore } from './compare-usage/usage-check-store.js';
import { CheckOrganization } from './reconcile/check-organization.js';
import { CompareBalances } from './reconcile/compare-balances.js';
import { Reconcile } from './reconcile/reconcile.js';
import { ReconciliationController } from './reconcile/reconciliation.controller.js';
import { ReconciliationStore } from './reconcile/reconciliation-store.js';
import { LoadAccount } from './load-account/load-account.js';
import { ResolveOrphans } from './resolve-orphans/resolve-orphans.js';
import { UsageEventMonths } from './usage-event-months/usage-event-months.js';

/** The only module that writes transfers and accounts: it books usage, resolves orphans and reconciles balances. */
@Module({
  imports: [BillingMetricsModule, BillingStoreModule],
  controllers: [UsageRecordedController, ReconciliationController],
  providers: [
    BookUsage,
    CarriedHolds,
    CheckOrganization,
    CompareBalances,
    CompareUsage,
    LoadAccount,
    Reconcile,
    ReconciliationStore,
    ReleaseCarriedHolds,
    ResolveOrphans,
    ScreenEvents,
    SettleHolds,
    UsageCheckStore,
    UsageEventMonths,
  ],
  exports: [BookUsage, CompareBalances, LoadAccount, ReleaseCarriedHolds, ResolveOrphans, SettleHolds],
})
export class LedgerModule {
  constructor(
    @Inject(METRICS_REGISTRY) registry: Registry,
    @Inject(BUS_PROGRESS) bus: BusProgress,
    settles: SettleHolds,
    months: UsageEventMonths,
  ) {
    registerBillingGauges(registry, {
      consumerLag: async () => {
        const lags = await Promise.all(USAGE_TOPICS.map((topic) => bus.lag(topic)));
        return lags.reduce((sum, lag) => sum + lag, 0);
      },
      oldestUnbooked: async () => {
        const oldest = await Promise.all(USAGE_TOPICS.map((topic) => bus.oldestUnhandledMs(topic)));
        const waiting = oldest.filter((ms) => ms !== null);
        return { publishedMs: waiting.length === 0 ? null : Math.min(...waiting) };
      },
      retentionUsed: () => Promise.all(USAGE_TOPICS.map((topic) => bus.retentionUsed(topic))),
      settlesWaiting: () => settles.waiting,
      months: () => months.state(),
    });
  }
}
