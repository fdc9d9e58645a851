import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { OrganizationStore } from '../../organizations/organization-store.js';
import { INSTALLATION } from '../audit-entry.js';
import { AuditStore } from '../audit-store.js';
import { AuditTrail } from '../audit-trail.js';
import type { ToldEntry } from './read-audit-record.js';

/** Two processes that get one message wait for each other here. Index: audit_received_pk. */
const RECEIVE = `INSERT INTO keys.audit_received (organization_id, entry_id)
  SELECT $1, entry_id FROM unnest($2::uuid[]) AS e (entry_id) ON CONFLICT ON CONSTRAINT audit_received_pk DO NOTHING
  RETURNING entry_id`;

/** Writes into the audit trail what other services have told of, each entry once. */
@Injectable()
export class TakeEntries {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditTrail,
    private readonly store: AuditStore,
    private readonly organizations: OrganizationStore,
  ) {}

  /**
   * Resolves when all of them are in their chains. What concerns no organisation, or one that never was, is the
   * installation's.
   */
  async execute(entries: readonly ToldEntry[]): Promise<void> {
    const trails = new Map<string, ToldEntry[]>();
    for (const entry of entries) {
      const { organizationId } = entry;
      const isKnown = organizationId !== null && (trails.has(organizationId) || (await this.isKnown(organizationId)));
      const trail = isKnown ? organizationId : INSTALLATION;
      trails.set(trail, [...(trails.get(trail) ?? []), entry]);
    }
    for (const [organizationId, trail] of trails)
      await this.database.inOrganization(organizationId, async (manager) => {
        const fresh = await receive(manager, organizationId, trail);
        await this.audit.append(manager, organizationId, fresh);
      });
  }

  /** The trail of an organisation that was deleted goes on. */
  private async isKnown(organizationId: string): Promise<boolean> {
    if ((await this.organizations.find(organizationId)) !== null) return true;
    return (await this.store.heads(organizationId)).changes.count > 0;
  }
}

/** Those of the entries that have not come before, in their order. */
async function receive(
  manager: EntityManager,
  organizationId: string,
  entries: readonly ToldEntry[],
): Promise<ToldEntry[]> {
  const byId = new Map(entries.map((entry) => [entry.entryId, entry]));
  // In one order, so that no two transactions wait for each other.
  const ids = [...byId.keys()].sort();
  const rows = await manager.query<{ entry_id: string }[]>(RECEIVE, [organizationId, ids]);
  const fresh = new Set(rows.map((row) => row.entry_id));
  return [...byId.values()].filter(({ entryId }) => fresh.has(entryId));
}
