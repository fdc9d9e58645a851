import { Module } from '@nestjs/common';
import { BalancesModule } from '../balances/balances.module.js';
import { GrantsModule } from '../grants/grants.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { TermsModule } from '../terms/terms.module.js';
import { CreditsController } from './credits.controller.js';
import { ReadCredits } from './read-credits.js';

/** The credit of organisations in sum. */
@Module({
  imports: [BalancesModule, BillingStoreModule, GrantsModule, TermsModule],
  controllers: [CreditsController],
  providers: [ReadCredits],
})
export class CreditsModule {}
