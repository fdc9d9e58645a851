import { Injectable } from '@nestjs/common';
import { uuid, type KnownOwners, type KnownOwnersRequest, type PresentLimit } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';

/** Keys have a status and a limit besides, members a person. */
type Named = KnownOwners['apiKeys'] & KnownOwners['members'];

const NOBODY: KnownOwners = {
  organization: false,
  organizationName: null,
  apiKeys: [],
  groups: [],
  projects: [],
  members: [],
};

/** A limit in the form of `PresentLimit`; null without one. */
const limitSql = (has: string, reset: string): string => `CASE WHEN ${has} THEN jsonb_build_object(
    'capNanoUsd', credit_limit_nano_usd::text, 'reset', ${reset},
    'raise', CASE WHEN credit_raise_until IS NOT NULL THEN jsonb_build_object(
      'amountNanoUsd', credit_raise_nano_usd::text, 'untilMs', floor(extract(epoch FROM credit_raise_until) * 1000)::bigint) END) END`;

/** The limit of 0 of a subscription's key is none: it stands there for a release that knew no subscriptions. */
const KEY_LIMIT = limitSql('credit_limit_nano_usd IS NOT NULL AND subscription IS NULL', 'credit_reset');
const ORGANIZATION_LIMIT = limitSql('credit_limit_nano_usd IS NOT NULL', "'never'");

/** Index: organization_pk. */
const ORGANIZATION = `SELECT name, ${ORGANIZATION_LIMIT} AS present_limit, deleted_at IS NOT NULL AS is_deleted
  FROM keys.organization WHERE id = $1`;

/** Indexes: api_key_of_organization_unique, key_group_pk, project_pk, member_pk. */
const NAMES = {
  // Deleted keys too: what they were used for is shown with their names.
  apiKeys: `SELECT id, name, ${KEY_LIMIT} AS "limit", CASE WHEN revoke_reason = 'leaked' THEN 'leaked' WHEN revoked_at IS NOT NULL OR deleted_at IS NOT NULL THEN 'revoked'
      WHEN expires_at <= now() THEN 'expired' WHEN disabled_at IS NOT NULL THEN 'disabled' ELSE 'active' END AS status
    FROM keys.api_key WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
  groups:
    'SELECT id, name FROM keys.key_group WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL',
  projects: 'SELECT id, name FROM keys.project WHERE organization_id = $1 AND id = ANY($2::uuid[])',
  members: `SELECT id, email AS name, person_id AS "personId" FROM keys.member
    WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
} as const;

interface OrganizationRow {
  name: string;
  present_limit: PresentLimit | null;
  is_deleted: boolean;
}

/** Says what organisations have, for the services that keep budgets and subscriptions of it. */
@Injectable()
export class KnownOwnersStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Those of these ids that there are; of a deleted organisation, its name alone. */
  async known(request: KnownOwnersRequest): Promise<KnownOwners> {
    const { organizationId, apiKeyIds = [], groupIds = [], projectIds = [], memberIds = [] } = request;
    return this.database.inOrganization(organizationId, async (manager) => {
      const [found] = await manager.query<OrganizationRow[]>(ORGANIZATION, [organizationId]);
      if (found === undefined) return NOBODY;
      if (found.is_deleted) return { ...NOBODY, organizationName: found.name };
      const named = (kind: keyof typeof NAMES, ids: readonly string[]) => ownersOf(manager, organizationId, kind, ids);
      return {
        organization: true,
        organizationName: found.name,
        organizationLimit: found.present_limit,
        apiKeys: await named('apiKeys', apiKeyIds),
        groups: await named('groups', groupIds),
        projects: await named('projects', projectIds),
        members: await named('members', memberIds),
      };
    });
  }
}

/** Those of these ids that an organisation has, in the caller's transaction about it; none for what is no id. */
export async function ownersOf(
  manager: EntityManager,
  organizationId: string,
  kind: keyof typeof NAMES,
  ids: readonly string[],
): Promise<Named> {
  const uuids = ids.flatMap((id) => uuid.safeParse(id).data ?? []);
  return uuids.length === 0 ? [] : manager.query<Named>(NAMES[kind], [organizationId, uuids]);
}
