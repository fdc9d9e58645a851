import { Module } from '@nestjs/common';
import { BillingMeter } from './metrics.js';

/** Provides the metrics of this service to its other modules. */
@Module({ providers: [BillingMeter], exports: [BillingMeter] })
export class BillingMetricsModule {}
