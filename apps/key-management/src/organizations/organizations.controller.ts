import { Body, Controller, Get, Param, Post, Query, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { listOf, notACursor, Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { formerPosition, listKeysRequest, type ListKeysRequest } from '../keys/list-keys/list-keys.request.js';
import { CreateOrganization } from './create-organization.js';
import { organizationObject } from './organization-object.js';
import { OrganizationStore, type OrganizationPosition } from './organization-store.js';
import {
  organizationListReply,
  organizationReply,
  type OrganizationList,
  type OrganizationObject,
} from './organization.reply.js';
import {
  createOrganizationRequest,
  ORGANIZATION_PAGES,
  organizationPath,
  type CreateOrganizationRequest,
  type OrganizationPath,
} from './organizations.request.js';

/** The operator's API of organisations. A caller with the admin secret is the actor `admin`. */
@Tag('Organisations')
@Controller('v1/organizations')
@UseGuards(PrincipalGuard)
export class OrganizationsController {
  constructor(
    private readonly createOrganization: CreateOrganization,
    private readonly store: OrganizationStore,
  ) {}

  @Post()
  @Operation({
    id: 'createOrganization',
    summary: 'Make an organisation',
    description: 'Requests with its id in `x-organization-id` are about its keys and its usage.',
  })
  @Replies(organizationReply, { 201: 'The organisation.' })
  async create(
    @Body({ schema: createOrganizationRequest }) body: CreateOrganizationRequest,
    @CurrentActor() actor: Actor,
  ): Promise<OrganizationObject> {
    return organizationObject(await this.createOrganization.execute(body, actor, new Date()));
  }

  @Get()
  @Operation({ id: 'listOrganizations', summary: 'List organisations', description: 'Newest first.' })
  @Replies(organizationListReply, { 200: 'One page of organisations.' })
  async list(@Query({ schema: listKeysRequest }) request: ListKeysRequest): Promise<OrganizationList> {
    const listed = await this.store.list(request.limit + 1, await this.start(request));
    const page = ORGANIZATION_PAGES.page(listed, request.limit, { organizationId: null }, ({ position }) => [
      ...position,
    ]);
    return listOf(page, ({ organization }) => organizationObject(organization));
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
  @Replies(organizationReply, { 200: 'The organisation.' })
  async one(@Param({ schema: organizationPath }) { id }: OrganizationPath): Promise<OrganizationObject> {
    const organization = await this.store.find(id);
    if (organization === null) throw new Problem('organization_not_found');
    return organizationObject(organization);
  }
}
