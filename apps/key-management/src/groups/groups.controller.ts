import { randomUUID } from 'node:crypto';
import { Body, Controller, Delete, Get, Param, Patch, Post, Put, Query, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import {
  Idempotent,
  IfMatch,
  listOf,
  OrganizationId,
  Problem,
  showVersion,
  type IdempotentRequest,
  type Precondition,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { OrganizationGuard } from '../organizations/organization.guard.js';
import { ConfiguredRoutes } from '../routes/configured-routes.js';
import { GroupMembers } from './group-members.js';
import { GroupRouteChanges } from './group-routes.js';
import { GroupStore, unlessNameTaken } from './group-store.js';
import { edited, type Group } from './group.js';
import {
  deletedGroupReply,
  groupKeyListReply,
  groupKeyObject,
  groupListReply,
  groupMembershipReply,
  groupObject,
  groupReply,
  groupRouteReply,
  type GroupKeyList,
  type GroupList,
  type GroupMembershipObject,
  type GroupObject,
  type GroupRouteObject,
} from './group.reply.js';
import {
  createGroupRequest,
  GROUP_KEY_PAGES,
  GROUP_PAGES,
  groupKeyPath,
  groupPath,
  groupRoutePath,
  listGroupKeysRequest,
  listGroupsRequest,
  updateGroupRequest,
  type CreateGroupRequest,
  type GroupKeyPath,
  type GroupPath,
  type GroupRoutePath,
  type ListGroupKeysRequest,
  type ListGroupsRequest,
  type UpdateGroupRequest,
} from './groups.request.js';

const TOLD = {
  200: 'It is so, and every gateway knows.',
  202: 'It is so; some gateways did not know within 2 s, and are still being told.',
};

/** The groups of one organisation, their keys and the routes that they open. */
@Tag('Groups')
@Controller('v1/groups')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class GroupsController {
  constructor(
    private readonly store: GroupStore,
    private readonly members: GroupMembers,
    private readonly routeChanges: GroupRouteChanges,
    private readonly routes: ConfiguredRoutes,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Operation({
    id: 'createGroup',
    summary: 'Make a group',
    description: 'It has no keys and no routes yet.',
  })
  @ShowsVersion()
  @Refuses('name_taken', 'group_limit_reached')
  @Replies(groupReply, { 201: 'The group.' })
  async create(
    @OrganizationId() organizationId: string,
    @Body({ schema: createGroupRequest }) { name, description }: CreateGroupRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GroupObject | SerializedReply> {
    const group: Group = {
      organizationId,
      id: randomUUID(),
      name,
      description: description === '' ? null : description,
      routes: [],
      createdAt: new Date(),
      version: 1,
      deletedAt: null,
    };
    const answered = await unlessNameTaken(() =>
      this.idempotency.answer(request, organizationId, reply, async (manager) => {
        await this.store.insert(manager, group, actor);
        return { body: groupObject(group), version: group.version };
      }),
    );
    if (answered === 'name_taken') throw nameTaken();
    return answered;
  }

  @Get()
  @Operation({ id: 'listGroups', summary: 'List groups', description: 'Newest first.' })
  @Replies(groupListReply, { 200: 'One page of groups.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listGroupsRequest }) { limit, cursor, q }: ListGroupsRequest,
  ): Promise<GroupList> {
    const asked = { organizationId, filters: { q } };
    const after = GROUP_PAGES.positionOf(cursor, asked);
    const listed = await this.store.list(organizationId, limit + 1, after, q ?? null);
    const page = GROUP_PAGES.page(listed, limit, asked, ({ position: [createdAt, id] }) => [createdAt, id]);
    return listOf(page, ({ group }) => groupObject(group));
  }

  @Get(':id')
  @Operation({ id: 'getGroup', summary: 'Show a group' })
  @ShowsVersion()
  @Replies(groupReply, { 200: 'The group.' })
  async one(
    @OrganizationId() organizationId: string,
    @Param({ schema: groupPath }) { id }: GroupPath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GroupObject> {
    return shown(await this.store.find(organizationId, id), reply);
  }

  @Patch(':id')
  @Operation({
    id: 'updateGroup',
    summary: 'Rename or describe a group',
    description: 'What is left out stays as it is.',
  })
  @ShowsVersion()
  @Refuses('name_taken')
  @Replies(groupReply, { 200: 'The group as it is now.' })
  async update(
    @OrganizationId() organizationId: string,
    @Param({ schema: groupPath }) { id }: GroupPath,
    @Body({ schema: updateGroupRequest }) texts: UpdateGroupRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GroupObject> {
    const decide = (group: Group): Group | null => {
      precondition.holdsFor(group.version);
      return edited(group, texts);
    };
    const changed = await this.store.change(organizationId, id, decide, actor);
    if (changed === 'name_taken') throw nameTaken();
    return shown(changed?.group ?? null, reply);
  }

  @Delete(':id')
  @Operation({
    id: 'deleteGroup',
    summary: 'Delete a group',
    description:
      'For good. Its keys stay, and lose the routes that only this group opened to them. Its budget ends with it; what was charged stays in the ledger.',
  })
  @Refuses('access_denied')
  @Replies(deletedGroupReply, TOLD)
  async delete(
    @OrganizationId() organizationId: string,
    @Param({ schema: groupPath }) { id }: GroupPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GroupObject & { deleted: true }> {
    demandOthers(actor.principal?.kind === 'api_key' && actor.principal.boundBy?.groupIds.includes(id) === true);
    const allow = ({ version }: Group): void => precondition.holdsFor(version);
    const { group, everywhere } = await this.routeChanges.end(organizationId, id, allow, actor, new Date());
    if (!everywhere) void reply.code(202);
    return { ...groupObject(group), deleted: true };
  }

  @Get(':id/keys')
  @Operation({ id: 'listGroupKeys', summary: 'List the keys of a group', description: 'By their ids.' })
  @Replies(groupKeyListReply, { 200: 'One page of keys.' })
  async keysOf(
    @OrganizationId() organizationId: string,
    @Param({ schema: groupPath }) { id }: GroupPath,
    @Query({ schema: listGroupKeysRequest }) { limit, cursor }: ListGroupKeysRequest,
  ): Promise<GroupKeyList> {
    const asked = { organizationId, filters: { group: id } };
    const after = GROUP_KEY_PAGES.positionOf(cursor, asked);
    if ((await this.store.find(organizationId, id)) === null) throw new Problem('group_not_found');
    const keys = await this.store.keysOf(organizationId, id, limit + 1, after?.[0] ?? null);
    return listOf(
      GROUP_KEY_PAGES.page(keys, limit, asked, (key) => [key.id]),
      (key) => groupKeyObject(id, key),
    );
  }

  @Put(':id/keys/:keyId')
  @Operation({
    id: 'addKeyToGroup',
    summary: 'Put a key into a group',
    description: 'From then on it may use the routes of the group. Nothing changes if it is in the group already.',
  })
  @Refuses('api_key_not_found', 'access_denied', 'conflict', 'group_limit_reached')
  @Replies(groupMembershipReply, TOLD)
  async addKey(
    @OrganizationId() organizationId: string,
    @Param({ schema: groupKeyPath }) path: GroupKeyPath,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GroupMembershipObject> {
    return this.move('joins', organizationId, path, actor, reply);
  }

  @Delete(':id/keys/:keyId')
  @Operation({
    id: 'removeKeyFromGroup',
    summary: 'Take a key out of a group',
    description: 'It loses the routes that only this group opened to it. Nothing changes if it is not in the group.',
  })
  @Refuses('api_key_not_found', 'access_denied')
  @Replies(groupMembershipReply, TOLD)
  async removeKey(
    @OrganizationId() organizationId: string,
    @Param({ schema: groupKeyPath }) path: GroupKeyPath,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GroupMembershipObject> {
    demandOthers(actor.principal?.kind === 'api_key' && actor.principal.apiKeyId === path.keyId);
    return this.move('leaves', organizationId, path, actor, reply);
  }

  private async move(
    change: 'joins' | 'leaves',
    organizationId: string,
    { id: groupId, keyId }: GroupKeyPath,
    actor: Actor,
    reply: FastifyReply,
  ): Promise<GroupMembershipObject> {
    const { key, everywhere } = await this.members.move(change, { organizationId, groupId, keyId }, actor, new Date());
    if (!everywhere) void reply.code(202);
    const member = key.groupIds.includes(groupId);
    return { object: 'group_membership', group_id: groupId, api_key_id: keyId, member, groups: key.groupIds };
  }

  @Put(':id/routes/:route')
  @Operation({
    id: 'addRouteToGroup',
    summary: 'Give a group a route',
    description:
      'All its keys may use the route from then on. A route that is open to everyone can be given too: the grant counts once `config.yaml` closes it.',
  })
  @Refuses('access_denied', 'route_not_configured', 'group_limit_reached')
  @Replies(groupRouteReply, TOLD)
  async addRoute(
    @OrganizationId() organizationId: string,
    @Param({ schema: groupRoutePath }) { id, route }: GroupRoutePath,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GroupRouteObject> {
    const told = await this.routeChanges.give(organizationId, id, route, actor, new Date());
    return this.routeObject(told, route, reply);
  }

  @Delete(':id/routes/:route')
  @Operation({
    id: 'removeRouteFromGroup',
    summary: 'Take a route from a group',
    description: 'Its keys lose the route, unless another group of theirs has it. Nothing changes if it has none.',
  })
  @Replies(groupRouteReply, TOLD)
  async removeRoute(
    @OrganizationId() organizationId: string,
    @Param({ schema: groupRoutePath }) { id, route }: GroupRoutePath,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GroupRouteObject> {
    return this.routeObject(await this.routeChanges.take(organizationId, id, route, actor), route, reply);
  }

  private routeObject(
    { group, everywhere }: { readonly group: Group; readonly everywhere: boolean },
    route: string,
    reply: FastifyReply,
  ): GroupRouteObject {
    if (!everywhere) void reply.code(202);
    const granted = group.routes.includes(route);
    const access = this.routes.named(route)?.access ?? null;
    return { object: 'group_route', group_id: group.id, route, granted, access };
  }
}

function shown(group: Group | null, reply: FastifyReply): GroupObject {
  if (group === null) throw new Problem('group_not_found');
  showVersion(reply, group.version);
  return groupObject(group);
}

const nameTaken = (): Problem =>
  new Problem('name_taken', { errors: [{ path: 'name', message: 'must be one that no other group has' }] });

/**
 * A group may have a budget, which limits its keys, and no key changes its own limits.
 * @throws {Problem} `access_denied`
 */
function demandOthers(isOwn: boolean): void {
  if (isOwn)
    throw new Problem('access_denied', {
      detail: 'The key that asks is in this group, whose budget may limit it: ask with another key, or as a person.',
    });
}
