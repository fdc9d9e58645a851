import { Body, Controller, Get, Param, Post, Query, Req, UseGuards } from '@nestjs/common';
import { readOrganizationId } from '@tollgate/contracts';
import { AdminGuard, clientAddressOf, parseBody, parseQuery, Problem } from '@tollgate/http';
import type { FastifyRequest } from 'fastify';
import { cursorOf, listKeysRequest } from '../keys/list-keys/list-keys.request.js';
import { CreateOrganization } from './create-organization.js';
import { organizationObject, type OrganizationList, type OrganizationObject } from './organization-object.js';
import { OrganizationStore } from './organization-store.js';
import { createOrganizationRequest } from './organizations.request.js';

/** The operator's API of organisations. Whoever shows the admin secret acts as `admin`. */
@Controller('v1/organizations')
@UseGuards(AdminGuard)
export class OrganizationsController {
  constructor(
    private readonly createOrganization: CreateOrganization,
    private readonly store: OrganizationStore,
  ) {}

  @Post()
  async create(@Body() body: unknown, @Req() request: FastifyRequest): Promise<OrganizationObject> {
    const settings = parseBody(createOrganizationRequest, body);
    const actor = { name: 'admin', fromAddress: clientAddressOf(request) };
    return organizationObject(await this.createOrganization.execute(settings, actor, new Date()));
  }

  @Get()
  async list(@Query() query: unknown): Promise<OrganizationList> {
    const { limit, after } = parseQuery(listKeysRequest, query);
    const { organizations, nextPosition } = await this.store.list(limit, after ?? null);
    return {
      object: 'list',
      data: organizations.map(organizationObject),
      has_more: nextPosition !== null,
      next_cursor: nextPosition === null ? null : cursorOf(nextPosition),
    };
  }

  @Get(':id')
  async one(@Param('id') idAsWritten: string): Promise<OrganizationObject> {
    const id = readOrganizationId(idAsWritten);
    const organization = id === null ? null : await this.store.find(id);
    if (organization === null) throw new Problem('organization_not_found');
    return organizationObject(organization);
  }
}
