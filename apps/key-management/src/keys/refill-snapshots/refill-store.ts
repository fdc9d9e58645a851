import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { keyOf, SELECT_KEY, type KeyRow } from '../../store/key-row.js';
import { OrganizationStates } from '../../store/organization-states.js';
import type { ApiKey } from '../api-key/api-key.js';
import type { OrganizationState } from '../../organizations/organization.js';

const KEYS_OF_A_PAGE = 1_000;
/** The routes of the groups of one organisation may take 64 KiB. */
const ORGANIZATIONS_OF_A_PAGE = 100;

/** Some keys of one organisation. */
export interface KeyPage {
  readonly organization: OrganizationState;
  readonly keys: readonly ApiKey[];
}

/** Reads all keys that can be used, organisation by organisation. */
@Injectable()
export class RefillStore {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly states: OrganizationStates,
  ) {}

  /**
   * Keys that were not revoked; also an organisation without any is a page. Each page is read while the one before is
   * being worked on.
   */
  async *pages(): AsyncGenerator<KeyPage> {
    for await (const organization of this.organizations()) {
      let next: Promise<KeyRow[]> | null = this.page(organization.id, null);
      while (next !== null) {
        const rows: KeyRow[] = await next;
        const last = rows.at(-1);
        next = last === undefined || rows.length < KEYS_OF_A_PAGE ? null : this.page(organization.id, last.id);
        // Without a listener its rejection would be nobody's, should the work on this page fail first.
        next?.catch(() => undefined);
        yield { organization, keys: rows.map(keyOf) };
      }
    }
  }

  private async *organizations(): AsyncGenerator<OrganizationState> {
    for (let after = ''; ;) {
      const some = await this.states.after(after, ORGANIZATIONS_OF_A_PAGE);
      yield* some;
      const last = some.at(-1);
      if (last === undefined || some.length < ORGANIZATIONS_OF_A_PAGE) return;
      after = last.id;
    }
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
