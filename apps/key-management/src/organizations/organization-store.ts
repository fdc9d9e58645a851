import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { momentText, Outbox, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { changesBetween } from '../audit/audit-entry.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { Personal } from '../audit/audit-value.js';
import type { SnapshotEntries } from '../store/key-store.js';
import { KEYS_SCHEMA, WRITE_ORGANIZATION } from '../store/outbox-effects.js';
import { creditRaiseOf, type CreditRaiseColumns } from './credit-raise.js';
import { organizationSnapshotOf, type BillingTerms, type GroupRoutes, type Organization } from './organization.js';

/** A row of `keys.organization`. */
export interface OrganizationRow extends CreditRaiseColumns {
  id: string;
  name: string;
  credit_limit_nano_usd: string | null;
  credit_generation: number;
  /** These two are not of rows of a list. */
  billing_terms?: BillingTerms | null;
  group_routes?: GroupRoutes;
  key_names_immutable: boolean;
  created_at: Date;
  deleted_at: Date | null;
  version: number;
}

/** Where an organisation stands in the list: when it was created, to the microsecond, and its id. */
export type OrganizationPosition = readonly [createdAt: string, id: string];

/** An organisation in a list. */
export interface ListedOrganization {
  readonly organization: Organization;
  readonly position: OrganizationPosition;
}

/** Selects organisations; the caller appends its conditions. */
export const SELECT_ORGANIZATION = `SELECT id, name, credit_limit_nano_usd, credit_generation, credit_raise_nano_usd, credit_raise_until, key_names_immutable,
  group_routes, billing_terms, created_at, deleted_at, version FROM keys.organization`;

/** Organisations, with their first owner, their audit trail and their outbox entries. */
@Injectable()
export class OrganizationStore {
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly audit = new AuditTrail();

  constructor(private readonly database: ServiceDatabase) {}

  /** Null if there is none, or if it is deleted. Index: organization_pk. */
  async find(id: string): Promise<Organization | null> {
    const rows = await this.database.inOrganization(id, (manager) =>
      manager.query<OrganizationRow[]>(`${SELECT_ORGANIZATION} WHERE id = $1 AND deleted_at IS NULL`, [id]),
    );
    return rows[0] === undefined ? null : organizationOf(rows[0]);
  }

  /** What its keys were charged in their lives, in nano-USD, at most 5 s behind. Index: api_key_use_by_charge. */
  async charged(id: string): Promise<bigint> {
    const rows = await this.database.inOrganization(id, (manager) =>
      manager.query<{ charged: string }[]>(
        'SELECT coalesce(sum(charged_nano_usd), 0) AS charged FROM keys.api_key_use WHERE organization_id = $1',
        [id],
      ),
    );
    return BigInt(rows[0]?.charged ?? 0);
  }

  /**
   * The organisation, which is not deleted before the caller's transaction ends: for what is made in it. A foreign key
   * does not stop that, for the row of a deleted one stays. Index: organization_pk.
   * @throws {Problem} `organization_not_found` if there is none, or if it has been deleted since a guard looked
   */
  async keep(manager: EntityManager, id: string): Promise<Organization> {
    const rows: OrganizationRow[] = await manager.query(
      `${SELECT_ORGANIZATION} WHERE id = $1 AND deleted_at IS NULL FOR KEY SHARE`,
      [id],
    );
    if (rows[0] === undefined) throw new Problem('organization_not_found');
    return organizationOf(rows[0]);
  }

  /** The first `count` behind a position, newest first; null for all. Index: organization_newest. */
  async list(count: number, after: OrganizationPosition | null): Promise<ListedOrganization[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<(OrganizationRow & { created_at_text: string })[]>(
        `SELECT id, name, credit_limit_nano_usd, credit_generation, credit_raise_nano_usd, credit_raise_until, key_names_immutable, created_at, deleted_at, version, ${momentText('created_at')} AS created_at_text
         FROM keys.organization WHERE deleted_at IS NULL AND ($1::timestamptz IS NULL OR (created_at, id) < ($1::timestamptz, $2::text))
         ORDER BY created_at DESC, id DESC LIMIT $3`,
        [after?.[0] ?? null, after?.[1] ?? null, count],
      ),
    );
    return rows.map((row) => ({ organization: organizationOf(row), position: [row.created_at_text, row.id] }));
  }

  /** Where what had this place in lists of release 0.1.0 stands now. Index: organization_position_unique. */
  async positionOfFormer(formerPosition: bigint): Promise<OrganizationPosition | null> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ created_at_text: string; id: string }[]>(
        `SELECT id, ${momentText('created_at')} AS created_at_text FROM keys.organization WHERE position = $1`,
        [formerPosition.toString()],
      ),
    );
    return rows[0] === undefined ? null : [rows[0].created_at_text, rows[0].id];
  }

  /** Writes a new organisation with its owner. Resolves with the outbox entry of its snapshot. */
  async insert(
    manager: EntityManager,
    organization: Organization,
    ownerEmail: string,
    actor: Actor,
  ): Promise<SnapshotEntries> {
    const { id, name, creditLimitNanoUsd, createdAt, version } = organization;
    await manager.query(
      `INSERT INTO keys.organization (id, name, credit_limit_nano_usd, created_at, version) VALUES ($1, $2, $3, $4, $5)`,
      [id, name, creditLimitNanoUsd?.toString() ?? null, createdAt, version],
    );
    await manager.query(`INSERT INTO keys.member (organization_id, email, role) VALUES ($1, $2, 'owner')`, [
      id,
      ownerEmail,
    ]);
    const written = await this.outbox.add(manager, {
      effect: WRITE_ORGANIZATION,
      key: id,
      payload: JSON.stringify(organizationSnapshotOf(organization)),
    });
    const changes = changesBetween(null, { name, owner: new Personal('email', ownerEmail) });
    const created = { actor, action: 'organization.created', targetType: 'organization', targetId: id, changes };
    await this.audit.append(manager, id, [created]);
    return written;
  }
}

/** The organisation in a row. */
export function organizationOf(row: OrganizationRow): Organization {
  return {
    id: row.id,
    name: row.name,
    creditLimitNanoUsd: row.credit_limit_nano_usd === null ? null : BigInt(row.credit_limit_nano_usd),
    creditGeneration: row.credit_generation,
    creditRaise: creditRaiseOf(row),
    billing: row.billing_terms ?? {},
    groupRoutes: row.group_routes ?? {},
    keyNamesImmutable: row.key_names_immutable,
    createdAt: row.created_at,
    deletedAt: row.deleted_at,
    version: row.version,
  };
}

/** Terms as their column has them: null for none. */
export function billingText(terms: BillingTerms): string | null {
  return Object.keys(terms).length === 0 ? null : JSON.stringify(terms);
}
