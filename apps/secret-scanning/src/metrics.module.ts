import { Module } from '@nestjs/common';
import { ScanningMeter } from './metrics.js';

/** Provides the metrics of this service to its other modules. */
@Module({ providers: [ScanningMeter], exports: [ScanningMeter] })
export class ScanningMetricsModule {}
