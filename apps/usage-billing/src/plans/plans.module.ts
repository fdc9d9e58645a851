import { Module } from '@nestjs/common';
import { BillingAuditModule } from '../audit/audit.module.js';
import { BillingIdempotencyModule } from '../idempotency/idempotency.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { PlanStore } from './plan-store.js';
import { PlansController } from './plans.controller.js';
import { TakeConfiguredPlans } from './take-configured-plans.js';

/** What can be subscribed to: plans of `config.yaml`, and of the API. */
@Module({
  imports: [BillingAuditModule, BillingIdempotencyModule, BillingStoreModule],
  controllers: [PlansController],
  providers: [PlanStore, TakeConfiguredPlans],
  exports: [PlanStore],
})
export class PlansModule {}
