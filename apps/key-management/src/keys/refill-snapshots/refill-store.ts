import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { keyOf, organizationOf, SELECT_KEY, type KeyRow } from '../../store/key-row.js';
import type { ApiKey } from '../api-key/api-key.js';
import type { OrganizationState } from '../../organizations/organization.js';

const KEYS_OF_A_PAGE = 1_000;
const ORGANIZATIONS_OF_A_PAGE = 1_000;

/** Some keys of one organisation. */
export interface KeyPage {
  readonly organization: OrganizationState | null;
  readonly keys: readonly ApiKey[];
}

/** Reads all keys that can be used, organisation by organisation. */
@Injectable()
export class RefillStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Keys that were not revoked. Each page is read while the one before is being worked on. */
  async *pages(): AsyncGenerator<KeyPage> {
    for await (const organizationId of this.organizations()) {
      let next: Promise<KeyRow[]> | null = this.page(organizationId, null);
      while (next !== null) {
        const rows: KeyRow[] = await next;
        const last = rows.at(-1);
        next = last === undefined || rows.length < KEYS_OF_A_PAGE ? null : this.page(organizationId, last.id);
        // Without a listener its rejection would be nobody's, should the work on this page fail first.
        next?.catch(() => undefined);
        yield { organization: rows[0] === undefined ? null : organizationOf(rows[0]), keys: rows.map(keyOf) };
      }
    }
  }

  private async *organizations(): AsyncGenerator<string> {
    for (let after = ''; ;) {
      const ids = await this.organizationsAfter(after);
      yield* ids;
      const last = ids.at(-1);
      if (last === undefined || ids.length < ORGANIZATIONS_OF_A_PAGE) return;
      after = last;
    }
  }

  /** Index: organization_pk. */
  private async organizationsAfter(id: string): Promise<string[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ id: string }[]>(
        'SELECT id FROM keys.organization WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2',
        [id, ORGANIZATIONS_OF_A_PAGE],
      ),
    );
    return rows.map((row) => row.id);
  }

  /** Index: api_key_of_organization_unique. */
  private page(organizationId: string, after: string | null): Promise<KeyRow[]> {
    return this.database.inOrganization(organizationId, (manager) =>
      manager.query<KeyRow[]>(
        `${SELECT_KEY} WHERE k.organization_id = $1 AND k.id > $2 AND k.revoked_at IS NULL ORDER BY k.id LIMIT $3`,
        [organizationId, after ?? '00000000-0000-0000-0000-000000000000', KEYS_OF_A_PAGE],
      ),
    );
  }
}
