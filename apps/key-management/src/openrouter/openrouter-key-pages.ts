import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { PAGE_KEYS, type ListOpenRouterKeysRequest } from './openrouter-keys.request.js';

/** Keys that open inference, without deleted ones. Index: api_key_newest. */
const SELECT_IDS = `
  SELECT id FROM keys.api_key
  WHERE organization_id = $1 AND deleted_at IS NULL AND kind <> 'project'
    AND ($2::boolean OR (disabled_at IS NULL AND revoked_at IS NULL))
  ORDER BY created_at DESC, id DESC OFFSET $3 LIMIT $4`;

/** Pages of keys by how many are passed over, as OpenRouter has them. */
@Injectable()
export class OpenRouterKeyPages {
  constructor(private readonly database: ServiceDatabase) {}

  /** The ids of one page, newest first. */
  async ids(organizationId: string, { offset, include_disabled: all }: ListOpenRouterKeysRequest): Promise<string[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ id: string }[]>(SELECT_IDS, [organizationId, all, offset, PAGE_KEYS]),
    );
    return rows.map(({ id }) => id);
  }
}
