import { Module } from '@nestjs/common';
import { BillingAuditModule } from '../audit/audit.module.js';
import { BalancesModule } from '../balances/balances.module.js';
import { BillingIdempotencyModule } from '../idempotency/idempotency.module.js';
import { OwnersModule } from '../owners/owners.module.js';
import { PlansModule } from '../plans/plans.module.js';
import { BillingRelayModule } from '../relay/relay.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { TermsModule } from '../terms/terms.module.js';
import { ChangeSubscription } from './change-subscription.js';
import { EndSubscriptions } from './end-subscriptions.js';
import { RenewSubscriptions } from './renew-subscriptions.js';
import { ReplaceKey } from './replace-key.js';
import { ShowSubscriptions } from './show-subscriptions.js';
import { Subscribe } from './subscribe.js';
import { SubscriptionKeys } from './subscription-keys.js';
import { SubscriptionStore } from './subscription-store.js';
import { SubscriptionsController } from './subscriptions.controller.js';

/** Subscriptions to plans: their cycles, what these cost, and what their keys may do. */
@Module({
  imports: [
    BalancesModule,
    BillingAuditModule,
    BillingIdempotencyModule,
    BillingRelayModule,
    BillingStoreModule,
    OwnersModule,
    PlansModule,
    TermsModule,
  ],
  controllers: [SubscriptionsController],
  providers: [
    ChangeSubscription,
    EndSubscriptions,
    RenewSubscriptions,
    ReplaceKey,
    ShowSubscriptions,
    Subscribe,
    SubscriptionKeys,
    SubscriptionStore,
  ],
  exports: [EndSubscriptions, ShowSubscriptions],
})
export class SubscriptionsModule {}
