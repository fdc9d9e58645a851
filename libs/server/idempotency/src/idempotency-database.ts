import type { EntityManager } from 'typeorm';

type Work<T> = (manager: EntityManager) => Promise<T>;

/**
 * What is needed of a service's database (`ServiceDatabase` of `libs/adapters/postgres`, on which a lib of servers does
 * not depend). Its schema has the table `idempotency_record`, whose rows belong to organisations.
 */
export interface IdempotencyDatabase {
  readonly schema: string;
  inOrganization<T>(organizationId: string, work: Work<T>): Promise<T>;
  outsideOrganizations<T>(work: Work<T>): Promise<T>;
  acrossOrganizations<T>(work: Work<T>): Promise<T>;
  /** Work about one organisation in a transaction that may be about another, or about none. */
  entering<T>(manager: EntityManager, organizationId: string, work: () => Promise<T>): Promise<T>;
}

/** Token of the database that keeps the answers of a service. */
export const IDEMPOTENCY_DATABASE = Symbol('IDEMPOTENCY_DATABASE');
