import { Module } from '@nestjs/common';
import { BillingMetricsModule } from '../metrics.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { OpenEpoch } from './open-epoch.js';

/** Opens credit epochs: loads an organisation's balances from the ledger into admission. */
@Module({ imports: [BillingMetricsModule, BillingStoreModule], providers: [OpenEpoch], exports: [OpenEpoch] })
export class CreditEpochsModule {}
