import { Controller, Get, UseGuards } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { CurrentPrincipal, PrincipalGuard } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { snapshotOf } from '../keys/api-key/snapshot-of.js';
import { spendingUnknown, SubscriptionCycles } from '../keys/key-use/subscription-cycles.js';
import { KeySpendingLookup } from '../keys/list-keys/key-spending.js';
import { KeyStore } from '../store/key-store.js';
import { billingCredits } from './billing-credits.js';
import { billingCreditsReply, type BillingCredits } from './billing-credits.reply.js';
import { SharedLimits } from './shared-limits.js';

/** What the key that asks has left, in the shape of Apertis: docs.apertis.ai/api/utilities/billing-credits. */
@Tag('API keys')
@Controller('v1/dashboard/billing/credits')
@UseGuards(PrincipalGuard)
export class BillingCreditsController {
  constructor(
    private readonly keys: KeyStore,
    private readonly spending: KeySpendingLookup,
    private readonly shared: SharedLimits,
    private readonly cycles: SubscriptionCycles,
  ) {}

  @Get()
  @Operation({
    id: 'getBillingCredits',
    summary: 'Show what the key that asks has left',
    description:
      'What its next call may cost at most, by the ledger: of its own limit or its subscription, and of budgets, the limit and the prepaid credit of its organisation. A key whose credit is spent may ask, too. `GET /v1/credits` shows the credit of its organisation.',
  })
  @Replies(billingCreditsReply, { 200: 'What is used and left, as numbers.' })
  async show(@CurrentPrincipal() principal: Principal): Promise<BillingCredits> {
    if (principal.kind !== 'api_key') throw new Problem('access_denied');
    const { organizationId, apiKeyId } = principal;
    const now = new Date();
    const key = await this.keys.find(organizationId, apiKeyId);
    const snapshot = key && snapshotOf(key);
    // It has ended since it was identified.
    if (key === null || snapshot === null || snapshot.state === 'revoked') throw new Problem('invalid_credential');
    const [charged, cycle, shared] = await Promise.all([
      this.spending.of(organizationId, [apiKeyId]),
      this.cycles.of(key),
      this.shared.credit(snapshot, now),
    ]);
    const sums = charged.get(apiKeyId);
    const credits = sums === undefined || shared === null ? null : billingCredits(key, sums, cycle, shared, now);
    if (credits === null) throw spendingUnknown();
    return credits;
  }
}
