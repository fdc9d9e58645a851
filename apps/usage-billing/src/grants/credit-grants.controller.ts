import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Res, UseGuards } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { grantAccountId } from '@tollgate/api-key';
import { CurrentActor, CurrentPrincipal, PrincipalGuard, type Actor } from '@tollgate/auth';
import {
  Idempotent,
  listOf,
  OrganizationId,
  Problem,
  readAmount,
  type IdempotentRequest,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { AccountBalances } from '../balances/account-balances.js';
import { Owners } from '../owners/owners.js';
import { TermsInForce } from '../terms/terms-in-force.js';
import {
  creditGrantListReply,
  creditGrantObject,
  creditGrantReply,
  type CreditGrantList,
  type CreditGrantObject,
} from './credit-grant.reply.js';
import {
  CREDIT_GRANT_PAGES,
  createCreditGrantRequest,
  creditGrantPath,
  listCreditGrantsRequest,
  type CreateCreditGrantRequest,
  type CreditGrantPath,
  type ListCreditGrantsRequest,
} from './credit-grants.request.js';
import { ExpireGrant } from './expire-grant.js';
import { GiveGrant, type NewGrant } from './give-grant.js';
import { GrantStore } from './grant-store.js';
import type { Grant } from './grant.js';

/** Prepaid credit: the operator gives it and ends it, and an organisation's owner sees its own. */
@Tag('Billing')
@Controller('v1/credit-grants')
@UseGuards(PrincipalGuard)
export class CreditGrantsController {
  constructor(
    private readonly idempotency: Idempotency,
    private readonly store: GrantStore,
    private readonly giveGrant: GiveGrant,
    private readonly expireGrant: ExpireGrant,
    private readonly inForce: TermsInForce,
    private readonly balances: AccountBalances,
    private readonly owners: Owners,
  ) {}

  @Post()
  @Operation({
    id: 'createCreditGrant',
    summary: 'Give prepaid credit',
    description:
      'The operator alone does. The first grant of an organisation makes it prepaid: from then on its calls are served as far as its grants cover them. Credit that expires soonest is spent first, that which never expires last.',
  })
  @Refuses('organization_not_found', 'grant_limit_reached', 'service_unavailable')
  @Replies(creditGrantReply, { 201: 'The grant.' })
  async create(
    @Body({ schema: createCreditGrantRequest }) body: CreateCreditGrantRequest,
    @Idempotent() request: IdempotentRequest,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CreditGrantObject | SerializedReply> {
    const { organization_id: organizationId } = body;
    return this.idempotency.answerPrepared(request, organizationId, reply, async () => {
      const fields = newGrant(body, new Date());
      await this.owners.ofOrganization({ organizationId });
      return async (manager) => {
        const grant = await this.giveGrant.execute(manager, fields, request, actor);
        const shown = creditGrantObject(grant, { postedNanoUsd: 0n, heldNanoUsd: 0n }, grant.createdAt);
        return { body: shown, committed: () => this.inForce.announced(organizationId) };
      };
    });
  }

  @Get()
  @Operation({ id: 'listCreditGrants', summary: 'List credit grants', description: 'Newest first.' })
  @Refuses('organization_not_found')
  @Replies(creditGrantListReply, { 200: 'One page of grants.' })
  async list(
    @OrganizationId() own: string,
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: listCreditGrantsRequest }) { limit, cursor, organization_id: named }: ListCreditGrantsRequest,
  ): Promise<CreditGrantList> {
    const organizationId = named ?? own;
    if (organizationId !== own && principal.kind !== 'operator') throw new Problem('organization_not_found');
    const asked = { organizationId };
    const listed = await this.store.list(organizationId, limit + 1, CREDIT_GRANT_PAGES.positionOf(cursor, asked));
    const page = CREDIT_GRANT_PAGES.page(listed, limit, asked, ({ position: [createdAt, id] }) => [createdAt, id]);
    const show = await this.shown(
      organizationId,
      page.items.map(({ grant }) => grant),
    );
    return listOf(page, ({ grant }) => show(grant));
  }

  @Get(':id')
  @Operation({ id: 'getCreditGrant', summary: 'Show a credit grant' })
  @Replies(creditGrantReply, { 200: 'The grant.' })
  async one(
    @OrganizationId() own: string,
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: creditGrantPath }) { id }: CreditGrantPath,
  ): Promise<CreditGrantObject> {
    const organizationId = principal.kind === 'operator' ? await this.store.organizationOf(id) : own;
    const grant = organizationId === null ? null : await this.store.find(organizationId, id);
    return this.shownOne(grant);
  }

  @Post(':id/expire')
  @HttpCode(200)
  @Operation({
    id: 'expireCreditGrant',
    summary: 'End a credit grant now',
    description:
      'For one that was a mistake. It takes what the grant has left and what no call in flight holds; what such calls give back lapses, too. One that has expired or is used up stays as it is.',
  })
  @Replies(creditGrantReply, {
    200: 'The grant as it is now, and every gateway knows.',
    202: 'The grant as it is now; some gateways did not know in time, and are still being told.',
  })
  async expire(
    @Param({ schema: creditGrantPath }) { id }: CreditGrantPath,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CreditGrantObject> {
    const organizationId = await this.store.organizationOf(id);
    const grant =
      organizationId === null ? null : await this.expireGrant.execute(organizationId, id, actor, new Date());
    if (grant !== null && !(await this.inForce.ofOrganization(grant.organizationId))) void reply.code(202);
    return this.shownOne(grant);
  }

  private async shownOne(grant: Grant | null): Promise<CreditGrantObject> {
    if (grant === null) throw new Problem('credit_grant_not_found');
    return (await this.shown(grant.organizationId, [grant]))(grant);
  }

  private async shown(organizationId: string, grants: readonly Grant[]): Promise<(grant: Grant) => CreditGrantObject> {
    const balanceOf = await this.balances.of(
      organizationId,
      grants.map(({ id }) => grantAccountId(id)),
    );
    const now = new Date();
    return (grant) => creditGrantObject(grant, balanceOf(grantAccountId(grant.id)), now);
  }
}

function newGrant(body: CreateCreditGrantRequest, now: Date): NewGrant {
  const expiresAt = body.expires_at === null ? null : new Date(body.expires_at);
  if (expiresAt !== null && expiresAt <= now)
    throw new Problem('invalid_request', { errors: [{ path: 'expires_at', message: 'must be in the future' }] });
  return {
    organizationId: body.organization_id,
    id: randomUUID(),
    amountNanoUsd: readAmount(body.amount_usd),
    expiresAt,
    description: body.description === '' ? null : body.description,
    createdAt: now,
  };
}
