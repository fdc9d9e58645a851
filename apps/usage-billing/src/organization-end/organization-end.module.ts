import { Module } from '@nestjs/common';
import { BillingStoreModule } from '../store/store.module.js';
import { EndOrganizations } from './end-organizations.js';
import { OrganizationEndStore } from './organization-end-store.js';
import { OrganizationExportsController } from './organization-exports.controller.js';

/** What happens to the ledger of an organisation that was deleted. */
@Module({
  imports: [BillingStoreModule],
  controllers: [OrganizationExportsController],
  providers: [EndOrganizations, OrganizationEndStore],
  exports: [OrganizationEndStore],
})
export class OrganizationEndModule {}
