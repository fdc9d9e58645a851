import { Module } from '@nestjs/common';
import { BillingStoreModule } from '../store/store.module.js';
import { FindUsageEvent } from './read-usage/find-usage-event.js';
import { KnownKeys } from './read-usage/known-keys.js';
import { ReadUsage } from './read-usage/usage-totals.js';
import { UsageController } from './usage.controller.js';

/** The usage API: shows usage and charges. */
@Module({
  imports: [BillingStoreModule],
  controllers: [UsageController],
  providers: [FindUsageEvent, KnownKeys, ReadUsage],
})
export class UsageModule {}
