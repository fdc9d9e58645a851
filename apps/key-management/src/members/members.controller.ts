import { Body, Controller, Delete, Get, Param, Patch, Query, Res, UseGuards } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { CurrentActor, CurrentPrincipal, PrincipalGuard, type Actor } from '@tollgate/auth';
import { IfMatch, listOf, OrganizationId, showVersion, type Precondition } from '@tollgate/http';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import { ServiceDatabase } from '@tollgate/postgres';
import type { FastifyReply } from 'fastify';
import { KeyRelay } from '../relay/key-relay.js';
import { OrganizationGuard } from '../organizations/organization.guard.js';
import { ChangeRole } from './change-role/change-role.js';
import { MemberStore } from './member-store.js';
import {
  memberListReply,
  memberObject,
  memberReply,
  removedMemberObject,
  removedMemberReply,
  type MemberList,
  type MemberObject,
  type RemovedMemberObject,
} from './member.reply.js';
import {
  listMembersRequest,
  MEMBER_PAGES,
  memberPath,
  updateMemberRequest,
  type ListMembersRequest,
  type MemberPath,
  type UpdateMemberRequest,
} from './members.request.js';
import { RemoveMember } from './remove-member/remove-member.js';

/** The members of one organisation. */
@Tag('Members')
@Controller('v1/members')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class MembersController {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly members: MemberStore,
    private readonly changeRole: ChangeRole,
    private readonly removeMember: RemoveMember,
    private readonly relay: KeyRelay,
  ) {}

  @Get()
  @Operation({ id: 'listMembers', summary: 'List members', description: 'Who joined last comes first.' })
  @Replies(memberListReply, { 200: 'One page of members.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listMembersRequest }) { limit, cursor }: ListMembersRequest,
  ): Promise<MemberList> {
    const after = MEMBER_PAGES.positionOf(cursor, { organizationId });
    const listed = await this.database.inOrganization(organizationId, (manager) =>
      this.members.list(manager, organizationId, limit + 1, after),
    );
    const page = MEMBER_PAGES.page(listed, limit, { organizationId }, ({ position: [joinedAt, id] }) => [joinedAt, id]);
    return listOf(page, ({ member }) => memberObject(member));
  }

  @Patch(':id')
  @Operation({
    id: 'updateMember',
    summary: 'Change the role of a member',
    description:
      'Nobody gives a role above their own, and an admin changes no owner. An organisation keeps one owner at least.',
  })
  @ShowsVersion()
  @Refuses('last_owner', 'role_above_own')
  @Replies(memberReply, { 200: 'The member as they are now.' })
  async update(
    @OrganizationId() organizationId: string,
    @Param({ schema: memberPath }) { id }: MemberPath,
    @Body({ schema: updateMemberRequest }) { role }: UpdateMemberRequest,
    @IfMatch() precondition: Precondition,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MemberObject> {
    const by = { principal, actor };
    const member = await this.changeRole.execute(organizationId, id, role, precondition, by, new Date());
    showVersion(reply, member.version);
    return memberObject(member);
  }

  @Delete(':id')
  @Operation({
    id: 'removeMember',
    summary: 'Remove a member, or leave',
    description:
      'Their access ends at once, and so do the invitations that they sent. Their subscriptions and the keys of these end at once, too. The keys that they made stay; the reply lists those by which they could still act as an admin. Everybody may remove themselves, but for the last owner.',
  })
  @Refuses('last_owner', 'role_above_own')
  @Replies(removedMemberReply, { 200: 'Who is no longer a member.' })
  async remove(
    @OrganizationId() organizationId: string,
    @Param({ schema: memberPath }) { id }: MemberPath,
    @IfMatch() precondition: Precondition,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
  ): Promise<RemovedMemberObject> {
    const by = { principal, actor };
    const removed = await this.removeMember.execute(organizationId, id, precondition, by, new Date());
    this.relay.wake();
    await this.relay.snapshotsWritten(removed.written);
    return removedMemberObject(removed);
  }
}
