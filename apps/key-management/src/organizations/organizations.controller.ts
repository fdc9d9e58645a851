import { Body, Controller, Get, Param, Post, Query, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { cursorOf, listKeysRequest, type ListKeysRequest } from '../keys/list-keys/list-keys.request.js';
import { CreateOrganization } from './create-organization.js';
import { organizationObject } from './organization-object.js';
import { OrganizationStore } from './organization-store.js';
import {
  organizationListReply,
  organizationReply,
  type OrganizationList,
  type OrganizationObject,
} from './organization.reply.js';
import {
  createOrganizationRequest,
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
  async list(@Query({ schema: listKeysRequest }) { limit, after }: ListKeysRequest): Promise<OrganizationList> {
    const { organizations, nextPosition } = await this.store.list(limit, after ?? null);
    return {
      object: 'list',
      data: organizations.map(organizationObject),
      has_more: nextPosition !== null,
      next_cursor: nextPosition === null ? null : cursorOf(nextPosition),
    };
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
