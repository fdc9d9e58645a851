import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { roleMayGrant, type Principal, type Role } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../../audit/audit-trail.js';
import { lockOrganization } from '../../organizations/lock-organization.js';
import { PersonStore } from '../../people/person-store.js';
import { Links } from '../../sign-in/links.js';
import { MailOutbox } from '../../sign-in/mails/mail-outbox.js';
import { invitationEntry } from '../invitation-audit.js';
import { InvitationStore, type ShownInvitation } from '../invitation-store.js';
import { INVITATION_LIFE_MS, invitationTokenDigest, newInvitationToken, type Invitation } from '../invitation.js';
import { makerOf, roleNow } from '../maker.js';
import { MemberStore } from '../member-store.js';
import { invitationMail } from './invitation-mail.js';

/** Whoever invites somebody, or takes an invitation back. */
export interface Giver {
  readonly principal: Principal;
  readonly actor: Actor;
}

/** Invites people by mail, and takes invitations back. */
@Injectable()
export class Invite {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly members: MemberStore,
    private readonly invitations: InvitationStore,
    private readonly people: PersonStore,
    private readonly mails: MailOutbox,
    private readonly links: Links,
  ) {}

  /**
   * Invites whoever has the address, in its normal form, in the caller's transaction about the organisation. An open
   * invitation to the same address is replaced: its link ends. Nothing tells whether the address is somebody's who has
   * an account.
   * @throws {Problem} `role_above_own` for a role, or an invitation to be replaced, above that of the giver;
   *   `already_member`
   */
  async execute(
    manager: EntityManager,
    organizationId: string,
    { email, role }: { readonly email: string; readonly role: Role },
    { principal, actor }: Giver,
    now: Date,
  ): Promise<ShownInvitation> {
    const token = newInvitationToken(organizationId);
    const maker = makerOf(principal);
    const invitation: Invitation = {
      organizationId,
      id: randomUUID(),
      email,
      role,
      tokenDigest: invitationTokenDigest(token),
      invitedByKind: maker.kind,
      invitedById: maker.id,
      createdAt: now,
      expiresAt: new Date(now.getTime() + INVITATION_LIFE_MS),
    };
    const organization = await lockOrganization(manager, organizationId);
    const own = await roleNow(manager, organizationId, maker, now);
    if (!roleMayGrant(own, role)) throw new Problem('role_above_own');
    if (await this.members.hasAddress(manager, organizationId, email)) throw new Problem('already_member');
    const replaced = await this.invitations.ofEmail(manager, organizationId, email);
    if (replaced !== null) await this.end(manager, replaced, own);
    await this.invitations.insert(manager, invitation);
    const person = maker.kind === 'person' ? await this.people.find(manager, maker.id) : null;
    const link = this.links.to('invitation', token);
    const mail = invitationMail({ organization: organization.name, invitedBy: person?.name ?? null, link });
    await this.mails.add(manager, { to: email, ...mail, until: invitation.expiresAt });
    await this.audit.append(manager, organizationId, [
      ...(replaced === null ? [] : [invitationEntry('taken_back', replaced, actor)]),
      invitationEntry('created', invitation, actor),
    ]);
    return this.invitations.shown(manager, invitation);
  }

  /**
   * Takes an invitation back: its link ends.
   * @throws {Problem} `invitation_not_found`; `role_above_own` for one to a role above that of the giver
   */
  async takeBack(organizationId: string, id: string, { principal, actor }: Giver, now: Date): Promise<ShownInvitation> {
    return this.database.inOrganization(organizationId, async (manager) => {
      await lockOrganization(manager, organizationId);
      const invitation = await this.invitations.find(manager, organizationId, id);
      if (invitation === null) throw new Problem('invitation_not_found');
      const shown = await this.invitations.shown(manager, invitation);
      await this.end(manager, invitation, await roleNow(manager, organizationId, makerOf(principal), now));
      await this.audit.append(manager, organizationId, [invitationEntry('taken_back', invitation, actor)]);
      return shown;
    });
  }

  private async end(manager: EntityManager, { organizationId, id, role }: Invitation, own: Role | null): Promise<void> {
    if (!roleMayGrant(own, role)) throw new Problem('role_above_own');
    await this.invitations.delete(manager, organizationId, id);
  }
}
