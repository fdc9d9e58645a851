import { Module } from '@nestjs/common';
import { BillingStoreModule } from '../store/store.module.js';
import { AccountBalances } from './account-balances.js';

/** What accounts are charged with at this moment. */
@Module({ imports: [BillingStoreModule], providers: [AccountBalances], exports: [AccountBalances] })
export class BalancesModule {}
