import type { EntityManager } from 'typeorm';

/**
 * Those that ask about the organisation: the sessions of its provider, those that asked about it last or have never
 * named one, and all of somebody who belongs to no other one. Index: session_by_person.
 */
const END_SESSIONS = `
  WITH ended AS (
    DELETE FROM keys.session AS s WHERE s.person_id = $1 AND (s.confined_to = $2 OR s.id IS DISTINCT FROM $3::uuid AND (
      coalesce(s.last_organization_id, $2) = $2 OR NOT EXISTS (SELECT 1 FROM keys.organizations_of_person($1, 1))))
    RETURNING s.id
  )
  SELECT id FROM ended`;

/**
 * Ends the sessions of who is no longer a member, in the caller's transaction, in which they are none any more.
 * Sessions in which they work for another organisation go on, and have no access here: a role is read with each
 * request. `leaving` is the session by which somebody leaves by themselves; it goes on, too. Resolves with how many
 * have ended.
 */
export async function endSessionsOf(
  manager: EntityManager,
  { organizationId, personId }: { readonly organizationId: string; readonly personId: string },
  leaving: string | null,
): Promise<number> {
  return (await manager.query<object[]>(END_SESSIONS, [personId, organizationId, leaving])).length;
}
