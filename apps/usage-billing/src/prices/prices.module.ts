import { Module } from '@nestjs/common';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../ports.js';
import { BillingStoreModule } from '../store/store.module.js';
import { NO_CONFIG, PRICED_CONFIG } from './priced-config.js';
import { PriceList, type PricedConfig } from './price-list.js';
import { PriceVersions } from './price-versions.js';
import { PricesController } from './prices.controller.js';

/** Shows the price book, and keeps each version of it. */
@Module({
  imports: [BillingStoreModule],
  controllers: [PricesController],
  providers: [
    PriceVersions,
    {
      provide: PRICED_CONFIG,
      useFactory: ({ prices }: UsageBillingSettings): PricedConfig => prices ?? NO_CONFIG,
      inject: [USAGE_BILLING_SETTINGS],
    },
    { provide: PriceList, useFactory: (config: PricedConfig) => new PriceList(config), inject: [PRICED_CONFIG] },
  ],
})
export class PricesModule {}
