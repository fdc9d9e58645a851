import type { EntityManager } from 'typeorm';

/** The class of our advisory locks, a 32-bit number that no other lock of the database has. It spells "bill…". */
const LOCK_CLASS = 0x0b_111;

/**
 * Locks organisations until the end of the transaction: no other transaction can book for them, open their epochs or
 * resolve their orphans meanwhile. Organisations share 256 locks, because a batch may name more organisations than the
 * server has locks; they are taken in ascending order, so that two transactions never deadlock. On the embedded
 * Postgres, which has a single session, the locks change nothing.
 */
export async function lockOrganizations(manager: EntityManager, organizationIds: readonly string[]): Promise<void> {
  await manager.query(
    `SELECT pg_advisory_xact_lock($1::integer, bucket)
     FROM (SELECT DISTINCT hashtext(organization) & 255 AS bucket FROM unnest($2::text[]) AS organization ORDER BY bucket) AS buckets`,
    [LOCK_CLASS, organizationIds],
  );
}

/**
 * Waits until each transaction that holds the lock of an organisation now has ended, by taking all locks until the end
 * of the caller's own: one that begins later reads what was committed before.
 */
export async function awaitOrganizations(manager: EntityManager): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock($1::integer, bucket) FROM generate_series(0, 255) AS bucket', [
    LOCK_CLASS,
  ]);
}
