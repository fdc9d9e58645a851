import { Module } from '@nestjs/common';
import { KeyMeter } from './metrics.js';

/** What the other modules count with. */
@Module({ providers: [KeyMeter], exports: [KeyMeter] })
export class KeyMetricsModule {}
