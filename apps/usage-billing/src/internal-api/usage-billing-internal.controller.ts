import { Body, Controller, Get, HttpCode, Inject, Post, Query, UseGuards, UseInterceptors } from '@nestjs/common';
import {
  accountBalancesRequest,
  claimJournalRequest,
  endBudgetRequest,
  endOrganizationRequest,
  endSubscriptionsRequest,
  id,
  loadAccountRequest,
  openCreditEpochRequest,
  registerGatewayRequest,
  shippedJournalRequest,
  spendingByKeyRequest,
  subscriptionOfKeyRequest,
  USAGE_BILLING_API,
  type UsageBillingApi,
} from '@tollgate/contracts';
import { ServiceGuard } from '@tollgate/http';
import { z } from 'zod';
import { CompareBalances } from '../ledger/reconcile/compare-balances.js';
import { UnavailableInterceptor } from '../unavailable.interceptor.js';

const reconciliationQuery = z.strictObject({ organization_id: id });

/** `UsageBillingApi` over HTTP for the other services, and the reconciliation for operators. */
@Controller('internal')
@UseGuards(ServiceGuard)
@UseInterceptors(UnavailableInterceptor)
export class UsageBillingInternalController {
  constructor(
    @Inject(USAGE_BILLING_API) private readonly api: UsageBillingApi,
    private readonly compareBalances: CompareBalances,
  ) {}

  @Post('gateways/register')
  @HttpCode(204)
  async register(
    @Body({ schema: registerGatewayRequest }) request: z.output<typeof registerGatewayRequest>,
  ): Promise<void> {
    await this.api.registerGateway(request);
  }

  @Post('journals/claim')
  @HttpCode(200)
  async claimJournal(
    @Body({ schema: claimJournalRequest }) request: z.output<typeof claimJournalRequest>,
  ): Promise<object> {
    return this.api.claimJournal(request);
  }

  @Post('journals/shipped')
  @HttpCode(204)
  async shippedJournal(
    @Body({ schema: shippedJournalRequest }) request: z.output<typeof shippedJournalRequest>,
  ): Promise<void> {
    await this.api.shippedJournal(request);
  }

  @Post('credit-epochs/open')
  @HttpCode(204)
  async openEpoch(
    @Body({ schema: openCreditEpochRequest }) request: z.output<typeof openCreditEpochRequest>,
  ): Promise<void> {
    await this.api.openCreditEpoch(request);
  }

  @Post('accounts/load')
  @HttpCode(200)
  async loadAccount(
    @Body({ schema: loadAccountRequest }) request: z.output<typeof loadAccountRequest>,
  ): Promise<object> {
    return this.api.loadAccount(request);
  }

  @Post('spending/by-key')
  @HttpCode(200)
  async spending(
    @Body({ schema: spendingByKeyRequest }) { organizationId, apiKeyIds }: z.output<typeof spendingByKeyRequest>,
  ): Promise<object> {
    return { spending: await this.api.spendingByKey(organizationId, apiKeyIds) };
  }

  @Post('subscriptions/of-key')
  @HttpCode(200)
  async subscriptionOfKey(
    @Body({ schema: subscriptionOfKeyRequest }) { organizationId, apiKeyId }: z.output<typeof subscriptionOfKeyRequest>,
  ): Promise<object> {
    return { subscription: await this.api.subscriptionOfKey(organizationId, apiKeyId) };
  }

  @Post('organizations/end')
  @HttpCode(204)
  async endOrganization(
    @Body({ schema: endOrganizationRequest }) request: z.output<typeof endOrganizationRequest>,
  ): Promise<void> {
    await this.api.endOrganization(request);
  }

  @Post('accounts/balances')
  @HttpCode(200)
  async balances(
    @Body({ schema: accountBalancesRequest }) request: z.output<typeof accountBalancesRequest>,
  ): Promise<object> {
    return { balances: await this.api.accountBalances(request) };
  }

  @Post('budgets/end')
  @HttpCode(204)
  async endBudget(@Body({ schema: endBudgetRequest }) request: z.output<typeof endBudgetRequest>): Promise<void> {
    await this.api.endBudget(request);
  }

  @Post('subscriptions/end')
  @HttpCode(204)
  async endSubscriptions(
    @Body({ schema: endSubscriptionsRequest }) request: z.output<typeof endSubscriptionsRequest>,
  ): Promise<void> {
    await this.api.endSubscriptions(request);
  }

  @Get('reconciliation')
  async reconcile(
    @Query({ schema: reconciliationQuery }) { organization_id: organizationId }: z.output<typeof reconciliationQuery>,
  ): Promise<object> {
    const accounts = await this.compareBalances.of(organizationId);
    return {
      accounts: accounts.map(
        ({ accountId, ledgerPostedNanoUsd, transfersNanoUsd, eventsNanoUsd, admissionPostedNanoUsd, heldNanoUsd }) => ({
          accountId,
          ledgerPostedNanoUsd: ledgerPostedNanoUsd.toString(),
          transfersNanoUsd: transfersNanoUsd.toString(),
          eventsNanoUsd: eventsNanoUsd.toString(),
          redisPostedNanoUsd: admissionPostedNanoUsd?.toString() ?? null,
          heldNanoUsd: heldNanoUsd.toString(),
        }),
      ),
    };
  }
}
