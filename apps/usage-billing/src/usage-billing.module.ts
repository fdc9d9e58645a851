import { Module } from '@nestjs/common';
import { AlertsModule } from './alerts/alerts.module.js';
import { RefusedCallsModule } from '@tollgate/refused-calls';
import { AuthModule } from '@tollgate/auth';
import { BudgetsModule } from './budgets/budgets.module.js';
import { CreditsModule } from './credits/credits.module.js';
import { GrantsModule } from './grants/grants.module.js';
import { CreditEpochsModule } from './credit-epochs/credit-epochs.module.js';
import { GatewaysModule } from './gateways/gateways.module.js';
import { UsageBillingApiModule } from './internal-api/internal-api.module.js';
import { LedgerModule } from './ledger/ledger.module.js';
import { ShowAccountsModule } from './ledger/show-accounts/show-accounts.module.js';
import { QuarantineModule } from './quarantine/quarantine.module.js';
import { PricesModule } from './prices/prices.module.js';
import { PlansModule } from './plans/plans.module.js';
import { SubscriptionsModule } from './subscriptions/subscriptions.module.js';
import { TermsModule } from './terms/terms.module.js';
import { OrganizationEndModule } from './organization-end/organization-end.module.js';
import { ProviderReportsModule } from './provider-reports/provider-reports.module.js';
import { StatementsModule } from './statements/statements.module.js';
import { UsageModule } from './usage/usage.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/**
 * The service without its listeners: usage API, bus handler, gateway watch, and `USAGE_BILLING_API` for the other
 * services of the process. Its ports (`ports.ts`) come from a global module.
 */
@Module({
  imports: [
    AuthModule,
    RefusedCallsModule,
    LedgerModule,
    ShowAccountsModule,
    GatewaysModule,
    CreditEpochsModule,
    QuarantineModule,
    BudgetsModule,
    GrantsModule,
    CreditsModule,
    TermsModule,
    PricesModule,
    PlansModule,
    SubscriptionsModule,
    UsageModule,
    AlertsModule,
    WebhooksModule,
    StatementsModule,
    ProviderReportsModule,
    OrganizationEndModule,
    UsageBillingApiModule,
  ],
})
export class UsageBillingModule {}
