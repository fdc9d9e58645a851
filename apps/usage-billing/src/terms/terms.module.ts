import { Module } from '@nestjs/common';
import { BillingAuditModule } from '../audit/audit.module.js';
import { OwnersModule } from '../owners/owners.module.js';
import { BillingRelayModule } from '../relay/relay.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { OrganizationBillingController } from './organization-billing.controller.js';
import { OrganizationTerms } from './organization-terms.js';
import { TermsInForce } from './terms-in-force.js';

/** What is agreed with organisations: how they pay, with all their budgets and grants in one message for gateways. */
@Module({
  imports: [BillingAuditModule, BillingRelayModule, BillingStoreModule, OwnersModule],
  controllers: [OrganizationBillingController],
  providers: [OrganizationTerms, TermsInForce],
  exports: [OrganizationTerms, TermsInForce],
})
export class TermsModule {}
