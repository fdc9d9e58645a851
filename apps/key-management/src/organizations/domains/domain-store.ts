import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import { IsNull, Not, QueryFailedError, type EntityManager } from 'typeorm';
import { lockOrganization } from '../lock-organization.js';
import { AuditTrail } from '../../audit/audit-trail.js';
import { domainEntity } from './domain.entity.js';
import { DOMAINS_MAX, type Domain } from './domain.js';

/** The claims of organisations on domains, with their audit trail. */
@Injectable()
export class DomainStore {
  private readonly audit = new AuditTrail();

  constructor(private readonly database: ServiceDatabase) {}

  /** All of an organisation, the first made first. */
  async list(organizationId: string): Promise<Domain[]> {
    return this.database.inOrganization(organizationId, (manager) =>
      manager.getRepository(domainEntity).find({
        where: { organizationId },
        order: { createdAt: 'ASC', id: 'ASC' },
        take: DOMAINS_MAX,
      }),
    );
  }

  /** Null if the organisation has no such claim. */
  async find(organizationId: string, id: string): Promise<Domain | null> {
    return this.database.inOrganization(organizationId, (manager) =>
      manager.getRepository(domainEntity).findOneBy({ organizationId, id }),
    );
  }

  /** Whether the organisation has proven the domain, read in the caller's transaction. */
  async isProven(manager: EntityManager, organizationId: string, name: string): Promise<boolean> {
    return manager.getRepository(domainEntity).existsBy({ organizationId, name, provenAt: Not(IsNull()) });
  }

  /** The claim of the organisation that has proven the domain, whichever it is. */
  async proven(name: string): Promise<Domain | null> {
    return this.database.acrossOrganizations((manager) =>
      manager.getRepository(domainEntity).findOneBy({ name, provenAt: Not(IsNull()) }),
    );
  }

  /**
   * Writes a new claim in a transaction about its organisation. Says why not where that has one on this domain, or has
   * as many as it may.
   */
  async insert(manager: EntityManager, domain: Domain, actor: Actor): Promise<'inserted' | 'exists' | 'too_many'> {
    const { organizationId } = domain;
    await lockOrganization(manager, organizationId);
    const repository = manager.getRepository(domainEntity);
    if ((await repository.countBy({ organizationId })) >= DOMAINS_MAX) return 'too_many';
    const { raw } = await repository.createQueryBuilder().insert().values(domain).orIgnore().returning('id').execute();
    if ((raw as unknown[]).length === 0) return 'exists';
    await this.note(manager, 'domain.created', domain, actor);
    return 'inserted';
  }

  /** Ends a claim; null if there is none. */
  async delete(organizationId: string, id: string, actor: Actor): Promise<Domain | null> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const repository = manager.getRepository(domainEntity);
      const domain = await repository.findOne({ where: { organizationId, id }, lock: { mode: 'pessimistic_write' } });
      if (domain === null) return null;
      await repository.delete({ organizationId, id });
      await this.note(manager, 'domain.deleted', domain, actor);
      return domain;
    });
  }

  /**
   * Notes whether the record of a claim was seen. The claim with its new state; null if it has ended meanwhile;
   * `taken` if another organisation has proven the domain and still holds it.
   */
  async setProven(domain: Domain, provenAt: Date | null, actor: Actor): Promise<Domain | 'taken' | null> {
    const { organizationId, id } = domain;
    try {
      return await this.database.inOrganization(organizationId, async (manager) => {
        const repository = manager.getRepository(domainEntity);
        const before = await repository.findOne({ where: { organizationId, id }, lock: { mode: 'pessimistic_write' } });
        if (before === null) return null;
        await repository.update({ organizationId, id }, { provenAt });
        if ((before.provenAt === null) !== (provenAt === null))
          await this.note(manager, provenAt === null ? 'domain.lost' : 'domain.proven', domain, actor);
        return { ...before, provenAt };
      });
    } catch (error) {
      if (isTaken(error)) return 'taken';
      throw error;
    }
  }

  private async note(manager: EntityManager, action: string, domain: Domain, actor: Actor): Promise<void> {
    const { organizationId, id, name } = domain;
    const entry = { actor, action, targetType: 'domain', targetId: id, details: { domain: name } };
    await this.audit.append(manager, organizationId, [entry]);
  }
}

/** The index that keeps a domain with one organisation at a time. */
function isTaken(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const { code, constraint } = error.driverError as { code?: string; constraint?: string };
  return code === '23505' && constraint === 'domain_proven_once';
}
