import { Problem } from '@tollgate/http';
import type { EntityManager } from 'typeorm';

/**
 * Locks an organisation until the end of the transaction. Every change of a role, every removal of a member and every
 * acceptance of an invitation takes this lock first, so that what it has read of the organisation's members is still
 * true when it commits. Resolves with the organisation's name. Index: organization_pk.
 * @throws {Problem} `organization_not_found` if there is none, or if it is deleted
 */
export async function lockOrganization(
  manager: EntityManager,
  organizationId: string,
): Promise<{ readonly name: string }> {
  const [row] = await manager.query<{ name: string }[]>(
    'SELECT name FROM keys.organization WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE',
    [organizationId],
  );
  if (row === undefined) throw new Problem('organization_not_found');
  return row;
}
