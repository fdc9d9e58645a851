import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { momentText, Outbox, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { changesBetween } from '../audit/audit-entry.js';
import { AuditTrail } from '../audit/audit-trail.js';
import type { AuditValue } from '../audit/audit-value.js';
import {
  billingText,
  organizationOf,
  SELECT_ORGANIZATION,
  type OrganizationRow,
} from '../organizations/organization-store.js';
import {
  budgetEnd,
  organizationSnapshotOf,
  withBudgets,
  type GroupRoutes,
  type Organization,
} from '../organizations/organization.js';
import type { SnapshotEntries } from '../store/key-store.js';
import { KEYS_SCHEMA, WRITE_ORGANIZATION } from '../store/outbox-effects.js';
import { violatedConstraint } from '../store/violated-constraint.js';
import { GROUP_ROUTES_BYTES_MAX, GROUPS_MAX, type Group } from './group.js';

/** Where a group stands in the list: when it was created, to the microsecond, and its id. */
export type GroupPosition = readonly [createdAt: string, id: string];

/** A group in a list. */
export interface ListedGroup {
  readonly group: Group;
  readonly position: GroupPosition;
}

/** A key of a group, as far as the list of a group's keys shows it. */
export interface GroupKey {
  readonly id: string;
  readonly name: string;
}

/** A group as it is after a change, and the outbox entries that tell gateways of the change; none if it has none. */
export interface ChangedGroup {
  readonly group: Group;
  readonly written: SnapshotEntries;
}

/**
 * Makes a group of a group, or null for no change. It sees the organisation in the same lock, and may throw a
 * `Problem`.
 */
export type DecideGroup = (group: Group, organization: Organization) => Group | null;

interface GroupRow {
  organization_id: string;
  id: string;
  name: string;
  description: string | null;
  routes: string[];
  created_at: Date;
  version: number;
  deleted_at: Date | null;
}

const COLUMNS = 'organization_id, id, name, description, routes, created_at, version, deleted_at';

/** Index: key_group_newest. */
const SELECT_PAGE = `SELECT ${COLUMNS}, ${momentText('created_at')} AS created_at_text
  FROM keys.key_group
  WHERE organization_id = $1 AND deleted_at IS NULL
    AND ($2::timestamptz IS NULL OR (created_at, id) < ($2::timestamptz, $3::uuid))
    AND ($5::text IS NULL OR position(lower($5) IN lower(name)) > 0 OR position(lower($5) IN lower(description)) > 0)
  ORDER BY created_at DESC, id DESC LIMIT $4`;

/**
 * Groups with their audit trail. A change of their routes locks the organisation first, and writes the one record by
 * which gateways hear of it.
 */
@Injectable()
export class GroupStore {
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly audit = new AuditTrail();

  constructor(private readonly database: ServiceDatabase) {}

  /** Null if the organisation has no such group. Index: key_group_pk. */
  async find(organizationId: string, id: string): Promise<Group | null> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<GroupRow[]>(
        `SELECT ${COLUMNS} FROM keys.key_group WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`,
        [organizationId, id],
      ),
    );
    return rows[0] === undefined ? null : groupOf(rows[0]);
  }

  /** The first `count` behind a position whose name or description has the text `q`, newest first; nulls for all. */
  async list(
    organizationId: string,
    count: number,
    after: GroupPosition | null,
    q: string | null,
  ): Promise<ListedGroup[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<(GroupRow & { created_at_text: string })[]>(SELECT_PAGE, [
        organizationId,
        after?.[0] ?? null,
        after?.[1] ?? null,
        count,
        q,
      ]),
    );
    return rows.map((row) => ({ group: groupOf(row), position: [row.created_at_text, row.id] }));
  }

  /** The names of those of these groups that there are, by their ids. Index: key_group_pk. */
  async namesOf(organizationId: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ id: string; name: string }[]>(
        'SELECT id, name FROM keys.key_group WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL',
        [organizationId, ids],
      ),
    );
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /**
   * The first `count` keys of a group behind the one with this id, by their ids; null for all. Each is looked up by
   * itself, so that a page of a large group costs as little as one of a small one. Index: group_key_pk.
   */
  async keysOf(organizationId: string, id: string, count: number, after: string | null): Promise<GroupKey[]> {
    return this.database.inOrganization(organizationId, (manager) =>
      manager.query<GroupKey[]>(
        `SELECT k.id, k.name FROM keys.group_key AS g
         CROSS JOIN LATERAL (
           SELECT id, name FROM keys.api_key
           WHERE organization_id = g.organization_id AND id = g.api_key_id AND deleted_at IS NULL OFFSET 0
         ) AS k
         WHERE g.organization_id = $1 AND g.group_id = $2 AND ($3::uuid IS NULL OR g.api_key_id > $3::uuid)
         ORDER BY g.api_key_id LIMIT $4`,
        [organizationId, id, after, count],
      ),
    );
  }

  /**
   * Whether the organisation has the group, which is then not deleted before the caller's transaction ends.
   * Index: key_group_pk.
   */
  async keep(manager: EntityManager, organizationId: string, id: string): Promise<boolean> {
    const rows = await manager.query<object[]>(
      'SELECT 1 FROM keys.key_group WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR SHARE',
      [organizationId, id],
    );
    return rows.length > 0;
  }

  /**
   * Writes a new group in a transaction about its organisation, which is to run `unlessNameTaken`.
   * @throws {Problem} `group_limit_reached`; `organization_not_found` if it has been deleted since a guard looked
   */
  async insert(manager: EntityManager, group: Group, actor: Actor): Promise<void> {
    await lock(manager, group.organizationId);
    const rows = await manager.query<{ count: number }[]>(
      'SELECT count(*)::int AS count FROM keys.key_group WHERE organization_id = $1 AND deleted_at IS NULL',
      [group.organizationId],
    );
    if ((rows[0]?.count ?? 0) >= GROUPS_MAX)
      throw new Problem('group_limit_reached', {
        detail: `An organisation may have ${GROUPS_MAX} groups. Delete one that is not needed any more.`,
      });
    await manager.query(
      `INSERT INTO keys.key_group (organization_id, id, name, description, created_at, version)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [group.organizationId, group.id, group.name, group.description, group.createdAt, group.version],
    );
    await this.record(manager, null, group, actor);
  }

  /**
   * Locks the organisation and the group, and writes what `decide` makes of it with the organisation's record if routes
   * have changed; null writes nothing. Resolves with the group as it is now, or null if there is none.
   * Index: key_group_pk.
   * @throws {Problem} `group_limit_reached` if the routes of all groups together would take too much, and what `decide`
   * throws
   */
  async change(
    organizationId: string,
    id: string,
    decide: DecideGroup,
    actor: Actor,
  ): Promise<ChangedGroup | 'name_taken' | null> {
    return unlessNameTaken(() =>
      this.database.inOrganization(organizationId, async (manager) => {
        const organization = await lock(manager, organizationId);
        const rows = await manager.query<GroupRow[]>(
          `SELECT ${COLUMNS} FROM keys.key_group WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE`,
          [organizationId, id],
        );
        const before = rows[0] === undefined ? null : groupOf(rows[0]);
        if (before === null) return null;
        const after = decide(before, organization);
        if (after === null) return { group: before, written: [] };
        await manager.query(
          `UPDATE keys.key_group SET name = $3, description = $4, routes = $5, version = $6, deleted_at = $7
           WHERE organization_id = $1 AND id = $2`,
          [organizationId, id, after.name, after.description, after.routes, after.version, after.deletedAt],
        );
        const written = await this.tellGateways(manager, organization, after);
        if (after.deletedAt !== null)
          await this.outbox.add(manager, budgetEnd({ organizationId, kind: 'group', ownerId: id, name: before.name }));
        await this.record(manager, before, after, actor);
        return { group: after, written };
      }),
    );
  }

  /**
   * Writes the next version of the organisation's record if what the group opens has changed. A deleted group has no
   * budget any more, although its keys' snapshots still name it.
   */
  private async tellGateways(
    manager: EntityManager,
    organization: Organization,
    { id, routes, deletedAt }: Group,
  ): Promise<SnapshotEntries> {
    const { [id]: opened = [], ...others } = organization.groupRoutes;
    const opens = deletedAt === null ? routes : [];
    const endsBudget =
      deletedAt !== null && organization.billing.budgets?.some(({ ownerId }) => ownerId === id) === true;
    if (opened.join(' ') === opens.join(' ') && !endsBudget) return [];
    const billing = endsBudget
      ? withBudgets(organization.billing, ({ ownerId }) => ownerId !== id)
      : organization.billing;
    const groupRoutes: GroupRoutes = opens.length === 0 ? others : { ...others, [id]: opens };
    const text = JSON.stringify(groupRoutes);
    if (opens.length > opened.length && Buffer.byteLength(text) > GROUP_ROUTES_BYTES_MAX)
      throw new Problem('group_limit_reached', {
        detail: `The routes of all groups of an organisation may take ${GROUP_ROUTES_BYTES_MAX} bytes together. Take routes from groups that do not need them, or give one group's routes to more keys.`,
      });
    const after = { ...organization, groupRoutes, billing, version: organization.version + 1 };
    await manager.query(
      'UPDATE keys.organization SET group_routes = $2::jsonb, billing_terms = $3::jsonb, version = $4 WHERE id = $1',
      [organization.id, text, billingText(billing), after.version],
    );
    return this.outbox.add(manager, {
      effect: WRITE_ORGANIZATION,
      key: organization.id,
      payload: JSON.stringify(organizationSnapshotOf(after)),
    });
  }

  private async record(manager: EntityManager, before: Group | null, after: Group, actor: Actor): Promise<void> {
    const deleted = after.deletedAt !== null;
    const action = before === null ? 'group.created' : deleted ? 'group.deleted' : 'group.updated';
    const changes = changesBetween(before && audited(before), deleted ? null : audited(after));
    await this.audit.append(manager, after.organizationId, [
      { actor, action, targetType: 'group', targetId: after.id, changes, details: { name: after.name } },
    ]);
  }
}

const audited = ({ name, description, routes }: Group): Record<string, AuditValue> => ({ name, description, routes });

/**
 * Locks an organisation until the end of the transaction: all that changes its record takes this lock first.
 * Index: organization_pk.
 */
async function lock(manager: EntityManager, organizationId: string): Promise<Organization> {
  const rows = await manager.query<OrganizationRow[]>(
    `${SELECT_ORGANIZATION} WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
    [organizationId],
  );
  if (rows[0] === undefined) throw new Problem('organization_not_found');
  return organizationOf(rows[0]);
}

const groupOf = (row: GroupRow): Group => ({
  organizationId: row.organization_id,
  id: row.id,
  name: row.name,
  description: row.description,
  routes: row.routes,
  createdAt: row.created_at,
  version: row.version,
  deletedAt: row.deleted_at,
});

/** Runs work that gives a group its name; `name_taken` if another one of the organisation has it. */
export async function unlessNameTaken<T>(work: () => Promise<T>): Promise<T | 'name_taken'> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error)?.name === 'key_group_name_unique') return 'name_taken';
    throw error;
  }
}
