import { Module } from '@nestjs/common';
import { ScanningMeter } from './metrics.js';

/** What the other modules count with. */
@Module({ providers: [ScanningMeter], exports: [ScanningMeter] })
export class ScanningMetricsModule {}
