import { Inject, Module } from '@nestjs/common';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { registerUsedKeysGauge } from '../metrics.js';
import { BillingMetricsModule } from '../metrics.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { ActivityController } from './activity/activity.controller.js';
import { FindUsageEvent } from './read-usage/find-usage-event.js';
import { KnownIds } from './read-usage/known-ids.js';
import { QueryUsage } from './query-usage/query-usage.js';
import { UsageExports } from './query-usage/usage-exports.js';
import { UsageNameStore } from './query-usage/usage-name-store.js';
import { UsageNames } from './query-usage/usage-names.js';
import { CallsRefusedController } from './refused-calls/calls-refused.controller.js';
import { StoreRefusedCalls } from './refused-calls/store-refused-calls.js';
import { UsageRetention } from './roll-ups/usage-retention.js';
import { TellUsedKeys } from './tell-used-keys/tell-used-keys.js';
import { UsedKeys } from './tell-used-keys/used-keys.js';
import { UsageController } from './usage.controller.js';

/** The gauge counts no further: then something is wrong, however many more wait. */
const WAITING_MAX = 10_000;

/** The usage API shows usage and charges; key-management is told of the use of keys. */
@Module({
  imports: [BillingMetricsModule, BillingStoreModule],
  controllers: [ActivityController, CallsRefusedController, UsageController],
  providers: [
    FindUsageEvent,
    KnownIds,
    QueryUsage,
    StoreRefusedCalls,
    TellUsedKeys,
    UsageExports,
    UsageNameStore,
    UsageNames,
    UsageRetention,
    UsedKeys,
  ],
  exports: [UsageNameStore],
})
export class UsageModule {
  constructor(@Inject(METRICS_REGISTRY) registry: Registry, used: UsedKeys) {
    registerUsedKeysGauge(registry, () => used.waiting(WAITING_MAX));
  }
}
