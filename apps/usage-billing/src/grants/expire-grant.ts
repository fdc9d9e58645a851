import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import { AuditRecords } from '../audit/audit-records.js';
import { OrganizationTerms } from '../terms/organization-terms.js';
import { grantChange } from './grant-audit.js';
import { GrantStore } from './grant-store.js';
import { hasExpired, type Grant } from './grant.js';

/** Ends grants that were a mistake. */
@Injectable()
export class ExpireGrant {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: GrantStore,
    private readonly terms: OrganizationTerms,
    private readonly audit: AuditRecords,
  ) {}

  /**
   * Lets a grant expire at `now`, which takes what it has left and un-held; one that has expired or is used up stays as
   * it is. Resolves with null if there is none.
   */
  async execute(organizationId: string, id: string, actor: Actor, now: Date): Promise<Grant | null> {
    const expired = await this.database.inOrganization(organizationId, async (manager) => {
      const terms = await this.terms.lock(manager, organizationId);
      const grant = await this.store.lock(manager, organizationId, id);
      if (grant === null || grant.closedAt !== null || hasExpired(grant, now)) return grant;
      const after: Grant = { ...grant, expiresAt: now, endedByHand: true, live: false };
      await this.store.save(manager, after);
      await this.terms.save(manager, organizationId, terms);
      await this.audit.add(manager, grantChange(actor, grant, after));
      return after;
    });
    this.terms.announced();
    return expired;
  }
  /** The same for all of an organisation that can still be used. */
  async all(organizationId: string, actor: Actor, now: Date): Promise<void> {
    for (const { id } of await this.store.open(organizationId)) await this.execute(organizationId, id, actor, now);
  }
}
