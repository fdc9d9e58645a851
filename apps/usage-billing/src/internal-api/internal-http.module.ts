import { Module } from '@nestjs/common';
import { guardHeads, ServiceGuard } from '@tollgate/http';
import { LedgerModule } from '../ledger/ledger.module.js';
import { UsageBillingInternalController } from './usage-billing-internal.controller.js';

/** `USAGE_BILLING_API` and the reconciliation over HTTP; used only if usage-billing is a process of its own. */
@Module({
  imports: [LedgerModule],
  controllers: [UsageBillingInternalController],
  providers: guardHeads('/internal', ServiceGuard),
})
export class UsageBillingHttpModule {}
