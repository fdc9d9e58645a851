import { Module } from '@nestjs/common';
import { BalancesModule } from '../balances/balances.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { IssueStatements } from './issue-statements.js';
import { ReadStatements } from './read-statements.js';
import { StatementsController } from './statements.controller.js';
import { StatementFacts } from './store/statement-facts.js';
import { StatementStore } from './store/statement-store.js';

/** Statements of organisations by month. */
@Module({
  imports: [BalancesModule, BillingStoreModule],
  controllers: [StatementsController],
  providers: [IssueStatements, ReadStatements, StatementFacts, StatementStore],
})
export class StatementsModule {}
