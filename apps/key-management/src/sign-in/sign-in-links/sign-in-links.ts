import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../../audit/audit-trail.js';
import { Passwords } from '../../people/passwords.js';
import { PersonStore } from '../../people/person-store.js';
import { Attempts } from '../attempts.js';
import { BeginSession, type SignedIn } from '../begin-session.js';
import type { Caller } from '../caller.js';
import { OneTimeTokens } from '../one-time-tokens/one-time-tokens.js';
import { Sessions } from '../sessions.js';

/** Signs people in by a link that a start or a command of the operator has printed. */
@Injectable()
export class SignInLinks {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly people: PersonStore,
    private readonly passwords: Passwords,
    private readonly tokens: OneTimeTokens,
    private readonly sessions: Sessions,
    private readonly attempts: Attempts,
    private readonly beginSession: BeginSession,
  ) {}

  /**
   * Uses the link up and begins a session. With a password, it becomes the person's, and their other sessions end.
   * @throws {Problem} `invalid_link` for a token that is good for nothing; `rate_limit_exceeded`, `server_busy`
   */
  async use(token: string, password: string | null, caller: Caller): Promise<SignedIn> {
    this.attempts.fromAddress(caller.address);
    const now = new Date();
    const owner = await this.database.outsideOrganizations((manager) =>
      this.tokens.ownerOf(manager, 'sign_in_link', token, now),
    );
    if (owner === null) throw this.attempts.invalidLink(caller.address);
    const passwordHash = password === null ? null : await this.passwords.hash(password);
    const signedIn = await this.database.outsideOrganizations(async (manager) => {
      const personId = await this.tokens.spend(manager, 'sign_in_link', token, now);
      return personId === null ? null : this.begin(manager, personId, passwordHash, caller, now);
    });
    if (signedIn === null) throw this.attempts.invalidLink(caller.address);
    return signedIn;
  }

  private async begin(
    manager: EntityManager,
    personId: string,
    passwordHash: string | null,
    caller: Caller,
    now: Date,
  ): Promise<SignedIn> {
    const known = await this.people.lock(manager, personId);
    if (known === null) throw new Error('a token is of a person who is not there');
    if (passwordHash !== null) {
      await this.people.setPasswordHash(manager, personId, passwordHash);
      await this.sessions.endFor(manager, personId);
      await this.tokens.endFor(manager, personId);
    }
    const person = { ...known, passwordHash: passwordHash ?? known.passwordHash };
    const signedIn = await this.beginSession.execute(manager, person, { method: 'sign_in_link' }, caller, now);
    if (passwordHash !== null) {
      const actor = { ...caller.actor, principal: signedIn.principal };
      await this.audit.append(manager, signedIn.principal.organizationId, [
        { actor, action: 'person.password_set', targetType: 'person', targetId: personId },
      ]);
    }
    return signedIn;
  }
}
