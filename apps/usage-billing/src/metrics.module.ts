import { Module } from '@nestjs/common';
import { BillingMeter } from './metrics.js';

/** What the other modules count with. */
@Module({ providers: [BillingMeter], exports: [BillingMeter] })
export class BillingMetricsModule {}
