import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { Outbox } from '@tollgate/postgres';
import { DataSource } from 'typeorm';
import { changesBetween } from '../audit/audit-entry.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { Personal } from '../audit/audit-value.js';
import type { SnapshotEntries } from '../store/key-store.js';
import { KEYS_SCHEMA, WRITE_ORGANIZATION } from '../store/outbox-effects.js';
import { organizationSnapshotOf, type Organization } from './organization.js';

interface OrganizationRow {
  id: string;
  position: string;
  name: string;
  credit_limit_nano_usd: string | null;
  created_at: Date;
  version: number;
}

/** A page of organisations, newest first. */
export interface OrganizationPage {
  readonly organizations: readonly Organization[];
  /** The position before which the next page begins; null on the last page. */
  readonly nextPosition: bigint | null;
}

const SELECT = `SELECT id, position, name, credit_limit_nano_usd, created_at, version FROM keys.organization`;

/** Organisations, with their first owner, their audit trail and their outbox entries. */
@Injectable()
export class OrganizationStore {
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly audit = new AuditTrail();

  constructor(private readonly dataSource: DataSource) {}

  /** Index: organization_pk. */
  async find(id: string): Promise<Organization | null> {
    const rows: OrganizationRow[] = await this.dataSource.query(`${SELECT} WHERE id = $1`, [id]);
    return rows[0] === undefined ? null : organizationOf(rows[0]);
  }

  /** Newest first, positions below `before`; null begins with the newest. Index: organization_position_unique. */
  async list(limit: number, before: bigint | null): Promise<OrganizationPage> {
    const rows: OrganizationRow[] = await this.dataSource.query(
      `${SELECT} WHERE ($1::bigint IS NULL OR position < $1::bigint) ORDER BY position DESC LIMIT $2`,
      [before?.toString() ?? null, limit + 1],
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      organizations: page.map(organizationOf),
      nextPosition: rows.length > limit && last !== undefined ? BigInt(last.position) : null,
    };
  }

  /** Writes a new organisation with its owner, in one transaction. Resolves with the outbox entry of its snapshot. */
  async insert(organization: Organization, ownerEmail: string, actor: Actor): Promise<SnapshotEntries> {
    const { id, name, creditLimitNanoUsd, createdAt, version } = organization;
    return this.dataSource.transaction(async (manager) => {
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
    });
  }
}

function organizationOf(row: OrganizationRow): Organization {
  return {
    id: row.id,
    name: row.name,
    creditLimitNanoUsd: row.credit_limit_nano_usd === null ? null : BigInt(row.credit_limit_nano_usd),
    createdAt: row.created_at,
    version: row.version,
  };
}
