import { Injectable } from '@nestjs/common';
import type { PersonPrincipal, Role } from '@tollgate/access';
import { ServiceDatabase } from '@tollgate/postgres';
import { PersonStore } from '../people/person-store.js';
import type { MeObject } from './me.reply.js';

/** More than anybody switches between; `GET /v1/organizations` lists all. */
const ORGANIZATIONS_MAX = 100;

/** What a person is told about themselves. */
@Injectable()
export class DescribePerson {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly people: PersonStore,
  ) {}

  /**
   * Null if there is no such person any more. A session that is confined to an organisation is told of no other: what
   * its provider has vouched for counts there alone.
   */
  async execute({
    personId,
    confinedTo,
  }: Pick<PersonPrincipal, 'personId' | 'confinedTo'>): Promise<MeObject['person']> {
    return this.database.outsideOrganizations(async (manager) => {
      const person = await this.people.find(manager, personId);
      if (person === null) return null;
      const organizations: { id: string; name: string; role: Role }[] = await manager.query(
        'SELECT id, name, role FROM keys.organizations_of_person($1, $2)',
        [personId, ORGANIZATIONS_MAX],
      );
      return {
        id: person.id,
        name: person.name,
        email: person.email,
        email_confirmed: person.emailConfirmedAt !== null,
        organizations: organizations.filter(({ id }) => id === (confinedTo ?? id)),
      };
    });
  }
}
