import { Module } from '@nestjs/common';
import { BalancesModule } from '../../balances/balances.module.js';
import { BudgetsModule } from '../../budgets/budgets.module.js';
import { GrantsModule } from '../../grants/grants.module.js';
import { OwnersModule } from '../../owners/owners.module.js';
import { BillingStoreModule } from '../../store/store.module.js';
import { SubscriptionsModule } from '../../subscriptions/subscriptions.module.js';
import { KnownAccounts } from './known-accounts.js';
import { LedgerAccounts } from './ledger-accounts.js';
import { LedgerAccountsController } from './ledger-accounts.controller.js';
import { PresentLimits } from './present-limits.js';

/** Shows the accounts of the ledger with their present limits. It writes nothing. */
@Module({
  imports: [BalancesModule, BillingStoreModule, BudgetsModule, GrantsModule, OwnersModule, SubscriptionsModule],
  controllers: [LedgerAccountsController],
  providers: [KnownAccounts, LedgerAccounts, PresentLimits],
})
export class ShowAccountsModule {}
