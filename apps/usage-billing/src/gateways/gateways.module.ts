import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { BillingMetricsModule } from '../metrics.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { GatewayWatch } from './gateway-watch.js';

/** Watches which gateways are running, and resolves the holds of those that are gone. */
@Module({
  imports: [LedgerModule, BillingMetricsModule, BillingStoreModule],
  providers: [GatewayWatch],
  exports: [GatewayWatch],
})
export class GatewaysModule {}
