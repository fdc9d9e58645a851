import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { roleMayGrant } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import type { EntityManager } from 'typeorm';
import { changesBetween, type AuditEntry } from '../audit/audit-entry.js';
import { Personal } from '../audit/audit-value.js';
import type { Person } from '../people/person.js';
import { invitationEntry } from './invitation-audit.js';
import { InvitationStore } from './invitation-store.js';
import type { Invitation } from './invitation.js';
import { roleNow, type Maker } from './maker.js';
import { MemberStore } from './member-store.js';
import type { Member } from './member.js';

/**
 * Makes members of people who are invited. Every method works in the caller's transaction, which is about the
 * organisation.
 */
@Injectable()
export class Joining {
  constructor(
    private readonly invitations: InvitationStore,
    private readonly members: MemberStore,
  ) {}

  /**
   * Whether who sent the invitation could give its role now: somebody who was demoted or removed since grants no more
   * than they could today.
   */
  async isGood(manager: EntityManager, invitation: Invitation, now: Date): Promise<boolean> {
    const own = await roleNow(manager, invitation.organizationId, makerOfInvitation(invitation), now);
    return roleMayGrant(own, invitation.role);
  }

  /**
   * Ends the invitation and makes the person a member. `entriesOf` has what belongs into the audit trail then.
   * @throws {Problem} `already_member`
   */
  async join(
    manager: EntityManager,
    invitation: Invitation,
    person: Pick<Person, 'id' | 'email' | 'name'>,
    now: Date,
  ): Promise<Member> {
    await this.invitations.delete(manager, invitation.organizationId, invitation.id);
    const member: Member = {
      organizationId: invitation.organizationId,
      id: randomUUID(),
      personId: person.id,
      role: invitation.role,
      joinedAt: now,
      version: 1,
      email: person.email,
      name: person.name,
    };
    if (!(await this.members.insert(manager, member))) throw new Problem('already_member');
    return member;
  }

  /** The entries of the audit trail for somebody who has joined by an invitation. */
  entriesOf(invitation: Invitation, { id, personId, role, email }: Member, actor: Actor): AuditEntry[] {
    return [
      invitationEntry('accepted', invitation, actor),
      {
        actor,
        action: 'member.created',
        targetType: 'member',
        targetId: id,
        changes: changesBetween(null, { role, email: new Personal('email', email, personId) }),
        details: { person_id: personId, invitation_id: invitation.id },
      },
    ];
  }
}

const makerOfInvitation = ({ invitedByKind: kind, invitedById: id }: Invitation): Maker =>
  kind === 'operator' || id === null ? { kind: 'operator', id: null } : { kind, id };
