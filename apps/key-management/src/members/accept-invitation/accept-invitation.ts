import { Injectable } from '@nestjs/common';
import type { PersonPrincipal } from '@tollgate/access';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../../audit/audit-trail.js';
import { lockOrganization } from '../../organizations/lock-organization.js';
import { Passwords } from '../../people/passwords.js';
import { PersonStore } from '../../people/person-store.js';
import { Attempts } from '../../sign-in/attempts.js';
import { BeginSession, type SignedIn } from '../../sign-in/begin-session.js';
import type { Caller } from '../../sign-in/caller.js';
import { Sessions } from '../../sign-in/sessions.js';
import { InvitationStore } from '../invitation-store.js';
import { invitationTokenDigest, organizationOfToken } from '../invitation.js';
import { Joining } from '../joining.js';
import type { Member } from '../member.js';

/** Who has accepted an invitation; with a session if it is a new person. */
export interface AcceptedInvitation {
  readonly member: Member;
  readonly signedIn: SignedIn | null;
}

/** The name and the password that a new person chooses. */
export interface NewAccount {
  readonly name: string;
  readonly password: string;
}

/** The token of an invitation, and whose invitation it can be. */
interface ShownToken {
  readonly organizationId: string;
  readonly digest: Buffer;
}

/**
 * Accepts invitations. A token proves that its bearer reads the mail of an address, and no more: it makes an account
 * for an address that has none, but for one that has an account it changes nothing, and only that person's session
 * accepts.
 */
@Injectable()
export class AcceptInvitation {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly invitations: InvitationStore,
    private readonly joining: Joining,
    private readonly people: PersonStore,
    private readonly passwords: Passwords,
    private readonly sessions: Sessions,
    private readonly beginSession: BeginSession,
    private readonly attempts: Attempts,
  ) {}

  /**
   * Makes a person, a member and a session.
   * @throws {Problem} `invalid_link`; `sign_in_first` if the address has an account; `role_above_own` if who sent the
   *   invitation could not give the role now; `rate_limit_exceeded`, `server_busy`
   */
  async asNewPerson(token: string, { name, password }: NewAccount, caller: Caller): Promise<AcceptedInvitation> {
    const shown = this.read(token, caller.address);
    const now = new Date();
    const invitation = await this.database.inOrganization(shown.organizationId, async (manager) => {
      const open = await this.invitations.ofToken(manager, shown.organizationId, shown.digest, now);
      if (open !== null && (await this.people.ofEmail(manager, open.email)) !== null)
        throw new Problem('sign_in_first');
      return open;
    });
    // Only the bearer of a good token costs a hash.
    if (invitation === null) throw this.attempts.invalidLink(caller.address);
    const passwordHash = await this.passwords.hash(password);
    const accepted = await this.database.inOrganization(shown.organizationId, async (manager) => {
      const taken = await this.take(manager, shown, now);
      if (taken === null) return null;
      const made = { email: taken.email, name, passwordHash, emailConfirmedAt: now, createdAt: now };
      const { person, created } = await this.people.create(manager, made);
      if (!created) throw new Problem('sign_in_first');
      const member = await this.joining.join(manager, taken, person, now);
      const signedIn = await this.beginSession.execute(manager, person, { method: 'password' }, caller, now);
      const actor = { ...caller.actor, principal: signedIn.principal };
      await this.audit.append(manager, shown.organizationId, this.joining.entriesOf(taken, member, actor));
      return { member, signedIn };
    });
    if (accepted === null) throw this.attempts.invalidLink(caller.address);
    return accepted;
  }

  /**
   * Makes the person of a session a member.
   * @throws {Problem} `invalid_link`; `invitation_for_another` if the invited address is not the person's confirmed
   * one;   `already_member`; `role_above_own` if who sent the invitation could not give the role now. But for the
   * first, the   invitation stays open.
   */
  async asPerson(token: string, principal: PersonPrincipal, { actor, address }: Caller): Promise<AcceptedInvitation> {
    const shown = this.read(token, address);
    const now = new Date();
    const member = await this.database.inOrganization(shown.organizationId, async (manager) => {
      const taken = await this.take(manager, shown, now);
      if (taken === null) return null;
      const person = await this.people.find(manager, principal.personId);
      if (person === null || person.email !== taken.email || person.emailConfirmedAt === null)
        throw new Problem('invitation_for_another');
      // A session that another organisation's provider has opened acts nowhere else.
      const session = await this.sessions.live(manager, principal.sessionId, now);
      if (session === null || (session.confinedTo ?? shown.organizationId) !== shown.organizationId)
        throw new Problem('invitation_for_another');
      const joined = await this.joining.join(manager, taken, person, now);
      await this.audit.append(manager, shown.organizationId, this.joining.entriesOf(taken, joined, actor));
      return joined;
    });
    if (member === null) throw this.attempts.invalidLink(address);
    return { member, signedIn: null };
  }

  private read(token: string, address: string): ShownToken {
    this.attempts.fromAddress(address);
    const organizationId = organizationOfToken(token);
    if (organizationId === null) throw this.attempts.invalidLink(address);
    return { organizationId, digest: invitationTokenDigest(token) };
  }

  /**
   * Ends the invitation, if the token is that of an open one: of two that accept at once, one does. Whoever throws
   * later in the transaction leaves it open.
   */
  private async take(manager: EntityManager, { organizationId, digest }: ShownToken, now: Date) {
    if ((await this.invitations.ofToken(manager, organizationId, digest, now)) === null) return null;
    await lockOrganization(manager, organizationId);
    const taken = await this.invitations.take(manager, organizationId, digest, now);
    if (taken === null) return null;
    if (!(await this.joining.isGood(manager, taken, now)))
      throw new Problem('role_above_own', { detail: 'Who sent the invitation can no longer give this role.' });
    return taken;
  }
}
