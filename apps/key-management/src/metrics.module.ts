import { Module } from '@nestjs/common';
import { KeyMeter } from './metrics.js';

/** Provides the metrics of this service to its other modules. */
@Module({ providers: [KeyMeter], exports: [KeyMeter] })
export class KeyMetricsModule {}
