import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { DEFAULT_ORGANIZATION_ID } from '@tollgate/contracts';
import { Problem, type Precondition } from '@tollgate/http';
import { KeyRelay } from '../relay/key-relay.js';
import { OrganizationChanges } from './organization-changes.js';
import type { Organization } from './organization.js';

/** A deleted organisation. `everywhere`: every gateway refuses its keys; if false, they are still being told. */
export interface DeletedOrganization {
  readonly organization: Organization;
  readonly everywhere: boolean;
}

/** Deletes organisations, for good. */
@Injectable()
export class DeleteOrganization {
  constructor(
    private readonly changes: OrganizationChanges,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * Null if there is none. Resolves when Postgres has committed and its keys have ended or 2 s have passed.
   * @throws {Problem} `conflict` for the organisation that every installation has; `precondition_failed` if it has
   * another version than the request demands
   */
  async execute(id: string, precondition: Precondition, actor: Actor, now: Date): Promise<DeletedOrganization | null> {
    const allow = ({ version }: Organization): void => {
      precondition.holdsFor(version);
      if (id === DEFAULT_ORGANIZATION_ID)
        throw new Problem('conflict', { detail: 'The organisation `default` belongs to every installation.' });
    };
    const deleted = await this.changes.delete(id, allow, actor, now);
    if (deleted === null) return null;
    const everywhere = await this.relay.snapshotsWritten(deleted.written);
    return { organization: deleted.organization, everywhere };
  }
}
