import { Injectable } from '@nestjs/common';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { Passwords } from '../people/passwords.js';
import { PersonStore } from '../people/person-store.js';
import type { Person } from '../people/person.js';
import { Attempts, type Guess } from './attempts.js';
import { BeginSession, type SignedIn } from './begin-session.js';
import type { Caller } from './caller.js';

/** Signs people in by their password. */
@Injectable()
export class SignInByPassword {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly people: PersonStore,
    private readonly passwords: Passwords,
    private readonly attempts: Attempts,
    private readonly beginSession: BeginSession,
  ) {}

  /**
   * `email` is in its normal form. An unknown address, a person without a password and a wrong password are refused
   * alike, and after the same work.
   * @throws {Problem} `sign_in_failed`, `rate_limit_exceeded`, `server_busy`
   */
  async execute(email: string, password: string, caller: Caller): Promise<SignedIn> {
    const outcome = await this.attempts.atAccount(email, caller.address, () => this.attempt(email, password, caller));
    if (outcome.kind === 'wrong') throw new Problem('sign_in_failed');
    return outcome.value;
  }

  private async attempt(email: string, password: string, caller: Caller): Promise<Guess<SignedIn>> {
    const { found: known, check } = await this.passwords.checkFound(
      password,
      () => this.database.outsideOrganizations((manager) => this.people.ofEmail(manager, email)),
      (person) => person?.passwordHash ?? null,
    );
    if (known === null || check.kind === 'wrong') return { kind: 'wrong' };
    const newHash = check.outdated ? await this.passwords.hash(password) : null;
    return this.database.outsideOrganizations(async (manager) => {
      const person = await this.people.lock(manager, known.id);
      // A reset may have come between: the password that was right is none any more.
      if (person === null || person.passwordHash !== known.passwordHash) return { kind: 'wrong' };
      if (newHash !== null) await this.people.setPasswordHash(manager, person.id, newHash);
      return { kind: 'right', value: await this.begin(manager, person, caller) };
    });
  }

  private begin(manager: EntityManager, person: Person, caller: Caller): Promise<SignedIn> {
    return this.beginSession.execute(manager, person, { method: 'password' }, caller, new Date());
  }
}
