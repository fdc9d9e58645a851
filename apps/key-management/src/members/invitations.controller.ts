import { Body, Controller, Delete, Get, Param, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { mayGrantRole, type Principal } from '@tollgate/access';
import {
  attachedPrincipal,
  csrfTokenOf,
  CurrentActor,
  CurrentPrincipal,
  PrincipalGuard,
  type Actor,
} from '@tollgate/auth';
import {
  Idempotent,
  listOf,
  OrganizationId,
  Problem,
  type IdempotentRequest,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { ServiceDatabase } from '@tollgate/postgres';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OrganizationGuard } from '../organizations/organization.guard.js';
import { Callers } from '../sign-in/caller.js';
import { SessionCookies } from '../sign-in/session-cookies.js';
import { openedSessionObject } from '../sign-in/session.reply.js';
import { AcceptInvitation, type AcceptedInvitation } from './accept-invitation/accept-invitation.js';
import { InvitationStore } from './invitation-store.js';
import {
  acceptedInvitationReply,
  deletedInvitationReply,
  invitationListReply,
  invitationObject,
  invitationReply,
  type AcceptedInvitationObject,
  type InvitationList,
  type InvitationObject,
} from './invitation.reply.js';
import {
  acceptInvitationRequest,
  createInvitationRequest,
  INVITATION_PAGES,
  invitationPath,
  listInvitationsRequest,
  type AcceptInvitationRequest,
  type CreateInvitationRequest,
  type InvitationPath,
  type ListInvitationsRequest,
} from './invitations.request.js';
import { Invite } from './invite/invite.js';
import { memberObject } from './member.reply.js';

/** Invitations of one organisation. */
@Tag('Members')
@Controller('v1/invitations')
export class InvitationsController {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly invitations: InvitationStore,
    private readonly invite: Invite,
    private readonly acceptance: AcceptInvitation,
    private readonly idempotency: Idempotency,
    private readonly callers: Callers,
    private readonly cookies: SessionCookies,
  ) {}

  @Post()
  @UseGuards(PrincipalGuard, OrganizationGuard)
  @Operation({
    id: 'createInvitation',
    summary: 'Invite somebody by mail',
    description:
      'The mail has a link that is good for 7 days. An open invitation to the same address is replaced: its link ends. The reply does not tell whether the address has an account.',
  })
  @Refuses('already_member', 'role_above_own')
  @Replies(invitationReply, { 201: 'The invitation, which is being mailed.' })
  async create(
    @OrganizationId() organizationId: string,
    @Body({ schema: createInvitationRequest }) body: CreateInvitationRequest,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<InvitationObject | SerializedReply> {
    // Before an earlier answer is given again: who asks may have lost a role since.
    if (!mayGrantRole(principal, body.role)) throw new Problem('role_above_own');
    return this.idempotency.answer(request, organizationId, reply, async (manager) => {
      const giver = { principal, actor };
      return { body: invitationObject(await this.invite.execute(manager, organizationId, body, giver, new Date())) };
    });
  }

  @Get()
  @UseGuards(PrincipalGuard, OrganizationGuard)
  @Operation({ id: 'listInvitations', summary: 'List open invitations', description: 'Newest first.' })
  @Replies(invitationListReply, { 200: 'One page of invitations.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listInvitationsRequest }) { limit, cursor }: ListInvitationsRequest,
  ): Promise<InvitationList> {
    const after = INVITATION_PAGES.positionOf(cursor, { organizationId });
    const listed = await this.database.inOrganization(organizationId, (manager) =>
      this.invitations.list(manager, organizationId, limit + 1, after, new Date()),
    );
    const page = INVITATION_PAGES.page(listed, limit, { organizationId }, ({ position: [createdAt, id] }) => [
      createdAt,
      id,
    ]);
    return listOf(page, ({ invitation }) => invitationObject(invitation));
  }

  @Delete(':id')
  @UseGuards(PrincipalGuard, OrganizationGuard)
  @Operation({ id: 'deleteInvitation', summary: 'Take an invitation back', description: 'Its link ends at once.' })
  @Refuses('role_above_own')
  @Replies(deletedInvitationReply, { 200: 'The invitation that is no more.' })
  async delete(
    @OrganizationId() organizationId: string,
    @Param({ schema: invitationPath }) { id }: InvitationPath,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
  ): Promise<InvitationObject & { deleted: true }> {
    const ended = await this.invite.takeBack(organizationId, id, { principal, actor }, new Date());
    return { ...invitationObject(ended), deleted: true };
  }

  @Post('accept')
  @Operation({
    id: 'acceptInvitation',
    summary: 'Accept an invitation',
    description:
      'Somebody who has no account sends a name and a password, and gets an account and a session. Somebody who has one sends neither and is signed in; the confirmed address of the account must be the invited one. An invitation for an address that has an account is accepted in no other way.',
  })
  @Refuses(
    'already_member',
    'invalid_link',
    'invitation_for_another',
    'missing_credential',
    'rate_limit_exceeded',
    'role_above_own',
    'server_busy',
    'sign_in_first',
  )
  @Replies(acceptedInvitationReply, { 201: 'The new member.' })
  async accept(
    @Body({ schema: acceptInvitationRequest }) body: AcceptInvitationRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptedInvitationObject> {
    const { member, signedIn } = await this.accepted(body, request);
    if (signedIn !== null) this.cookies.give(reply, signedIn.token);
    return {
      object: 'accepted_invitation',
      organization_id: member.organizationId,
      member: memberObject(member),
      session: signedIn === null ? null : openedSessionObject(signedIn, csrfTokenOf(signedIn.token)),
    };
  }

  private async accepted(
    { token, name, password }: AcceptInvitationRequest,
    request: FastifyRequest,
  ): Promise<AcceptedInvitation> {
    const caller = this.callers.of(request);
    if (name !== undefined && password !== undefined)
      return this.acceptance.asNewPerson(token, { name, password }, caller);
    const principal = attachedPrincipal(request);
    if (principal?.kind !== 'person')
      throw new Problem('missing_credential', {
        detail: 'Sign in, and send the session with its x-csrf-token; or send a name and a password for a new account.',
      });
    return this.acceptance.asPerson(token, principal, caller);
  }
}
