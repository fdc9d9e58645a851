import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics.module.js';
import { StoreModule } from '../store/store.module.js';
import { OpenEpoch } from './open-epoch.js';

/** Tells admission what the ledger has of an organisation. */
@Module({ imports: [MetricsModule, StoreModule], providers: [OpenEpoch], exports: [OpenEpoch] })
export class CreditEpochsModule {}
