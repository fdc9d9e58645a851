import { Injectable } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { Problem, type Precondition } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { lockOrganization } from '../../organizations/lock-organization.js';
import { changesBetween } from '../../audit/audit-entry.js';
import { AuditTrail } from '../../audit/audit-trail.js';
import { Personal } from '../../audit/audit-value.js';
import { decideMembership } from '../decide-membership.js';
import { makerOf, roleNow } from '../maker.js';
import { MemberStore, type AdminKey } from '../member-store.js';
import type { Member } from '../member.js';
import { endSessionsOf } from './end-sessions.js';
import { invitationEntry } from '../invitation-audit.js';
import { InvitationStore } from '../invitation-store.js';

/** Keys of a removed member that a reply shows at most. */
export const ADMIN_KEYS_MAX = 100;

/** Who was removed, and the keys by which they could still act as an admin: at most one more than a reply shows. */
export interface RemovedMember {
  readonly member: Member;
  readonly adminKeys: readonly AdminKey[];
}

/** Removes a member, or lets one leave. Their sessions, and the invitations that they sent, end with it. */
@Injectable()
export class RemoveMember {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly members: MemberStore,
    private readonly invitations: InvitationStore,
  ) {}

  /** @throws {Problem} `member_not_found`, `role_above_own`, `last_owner` or `precondition_failed` */
  async execute(
    organizationId: string,
    id: string,
    precondition: Precondition,
    { principal, actor }: { readonly principal: Principal; readonly actor: Actor },
    now: Date,
  ): Promise<RemovedMember> {
    return this.database.inOrganization(organizationId, async (manager) => {
      await lockOrganization(manager, organizationId);
      const member = await this.members.find(manager, organizationId, id);
      if (member === null) throw new Problem('member_not_found');
      precondition.holdsFor(member.version);
      const leaving =
        principal.kind === 'person' && principal.personId === member.personId ? principal.sessionId : null;
      const refusal = decideMembership({
        own: await roleNow(manager, organizationId, makerOf(principal), now),
        from: member.role,
        to: null,
        self: leaving !== null,
        otherOwner: await this.members.hasOtherOwner(manager, member),
      });
      if (refusal !== null) throw new Problem(refusal);
      await this.members.delete(manager, member);
      const sessionsEnded = await endSessionsOf(manager, member, leaving);
      const ended = await this.invitations.endOf(manager, organizationId, member.personId);
      const adminKeys = await this.members.adminKeysOf(manager, member, now, ADMIN_KEYS_MAX + 1);
      const { personId, role, email } = member;
      await this.audit.append(manager, organizationId, [
        {
          actor,
          action: 'member.removed',
          targetType: 'member',
          targetId: id,
          changes: changesBetween({ role, email: new Personal('email', email, personId) }, null),
          details: { person_id: personId, sessions_ended: sessionsEnded },
        },
        ...ended.map((invitation) => invitationEntry('taken_back', invitation, actor)),
      ]);
      return { member, adminKeys };
    });
  }
}
