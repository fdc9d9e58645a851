import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { OrganizationState } from '../organizations/organization.js';
import { organizationOf, SELECT_ORGANIZATION, type OrganizationRow } from '../organizations/organization-store.js';
import type { SnapshotEntries } from './key-store.js';
import { WRITE_ORGANIZATION } from './outbox-effects.js';

/** Reads what gateways need to know of organisations, for the processes that tell them. */
@Injectable()
export class OrganizationStates {
  constructor(private readonly database: ServiceDatabase) {}

  /** Those with these ids, deleted ones too, in any order. Index: organization_pk. */
  async findAll(ids: readonly string[]): Promise<OrganizationState[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<OrganizationRow[]>(`${SELECT_ORGANIZATION} WHERE id = ANY($1::text[])`, [ids]),
    );
    return rows.map(organizationOf);
  }

  /** The first `count` that are not deleted and whose ids come after `id`, by their ids. Index: organization_pk. */
  async after(id: string, count: number): Promise<OrganizationState[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<OrganizationRow[]>(
        `${SELECT_ORGANIZATION} WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2`,
        [id, count],
      ),
    );
    return rows.map(organizationOf);
  }

  /** The outbox entries of an organisation's snapshots that are not written yet. Index: outbox_effect_key. */
  async unwrittenSnapshots(organizationId: string): Promise<SnapshotEntries> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ id: string }[]>('SELECT id FROM keys.outbox WHERE effect = $1 AND key = $2', [
        WRITE_ORGANIZATION,
        organizationId,
      ]),
    );
    return rows.map(({ id }) => id);
  }
}
