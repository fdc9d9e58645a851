import { Module } from '@nestjs/common';
import { RelayModule } from '../relay/relay.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { LimitAccounts } from '../keys/update-key/limit-accounts.js';
import { KeyStoreModule } from '../store/store.module.js';
import { CreateOrganization } from './create-organization.js';
import { DeleteOrganization } from './delete-organization.js';
import { OrganizationBalance } from './organization-balance.js';
import { OrganizationChanges } from './organization-changes.js';
import { OrganizationStore } from './organization-store.js';
import { OrganizationsController } from './organizations.controller.js';
import { OrganizationsChangedController } from './take-billing-terms/organizations-changed.controller.js';
import { TakeBillingTerms } from './take-billing-terms/take-billing-terms.js';
import { UpdateOrganization } from './update-organization.js';

/** Organisations and their API for operators. A module that uses `OrganizationGuard` imports this one. */
@Module({
  imports: [IdempotencyModule, KeyStoreModule, RelayModule],
  controllers: [OrganizationsChangedController, OrganizationsController],
  providers: [
    CreateOrganization,
    DeleteOrganization,
    LimitAccounts,
    OrganizationBalance,
    OrganizationChanges,
    OrganizationStore,
    TakeBillingTerms,
    UpdateOrganization,
  ],
  exports: [OrganizationStore, TakeBillingTerms],
})
export class OrganizationsModule {}
