import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { oneRow } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { personEntity, type Person } from './person.js';

/** What is known of a new person. */
export type NewPerson = Pick<Person, 'email' | 'name' | 'passwordHash' | 'emailConfirmedAt' | 'createdAt'>;

/** People. Every method works in the caller's transaction. */
@Injectable()
export class PersonStore {
  /** The person of an address in its normal form; null if there is none. */
  async ofEmail(manager: EntityManager, email: string): Promise<Person | null> {
    return manager.getRepository(personEntity).findOneBy({ email });
  }

  /** Null if there is no such person. */
  async find(manager: EntityManager, id: string): Promise<Person | null> {
    return manager.getRepository(personEntity).findOneBy({ id });
  }

  /**
   * Writes a new person, or finds the one who has the address already, whose name and password stay as they are.
   * `created` says which it was: of two requests at once for one address, one creates.
   */
  async create(
    manager: EntityManager,
    person: NewPerson,
  ): Promise<{ readonly person: Person; readonly created: boolean }> {
    const made: Person = { ...person, id: randomUUID(), lastOrganizationId: null, signedInAt: null };
    const { raw } = await manager
      .createQueryBuilder()
      .insert()
      .into(personEntity)
      .values(made)
      .orIgnore()
      .returning('id')
      .execute();
    if ((raw as unknown[]).length > 0) return { person: made, created: true };
    const known = await this.ofEmail(manager, person.email);
    if (known === null) throw new Error('a person was there, and is not');
    return { person: known, created: false };
  }

  /** The person, whose row no other transaction changes until this one ends. Null if there is no such person. */
  async lock(manager: EntityManager, id: string): Promise<Person | null> {
    return manager.getRepository(personEntity).findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
  }

  /**
   * Sets the hash of a new password. Whoever calls it ends the person's sessions and links in the same transaction,
   * unless the password itself is the old one.
   */
  async setPasswordHash(manager: EntityManager, id: string, passwordHash: string): Promise<void> {
    await manager.getRepository(personEntity).update({ id }, { passwordHash });
  }

  /** Sets the hash of the first password. False, and nothing is changed, if the person has one already. */
  async setFirstPasswordHash(manager: EntityManager, id: string, passwordHash: string): Promise<boolean> {
    const { affected } = await manager
      .createQueryBuilder()
      .update(personEntity)
      .set({ passwordHash })
      .where('id = :id AND password_hash IS NULL', { id })
      .execute();
    return affected === 1;
  }

  /** Notes that a mail to the address has reached the person. The first time stays. */
  async confirmEmail(manager: EntityManager, id: string, at: Date): Promise<void> {
    await manager
      .createQueryBuilder()
      .update(personEntity)
      .set({ emailConfirmedAt: at })
      .where('id = :id AND email_confirmed_at IS NULL', { id })
      .execute();
  }

  /**
   * The organisation to whose audit trail belongs what a person does without a session: the one they asked about last,
   * if they are still a member, else their oldest one; null if they have none.
   */
  async homeOf(manager: EntityManager, { id, lastOrganizationId }: Person): Promise<string | null> {
    const rows: { home: string | null }[] = await manager.query(
      `SELECT CASE WHEN keys.role_of_person($1, $2) IS NULL THEN keys.oldest_organization_of_person($1) ELSE $2 END AS home`,
      [id, lastOrganizationId],
    );
    return oneRow(rows).home;
  }
}
