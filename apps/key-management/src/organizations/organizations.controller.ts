import { randomUUID } from 'node:crypto';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res, UseGuards } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { CurrentActor, CurrentPrincipal, PrincipalGuard, type Actor } from '@tollgate/auth';
import { unreachable } from '@tollgate/errors';
import {
  Idempotent,
  IfMatch,
  listOf,
  notACursor,
  Problem,
  showVersion,
  type IdempotentRequest,
  type Precondition,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { formerPosition, listKeysRequest, type ListKeysRequest } from '../keys/list-keys/list-keys.request.js';
import { CreateOrganization } from './create-organization.js';
import { DeleteOrganization } from './delete-organization.js';
import { OrganizationBalance } from './organization-balance.js';
import { OrganizationChanges } from './organization-changes.js';
import { organizationObject, organizationWithUse } from './organization-object.js';
import { OrganizationStore, type ListedOrganization, type OrganizationPosition } from './organization-store.js';
import {
  deletedOrganizationReply,
  organizationListReply,
  organizationReply,
  organizationWithUseReply,
  type OrganizationList,
  type OrganizationObject,
  type OrganizationWithUseObject,
} from './organization.reply.js';
import type { Organization } from './organization.js';
import {
  createOrganizationRequest,
  ORGANIZATION_PAGES,
  organizationPath,
  updateOrganizationRequest,
  type CreateOrganizationRequest,
  type OrganizationPath,
  type UpdateOrganizationRequest,
} from './organizations.request.js';
import { UpdateOrganization } from './update-organization.js';

/** The operator's API of organisations. A caller with the admin secret is the actor `admin`. */
@Tag('Organisations')
@Controller('v1/organizations')
@UseGuards(PrincipalGuard)
export class OrganizationsController {
  constructor(
    private readonly createOrganization: CreateOrganization,
    private readonly updateOrganization: UpdateOrganization,
    private readonly deleteOrganization: DeleteOrganization,
    private readonly store: OrganizationStore,
    private readonly changes: OrganizationChanges,
    private readonly balance: OrganizationBalance,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Operation({
    id: 'createOrganization',
    summary: 'Make an organisation',
    description: 'Requests with its id in `x-organization-id` are about its keys and its usage.',
  })
  @ShowsVersion()
  @Replies(organizationReply, { 201: 'The organisation.' })
  async create(
    @Body({ schema: createOrganizationRequest }) body: CreateOrganizationRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrganizationObject | SerializedReply> {
    const id = randomUUID();
    return this.idempotency.answer(request, id, reply, async (manager) => {
      const made = await this.createOrganization.execute(manager, { id, name: body.name }, actor, new Date());
      return {
        body: organizationObject(made.organization, new Date()),
        version: made.organization.version,
        committed: () => this.createOrganization.announced(made.written),
      };
    });
  }

  @Get()
  @Operation({
    id: 'listOrganizations',
    summary: 'List organisations',
    description:
      'Newest first: all of them for the admin secret, a person their own, a key the one that it belongs to.',
  })
  @Replies(organizationListReply, { 200: 'One page of organisations.' })
  async list(
    @Query({ schema: listKeysRequest }) request: ListKeysRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<OrganizationList> {
    const listed = await this.listed(principal, request.limit + 1, await this.start(request));
    const page = ORGANIZATION_PAGES.page(listed, request.limit, { organizationId: null }, ({ position }) => [
      ...position,
    ]);
    return listOf(page, ({ organization }) => organizationObject(organization, new Date()));
  }

  private async listed(
    principal: Principal,
    count: number,
    after: OrganizationPosition | null,
  ): Promise<ListedOrganization[]> {
    switch (principal.kind) {
      case 'operator':
        return this.store.list(count, after);
      case 'person':
        return principal.confinedTo === undefined
          ? this.changes.listOf(principal.personId, count, after)
          : this.only(principal.organizationId, after);
      case 'api_key':
        return this.only(principal.organizationId, after);
      default:
        return unreachable(principal);
    }
  }

  /** The list of who acts in one organisation alone; null for a member who was removed from it. */
  private async only(id: string | null, after: OrganizationPosition | null): Promise<ListedOrganization[]> {
    const own = after === null && id !== null ? await this.store.find(id) : null;
    return own === null ? [] : [{ organization: own, position: ['', own.id] }];
  }

  private async start({ cursor, after }: ListKeysRequest): Promise<OrganizationPosition | null> {
    const former = after === undefined ? null : formerPosition(after);
    if (former === null) {
      const field = after === undefined ? 'cursor' : 'after';
      return ORGANIZATION_PAGES.positionOf(cursor ?? after, { organizationId: null }, field);
    }
    const position = await this.store.positionOfFormer(former);
    if (position === null) throw notACursor('after');
    return position;
  }

  @Get(':id')
  @Operation({ id: 'getOrganization', summary: 'Show an organisation' })
  @ShowsVersion()
  @Replies(organizationWithUseReply, { 200: 'The organisation.' })
  async one(
    @Param({ schema: organizationPath }) { id }: OrganizationPath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrganizationWithUseObject> {
    return this.shown(await this.store.find(id), null, reply);
  }

  @Patch(':id')
  @Operation({
    id: 'updateOrganization',
    summary: 'Change an organisation',
    description: 'What is left out stays as it is. The operator alone sets the credit limit and raises it.',
  })
  @ShowsVersion()
  @Replies(organizationWithUseReply, {
    200: 'The organisation as it is now, and every gateway knows.',
    202: 'The organisation as it is now; some gateways did not know within 2 s, and are still being told.',
  })
  async update(
    @Param({ schema: organizationPath }) { id }: OrganizationPath,
    @Body({ schema: updateOrganizationRequest }) body: UpdateOrganizationRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrganizationWithUseObject> {
    const updated = await this.updateOrganization.execute(id, body, precondition, actor);
    if (updated?.everywhere === false) void reply.code(202);
    return this.shown(updated?.organization ?? null, updated?.usedNanoUsd ?? null, reply);
  }

  /** `usedNanoUsd` is null where the ledger was not asked. */
  private async shown(
    organization: Organization | null,
    usedNanoUsd: bigint | null,
    reply: FastifyReply,
  ): Promise<OrganizationWithUseObject> {
    if (organization === null) throw new Problem('organization_not_found');
    showVersion(reply, organization.version);
    const isLimited = organization.creditLimitNanoUsd !== null;
    return organizationWithUse(
      organization,
      isLimited ? await this.balance.of(organization.id, usedNanoUsd) : null,
      new Date(),
    );
  }

  /** Answers 200 when every gateway refuses its keys, 202 if that takes more than 2 s and is still retried. */
  @Delete(':id')
  @Operation({
    id: 'deleteOrganization',
    summary: 'Delete an organisation',
    description:
      'For good: its keys end, and nobody is its member or invited any more. Its audit trail and the ledger stay; about an hour later billing exports what it knows of it for the operator (`GET /v1/organization-exports`) and erases the addresses of its callers. The organisation `default` cannot be deleted.',
  })
  @Refuses('conflict')
  @Replies(deletedOrganizationReply, {
    200: 'It is deleted, and its keys have ended at every gateway.',
    202: 'It is deleted; some gateways did not know within 2 s, and are still being told.',
  })
  async delete(
    @Param({ schema: organizationPath }) { id }: OrganizationPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrganizationObject & { deleted: true }> {
    const deleted = await this.deleteOrganization.execute(id, precondition, actor, new Date());
    if (deleted === null) throw new Problem('organization_not_found');
    if (!deleted.everywhere) void reply.code(202);
    return { ...organizationObject(deleted.organization, new Date()), deleted: true };
  }
}
