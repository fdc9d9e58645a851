import { Module } from '@nestjs/common';
import { BillingAuditModule } from '../audit/audit.module.js';
import { BalancesModule } from '../balances/balances.module.js';
import { BillingIdempotencyModule } from '../idempotency/idempotency.module.js';
import { OwnersModule } from '../owners/owners.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { TermsModule } from '../terms/terms.module.js';
import { BudgetStore } from './budget-store.js';
import { BudgetsController } from './budgets.controller.js';
import { SetBudgets } from './set-budgets.js';
import { ShowBudgets } from './show-budgets.js';
import { TellBalances } from './tell-balances.js';

/** Budgets of groups and projects. */
@Module({
  imports: [
    BalancesModule,
    BillingAuditModule,
    BillingIdempotencyModule,
    BillingStoreModule,
    OwnersModule,
    TermsModule,
  ],
  controllers: [BudgetsController],
  providers: [BudgetStore, SetBudgets, ShowBudgets, TellBalances],
  exports: [BudgetStore, SetBudgets, ShowBudgets, TellBalances],
})
export class BudgetsModule {}
