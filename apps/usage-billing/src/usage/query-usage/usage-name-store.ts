import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';

/** What has names. */
export type NamedKind = 'api_key' | 'group' | 'project' | 'member';

/** One thing that has a name. */
export interface Named {
  readonly kind: NamedKind;
  readonly id: string;
}

/** Index: usage_name_pk. */
const STORED = `SELECT kind, id, name FROM billing.usage_name
  WHERE organization_id = $1 AND (kind, id) IN (SELECT * FROM unnest($2::text[], $3::text[]))`;
/** Index: usage_name_pk. */
const STORE = `INSERT INTO billing.usage_name (organization_id, kind, id, name)
  SELECT $1, kind, id, name FROM unnest($2::text[], $3::text[], $4::text[]) AS given (kind, id, name)
  ON CONFLICT (organization_id, kind, id) DO UPDATE SET name = EXCLUDED.name`;

/** The last known names of keys, groups, projects and members, which outlive them. */
@Injectable()
export class UsageNameStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Those of these that are known. */
  async known(
    organizationId: string,
    named: readonly Named[],
  ): Promise<readonly (Named & { readonly name: string })[]> {
    return this.database.inOrganization(organizationId, (manager) =>
      manager.query<(Named & { name: string })[]>(STORED, [
        organizationId,
        named.map(({ kind }) => kind),
        named.map(({ id }) => id),
      ]),
    );
  }

  /** Keeps names, each in the place of the one before. */
  async keep(organizationId: string, names: readonly (Named & { readonly name: string })[]): Promise<void> {
    // Always in the same order, so that two processes wait for each other and never for good.
    const sorted = names.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query(STORE, [
        organizationId,
        sorted.map(({ kind }) => kind),
        sorted.map(({ id }) => id),
        sorted.map(({ name }) => name),
      ]),
    );
  }
}

/** One text for each thing that has a name. */
export const placeOf = ({ kind, id }: Named): string => `${kind} ${id}`;
