import type { DataSource, EntityManager } from 'typeorm';
import { rolesOf, type ServiceRoles, type ServiceSchema } from './service-roles.js';

/** The setting of a transaction that policies compare `organization_id` with. */
export const TENANT_SETTING = 'tollgate.organization_id';

/** Work inside a transaction. Every statement and repository in it must be of this manager. */
export type TransactionWork<T> = (manager: EntityManager) => Promise<T>;

/**
 * The database as one service uses it: each transaction runs under the service's role, and says of which organisation
 * it is. What a statement forgets to ask, the policies of the tables still do not show.
 *
 * @example
 * const project = await database.inOrganization(organizationId, (manager) =>
 *   manager.getRepository(projectEntity).findOneBy({ organizationId, id }));
 */
export class ServiceDatabase {
  private readonly roles: ServiceRoles;

  constructor(
    private readonly dataSource: DataSource,
    schema: ServiceSchema,
  ) {
    this.roles = rolesOf(schema);
  }

  /**
   * One transaction about one organisation: no row of another one is seen or written.
   * @throws {Error} if the id is empty: a fault of ours
   */
  async inOrganization<T>(organizationId: string, work: TransactionWork<T>): Promise<T> {
    // Types do not stop an empty text, and with it the policies would show nothing instead of failing.
    if (!organizationId) throw new Error('a transaction needs the organisation that it is about');
    return this.run(this.roles.service, organizationId, work);
  }

  /** One transaction about none: tables of organisations are empty in it, and people and sessions are there. */
  async outsideOrganizations<T>(work: TransactionWork<T>): Promise<T> {
    return this.run(this.roles.service, '', work);
  }

  /** One transaction that sees every organisation, for relays, consumers and the operator's lists. */
  async acrossOrganizations<T>(work: TransactionWork<T>): Promise<T> {
    return this.run(this.roles.allTenants, '', work);
  }

  private run<T>(role: string, organizationId: string, work: TransactionWork<T>): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      // As SET LOCAL of both: they end with the transaction.
      await manager.query(`SELECT set_config('role', $1, true), set_config('${TENANT_SETTING}', $2, true)`, [
        role,
        organizationId,
      ]);
      return work(manager);
    });
  }
}
