import { Body, Controller, Get, Inject, Param, Put, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { priceOverrideFaults, storedPriceOverrides, type StoredPriceOverrides } from '@tollgate/config';
import { fieldErrors } from '@tollgate/errors';
import { Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { Owners } from '../../owners/owners.js';
import { billedOrganizationPath, type BilledOrganizationPath } from '../../terms/organization-billing.request.js';
import { TermsInForce } from '../../terms/terms-in-force.js';
import { PRICED_CONFIG } from '../priced-config.js';
import type { PricedConfig } from '../price-list.js';
import { organizationPricesReply, type OrganizationPricesObject } from './organization-prices.reply.js';
import { organizationPricesRequest, type OrganizationPricesRequest } from './organization-prices.request.js';
import { OrganizationPrices } from './organization-prices.js';

/** Prices of one organisation: its owner reads them, and the operator sets them. */
@Tag('Prices')
@Controller('v1/organizations/:id/prices')
@UseGuards(PrincipalGuard)
export class OrganizationPricesController {
  constructor(
    private readonly prices: OrganizationPrices,
    private readonly owners: Owners,
    private readonly inForce: TermsInForce,
    @Inject(PRICED_CONFIG) private readonly config: PricedConfig,
  ) {}

  @Get()
  @Operation({
    id: 'getOrganizationPrices',
    summary: 'Show the own prices of an organisation',
    description: '`GET /v1/prices` shows them with all others, as the calls of the organisation are priced.',
  })
  @Replies(organizationPricesReply, { 200: 'Its prices; none where it pays what everybody does.' })
  async one(
    @Param({ schema: billedOrganizationPath }) { id }: BilledOrganizationPath,
  ): Promise<OrganizationPricesObject> {
    await this.owners.ofOrganization({ organizationId: id });
    return this.object(id, await this.prices.stored(id));
  }

  @Put()
  @Operation({
    id: 'setOrganizationPrices',
    summary: 'Set the own prices of an organisation',
    description:
      'The operator alone does. They replace those that were set before, and go before all other prices; the mark-up of the organisation, or of a plan, is added to them as well. They count for the next call; a call that has begun is charged at the price at which its credit was held. Each version is kept for good.',
  })
  @Refuses('organization_not_found')
  @Replies(organizationPricesReply, {
    200: 'Its prices as they are now, and every gateway knows.',
    202: 'Its prices as they are now; some gateways did not know in time, and are still being told.',
  })
  async set(
    @Param({ schema: billedOrganizationPath }) { id }: BilledOrganizationPath,
    @Body({ schema: organizationPricesRequest }) { prices }: OrganizationPricesRequest,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrganizationPricesObject> {
    const faults = priceOverrideFaults(
      prices,
      this.config.providers.map(({ name }) => name),
    );
    if (faults.length > 0) throw new Problem('invalid_request', { errors: fieldErrors(faults) });
    await this.owners.ofOrganization({ organizationId: id });
    const stored = prices.length === 0 ? null : storedPriceOverrides(prices);
    await this.prices.set(id, stored, actor);
    if (!(await this.inForce.ofOrganization(id))) void reply.code(202);
    return this.object(id, stored);
  }

  private object(id: string, stored: StoredPriceOverrides | null): OrganizationPricesObject {
    return {
      object: 'organization_prices',
      organization_id: id,
      price_version: this.prices.versionWith(stored),
      prices: [...(stored?.entries ?? [])],
    };
  }
}
