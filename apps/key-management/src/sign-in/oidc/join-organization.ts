import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Role } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import type { EntityManager } from 'typeorm';
import { changesBetween, type AuditEntry } from '../../audit/audit-entry.js';
import { Personal } from '../../audit/audit-value.js';
import { invitationEntry } from '../../members/invitation-audit.js';
import { InvitationStore } from '../../members/invitation-store.js';
import type { Invitation } from '../../members/invitation.js';
import { Joining } from '../../members/joining.js';
import { MemberStore } from '../../members/member-store.js';

/** A person who becomes a member. */
export interface NewMember {
  readonly organizationId: string;
  readonly person: { readonly id: string; readonly email: string };
  readonly role: Role;
  /** The invitation that is accepted with it; null for people who come by a proven domain. */
  readonly invitation: Invitation | null;
}

/** Makes members of people whom the provider of an organisation has let sign in. The organisation is locked. */
@Injectable()
export class JoinOrganization {
  constructor(
    private readonly members: MemberStore,
    private readonly invitations: InvitationStore,
    private readonly joining: Joining,
  ) {}

  /**
   * The open invitation to an address; null if there is none, or if who sent it could not give its role now, because
   * they have been removed or have another role since.
   */
  async invitationTo(
    manager: EntityManager,
    organizationId: string,
    email: string,
    now: Date,
  ): Promise<Invitation | null> {
    const invitation = await this.invitations.ofEmail(manager, organizationId, email);
    if (invitation === null || invitation.expiresAt <= now) return null;
    return (await this.joining.isGood(manager, invitation, now)) ? invitation : null;
  }

  /** Makes the member, ends the invitation, and resolves with what the audit trail has of it. */
  async join(
    manager: EntityManager,
    { organizationId, person, role, invitation }: NewMember,
    actor: Actor,
    now: Date,
  ): Promise<AuditEntry[]> {
    const id = randomUUID();
    const { email } = person;
    await this.members.insert(manager, {
      organizationId,
      id,
      personId: person.id,
      email,
      role,
      joinedAt: now,
      version: 1,
    });
    if (invitation !== null) await this.invitations.delete(manager, organizationId, invitation.id);
    const how = invitation === null ? { by: 'domain' } : { invitation_id: invitation.id };
    return [
      ...(invitation === null ? [] : [invitationEntry('accepted', invitation, actor)]),
      {
        actor,
        action: 'member.created',
        targetType: 'member',
        targetId: id,
        changes: changesBetween(null, { role, email: new Personal('email', email, person.id) }),
        details: { person_id: person.id, ...how },
      },
    ];
  }
}
