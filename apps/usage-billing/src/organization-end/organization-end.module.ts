import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/grants.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { SubscriptionsModule } from '../subscriptions/subscriptions.module.js';
import { EndOrganizations } from './end-organizations.js';
import { OrganizationEndStore } from './organization-end-store.js';
import { OrganizationExportsController } from './organization-exports.controller.js';
import { StopBilling } from './stop-billing.js';

/** What happens to the ledger of an organisation that was deleted. */
@Module({
  imports: [BillingStoreModule, GrantsModule, SubscriptionsModule],
  controllers: [OrganizationExportsController],
  providers: [EndOrganizations, OrganizationEndStore, StopBilling],
  exports: [StopBilling],
})
export class OrganizationEndModule {}
