import { Global, Module } from '@nestjs/common';
import { USAGE_BILLING_API } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import { BudgetsModule } from '../budgets/budgets.module.js';
import { SetBudgets } from '../budgets/set-budgets.js';
import { TellBalances } from '../budgets/tell-balances.js';
import { CreditEpochsModule } from '../credit-epochs/credit-epochs.module.js';
import { OpenEpoch } from '../credit-epochs/open-epoch.js';
import { GatewayWatch } from '../gateways/gateway-watch.js';
import { GatewaysModule } from '../gateways/gateways.module.js';
import { LeftJournals } from '../gateways/left-journals.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { LoadAccount } from '../ledger/load-account/load-account.js';
import { OrganizationEndModule } from '../organization-end/organization-end.module.js';
import { StopBilling } from '../organization-end/stop-billing.js';
import { BillingStoreModule } from '../store/store.module.js';
import { EndSubscriptions } from '../subscriptions/end-subscriptions.js';
import { ShowSubscriptions } from '../subscriptions/show-subscriptions.js';
import { SubscriptionsModule } from '../subscriptions/subscriptions.module.js';
import { UsageNameStore } from '../usage/query-usage/usage-name-store.js';
import { UsageModule } from '../usage/usage.module.js';
import { directUsageBillingApi } from './direct-usage-billing-api.js';

/** Is global so that, in the standalone, the other services inject `USAGE_BILLING_API` without importing this app. */
@Global()
@Module({
  imports: [
    BudgetsModule,
    CreditEpochsModule,
    GatewaysModule,
    LedgerModule,
    OrganizationEndModule,
    BillingStoreModule,
    SubscriptionsModule,
    UsageModule,
  ],
  providers: [
    {
      provide: USAGE_BILLING_API,
      useFactory: directUsageBillingApi,
      inject: [
        ServiceDatabase,
        GatewayWatch,
        LeftJournals,
        OpenEpoch,
        LoadAccount,
        StopBilling,
        ShowSubscriptions,
        EndSubscriptions,
        SetBudgets,
        TellBalances,
        UsageNameStore,
      ],
    },
  ],
  exports: [USAGE_BILLING_API],
})
export class UsageBillingApiModule {}
