import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { PeopleModule } from '../people/people.module.js';
import { MailsModule } from '../sign-in/mails/mails.module.js';
import { RelayModule } from '../relay/relay.module.js';
import { SessionsModule } from '../sign-in/sessions.module.js';
import { SignInModule } from '../sign-in/sign-in.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { AcceptInvitation } from './accept-invitation/accept-invitation.js';
import { ChangeRole } from './change-role/change-role.js';
import { InvitationStore } from './invitation-store.js';
import { InvitationsController } from './invitations.controller.js';
import { Invite } from './invite/invite.js';
import { Joining } from './joining.js';
import { MemberStore } from './member-store.js';
import { MembersController } from './members.controller.js';
import { RemoveMember } from './remove-member/remove-member.js';

/** The members of organisations, those who are invited, and their admin API. */
@Module({
  imports: [
    IdempotencyModule,
    KeyStoreModule,
    MailsModule,
    OrganizationsModule,
    PeopleModule,
    RelayModule,
    SessionsModule,
    SignInModule,
  ],
  controllers: [MembersController, InvitationsController],
  providers: [AcceptInvitation, ChangeRole, InvitationStore, Invite, Joining, MemberStore, RemoveMember],
  exports: [InvitationStore, Joining, MemberStore],
})
export class MembersModule {}
