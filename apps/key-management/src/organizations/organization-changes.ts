import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { EndOrganizationRequest } from '@tollgate/contracts';
import { formatUsd } from '@tollgate/credit';
import { momentText, Outbox, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { changesBetween } from '../audit/audit-entry.js';
import { AuditTrail } from '../audit/audit-trail.js';
import type { AuditValue } from '../audit/audit-value.js';
import type { SnapshotEntries } from '../store/key-store.js';
import { limitEntries } from '../store/limit-change.js';
import { forgetAddresses } from '../keys/key-use/key-use-store.js';
import { END_BILLING, END_KEYS, KEYS_SCHEMA, WRITE_ORGANIZATION } from '../store/outbox-effects.js';
import {
  organizationOf,
  SELECT_ORGANIZATION,
  type ListedOrganization,
  type OrganizationPosition,
  type OrganizationRow,
} from './organization-store.js';
import { organizationSnapshotOf, type Organization } from './organization.js';
import { endSignInsOf } from '../sign-in/oidc/end-of-organization.js';

/** An organisation as it is after a change, and the outbox entries that tell of the change; none if nothing changed. */
export interface ChangedOrganization {
  readonly organization: Organization;
  readonly written: SnapshotEntries;
}

/** Whose keys end, and who has caused it: what an outbox entry of `END_KEYS` carries. */
export interface EndedKeys {
  readonly organizationId: string;
  readonly actor: Actor;
  /** ISO 8601. */
  readonly at: string;
}

/** Changes of organisations, with their audit trail and the outbox entries of their snapshots. */
@Injectable()
export class OrganizationChanges {
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly audit = new AuditTrail();

  constructor(private readonly database: ServiceDatabase) {}

  /**
   * The first `count` organisations of a person behind a position, newest first; null for all.
   * Index: member_by_person.
   */
  async listOf(personId: string, count: number, after: OrganizationPosition | null): Promise<ListedOrganization[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<(OrganizationRow & { created_at_text: string })[]>(
        `SELECT o.id, o.name, o.credit_limit_nano_usd, o.credit_generation, o.credit_raise_nano_usd, o.credit_raise_until, o.key_names_immutable, o.created_at, o.deleted_at, o.version, ${momentText('o.created_at')} AS created_at_text
         FROM keys.member AS m JOIN keys.organization AS o ON o.id = m.organization_id
         WHERE m.person_id = $1 AND o.deleted_at IS NULL
           AND ($2::timestamptz IS NULL OR (o.created_at, o.id) < ($2::timestamptz, $3::text))
         ORDER BY o.created_at DESC, o.id DESC LIMIT $4`,
        [personId, after?.[0] ?? null, after?.[1] ?? null, count],
      ),
    );
    return rows.map((row) => ({ organization: organizationOf(row), position: [row.created_at_text, row.id] }));
  }

  /**
   * Locks the organisation and writes what `decide` makes of it; null writes nothing. Resolves with null if there is
   * none. Index: organization_pk.
   */
  async change(
    id: string,
    decide: (organization: Organization) => Organization | null,
    actor: Actor,
  ): Promise<ChangedOrganization | null> {
    return this.database.inOrganization(id, async (manager) => {
      const rows = await manager.query<OrganizationRow[]>(
        `${SELECT_ORGANIZATION} WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
        [id],
      );
      const before = rows[0] === undefined ? null : organizationOf(rows[0]);
      if (before === null) return null;
      const after = decide(before);
      if (after === null) return { organization: before, written: [] };
      await manager.query(
        `UPDATE keys.organization SET name = $2, credit_limit_nano_usd = $3, credit_generation = $4, key_names_immutable = $5,
           version = $6, credit_raise_nano_usd = $7, credit_raise_until = $8 WHERE id = $1`,
        [
          id,
          after.name,
          after.creditLimitNanoUsd?.toString() ?? null,
          after.creditGeneration,
          after.keyNamesImmutable,
          after.version,
          after.creditRaise?.amountNanoUsd.toString() ?? null,
          after.creditRaise?.until ?? null,
        ],
      );
      const written = await this.outbox.add(manager, snapshotEntry(after));
      const owner = { organizationId: id, apiKeyId: null, version: after.version, at: new Date() };
      await this.outbox.add(manager, ...limitEntries(owner, before, after));
      const changes = changesBetween(audited(before), audited(after));
      await this.audit.append(manager, id, [entryOf('updated', id, actor, { changes })]);
      return { organization: after, written };
    });
  }

  /**
   * Deletes an organisation: nobody is its member or invited any more, and its keys begin to end. From the commit on it
   * is found by nobody; its audit trail stays. Resolves with null if there is none. Index: organization_pk.
   */
  async delete(
    id: string,
    allow: (organization: Organization) => void,
    actor: Actor,
    now: Date,
  ): Promise<ChangedOrganization | null> {
    return this.database.inOrganization(id, async (manager) => {
      // A lock that also stops inserts of keys, whose foreign key looks at this row.
      const rows = await manager.query<OrganizationRow[]>(
        `${SELECT_ORGANIZATION} WHERE id = $1 AND deleted_at IS NULL FOR UPDATE`,
        [id],
      );
      const before = rows[0] === undefined ? null : organizationOf(rows[0]);
      if (before === null) return null;
      allow(before);
      const after: Organization = { ...before, version: before.version + 1, deletedAt: now };
      await manager.query('UPDATE keys.organization SET deleted_at = $2, version = $3 WHERE id = $1', [
        id,
        now,
        after.version,
      ]);
      const ended: EndedKeys = { organizationId: id, actor, at: now.toISOString() };
      const written = await this.outbox.add(manager, snapshotEntry(after), {
        effect: END_KEYS,
        key: id,
        payload: JSON.stringify(ended),
      });
      const end: EndOrganizationRequest = { organizationId: id, endedAt: now.toISOString() };
      await this.outbox.add(manager, { effect: END_BILLING, key: id, payload: JSON.stringify(end) });
      await endSignInsOf(manager, id);
      await forgetAddresses(manager, id);
      const details = { members: await deleteMembers(manager, id), invitations: await deleteInvitations(manager, id) };
      const changes = changesBetween(audited(before), null);
      await this.audit.append(manager, id, [entryOf('deleted', id, actor, { changes, details })]);
      return { organization: after, written };
    });
  }
}

const snapshotEntry = (organization: Organization) => ({
  effect: WRITE_ORGANIZATION,
  key: organization.id,
  payload: JSON.stringify(organizationSnapshotOf(organization)),
});

const entryOf = <More extends object>(change: 'updated' | 'deleted', id: string, actor: Actor, more: More) => ({
  actor,
  action: `organization.${change}`,
  targetType: 'organization',
  targetId: id,
  ...more,
});

const audited = ({
  name,
  creditLimitNanoUsd,
  creditRaise,
  keyNamesImmutable,
}: Organization): Record<string, AuditValue> => ({
  name,
  credit_limit_usd: creditLimitNanoUsd === null ? null : formatUsd(creditLimitNanoUsd),
  credit_limit_raise_usd: creditRaise === null ? null : formatUsd(creditRaise.amountNanoUsd),
  credit_limit_raise_until: creditRaise?.until ?? null,
  key_names_immutable: keyNamesImmutable,
});

async function deleteMembers(manager: EntityManager, organizationId: string): Promise<number> {
  const rows = await manager.query<object[]>(
    'WITH gone AS (DELETE FROM keys.member WHERE organization_id = $1 RETURNING id) SELECT id FROM gone',
    [organizationId],
  );
  return rows.length;
}

async function deleteInvitations(manager: EntityManager, organizationId: string): Promise<number> {
  const rows = await manager.query<object[]>(
    'WITH gone AS (DELETE FROM keys.invitation WHERE organization_id = $1 RETURNING id) SELECT id FROM gone',
    [organizationId],
  );
  return rows.length;
}
