import { Module } from '@nestjs/common';
import { BillingAuditModule } from '../audit/audit.module.js';
import { BalancesModule } from '../balances/balances.module.js';
import { BillingIdempotencyModule } from '../idempotency/idempotency.module.js';
import { OwnersModule } from '../owners/owners.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { TermsModule } from '../terms/terms.module.js';
import { CreditGrantsController } from './credit-grants.controller.js';
import { EndGrants } from './end-grants.js';
import { ExpireGrant } from './expire-grant.js';
import { GiveGrant } from './give-grant.js';
import { GrantStore } from './grant-store.js';

/** Prepaid credit of organisations. */
@Module({
  imports: [
    BalancesModule,
    BillingAuditModule,
    BillingIdempotencyModule,
    BillingStoreModule,
    OwnersModule,
    TermsModule,
  ],
  controllers: [CreditGrantsController],
  providers: [EndGrants, ExpireGrant, GiveGrant, GrantStore],
  exports: [ExpireGrant, GrantStore],
})
export class GrantsModule {}
