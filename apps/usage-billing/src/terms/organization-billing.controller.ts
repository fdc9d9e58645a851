import { Body, Controller, Get, Param, Put, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { AuditRecords } from '../audit/audit-records.js';
import { Owners } from '../owners/owners.js';
import { billingChange } from './billing-audit.js';
import { organizationBillingReply, type OrganizationBillingObject } from './organization-billing.reply.js';
import {
  billedOrganizationPath,
  organizationBillingRequest,
  percentOf,
  readMarkup,
  type BilledOrganizationPath,
  type OrganizationBillingRequest,
} from './organization-billing.request.js';
import { OrganizationTerms, type Terms } from './organization-terms.js';
import { TermsInForce } from './terms-in-force.js';

/** How an organisation pays: its owner reads it, and the operator sets it. */
@Tag('Billing')
@Controller('v1/organizations/:id/billing')
@UseGuards(PrincipalGuard)
export class OrganizationBillingController {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly terms: OrganizationTerms,
    private readonly inForce: TermsInForce,
    private readonly owners: Owners,
    private readonly audit: AuditRecords,
  ) {}

  @Get()
  @Operation({ id: 'getOrganizationBilling', summary: 'Show how an organisation pays' })
  @Replies(organizationBillingReply, { 200: 'Balance and mark-up.' })
  async one(
    @Param({ schema: billedOrganizationPath }) { id }: BilledOrganizationPath,
  ): Promise<OrganizationBillingObject> {
    await this.owners.ofOrganization({ organizationId: id });
    return billingObject(id, await this.database.inOrganization(id, (manager) => this.terms.read(manager, id)));
  }

  @Put()
  @Operation({
    id: 'setOrganizationBilling',
    summary: 'Set how an organisation pays',
    description:
      'The operator alone does. What is left out stays as it is. It counts for the next call; calls under way end under what they began with. A first grant makes an organisation prepaid, too.',
  })
  @Refuses('organization_not_found')
  @Replies(organizationBillingReply, {
    200: 'Balance and mark-up as they are now, and every gateway knows.',
    202: 'Balance and mark-up as they are now; some gateways did not know in time, and are still being told.',
  })
  async set(
    @Param({ schema: billedOrganizationPath }) { id }: BilledOrganizationPath,
    @Body({ schema: organizationBillingRequest }) { balance, markup_percent: percent }: OrganizationBillingRequest,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrganizationBillingObject> {
    await this.owners.ofOrganization({ organizationId: id });
    const now = await this.database.inOrganization(id, async (manager) => {
      const before = await this.terms.lock(manager, id);
      const markupMillionths = (percent === undefined ? null : readMarkup(percent)) ?? before.markupMillionths;
      const after: Terms = { ...before, balance: balance ?? before.balance, markupMillionths };
      if (after.balance === before.balance && markupMillionths === before.markupMillionths) return before;
      await this.terms.save(manager, id, after);
      await this.audit.add(manager, billingChange(id, actor, before, after));
      return after;
    });
    this.terms.announced();
    if (!(await this.inForce.ofOrganization(id))) void reply.code(202);
    return billingObject(id, now);
  }
}

const billingObject = (id: string, { balance, markupMillionths }: Terms): OrganizationBillingObject => ({
  object: 'organization_billing',
  organization_id: id,
  balance,
  markup_percent: percentOf(markupMillionths),
});
