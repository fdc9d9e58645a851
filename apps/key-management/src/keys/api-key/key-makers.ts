import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { Maker } from '../../members/maker.js';
import type { NamedMaker } from '../../members/maker.reply.js';

interface MakerRow {
  id: string;
  created_by_kind: Maker['kind'];
  created_by_id: string | null;
  created_by_name: string | null;
}

/** Index: api_key_of_organization_unique. */
const SELECT_MAKERS = `
  SELECT k.id, k.created_by_kind, k.created_by_id, coalesce(p.name, p.email, m.name) AS created_by_name
  FROM keys.api_key AS k
  LEFT JOIN keys.person AS p ON k.created_by_kind = 'person' AND p.id = k.created_by_id
  LEFT JOIN keys.api_key AS m
    ON k.created_by_kind = 'api_key' AND m.organization_id = k.organization_id AND m.id = k.created_by_id
  WHERE k.organization_id = $1 AND k.id = ANY($2::uuid[]) AND k.created_by_kind IS NOT NULL`;

/** Who made keys. A person keeps their name here when they are no longer a member, a key when it has ended. */
@Injectable()
export class KeyMakers {
  constructor(private readonly database: ServiceDatabase) {}

  /** The makers of keys of one organisation, by the id of the key; none for a key of before it was noted. */
  async of(organizationId: string, apiKeyIds: readonly string[]): Promise<ReadonlyMap<string, NamedMaker>> {
    if (apiKeyIds.length === 0) return new Map();
    return this.database.inOrganization(organizationId, (manager) => this.ofIn(manager, organizationId, apiKeyIds));
  }

  /** The same in the caller's transaction. */
  async ofIn(
    manager: EntityManager,
    organizationId: string,
    apiKeyIds: readonly string[],
  ): Promise<ReadonlyMap<string, NamedMaker>> {
    const rows = await manager.query<MakerRow[]>(SELECT_MAKERS, [organizationId, apiKeyIds]);
    return new Map(rows.map((row) => [row.id, namedMaker(row)]));
  }
}

const namedMaker = ({ created_by_kind: kind, created_by_id: id, created_by_name: name }: MakerRow): NamedMaker =>
  kind === 'operator' || id === null ? { kind: 'operator', id: null, name: null } : { kind, id, name };
