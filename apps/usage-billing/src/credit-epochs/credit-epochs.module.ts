import { Module } from '@nestjs/common';
import { BillingMetricsModule } from '../metrics.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { CloseEpochs } from './close-epochs.js';
import { OpenEpoch } from './open-epoch.js';

/** Opens credit epochs, which loads an organisation's balances from the ledger into admission, and closes them. */
@Module({
  imports: [BillingMetricsModule, BillingStoreModule],
  providers: [CloseEpochs, OpenEpoch],
  exports: [CloseEpochs, OpenEpoch],
})
export class CreditEpochsModule {}
