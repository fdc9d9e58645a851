import { Module } from '@nestjs/common';
import { CreditEpochsModule } from '../credit-epochs/credit-epochs.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { BillingMetricsModule } from '../metrics.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { GatewayWatch } from './gateway-watch.js';
import { LeftJournals } from './left-journals.js';

/** Watches which gateways are running, and resolves the holds of those that are gone. */
@Module({
  imports: [CreditEpochsModule, LedgerModule, BillingMetricsModule, BillingStoreModule],
  providers: [GatewayWatch, LeftJournals],
  exports: [GatewayWatch, LeftJournals],
})
export class GatewaysModule {}
