import { Injectable } from '@nestjs/common';
import type { Principal, Role } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { Problem, type Precondition } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { lockOrganization } from '../../organizations/lock-organization.js';
import { changesBetween } from '../../audit/audit-entry.js';
import { AuditTrail } from '../../audit/audit-trail.js';
import { decideMembership } from '../decide-membership.js';
import { makerOf, roleNow } from '../maker.js';
import { MemberStore } from '../member-store.js';
import type { Member } from '../member.js';

/** Gives a member another role. */
@Injectable()
export class ChangeRole {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly members: MemberStore,
  ) {}

  /**
   * The member as they are afterwards. The same role again changes nothing.
   * @throws {Problem} `member_not_found`, `role_above_own`, `last_owner` or `precondition_failed`
   */
  async execute(
    organizationId: string,
    id: string,
    role: Role,
    precondition: Precondition,
    { principal, actor }: { readonly principal: Principal; readonly actor: Actor },
    now: Date,
  ): Promise<Member> {
    return this.database.inOrganization(organizationId, async (manager) => {
      await lockOrganization(manager, organizationId);
      const member = await this.members.find(manager, organizationId, id);
      if (member === null) throw new Problem('member_not_found');
      precondition.holdsFor(member.version);
      const refusal = decideMembership({
        own: await roleNow(manager, organizationId, makerOf(principal), now),
        from: member.role,
        to: role,
        self: principal.kind === 'person' && principal.personId === member.personId,
        otherOwner: await this.members.hasOtherOwner(manager, member),
      });
      if (refusal !== null) throw new Problem(refusal);
      if (member.role === role) return member;
      const after: Member = { ...member, role, version: member.version + 1 };
      await this.members.setRole(manager, after);
      await this.audit.append(manager, organizationId, [
        {
          actor,
          action: 'member.updated',
          targetType: 'member',
          targetId: id,
          changes: changesBetween({ role: member.role }, { role }),
          details: { person_id: member.personId },
        },
      ]);
      return after;
    });
  }
}
