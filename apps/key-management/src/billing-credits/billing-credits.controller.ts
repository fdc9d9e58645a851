import { Controller, Get, Inject, UseGuards } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { CurrentPrincipal, PrincipalGuard } from '@tollgate/auth';
import { USAGE_BILLING_API, type UsageBillingApi } from '@tollgate/contracts';
import { Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { snapshotOf } from '../keys/api-key/snapshot-of.js';
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
    @Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'subscriptionOfKey'>,
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
      key.kind === 'subscription' ? this.cycleOf(organizationId, apiKeyId) : null,
      this.shared.credit(snapshot, now),
    ]);
    const sums = charged.get(apiKeyId);
    const credits = sums === undefined || shared === null ? null : billingCredits(key, sums, cycle, shared, now);
    // A sum that is unknown must not read as 0.
    if (credits === null) throw unknown();
    return credits;
  }

  private cycleOf(organizationId: string, apiKeyId: string) {
    return this.usageBilling.subscriptionOfKey(organizationId, apiKeyId).catch((cause: unknown) => {
      throw unknown(cause);
    });
  }
}

const unknown = (cause?: unknown): Problem =>
  new Problem('service_unavailable', {
    detail: 'It cannot be found out at the moment what the key has spent.',
    headers: { 'retry-after': '1' },
    cause,
  });
