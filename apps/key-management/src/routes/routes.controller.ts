import { Controller, Get, Param, Query, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { listOf, OrganizationId } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { apiKeyPath, type ApiKeyPath } from '../keys/api-key.path.js';
import { OrganizationGuard } from '../organizations/organization.guard.js';
import { keyRouteListReply, routeListReply, type KeyRouteList, type RouteList } from './route.reply.js';
import { behind, KEY_ROUTE_PAGES, listRoutesRequest, ROUTE_PAGES, type ListRoutesRequest } from './routes.request.js';
import { ShowRoutes } from './show-routes.js';

/** The routes of config.yaml, as one organisation sees them. */
@Tag('Groups')
@Controller('v1')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class RoutesController {
  constructor(private readonly routes: ShowRoutes) {}

  @Get('routes')
  @Operation({
    id: 'listRoutes',
    summary: 'List routes',
    description: 'The routes of `config.yaml` by their names, each with every group of the organisation that has it.',
  })
  @Replies(routeListReply, { 200: 'One page of routes.' })
  async all(
    @OrganizationId() organizationId: string,
    @Query({ schema: listRoutesRequest }) { limit, cursor }: ListRoutesRequest,
  ): Promise<RouteList> {
    const asked = { organizationId };
    const after = ROUTE_PAGES.positionOf(cursor, asked);
    const listed = behind(await this.routes.all(organizationId), after?.[0]);
    return listOf(
      ROUTE_PAGES.page(listed, limit, asked, ({ name }) => [name]),
      (route) => route,
    );
  }

  @Get('api-keys/:id/routes')
  @Operation({
    id: 'listApiKeyRoutes',
    summary: 'List the routes that a key may use',
    description:
      'By their names: what is open to everyone, and what its groups open, as far as its list of models allows.',
  })
  @Replies(keyRouteListReply, { 200: 'One page of routes.' })
  async ofKey(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @Query({ schema: listRoutesRequest }) { limit, cursor }: ListRoutesRequest,
  ): Promise<KeyRouteList> {
    const asked = { organizationId, filters: { key: id } };
    const after = KEY_ROUTE_PAGES.positionOf(cursor, asked);
    const listed = behind(await this.routes.ofKey(organizationId, id), after?.[0]);
    return listOf(
      KEY_ROUTE_PAGES.page(listed, limit, asked, ({ name }) => [name]),
      (route) => route,
    );
  }
}
