import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { Precondition } from '@tollgate/http';
import { KeyRelay } from '../relay/key-relay.js';
import { OrganizationChanges } from './organization-changes.js';
import type { Organization } from './organization.js';
import type { UpdateOrganizationRequest } from './organizations.request.js';

/** Renames organisations, and changes what holds for all their keys. */
@Injectable()
export class UpdateOrganization {
  constructor(
    private readonly changes: OrganizationChanges,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * The organisation as it is afterwards; null if there is none. A request that changes nothing makes no new version.
   * @throws {Problem} `precondition_failed` if it has another version than the request demands
   */
  async execute(
    id: string,
    request: UpdateOrganizationRequest,
    precondition: Precondition,
    actor: Actor,
  ): Promise<Organization | null> {
    const decide = (organization: Organization): Organization | null => {
      precondition.holdsFor(organization.version);
      const { name = organization.name, key_names_immutable: keyNamesImmutable = organization.keyNamesImmutable } =
        request;
      if (name === organization.name && keyNamesImmutable === organization.keyNamesImmutable) return null;
      return { ...organization, name, keyNamesImmutable, version: organization.version + 1 };
    };
    const changed = await this.changes.change(id, decide, actor);
    if (changed === null) return null;
    await this.relay.snapshotsWritten(changed.written);
    return changed.organization;
  }
}
