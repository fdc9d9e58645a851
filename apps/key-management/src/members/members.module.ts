import { Module } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { guardHeads } from '@tollgate/http';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { ChangeRole } from './change-role/change-role.js';
import { InvitationStore } from './invitation-store.js';
import { MemberStore } from './member-store.js';
import { MembersController } from './members.controller.js';
import { RemoveMember } from './remove-member/remove-member.js';

/** The members of organisations, those who are invited, and their admin API. */
@Module({
  imports: [KeyStoreModule, OrganizationsModule],
  controllers: [MembersController],
  providers: [...guardHeads('/v1/members', PrincipalGuard), ChangeRole, InvitationStore, MemberStore, RemoveMember],
  exports: [InvitationStore, MemberStore],
})
export class MembersModule {}
