import { Problem } from '@tollgate/http';
import type { EntityManager } from 'typeorm';

/**
 * Locks an organisation until the end of the transaction. Every change of a role, every removal of a member and every
 * acceptance of an invitation takes this lock first, so that what it has read of the organisation's members is still
 * true when it commits. Index: organization_pk.
 * @throws {Problem} `organization_not_found` if there is none, or if it is deleted
 */
export async function lockOrganization(manager: EntityManager, organizationId: string): Promise<void> {
  const rows = await manager.query<object[]>(
    'SELECT id FROM keys.organization WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE',
    [organizationId],
  );
  if (rows.length === 0) throw new Problem('organization_not_found');
}
