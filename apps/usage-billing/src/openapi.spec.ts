import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { buildDocument, documentFile } from '@tollgate/openapi';
import { expect, it } from 'vitest';
import { ReconciliationController } from './ledger/reconcile/reconciliation.controller.js';
import { LedgerAccountsController } from './ledger/show-accounts/ledger-accounts.controller.js';
import { AlertsController } from './alerts/alerts.controller.js';
import { BudgetsController } from './budgets/budgets.controller.js';
import { CreditsController } from './credits/credits.controller.js';
import { CreditGrantsController } from './grants/credit-grants.controller.js';
import { PlansController } from './plans/plans.controller.js';
import { OrganizationPricesController } from './prices/organization-prices/organization-prices.controller.js';
import { PricesController } from './prices/prices.controller.js';
import { SubscriptionsController } from './subscriptions/subscriptions.controller.js';
import { OrganizationExportsController } from './organization-end/organization-exports.controller.js';
import { ProviderReportsController } from './provider-reports/provider-reports.controller.js';
import { StatementsController } from './statements/statements.controller.js';
import { OrganizationBillingController } from './terms/organization-billing.controller.js';
import { QuarantineController } from './quarantine/quarantine.controller.js';
import { ActivityController } from './usage/activity/activity.controller.js';
import { UsageController } from './usage/usage.controller.js';
import { DeliveriesController } from './webhooks/deliver-webhooks/deliveries.controller.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';

it('has its document written down (npm run openapi writes it)', async () => {
  const document = buildDocument({
    title: 'Tollgate usage-billing',
    tags: [
      { name: 'Usage', description: 'What was used, what it cost, and what was charged.' },
      { name: 'Prices', description: 'What calls cost, and what they cost when they were made.' },
      { name: 'Plans', description: 'What can be subscribed to, and who has subscribed to it.' },
      { name: 'Billing', description: 'How organisations pay: prepaid credit, mark-ups, and budgets.' },
      { name: 'Ledger', description: 'Accounts, what was transferred on them, and whether all books agree.' },
      { name: 'Statements', description: 'What an organisation was charged in each month.' },
      { name: 'Provider reports', description: 'What providers report, beside what the ledger has.' },
      { name: 'Organisation exports', description: 'What was known of organisations that were deleted.' },
      { name: 'Alerts', description: 'What people are told of about the credit of an organisation.' },
      { name: 'Webhooks', description: 'Addresses that are sent what happens in an organisation.' },
      { name: 'Quarantine', description: 'Usage events that are not booked, and what becomes of them.' },
    ],
    controllers: [
      QuarantineController,
      UsageController,
      ActivityController,
      LedgerAccountsController,
      ReconciliationController,
      OrganizationBillingController,
      StatementsController,
      ProviderReportsController,
      OrganizationExportsController,
      AlertsController,
      CreditGrantsController,
      CreditsController,
      BudgetsController,
      PlansController,
      SubscriptionsController,
      PricesController,
      OrganizationPricesController,
      WebhooksController,
      DeliveriesController,
    ],
  });
  const file = fileURLToPath(documentFile('usage-billing'));
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot(file);
});
