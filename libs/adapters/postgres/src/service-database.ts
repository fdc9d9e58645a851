import type { DataSource, EntityManager } from 'typeorm';
import { DATABASE, type Database } from './database.js';
import { oneRow } from './one-row.js';
import { rolesOf, type ServiceRoles, type ServiceSchema } from './service-roles.js';

/** The setting of a transaction that policies compare `organization_id` with. */
export const TENANT_SETTING = 'tollgate.organization_id';
/**
 * The setting by which migrations say that they act as the owner of the tables. Without it the policies show the owner
 * nothing, so a service that works as the owner by mistake sees nothing either.
 */
export const OWNER_SETTING = 'tollgate.as_owner';

/**
 * Sets role and organisation, as SET LOCAL of both: they end with the transaction. Statements are not compiled to
 * machine code (`jit`): that takes PostgreSQL 60 to 300 ms for each. It decides by estimates, which are far too high
 * for what comes out of JSON and arrays. A booking took half as long again by it.
 */
const SET_CONTEXT = `SELECT set_config('role', $1, true), set_config('${TENANT_SETTING}', $2, true),
  set_config('jit', 'off', true)`;

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
    readonly schema: ServiceSchema,
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

  /**
   * As `inOrganization`, for reading: all statements of it see the database as it was at the first one, so that their
   * sums add up.
   */
  async inSnapshotOf<T>(organizationId: string, work: TransactionWork<T>): Promise<T> {
    if (!organizationId) throw new Error('a transaction needs the organisation that it is about');
    return this.dataSource.transaction('REPEATABLE READ', async (manager) => {
      await manager.query(SET_CONTEXT, [this.roles.service, organizationId]);
      return work(manager);
    });
  }

  /** One transaction about none: tables of organisations are empty in it, and people and sessions are there. */
  async outsideOrganizations<T>(work: TransactionWork<T>): Promise<T> {
    return this.run(this.roles.service, '', work);
  }

  /** One transaction that sees every organisation, for relays, consumers and the operator's lists. */
  async acrossOrganizations<T>(work: TransactionWork<T>): Promise<T> {
    return this.run(this.roles.allTenants, '', work);
  }

  /**
   * Asks a function of `lookUpFunctionSql`, which finds rows of any organisation by one exact argument.
   *
   * @example
   * const [session] = await database.lookUp<SessionRow>('session_by_digest', digest);
   */
  async lookUp<Row extends object>(name: string, asked: unknown): Promise<Row[]> {
    if (!/^[a-z_]+$/.test(name)) throw new Error(`not the name of a function: ${name}`);
    return this.outsideOrganizations((manager) =>
      manager.query<Row[]>(`SELECT * FROM ${this.schema}.${name}($1)`, [asked]),
    );
  }

  /** `enteringOrganization` of this service, for what must be written in the transaction of somebody else's work. */
  async entering<T>(manager: EntityManager, organizationId: string, work: () => Promise<T>): Promise<T> {
    return enteringOrganization(manager, this.schema, organizationId, work);
  }

  private run<T>(role: string, organizationId: string, work: TransactionWork<T>): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query(SET_CONTEXT, [role, organizationId]);
      return work(manager);
    });
  }
}

/** The Nest provider of a service's `ServiceDatabase`, for the module of its store. */
export const serviceDatabaseOf = (schema: ServiceSchema) => ({
  provide: ServiceDatabase,
  useFactory: ({ dataSource }: Database): ServiceDatabase => new ServiceDatabase(dataSource, schema),
  inject: [DATABASE],
});

/** The role and the organisation of a transaction. */
interface TransactionContext {
  readonly role: string;
  readonly tenant: string;
}

/**
 * Does work about one organisation in a transaction that may be about another, or about none: under the service's
 * role, with the policies of that organisation. Afterwards the transaction has its role and organisation again. Where
 * the work fails, the transaction has failed as a whole.
 */
export async function enteringOrganization<T>(
  manager: EntityManager,
  schema: ServiceSchema,
  organizationId: string,
  work: () => Promise<T>,
): Promise<T> {
  const { role, tenant } = oneRow<TransactionContext>(
    await manager.query(
      `WITH before AS MATERIALIZED (
         SELECT current_setting('role') AS role, coalesce(current_setting('${TENANT_SETTING}', true), '') AS tenant)
       SELECT role, tenant, set_config('role', $1, true), set_config('${TENANT_SETTING}', $2, true) FROM before`,
      [rolesOf(schema).service, organizationId],
    ),
  );
  const result = await work();
  await manager.query(SET_CONTEXT, [role, tenant]);
  return result;
}
