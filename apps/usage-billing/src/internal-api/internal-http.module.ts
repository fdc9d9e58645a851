import { Module } from '@nestjs/common';
import { guardHeads, ServiceGuard } from '@tollgate/http';
import { LedgerModule } from '../ledger/ledger.module.js';
import { UsageBillingInternalController } from './usage-billing-internal.controller.js';

/** `USAGE_BILLING_API` and the check of the books over HTTP; for a process of its own only. */
@Module({
  imports: [LedgerModule],
  controllers: [UsageBillingInternalController],
  providers: guardHeads('/internal', ServiceGuard),
})
export class UsageBillingHttpModule {}
