import { Module } from '@nestjs/common';
import { BillingMetricsModule } from '../metrics.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { OpenEpoch } from './open-epoch.js';

/** Tells admission what the ledger has of an organisation. */
@Module({ imports: [BillingMetricsModule, BillingStoreModule], providers: [OpenEpoch], exports: [OpenEpoch] })
export class CreditEpochsModule {}
