import { Controller, Get, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { UsageCheckStore } from '../compare-usage/usage-check-store.js';
import { reconciliationObject, reconciliationReply, type ReconciliationObject } from './reconciliation.reply.js';
import { ReconciliationStore } from './reconciliation-store.js';

/** Shows the operator whether ledger, admission and events agree. */
@Tag('Ledger')
@Controller('v1/reconciliation')
@UseGuards(PrincipalGuard)
export class ReconciliationController {
  constructor(
    private readonly store: ReconciliationStore,
    private readonly usage: UsageCheckStore,
  ) {}

  @Get()
  @Operation({
    id: 'getReconciliation',
    summary: 'Show where balances or usage do not agree',
    description:
      'Each minute the ledger, its transfers, the usage events, all sums that usage and statements are read from, and ' +
      'admission are compared. What differed in two checks in a row, and still does, is shown.',
  })
  @Replies(reconciliationReply, { 200: 'The differences; none if all agree.' })
  async reconciliation(): Promise<ReconciliationObject> {
    return reconciliationObject(await this.store.lasting(), await this.usage.lasting(), await this.store.state());
  }
}
