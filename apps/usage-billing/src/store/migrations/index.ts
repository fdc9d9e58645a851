import type { MigrateOptions } from '@tollgate/postgres';
import { Billing1795190400001 } from './1795190400001-billing.js';
import { QuarantineParts1795449600001 } from './1795449600001-quarantine-parts.js';
import { UsageEventMonths1795824000001 } from './1795824000001-usage-event-months.js';
import { UsageByOrganization1796169600001 } from './1796169600001-usage-by-organization.js';
import { Tenancy1796342400001 } from './1796342400001-tenancy.js';
import { AccountsInCycles1797033600001 } from './1797033600001-accounts-in-cycles.js';
import { AccountsInForce1797120000001 } from './1797120000001-accounts-in-force.js';
import { UsageClasses1797206400001 } from './1797206400001-usage-classes.js';
import { MarkUp1797292800001 } from './1797292800001-mark-up.js';
import { AccountsOfAllKinds1797379200001 } from './1797379200001-accounts-of-all-kinds.js';
import { OwnerUsage1797379200002 } from './1797379200002-owner-usage.js';
import { Reconciliation1797379200003 } from './1797379200003-reconciliation.js';
import { BalanceCorrections1797379200004 } from './1797379200004-balance-corrections.js';
import { CreditTerms1797465600001 } from './1797465600001-credit-terms.js';
import { Subscriptions1797552000001 } from './1797552000001-subscriptions.js';
import { UsageRollUps1797638400001 } from './1797638400001-usage-roll-ups.js';
import { RefusedCalls1797638400002 } from './1797638400002-refused-calls.js';
import { QuarantineDecisions1797724800001 } from './1797724800001-quarantine-decisions.js';
import { UsageEventRetention1797724800002 } from './1797724800002-usage-event-retention.js';
import { Alerts1797811200001 } from './1797811200001-alerts.js';
import { Unpriced1797897600001 } from './1797897600001-unpriced.js';
import { PriceVersions1797897600002 } from './1797897600002-price-versions.js';
import { Statements1797984000001 } from './1797984000001-statements.js';
import { ProviderReports1797984000002 } from './1797984000002-provider-reports.js';
import { OrganizationEnd1797984000003 } from './1797984000003-organization-end.js';
import { AlertsOfBalances1798070400001 } from './1798070400001-alerts-of-balances.js';
import { WhatEnds1798070400002 } from './1798070400002-what-ends.js';
import { OrganizationPrices1798156800001 } from './1798156800001-organization-prices.js';
import { ReplacedSubscriptionKeys1798243200001 } from './1798243200001-replaced-subscription-keys.js';
import { OwnerUsageBySums1798329600001 } from './1798329600001-owner-usage-by-sums.js';
import { LapsedGrants1798502400001 } from './1798502400001-lapsed-grants.js';
import { CarriedHolds1798588800001 } from './1798588800001-carried-holds.js';
import { RaisesOfSubscriptions1798675200001 } from './1798675200001-raises-of-subscriptions.js';
import { OtherRouteGroups1798700000001 } from './1798700000001-other-route-groups.js';
import { PersonsOfSubscriptions1798730000001 } from './1798730000001-persons-of-subscriptions.js';
import { ErasedAgain1798740000001 } from './1798740000001-erased-again.js';
import { Idempotency1798848000001 } from './1798848000001-idempotency.js';
import { LapsedCreditOfStatements1798934400001 } from './1798934400001-lapsed-credit-of-statements.js';
import { WatchedLimits1798934400002 } from './1798934400002-watched-limits.js';
import { UsageDeleted1798934400003 } from './1798934400003-usage-deleted.js';
import { UsageSeries1799020800001 } from './1799020800001-usage-series.js';
import { UsageSeriesFilled1799020800002 } from './1799020800002-usage-series-filled.js';
import { ReplacedOrphans1799107200001 } from './1799107200001-replaced-orphans.js';
import { Refunds1799107200002 } from './1799107200002-refunds.js';
import { UsageChecks1799193600001 } from './1799193600001-usage-checks.js';
import { MendedUsage1799193600002 } from './1799193600002-mended-usage.js';
import { UnaskedKeys1799280000001 } from './1799280000001-unasked-keys.js';
import { FactsRolledUp1799280000002 } from './1799280000002-facts-rolled-up.js';
import { TermsToldAhead1799625600001 } from './1799625600001-terms-told-ahead.js';
import { AttemptsToReplaceKeys1799712000001 } from './1799712000001-attempts-to-replace-keys.js';
import { ClaimedJournals1799798400001 } from './1799798400001-claimed-journals.js';

/** The Postgres schema of usage-billing, for `migrate`. */
export const usageBillingSchema: MigrateOptions = {
  schema: 'billing',
  serviceSchema: 'billing',
  migrations: [
    Billing1795190400001,
    QuarantineParts1795449600001,
    UsageEventMonths1795824000001,
    UsageByOrganization1796169600001,
    Tenancy1796342400001,
    AccountsInCycles1797033600001,
    AccountsInForce1797120000001,
    UsageClasses1797206400001,
    MarkUp1797292800001,
    AccountsOfAllKinds1797379200001,
    OwnerUsage1797379200002,
    Reconciliation1797379200003,
    BalanceCorrections1797379200004,
    CreditTerms1797465600001,
    Subscriptions1797552000001,
    UsageRollUps1797638400001,
    RefusedCalls1797638400002,
    QuarantineDecisions1797724800001,
    UsageEventRetention1797724800002,
    Alerts1797811200001,
    Unpriced1797897600001,
    PriceVersions1797897600002,
    Statements1797984000001,
    ProviderReports1797984000002,
    OrganizationEnd1797984000003,
    AlertsOfBalances1798070400001,
    WhatEnds1798070400002,
    OrganizationPrices1798156800001,
    ReplacedSubscriptionKeys1798243200001,
    OwnerUsageBySums1798329600001,
    LapsedGrants1798502400001,
    CarriedHolds1798588800001,
    RaisesOfSubscriptions1798675200001,
    OtherRouteGroups1798700000001,
    PersonsOfSubscriptions1798730000001,
    ErasedAgain1798740000001,
    Idempotency1798848000001,
    LapsedCreditOfStatements1798934400001,
    WatchedLimits1798934400002,
    UsageDeleted1798934400003,
    UsageSeries1799020800001,
    UsageSeriesFilled1799020800002,
    ReplacedOrphans1799107200001,
    Refunds1799107200002,
    UsageChecks1799193600001,
    MendedUsage1799193600002,
    UnaskedKeys1799280000001,
    FactsRolledUp1799280000002,
    TermsToldAhead1799625600001,
    AttemptsToReplaceKeys1799712000001,
    ClaimedJournals1799798400001,
  ],
};
