import { Injectable } from '@nestjs/common';
import type { PersonPrincipal } from '@tollgate/access';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { AuditTrail } from '../audit/audit-trail.js';
import { Passwords } from '../people/passwords.js';
import { PersonStore } from '../people/person-store.js';
import type { Person } from '../people/person.js';
import { Attempts, type Guess } from './attempts.js';
import { BeginSession, type SignedIn } from './begin-session.js';
import type { Caller } from './caller.js';
import { Sessions } from './sessions.js';

/** Proves again who the person of a session is, for what needs a step-up. */
@Injectable()
export class StepUp {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly people: PersonStore,
    private readonly passwords: Passwords,
    private readonly sessions: Sessions,
    private readonly attempts: Attempts,
    private readonly beginSession: BeginSession,
  ) {}

  /**
   * Gives the session a new token; the one before opens nothing any more.
   * @throws {Problem} `sign_in_failed` for a wrong password, `conflict` for a session that began at an OpenID provider,
   *   `rate_limit_exceeded`, `server_busy`
   */
  async byPassword(principal: PersonPrincipal, password: string, caller: Caller): Promise<SignedIn> {
    const { person, method } = await this.of(principal);
    if (method === 'oidc')
      throw new Problem('conflict', {
        detail: 'This session began at an identity provider: go to /v1/sessions/oidc/start?step_up=1.',
      });
    const outcome = await this.attempts.atAccount(person.email, caller.address, () =>
      this.attempt(principal, person, password, caller),
    );
    if (outcome.kind === 'wrong') throw new Problem('sign_in_failed');
    return outcome.value;
  }

  private of({ personId, sessionId }: PersonPrincipal) {
    return this.database.outsideOrganizations(async (manager) => {
      const person = await this.people.find(manager, personId);
      const session = await this.sessions.live(manager, sessionId, new Date());
      if (person === null || session === null) throw new Problem('invalid_credential');
      return { person, method: session.method };
    });
  }

  private async attempt(
    principal: PersonPrincipal,
    known: Person,
    password: string,
    caller: Caller,
  ): Promise<Guess<SignedIn>> {
    const check = await this.passwords.check(password, known.passwordHash);
    if (check.kind === 'wrong') return { kind: 'wrong' };
    return this.database.outsideOrganizations(async (manager) => {
      const person = await this.people.lock(manager, known.id);
      if (person === null || person.passwordHash !== known.passwordHash) return { kind: 'wrong' };
      const proven = await this.sessions.prove(manager, principal.sessionId, caller.token ?? '', new Date());
      if (proven === null) throw new Problem('invalid_credential');
      const memberships = await this.beginSession.membershipsOf(manager, person.id);
      const stronger = { ...principal, provenAtMs: proven.session.provenAt.getTime() };
      await this.audit.append(manager, principal.organizationId, [
        { actor: caller.actor, action: 'session.proven', targetType: 'session', targetId: principal.sessionId },
      ]);
      return { kind: 'right', value: { ...proven, person, memberships, principal: stronger } };
    });
  }
}
