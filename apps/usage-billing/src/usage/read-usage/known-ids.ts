import { Inject, Injectable, Optional } from '@nestjs/common';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import type { ErrorCode } from '@tollgate/errors';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { UsageFilters } from '../query-usage/usage-fields.js';

/** The fields with an id that somebody must have had, and how it is said that nobody has. */
export const NOBODYS = {
  api_key_id: 'api_key_not_found',
  group_id: 'group_not_found',
  project_id: 'project_not_found',
  member_id: 'member_not_found',
} as const satisfies Partial<Record<keyof UsageFilters, ErrorCode>>;
export type IdField = keyof typeof NOBODYS;
const FIELDS = Object.keys(NOBODYS) as IdField[];

/** Asks key-management which ids there are: the ledger only knows what was charged. */
@Injectable()
export class KnownIds {
  constructor(
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'knownKeys' | 'knownOwners'> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * The fields of these filters whose id key-management does not know for the organisation. It knows deleted keys, and
   * none of what else was deleted. None if it cannot be asked: the caller then shows zeros, which are true in any case.
   */
  async unknownOf(organizationId: string, filters: UsageFilters): Promise<readonly IdField[]> {
    const asked = FIELDS.filter((field) => filters[field] !== undefined);
    if (this.keyManagement === undefined || asked.length === 0) return [];
    try {
      const known = await this.known(this.keyManagement, organizationId, filters);
      return asked.filter((field) => !known.has(`${field} ${filters[field]!}`));
    } catch (err) {
      this.logger.warn({ err }, 'key-management did not say whether an id is known; its usage reads as zero');
      return [];
    }
  }

  private async known(
    keyManagement: Pick<KeyManagementApi, 'knownKeys' | 'knownOwners'>,
    organizationId: string,
    { api_key_id, group_id, project_id, member_id }: UsageFilters,
  ): Promise<ReadonlySet<string>> {
    const idsOf = (id: string | undefined): string[] => (id === undefined ? [] : [id]);
    const keys = api_key_id === undefined ? [] : await keyManagement.knownKeys(organizationId, [api_key_id]);
    const known = new Set(keys.map((id) => `api_key_id ${id}`));
    if (group_id === undefined && project_id === undefined && member_id === undefined) return known;
    const { groups, projects, members } = await keyManagement.knownOwners({
      organizationId,
      groupIds: idsOf(group_id),
      projectIds: idsOf(project_id),
      memberIds: idsOf(member_id),
    });
    for (const { id } of groups) known.add(`group_id ${id}`);
    for (const { id } of projects) known.add(`project_id ${id}`);
    for (const { id } of members) known.add(`member_id ${id}`);
    return known;
  }
}
