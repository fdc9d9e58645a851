import { Body, Controller, Get, HttpCode, Inject, Post, Query, UseGuards, UseInterceptors } from '@nestjs/common';
import {
  id,
  openCreditEpochRequest,
  registerGatewayRequest,
  spendingByKeyRequest,
  USAGE_BILLING_API,
  type UsageBillingApi,
} from '@tollgate/contracts';
import { parseBody, parseQuery, ServiceGuard } from '@tollgate/http';
import { z } from 'zod';
import { CompareBalances } from '../ledger/reconcile/compare-balances.js';
import { UnavailableInterceptor } from './unavailable.interceptor.js';

const reconciliationQuery = z.strictObject({ organization_id: id });

/** `UsageBillingApi` over HTTP, for the other services, and the check of the books. */
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
  async register(@Body() body: unknown): Promise<void> {
    await this.api.registerGateway(parseBody(registerGatewayRequest, body));
  }

  @Post('credit-epochs/open')
  @HttpCode(204)
  async openEpoch(@Body() body: unknown): Promise<void> {
    await this.api.openCreditEpoch(parseBody(openCreditEpochRequest, body));
  }

  @Post('spending/by-key')
  @HttpCode(200)
  async spending(@Body() body: unknown): Promise<object> {
    const { organizationId, apiKeyIds } = parseBody(spendingByKeyRequest, body);
    return { spending: await this.api.spendingByKey(organizationId, apiKeyIds) };
  }

  @Get('reconciliation')
  async reconcile(@Query() query: unknown): Promise<object> {
    const { organization_id: organizationId } = parseQuery(reconciliationQuery, query);
    const accounts = await this.compareBalances.of(organizationId);
    return {
      accounts: accounts.map(
        ({ accountId, ledgerPostedNanoUsd, transfersNanoUsd, admissionPostedNanoUsd, heldNanoUsd }) => ({
          accountId,
          ledgerPostedNanoUsd: ledgerPostedNanoUsd.toString(),
          transfersNanoUsd: transfersNanoUsd.toString(),
          redisPostedNanoUsd: admissionPostedNanoUsd?.toString() ?? null,
          heldNanoUsd: heldNanoUsd.toString(),
        }),
      ),
    };
  }
}
