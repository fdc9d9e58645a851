import { Injectable } from '@nestjs/common';
import type { PersonPrincipal, Role } from '@tollgate/access';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../audit/audit-trail.js';
import type { Person } from '../people/person.js';
import type { Caller } from './caller.js';
import { Sessions, type NewSession } from './sessions.js';
import type { Session } from './session.js';

/** An organisation that a person belongs to. */
export interface Membership {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

/** A person who has signed in, with what the client is told of it. */
export interface SignedIn {
  readonly person: Person;
  readonly session: Session;
  readonly token: string;
  readonly principal: PersonPrincipal;
  /** The person's organisations, the oldest first: at most 100. */
  readonly memberships: readonly Membership[];
}

const MEMBERSHIPS_MAX = 100;

/** Begins sessions of people who have shown who they are, in whichever way. */
@Injectable()
export class BeginSession {
  private readonly audit = new AuditTrail();

  constructor(private readonly sessions: Sessions) {}

  /**
   * Begins a session in the caller's transaction, ends the one that the client had before, and writes both into the
   * audit trail. Call it last in the transaction: the trail is locked until its end.
   */
  async execute(
    manager: EntityManager,
    person: Person,
    how: Pick<NewSession, 'method' | 'identity' | 'confinedTo' | 'provenAt'>,
    caller: Caller,
    now: Date,
  ): Promise<SignedIn> {
    const former = caller.token === null ? null : await this.sessions.ofToken(manager, caller.token, now);
    if (former !== null) await this.sessions.end(manager, former.personId, former.id);
    const { session, token } = await this.sessions.open(
      manager,
      {
        ...how,
        personId: person.id,
        lastOrganizationId: person.lastOrganizationId,
        address: caller.actor.address,
        client: caller.client,
      },
      now,
    );
    const principal = await this.sessions.identifyIn(manager, token, null, now);
    if (principal === null) throw new Error('a session that has just begun is not there');
    await this.audit.append(manager, principal.organizationId, [
      {
        actor: { ...caller.actor, principal },
        action: 'session.created',
        targetType: 'session',
        targetId: session.id,
        details: { method: session.method, ...(former?.personId === person.id && { instead_of: former.id }) },
      },
    ]);
    return { person, session, token, principal, memberships: await this.membershipsOf(manager, person.id) };
  }

  /** The organisations of a person, the oldest first: at most 100. */
  async membershipsOf(manager: EntityManager, personId: string): Promise<Membership[]> {
    return manager.query<Membership[]>(`SELECT id, name, role FROM keys.organizations_of_person($1, $2)`, [
      personId,
      MEMBERSHIPS_MAX,
    ]);
  }
}
