import { Module } from '@nestjs/common';
import { BillingAuditModule } from '../audit/audit.module.js';
import { OwnersModule } from '../owners/owners.module.js';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../ports.js';
import { BillingStoreModule } from '../store/store.module.js';
import { TermsModule } from '../terms/terms.module.js';
import { OrganizationPrices } from './organization-prices/organization-prices.js';
import { OrganizationPricesController } from './organization-prices/organization-prices.controller.js';
import { NO_CONFIG, PRICED_CONFIG } from './priced-config.js';
import { PriceList, type PricedConfig } from './price-list.js';
import { PriceVersions } from './price-versions.js';
import { PricesController } from './prices.controller.js';

/** Shows the price book, and keeps each version of it. */
@Module({
  imports: [BillingAuditModule, BillingStoreModule, OwnersModule, TermsModule],
  controllers: [OrganizationPricesController, PricesController],
  providers: [
    OrganizationPrices,
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
