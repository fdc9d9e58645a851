export { USAGE_BILLING_API } from './api/usage-billing-api.js';
export { BookUsage } from './book-usage/book-usage.js';
export { SettleHolds } from './book-usage/settle-holds.js';
export { BillingMeter } from './metrics.js';
export { CompareBalances, type BalanceComparison } from './reconcile/compare-balances.js';
export { UsageBillingInternalModule } from './usage-billing-internal.module.js';
export { UsageBillingModule, type UsageBillingPorts } from './usage-billing.module.js';
export { resumeOffsets } from './store/consumer-offsets.js';
export { usageBillingSchema } from './store/migrations/index.js';
