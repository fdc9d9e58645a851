import type { EntityManager } from 'typeorm';

/** Classes of advisory locks are 32-bit numbers; this one is `billing` and nobody else's in the database. */
const LOCK_CLASS = 0x0b_111;

/**
 * Until the end of the transaction nobody else books for these organisations, opens their epochs or resolves their
 * orphans. Organisations share 256 locks, taken in one order: a batch may name more of them than the server can lock.
 * On the embedded Postgres, where there is one session, it changes nothing.
 */
export async function lockOrganizations(manager: EntityManager, organizationIds: readonly string[]): Promise<void> {
  await manager.query(
    `SELECT pg_advisory_xact_lock($1::integer, bucket)
     FROM (SELECT DISTINCT hashtext(organization) & 255 AS bucket FROM unnest($2::text[]) AS organization ORDER BY bucket) AS buckets`,
    [LOCK_CLASS, organizationIds],
  );
}
