import { Injectable } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import type { EndSubscriptionsRequest } from '@tollgate/contracts';
import { Problem, type Precondition } from '@tollgate/http';
import { Outbox, ServiceDatabase, type OutboxEntry } from '@tollgate/postgres';
import { lockOrganization } from '../../organizations/lock-organization.js';
import { changesBetween } from '../../audit/audit-entry.js';
import { AuditTrail } from '../../audit/audit-trail.js';
import { Personal } from '../../audit/audit-value.js';
import { revoked, type ApiKey } from '../../keys/api-key/api-key.js';
import { KeyStore, type SnapshotEntries } from '../../store/key-store.js';
import { END_SUBSCRIPTIONS, KEYS_SCHEMA } from '../../store/outbox-effects.js';
import { decideMembership } from '../decide-membership.js';
import { makerOf, roleNow } from '../maker.js';
import { MemberStore, type AdminKey } from '../member-store.js';
import type { Member } from '../member.js';
import { endSessionsOf } from './end-sessions.js';
import { invitationEntry } from '../invitation-audit.js';
import { InvitationStore } from '../invitation-store.js';

/** Keys of each kind of a removed member that a reply shows at most. */
export const KEYS_SHOWN_MAX = 100;

/** Who was removed, and what becomes of their keys. */
export interface RemovedMember {
  readonly member: Member;
  /** Those by which they could still act as an admin: at most one more than a reply shows. */
  readonly adminKeys: readonly AdminKey[];
  /** Those of their subscriptions, which have ended with the membership. */
  readonly endedKeys: readonly ApiKey[];
  /** The outbox entries by which gateways hear of it. */
  readonly written: SnapshotEntries;
}

/**
 * Removes a member, or lets one leave. Their sessions, the invitations that they sent and their subscriptions end with
 * it: the keys of these in the same transaction, the rest by usage-billing, which hears of it until it has done so.
 */
@Injectable()
export class RemoveMember {
  private readonly audit = new AuditTrail();
  private readonly outbox = new Outbox(KEYS_SCHEMA);

  constructor(
    private readonly database: ServiceDatabase,
    private readonly members: MemberStore,
    private readonly invitations: InvitationStore,
    private readonly keys: KeyStore,
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
      const adminKeys = await this.members.adminKeysOf(manager, member, now, KEYS_SHOWN_MAX + 1);
      const subscribed = await this.members.subscribedKeysOf(manager, member);
      if (subscribed.length > 0)
        await this.outbox.add(manager, subscriptionsEnd({ organizationId, memberId: id, endedAt: now.toISOString() }));
      const endedKeys: ApiKey[] = [];
      const { written } = await this.keys.changeIn(manager, organizationId, subscribed, (before) => {
        const key = revoked(before, 'revoked', now);
        if (key === null) return null;
        endedKeys.push(key);
        return { change: 'revoked', key, actor, details: { member_id: id }, at: now };
      });
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
      return { member, adminKeys, endedKeys, written };
    });
  }
}

/** The outbox entry by which usage-billing ends the subscriptions of a member who is gone. */
function subscriptionsEnd(request: EndSubscriptionsRequest): OutboxEntry {
  return { effect: END_SUBSCRIPTIONS, key: request.organizationId, payload: JSON.stringify(request) };
}
